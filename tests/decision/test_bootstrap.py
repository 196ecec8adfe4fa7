"""The bootstrap interval of a metric."""

import numpy as np
import pytest

from multilabel_bert.decision import bootstrap_interval, score


@pytest.fixture(scope="module")
def case():
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 2, (200, 4))
    return targets, np.clip(0.4 * targets + 0.6 * generator.random((200, 4)), 0, 1)


def test_the_interval_holds_the_value(case):
    interval = bootstrap_interval("macro_f1", *case, rounds=200)
    assert interval.value == score("macro_f1", *case)
    assert interval.low < interval.value < interval.high
    assert (interval.metric, interval.level, interval.rounds) == ("macro_f1", 0.95, 200)


def test_its_width_is_that_of_the_normal_approximation():
    generator = np.random.default_rng(1)
    targets = np.ones((400, 1), int)
    predictions = (generator.random((400, 1)) < 0.8).astype(int)
    interval = bootstrap_interval("subset_accuracy", targets, predictions * 1.0, predictions)
    expected = 2 * 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.15)


def test_the_same_seed_gives_the_same_interval(case):
    first = bootstrap_interval("micro_f1", *case, rounds=50, seed=3)
    assert bootstrap_interval("micro_f1", *case, rounds=50, seed=3) == first
    assert bootstrap_interval("micro_f1", *case, rounds=50, seed=4) != first


def test_a_higher_level_is_wider(case):
    narrow = bootstrap_interval("micro_f1", *case, rounds=100, level=0.5)
    wide = bootstrap_interval("micro_f1", *case, rounds=100, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_decisions_and_thresholds_are_used(case):
    targets, probabilities = case
    perfect = bootstrap_interval("micro_f1", targets, probabilities, targets, rounds=20)
    assert (perfect.low, perfect.value, perfect.high) == (1, 1, 1)
    at = bootstrap_interval("micro_f1", targets, probabilities, thresholds=0.3, rounds=20)
    assert at.value == score("micro_f1", targets, probabilities, thresholds=0.3)


def test_draws_where_the_metric_is_undefined_are_left_out():
    targets, probabilities = [[1], [0], [0], [0]], [[0.9], [0.1], [0.2], [0.3]]
    interval = bootstrap_interval("macro_roc_auc", targets, probabilities, rounds=100)
    assert 30 < interval.rounds < 100
    assert (interval.low, interval.high) == (1, 1)
    never = bootstrap_interval("macro_roc_auc", [[1]], [[0.9]], rounds=5)
    assert never.rounds == 0
    assert np.isnan([never.value, never.low, never.high]).all()


def test_unknown_cells(case):
    targets, probabilities = case
    targets = np.where(np.random.default_rng(0).random(targets.shape) < 0.3, -1, targets)
    interval = bootstrap_interval("samples_f1", targets, probabilities, rounds=50)
    assert interval.low < interval.value < interval.high
