"""The decision rule: what it decides, and that it is stored without loss."""

import json

import numpy as np
import pytest

from multilabel_bert.decision import DecisionRule, evaluate, tune_thresholds
from multilabel_bert.errors import ModelError

PROBABILITIES = np.array([[0.9, 0.6, 0.55], [0.1, 0.2, 0.15], [0.4, 0.5, 0.6]], np.float32)


def predicted(rule, probabilities=PROBABILITIES):
    decided = rule.predict(probabilities)
    assert decided.dtype == np.int8
    return decided.tolist()


def test_at_least_the_threshold_means_yes():
    assert predicted(DecisionRule.fixed(3)) == [[1, 1, 1], [0, 0, 0], [0, 1, 1]]
    assert predicted(DecisionRule([0.9, 0.2, 0.601])) == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_double_precision_decides_as_single_precision():
    generator = np.random.default_rng(0)
    probabilities = generator.random((500, 3))
    targets = generator.integers(0, 2, (500, 3))
    rule = DecisionRule.tuned(targets, probabilities)
    assert predicted(rule, probabilities) == predicted(rule, probabilities.astype(np.float32))


def test_an_empty_prediction_gets_the_most_probable_label_on_request():
    assert predicted(DecisionRule.fixed(3, empty_prediction="top1"))[1] == [0, 1, 0]
    tie = DecisionRule.fixed(2, empty_prediction="top1")
    assert predicted(tie, [[0.3, 0.3]]) == [[1, 0]]


def test_max_labels_keeps_the_most_probable_of_those_that_pass():
    assert predicted(DecisionRule.fixed(3, max_labels=2))[0] == [1, 1, 0]
    assert predicted(DecisionRule.fixed(3, max_labels=1))[2] == [0, 0, 1]
    low = DecisionRule([0.95, 0.5, 0.5], max_labels=1)
    assert predicted(low)[0] == [0, 1, 0]
    assert predicted(DecisionRule.fixed(3, max_labels=3)) == predicted(DecisionRule.fixed(3))


def test_max_labels_with_ties_keeps_the_first_columns():
    rule = DecisionRule.fixed(3, max_labels=2)
    assert predicted(rule, [[0.7, 0.7, 0.7]]) == [[1, 1, 0]]
    many = np.round(np.random.default_rng(0).uniform(0.5, 1, 500), 1)
    kept = sorted(range(500), key=lambda column: -many[column])[:250]
    decided = DecisionRule.fixed(500, max_labels=250).predict(many[None])
    assert sorted(kept) == np.flatnonzero(decided).tolist()


def test_exactly_one_label_of_an_exclusive_group():
    rule = DecisionRule.fixed(4, exclusive_groups=[[0, 1]])
    probabilities = [[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.6, 0.9], [0.3, 0.3, 0.1, 0.1]]
    assert predicted(rule, probabilities) == [[1, 0, 1, 0], [0, 1, 1, 1], [1, 0, 0, 0]]


def test_max_labels_never_drops_the_label_of_a_group():
    rule = DecisionRule.fixed(5, exclusive_groups=[(0, 1), (2, 3)], max_labels=2)
    assert predicted(rule, [[0.1, 0.2, 0.3, 0.1, 0.9]]) == [[0, 1, 1, 0, 0]]
    roomy = DecisionRule.fixed(5, exclusive_groups=[(0, 1), (2, 3)], max_labels=3)
    assert predicted(roomy, [[0.1, 0.2, 0.3, 0.1, 0.9]]) == [[0, 1, 1, 0, 1]]


@pytest.mark.parametrize("seed", range(10))
def test_laws_of_random_rules(seed):
    generator = np.random.default_rng(seed)
    probabilities = np.round(generator.random((200, 7)), 1)
    rule = DecisionRule(
        generator.random(7),
        empty_prediction="top1",
        max_labels=3,
        exclusive_groups=[[5, 1], [2, 6, 0]],
    )
    decided = rule.predict(probabilities)
    assert np.all(decided[:, [5, 1]].sum(axis=1) == 1)
    assert np.all(decided[:, [2, 6, 0]].sum(axis=1) == 1)
    assert np.all(decided.sum(axis=1) <= 3)
    order = generator.permutation(200)
    assert np.array_equal(rule.predict(probabilities[order]), decided[order])
    free = DecisionRule(rule.thresholds, empty_prediction="top1", max_labels=3)
    counts = free.predict(probabilities).sum(axis=1)
    passing = (probabilities.astype(np.float32) >= rule.thresholds).sum(axis=1)
    assert np.array_equal(counts, np.clip(passing, 1, 3))


