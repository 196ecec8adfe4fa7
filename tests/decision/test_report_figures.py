"""The figures of a report: intervals, confusion, and counts over thresholds."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from multilabel_bert.decision.bootstrap import bootstrap_interval
from multilabel_bert.decision.headline_intervals import HEADLINE_METRICS, headline_intervals
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.label_confusion import label_confusion, strongest_confusions
from multilabel_bert.decision.label_intervals import label_intervals
from multilabel_bert.decision.precision_intervals import average_precision_intervals
from multilabel_bert.decision.threshold_counts import (
    counts_at,
    f1_over_thresholds,
    label_threshold_counts,
)


def cells(rows=150, labels=4, *, unknown=False, seed=0):
    rng = np.random.default_rng(seed)
    targets = (rng.random((rows, labels)) < [0.5, 0.2, 0.1, 0.05]).astype(float)
    # Rounded, so that there are ties.
    probabilities = np.clip(0.5 * targets + 0.7 * rng.random((rows, labels)) - 0.1, 0, 1).round(2)
    if unknown:
        targets[rng.random(targets.shape) < 0.2] = np.nan
    return targets, probabilities


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("metric", HEADLINE_METRICS)
def test_headline_intervals_are_those_of_the_slow_bootstrap(metric, unknown):
    targets, probabilities = cells(unknown=unknown)
    fast = headline_intervals(judge(targets, probabilities), rounds=60, seed=3)[metric]
    slow = bootstrap_interval(metric, targets, probabilities, rounds=60, seed=3)
    assert (fast.value, fast.rounds) == (slow.value, slow.rounds)
    np.testing.assert_allclose((fast.low, fast.high), (slow.low, slow.high), rtol=1e-5)


@pytest.mark.parametrize("unknown", [False, True])
def test_intervals_of_average_precision_are_those_of_the_slow_bootstrap(unknown):
    targets, probabilities = cells(unknown=unknown)
    fast = average_precision_intervals(judge(targets, probabilities), rounds=50, seed=5)
    slow = bootstrap_interval("macro_average_precision", targets, probabilities, rounds=50, seed=5)
    np.testing.assert_allclose(fast.macro, (slow.low, slow.high), rtol=1e-9)


def test_intervals_of_average_precision_are_left_out_where_they_take_minutes(monkeypatch):
    targets, probabilities = cells()
    monkeypatch.setattr("multilabel_bert.decision.precision_intervals._MOST_WORK", 1000)
    assert average_precision_intervals(judge(targets, probabilities)) is None


def test_label_intervals_are_near_those_of_the_slow_bootstrap():
    targets, probabilities = cells(400)
    fast = label_intervals(judge(targets, probabilities), rounds=4000)
    for label in range(2):
        column = slice(label, label + 1)
        for name in ("precision", "recall", "f1"):
            slow = bootstrap_interval(
                f"micro_{name}", targets[:, column], probabilities[:, column], rounds=1500
            )
            assert fast.low[name][label] == pytest.approx(slow.low, abs=0.012)
            assert fast.high[name][label] == pytest.approx(slow.high, abs=0.012)


def test_label_intervals_of_a_label_of_which_nothing_is_known_are_undefined():
    found = label_intervals(judge([[1, -1], [0, -1]], [[0.9, 0.1], [0.2, 0.3]]), rounds=10)
    assert np.isnan(found.low["f1"]).tolist() == [False, True]


def test_confusion_counts_texts_that_lack_one_label_and_wrongly_have_another():
    judgement = judge(
        [[1, 0, 0], [1, 1, 0], [0, 1, -1]],
        [[0.1, 0.9, 0.9], [0.2, 0.9, 0.8], [0.9, 0.1, 0.9]],
    )
    counts = label_confusion(judgement)
    assert counts.toarray().tolist() == [[0, 1, 2], [1, 0, 0], [0, 0, 0]]
    first, *rest = strongest_confusions(judgement, counts, 9)
    assert (first.missed, first.said, first.texts, first.share) == (0, 2, 2, 1.0)
    assert [(pair.missed, pair.said) for pair in rest] == [(0, 1), (1, 0)]


@pytest.mark.parametrize("unknown", [False, True])
def test_counts_at_thresholds_are_those_of_each_decision(unknown):
    targets, probabilities = cells(unknown=unknown)
    thresholds = np.array([0.0, 0.2, 0.31, 0.5, 1.0], np.float32)
    for label, found in enumerate(
        label_threshold_counts(judge(targets, probabilities), thresholds)
    ):
        for place, threshold in enumerate(thresholds):
            counts = judge(targets, probabilities, thresholds=threshold).label_counts
            assert found.true_positives[place] == counts.true_positives[label]
            assert found.predicted[place] == counts.predicted[label]
        assert (found.support, found.known) == (counts.support[label], counts.known[label])


def test_f1_over_thresholds_is_that_of_scikit_learn():
    targets, probabilities = cells()
    micro, macro = f1_over_thresholds(judge(targets, probabilities), [0.25, 0.6])
    for place, threshold in enumerate([0.25, 0.6]):
        decided = probabilities.astype(np.float32) >= np.float32(threshold)
        for average, found in (("micro", micro), ("macro", macro)):
            *_, expected, _ = precision_recall_fscore_support(
                targets, decided, average=average, zero_division=0
            )
            assert found[place] == pytest.approx(expected)


def test_counts_at_compares_in_float32():
    score = np.array([0.3])
    found = counts_at(np.array([True]), None, score, np.array([0.3], np.float32))
    assert found.predicted.tolist() == [1]
