"""Metrics of a small matrix, worked out by hand."""

import json
import math

import numpy as np
import pytest

from multilabel_bert.decision import METRICS, check_metric, evaluate, score

# Three texts, three labels; the last label has no positive, the last text no label.
TARGETS = [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
PROBABILITIES = [[0.9, 0.6, 0.1], [0.8, 0.3, 0.2], [0.7, 0.4, 0.2]]
# At 0.5: [[1, 1, 0], [1, 0, 0], [1, 0, 0]]
NAN = float("nan")

BY_HAND = {
    # Label 0: TP 2, predicted 3, support 2. Label 1: 0, 1, 1. Label 2: 0, 0, 0.
    "micro_precision": 2 / 4,
    "micro_recall": 2 / 3,
    "micro_f1": 4 / 7,
    "micro_jaccard": 2 / 5,
    "macro_precision": (2 / 3 + 0 + 0) / 3,
    "macro_recall": (1 + 0 + 0) / 3,
    "macro_f1": (4 / 5 + 0 + 0) / 3,
    "macro_jaccard": (2 / 3 + 0 + 0) / 3,
    "weighted_precision": (2 * 2 / 3 + 0) / 3,
    "weighted_recall": 2 / 3,
    "weighted_f1": (2 * 4 / 5 + 0) / 3,
    "weighted_jaccard": (2 * 2 / 3 + 0) / 3,
    # Text 0: TP 1, predicted 2, support 1. Text 1: 1, 1, 2. Text 2: 0, 1, 0.
    "samples_precision": (1 / 2 + 1 + 0) / 3,
    "samples_recall": (1 + 1 / 2 + 0) / 3,
    "samples_f1": (2 / 3 + 2 / 3 + 0) / 3,
    "samples_jaccard": (1 / 2 + 1 / 2 + 0) / 3,
    "semeval_accuracy": (1 / 2 + 1 / 2 + 0) / 3,
    "subset_accuracy": 0.0,
    "hamming_loss": 3 / 9,
    # Label 0: both positives above the negative. Label 1: its positive below both negatives.
    "macro_roc_auc": (1 + 0) / 2,
    "weighted_roc_auc": (2 * 1 + 0) / 3,
    # Positives at .9, .8, .3; negatives .7, .6, .4, .2, .2, .1: 6 + 6 + 3 of 18 pairs.
    "micro_roc_auc": 15 / 18,
    "macro_average_precision": (1 + 1 / 3) / 2,
    "weighted_average_precision": (2 * 1 + 1 / 3) / 3,
    "micro_average_precision": (1 / 1 + 2 / 2 + 3 / 6) / 3,
    "lrap": 1.0,
    "coverage_error": (1 + 2 + 0) / 3,
    "ranking_loss": 0.0,
    "loss": -sum(math.log(p) for p in [0.9, 0.4, 0.9, 0.8, 0.3, 0.8, 0.3, 0.6, 0.8]) / 9,
    # Every probability is alone in its bin, but 0.2, which is of two false cells.
    **dict.fromkeys(
        (
            *("micro_calibration_error", "macro_calibration_error"),
            *("micro_calibration_error_equal_mass", "macro_calibration_error_equal_mass"),
        ),
        (0.1 + 0.6 + 0.1 + 0.2 + 0.7 + 0.2 + 0.7 + 0.4 + 0.2) / 9,
    ),
    **dict.fromkeys(
        ("micro_brier_score", "macro_brier_score"),
        (0.01 + 0.36 + 0.01 + 0.04 + 0.49 + 0.04 + 0.49 + 0.16 + 0.04) / 9,
    ),
    "micro_f1_at_0.5": 4 / 7,
    "macro_f1_at_0.5": 4 / 15,
    "weighted_f1_at_0.5": 8 / 15,
    "samples_f1_at_0.5": 4 / 9,
}


@pytest.mark.parametrize("name", METRICS)
def test_hand_worked_value(name):
    assert score(name, TARGETS, PROBABILITIES) == pytest.approx(BY_HAND[name], abs=1e-12)


def test_evaluate_holds_every_metric_and_the_sizes():
    metrics = evaluate(TARGETS, PROBABILITIES).metrics
    for name, value in BY_HAND.items():
        assert metrics[name] == pytest.approx(value, abs=1e-12), name
    others = {name: value for name, value in metrics.items() if name not in METRICS}
    assert others == {
        "rows": 3,
        "labels": 3,
        "known_cells": 9,
        "true_cardinality": 1.0,
        "predicted_cardinality": pytest.approx(4 / 3),
        "roc_auc_labels_left_out": 1,
        "average_precision_labels_left_out": 1,
    }


def test_a_text_without_labels_rightly_left_empty_counts_only_for_semeval():
    targets, probabilities = [[0, 0], [1, 0]], [[0.1, 0.2], [0.9, 0.2]]
    assert score("samples_jaccard", targets, probabilities) == 0.5
    assert score("semeval_accuracy", targets, probabilities) == 1.0


def test_tied_labels_take_the_worst_rank():
    targets, probabilities = [[1, 0, 0]], [[0.5, 0.5, 0.1]]
    assert score("lrap", targets, probabilities) == 1 / 2
    assert score("coverage_error", targets, probabilities) == 2
    assert score("ranking_loss", targets, probabilities) == 1 / 2
    assert score("macro_roc_auc", [[1], [0]], [[0.5], [0.5]]) == 0.5


def test_decisions_may_be_given_and_leave_the_fixed_threshold_alone():
    metrics = evaluate(TARGETS, PROBABILITIES, TARGETS).metrics
    assert metrics["micro_f1"] == 1.0
    assert metrics["subset_accuracy"] == 1.0
    assert metrics["micro_f1_at_0.5"] == pytest.approx(4 / 7)


def test_thresholds_one_a_label_decide_and_are_shown():
    evaluation = evaluate(TARGETS, PROBABILITIES, thresholds=[0.75, 0.3, 0.5])
    assert [row.predicted_positives for row in evaluation.per_label] == [2, 3, 0]
    assert [row.threshold for row in evaluation.per_label] == [0.75, 0.3, 0.5]
    one = evaluate(TARGETS, PROBABILITIES, thresholds=0.75)
    assert [row.predicted_positives for row in one.per_label] == [2, 0, 0]


def test_label_table():
    first, second, third = evaluate(TARGETS, PROBABILITIES, label_names=list("abc")).per_label
    assert (first.label, first.known, first.support, first.predicted_positives) == ("a", 3, 2, 3)
    assert (first.precision, first.recall, first.f1) == pytest.approx((2 / 3, 1, 4 / 5))
    assert (first.roc_auc, first.average_precision, first.threshold) == (1, 1, 0.5)
    assert (second.roc_auc, second.average_precision) == pytest.approx((0, 1 / 3))
    assert (third.support, third.f1) == (0, 0)
    assert math.isnan(third.roc_auc)
    assert math.isnan(third.average_precision)


def test_threshold_column_is_empty_for_decisions_without_thresholds():
    evaluation = evaluate(TARGETS, PROBABILITIES, TARGETS)
    assert all(math.isnan(row.threshold) for row in evaluation.per_label)


def test_to_dict_is_json_with_none_for_undefined():
    values = json.loads(json.dumps(evaluate(TARGETS, PROBABILITIES).to_dict(), allow_nan=False))
    assert values["macro_f1"] == pytest.approx(4 / 15)
    assert values["rows"] == 3
    assert values["per_label"][2]["roc_auc"] is None
    assert values["per_label"][0]["label"] == "0"
    absent = evaluate([[0, 0]], [[0.1, 0.2]]).to_dict()
    assert absent["micro_roc_auc"] is None
    assert absent["macro_average_precision"] is None


def test_loss_from_logits_is_exact_where_probabilities_are_saturated():
    logits = np.array([[-200.0, 3.0]], np.float32)
    probabilities = np.array([[0.0, 1 / (1 + math.exp(-3))]], np.float32)
    from_logits = score("loss", [[1, 1]], probabilities, logits=logits)
    assert from_logits == pytest.approx((200 + math.log1p(math.exp(-3))) / 2, rel=1e-6)
    clipped = -math.log(np.finfo(np.float32).eps)
    from_probabilities = score("loss", [[1, 1]], probabilities)
    assert from_probabilities == pytest.approx((clipped + math.log1p(math.exp(-3))) / 2, rel=1e-6)


def test_thresholds_compare_in_float32_whatever_the_type_of_the_probabilities():
    # 0.1 in float32 is above 0.1 in float64, which would fall below its own threshold.
    assert score("micro_f1", [[1]], np.array([[0.1]]), thresholds=np.float32([0.1])) == 1.0


def test_directions():
    worse_if_greater = {name for name, metric in METRICS.items() if not metric.greater_is_better}
    errors = ("calibration_error", "calibration_error_equal_mass", "brier_score")
    assert worse_if_greater == {
        *("hamming_loss", "coverage_error", "ranking_loss", "loss"),
        *(f"{average}_{name}" for average in ("micro", "macro") for name in errors),
    }
    assert check_metric("macro_f1") is METRICS["macro_f1"]
    assert all(metric.name == name for name, metric in METRICS.items())