def test_no_texts():
    assert DecisionRule.fixed(3, empty_prediction="top1", max_labels=1).predict(
        np.empty((0, 3), np.float32)
    ).shape == (0, 3)


def test_tuned_says_how_it_was_tuned():
    generator = np.random.default_rng(0)
    targets, probabilities = generator.integers(0, 2, (50, 3)), generator.random((50, 3))
    rule = DecisionRule.tuned(
        targets, probabilities, strategy="per_label", metric="micro_f1", beta=2.0, max_labels=2
    )
    expected = tune_thresholds(
        targets, probabilities, strategy="per_label", metric="micro_f1", beta=2.0, max_labels=2
    )
    assert np.array_equal(rule.thresholds, expected)
    assert (rule.strategy, rule.tuned_for, rule.beta, rule.max_labels) == (
        "per_label",
        "micro_f1",
        2.0,
        2,
    )
    default = DecisionRule.tuned(targets, probabilities)
    assert (default.strategy, default.tuned_for) == ("per_label_shrunk", "macro_f1")
    fixed = DecisionRule.tuned(targets, probabilities, strategy="fixed")
    assert fixed == DecisionRule.fixed(3)
    assert fixed.tuned_for is None


def test_a_rule_and_the_evaluation_agree():
    generator = np.random.default_rng(1)
    targets, probabilities = generator.integers(0, 2, (50, 3)), generator.random((50, 3))
    rule = DecisionRule.tuned(targets, probabilities)
    by_rule = evaluate(
        targets, probabilities, rule.predict(probabilities), thresholds=rule.thresholds
    )
    by_thresholds = evaluate(targets, probabilities, thresholds=rule.thresholds)
    assert by_rule == by_thresholds


def test_round_trip_through_json_is_exact():
    generator = np.random.default_rng(0)
    rule = DecisionRule(
        generator.random(500),
        strategy="per_label",
        tuned_for="samples_f1",
        beta=0.5,
        empty_prediction="top1",
        max_labels=4,
        exclusive_groups=((0, 1, 2), (7, 9)),
    )
    again = DecisionRule.from_dict(json.loads(json.dumps(rule.to_dict(), allow_nan=False)))
    assert again == rule
    assert hash(again) == hash(rule)
    assert np.array_equal(again.thresholds, rule.thresholds)
    assert again.exclusive_groups == rule.exclusive_groups
    assert DecisionRule.from_dict(DecisionRule.fixed(2).to_dict()) == DecisionRule.fixed(2)


def test_stored_thresholds_are_short_decimals():
    assert DecisionRule([0.3, 0.1]).to_dict()["thresholds"] == [0.3, 0.1]


def test_rules_differ_by_any_field():
    rule = DecisionRule.fixed(3)
    assert rule != DecisionRule.fixed(4)
    assert rule != DecisionRule.fixed(3, threshold=0.4)
    assert rule != DecisionRule.fixed(3, max_labels=1)
    assert rule != DecisionRule.fixed(3, empty_prediction="top1")
    assert rule != "rule"


def test_thresholds_are_a_read_only_copy():
    given = np.array([0.5, 0.5], np.float32)
    rule = DecisionRule(given)
    given[0] = 0.1
    assert rule.thresholds[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        rule.thresholds[0] = 0.1


def without(key):
    return {k: v for k, v in DecisionRule.fixed(2).to_dict().items() if k != key}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {**DecisionRule.fixed(2).to_dict(), "treshold": 1},
            "multilabel.json: unknown key 'treshold'. Did you mean 'thresholds'? Expected "
            "thresholds, strategy, tuned_for, beta, empty_prediction, max_labels, "
            "exclusive_groups, costs, calibration. A newer version may have written it: update "
            "multilabel-bert.",
        ),
        (
            without("thresholds"),
            "multilabel.json: missing thresholds. The file is damaged or was edited; tune the "
            "model again to write a whole rule.",
        ),
        (
            {**DecisionRule.fixed(2).to_dict(), "strategy": "globl"},
            "multilabel.json: strategy='globl' is unknown. Did you mean 'global'? Use one of "
            "fixed, global, per_label, per_label_shrunk.",
        ),
        (
            [0.5],
            "multilabel.json: expected an object with the keys thresholds, strategy, tuned_for, "
            "beta, empty_prediction, max_labels, exclusive_groups, costs, calibration; found list.",
        ),
    ],
)
def test_a_damaged_file_is_named(values, message):
    with pytest.raises(ModelError) as caught:
        DecisionRule.from_dict(values, origin="multilabel.json")
    assert str(caught.value) == message
