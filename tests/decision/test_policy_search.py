"""Thresholds are tuned for what the whole rule decides: nothing tried by hand is better."""

import itertools

import numpy as np
import pytest

from multilabel_bert.decision import METRICS, DecisionRule, score, tune_thresholds

POLICIES = [
    {"empty_prediction": "top1"},
    {"max_labels": 1},
    {"max_labels": 2},
    {"max_labels": 1, "empty_prediction": "top1"},
    {"exclusive_groups": [[1, 3]]},
    {"exclusive_groups": [[0, 2]], "max_labels": 2, "empty_prediction": "top1"},
    {"exclusive_groups": [[0, 2]], "max_labels": 1},
]
NAMES = ("macro_f1", "micro_f1", "weighted_f1", "samples_f1", "subset_accuracy", "hamming_loss")


def random_case(seed, texts=12, labels=4):
    generator = np.random.default_rng(seed)
    targets = (generator.random((texts, labels)) < 0.4).astype(float)
    targets[0] = 1
    targets[1:, 1][generator.random(texts - 1) < 0.2] = np.nan
    probabilities = generator.random((texts, labels))
    if seed % 2:
        probabilities = np.round(probabilities, 1)
    return targets, probabilities.astype(np.float32)


def goodness(metric, targets, probabilities, thresholds, policy):
    decided = DecisionRule(thresholds, **policy).predict(probabilities)
    value = score(metric, targets, probabilities, decided)
    return value if METRICS[metric].greater_is_better else -value


def cut_offs(probabilities):
    values = np.unique(probabilities[probabilities > 0])
    return np.append(values, (values[-1] + 1) / 2) if values[-1] < 1 else values


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("metric", NAMES)
def test_the_global_threshold_is_the_best_there_is(metric, policy):
    for seed in range(6):
        targets, probabilities = random_case(seed)
        found = tune_thresholds(targets, probabilities, strategy="global", metric=metric, **policy)
        best = max(
            goodness(metric, targets, probabilities, np.full(4, cut, np.float32), policy)
            for cut in cut_offs(probabilities)
        )
        reached = goodness(metric, targets, probabilities, found, policy)
        assert reached == pytest.approx(best, abs=1e-9), seed


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("metric", NAMES)
def test_no_threshold_of_one_label_can_be_bettered(metric, policy):
    grouped = set(itertools.chain(*policy.get("exclusive_groups", [])))
    for seed in range(4):
        targets, probabilities = random_case(seed)
        options = {"strategy": "per_label", "metric": metric}
        found = tune_thresholds(targets, probabilities, **options, **policy)
        reached = goodness(metric, targets, probabilities, found, policy)
        alone = tune_thresholds(targets, probabilities, **options)
        assert reached >= goodness(metric, targets, probabilities, alone, policy) - 1e-9
        one = tune_thresholds(targets, probabilities, strategy="global", metric=metric, **policy)
        assert reached >= goodness(metric, targets, probabilities, one, policy) - 1e-9
        for label in set(range(4)) - grouped:
            for cut in cut_offs(probabilities[:, label]):
                other = found.copy()
                other[label] = cut
                value = goodness(metric, targets, probabilities, other, policy)
                assert value <= reached + 1e-9, (seed, label, cut)


def test_a_policy_changes_the_thresholds():
    # The most probable labels are given anyway: no threshold need be low to find 0.35.
    targets = [[1, 0], [1, 0], [0, 0]]
    probabilities = [[0.35, 0.1], [0.8, 0.1], [0.4, 0.1]]
    plain = tune_thresholds(targets, probabilities, strategy="global", metric="micro_f1")
    filled = tune_thresholds(
        targets, probabilities, strategy="global", metric="micro_f1", empty_prediction="top1"
    )
    assert plain[0] < 0.35
    assert filled[0] > 0.4


def test_a_rule_is_tuned_with_its_policy():
    targets, probabilities = random_case(3, texts=60)
    rule = DecisionRule.tuned(targets, probabilities, max_labels=1, empty_prediction="top1")
    thresholds = tune_thresholds(targets, probabilities, max_labels=1, empty_prediction="top1")
    assert np.array_equal(rule.thresholds, thresholds)
    assert not np.array_equal(thresholds, tune_thresholds(targets, probabilities))
