"""Conditions, F-beta by name and costs: the thresholds found are the best by brute force."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import fbeta_score, precision_score, recall_score

from multilabel_bert.decision import DecisionRule, check_metric, score, tune_thresholds
from multilabel_bert.decision.costs import check_costs
from multilabel_bert.decision.objectives import condition_of
from multilabel_bert.errors import SettingsError


def random_case(seed, texts=14, labels=3):
    generator = np.random.default_rng(seed)
    targets = (generator.random((texts, labels)) < 0.4).astype(int)
    targets[0] = 1
    probabilities = generator.random((texts, labels))
    if seed % 2:
        probabilities = np.round(probabilities, 1)
    return targets, probabilities.astype(np.float32)


def cut_offs(probabilities):
    values = np.unique(probabilities)
    return np.append(values, (values[-1] + 1) / 2) if values[-1] < 1 else values


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("wanted", [0.5, 0.9])
@pytest.mark.parametrize("name", ["precision_at_recall", "recall_at_precision"])
def test_conditions_label_by_label(name, wanted, seed):
    targets, probabilities = random_case(seed)
    found = tune_thresholds(targets, probabilities, metric=f"{name}:{wanted}")
    kept, best = (recall_score, precision_score), (precision_score, recall_score)
    demand, gain = kept if name == "precision_at_recall" else best
    for truth, column, threshold in zip(targets.T, probabilities.T, found, strict=True):
        decisions = [column >= np.float32(cut) for cut in cut_offs(column)]
        fulfilled = [
            decision for decision in decisions if demand(truth, decision, zero_division=0) >= wanted
        ]
        decided = column >= threshold
        if fulfilled:
            assert demand(truth, decided) >= wanted
            assert gain(truth, decided) == pytest.approx(max(gain(truth, d) for d in fulfilled))
        else:
            reached = max(demand(truth, d, zero_division=0) for d in decisions)
            assert demand(truth, decided) == pytest.approx(reached)


@pytest.mark.parametrize("name", ["precision_at_recall", "recall_at_precision"])
def test_one_threshold_keeps_a_condition_of_all_cells_together(name):
    targets, probabilities = random_case(0)
    found = tune_thresholds(targets, probabilities, strategy="global", metric=f"{name}:0.6")
    demand, gain = ("recall", "precision")[:: 1 if name == "precision_at_recall" else -1]

    def value(metric, cut):
        return score(f"micro_{metric}", targets, probabilities, thresholds=cut)

    assert np.unique(found).size == 1
    assert value(demand, found) >= 0.6
    fulfilled = [cut for cut in cut_offs(probabilities) if value(demand, cut) >= 0.6]
    assert value(gain, found) == pytest.approx(max(value(gain, cut) for cut in fulfilled))


def test_conditions_are_not_shrunk_but_labels_without_positives_take_the_global_one():
    targets, probabilities = random_case(2)
    targets[:, 1] = 0
    options = {"metric": "precision_at_recall:0.9"}
    own = tune_thresholds(targets, probabilities, strategy="per_label", **options)
    one = tune_thresholds(targets, probabilities, strategy="global", **options)
    found = tune_thresholds(targets, probabilities, **options)
    assert list(found) == [own[0], one[1], own[2]]


def test_conditions_are_read_back():
    assert condition_of("recall_at_precision:0.75") == ("precision", 0.75)
    assert condition_of(None) is None


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
def test_f_beta_by_name(average):
    targets, probabilities = random_case(4, texts=30)
    for beta in (0.5, 2, 3):
        name = f"{average}_f{beta}"
        expected = fbeta_score(
            targets, probabilities >= 0.5, beta=beta, average=average, zero_division=0
        )
        assert score(name, targets, probabilities) == pytest.approx(expected)
        by_name = tune_thresholds(targets, probabilities, metric=name)
        by_beta = tune_thresholds(targets, probabilities, metric=f"{average}_f1", beta=beta)
        assert np.array_equal(by_name, by_beta)
    assert DecisionRule.tuned(targets, probabilities, metric="macro_f2").tuned_for == "macro_f2"
    assert check_metric("macro_f2").greater_is_better


COSTS = [(1, 1), (1, 5), (3, 1), [(1, 4), (2, 1), (0, 1)]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("costs", COSTS)
def test_thresholds_of_least_cost(seed, costs):
    targets, probabilities = random_case(seed, texts=7)
    checked = check_costs(costs, 3)

    def cost(thresholds):
        return checked.mean_cost(targets, probabilities >= np.asarray(thresholds, np.float32))

    own = tune_thresholds(targets, probabilities, strategy="per_label", metric="cost", costs=costs)
    combinations = itertools.product(*(cut_offs(column) for column in probabilities.T))
    assert cost(own) == pytest.approx(min(map(cost, combinations)))
    one = tune_thresholds(targets, probabilities, strategy="global", metric="cost", costs=costs)
    assert cost(one) == pytest.approx(min(cost(cut) for cut in cut_offs(probabilities)))


def test_equal_costs_count_mistakes():
    targets, probabilities = random_case(3)
    assert np.array_equal(
        tune_thresholds(targets, probabilities, metric="cost"),
        tune_thresholds(targets, probabilities, metric="hamming_loss"),
    )


def test_fixed_thresholds_of_costs_are_those_of_bayes():
    targets, probabilities = random_case(0)
    options = {"strategy": "fixed", "metric": "cost"}
    assert tune_thresholds(targets, probabilities, costs=(1, 4), **options) == pytest.approx(0.2)
    by_name = tune_thresholds(
        targets, probabilities, costs={"late": (3, 1)}, label_names=["kind", "late", "x"], **options
    )
    assert list(by_name) == [0.5, 0.75, 0.5]
    rule = DecisionRule.tuned(targets, probabilities, costs=(1, 4), **options)
    assert rule.tuned_for == "cost"
    assert DecisionRule.from_dict(rule.to_dict()) == rule
    assert rule.to_dict()["costs"] == [[1.0, 4.0]] * 3


def test_bayes_thresholds_cost_least_where_probabilities_are_right():
    generator = np.random.default_rng(0)
    probabilities = generator.random((20_000, 1))
    targets = (generator.random((20_000, 1)) < probabilities).astype(int)
    costs = check_costs((1, 3), 1)
    found = tune_thresholds(targets, probabilities, metric="cost", costs=(1, 3))
    assert found == pytest.approx(costs.bayes_thresholds(), abs=0.05)


def test_rare_labels_of_different_costs_are_shrunk_towards_bayes():
    targets, probabilities = random_case(1)
    costs = [(1, 4), (1, 1), (4, 1)]
    found = tune_thresholds(
        targets,
        probabilities,
        metric="cost",
        costs=costs,
        shrinkage=1e9,
        strategy="per_label_shrunk",
    )
    assert found == pytest.approx([0.2, 0.5, 0.8], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"metric": "precision_at_recall"},
            "metric='precision_at_recall': expected a share above 0 and at most 1 after the "
            "colon, such as precision_at_recall:0.9.",
        ),
        (
            {"metric": "recall_at_precision:1.5"},
            "metric='recall_at_precision:1.5': expected a share above 0 and at most 1 after the "
            "colon, such as recall_at_precision:0.9.",
        ),
        (
            {"metric": "macro_f1", "costs": (1, 2)},
            "costs have no meaning for metric='macro_f1'. Leave them out, or tune for 'cost'.",
        ),
        (
            {"metric": "cost", "costs": (0, 0)},
            "costs hold (0.0, 0.0). Expected (false positive, false negative), two numbers of at "
            "least 0 that are not both 0.",
        ),
        (
            {"metric": "cost", "costs": {"lat": (1, 2)}, "label_names": ["late", "kind", "x"]},
            "costs name 'lat', which is no label. Did you mean 'late'?",
        ),
        (
            {"metric": "cost", "costs": [1, 2, 3]},
            "costs have the shape (3,), but there are 3 labels. Give (false positive, false "
            "negative) once, or one such pair a label.",
        ),
        (
            {"metric": "cost", "costs": "cheap"},
            "costs are 'cheap'. Expected (false positive, false negative), two numbers of at least "
            "0 that are not both 0.",
        ),
    ],
)
def test_mistakes_are_explained(options, message):
    targets, probabilities = random_case(0)
    with pytest.raises(SettingsError) as caught:
        tune_thresholds(targets, probabilities, **options)
    assert str(caught.value) == message
