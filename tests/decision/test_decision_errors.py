"""Every message a user can meet in this part, word for word."""

import numpy as np
import pytest

from multilabel_bert.decision import (
    METRICS,
    DecisionRule,
    bootstrap_interval,
    check_metric,
    evaluate,
    score,
    tune_thresholds,
)
from multilabel_bert.decision.objectives import SPELLINGS
from multilabel_bert.errors import DataError, LabelError, SettingsError

TARGETS = [[1, 0], [0, 1]]
PROBABILITIES = [[0.9, 0.1], [0.2, 0.7]]
NAN = float("nan")

CASES = {
    "targets vector": (
        lambda: evaluate([1, 0], [[0.5]]),
        DataError,
        "targets must be a matrix of numbers, one row a text and one column a label; found the "
        "shape (2,) of type int64. Write values.reshape(-1, 1) for a single label.",
    ),
    "targets names": (
        lambda: evaluate([["toxic"]], [[0.5]]),
        DataError,
        "targets must be a matrix of numbers, one row a text and one column a label; found the "
        "shape (1, 1) of type <U5.",
    ),
    "targets ragged": (
        lambda: evaluate([[1], [1, 0]], [[0.5]]),
        DataError,
        "targets must be a matrix of numbers, one row a text and one column a label; found lists "
        "of different lengths, or something that is no number.",
    ),
    "targets value": (
        lambda: evaluate([[1, 0], [0, 2]], PROBABILITIES),
        LabelError,
        "targets hold 2 in row 1, column 1, counted from 0. Expected 1 (yes), 0 (no), or -1 or "
        "NaN (unknown). Mend that cell.",
    ),
    "no rows": (
        lambda: evaluate(np.empty((0, 2)), np.empty((0, 2))),
        DataError,
        "targets have the shape (0, 2): there is nothing to look at. Expected at least one row "
        "and one label.",
    ),
    "no labels": (
        lambda: tune_thresholds(np.empty((2, 0)), np.empty((2, 0))),
        DataError,
        "targets have the shape (2, 0): there is nothing to look at. Expected at least one row "
        "and one label.",
    ),
    "probabilities shape": (
        lambda: tune_thresholds(TARGETS, [[0.5, 0.5]]),
        DataError,
        "probabilities have the shape (1, 2), but the targets have (2, 2). Expected one row a "
        "text and one column a label in both, in the same order.",
    ),
    "logits for probabilities": (
        lambda: evaluate(TARGETS, [[0.5, 0.5], [0.5, 2.5]]),
        DataError,
        "probabilities hold 2.5 in row 1, column 1, counted from 0. Expected values between 0 "
        "and 1. If these are logits, apply the sigmoid first: 1 / (1 + exp(-logits)).",
    ),
    "NaN probability": (
        lambda: evaluate(TARGETS, [[0.5, NAN], [0.5, 0.5]]),
        DataError,
        "probabilities hold nan in row 0, column 1, counted from 0. Expected values between 0 "
        "and 1. The model gave no number for this text; if it was just trained, training "
        "diverged: lower the learning rate.",
    ),
    "predictions shape": (
        lambda: evaluate(TARGETS, PROBABILITIES, [[1], [0]]),
        DataError,
        "predictions have the shape (2, 1), but the targets have (2, 2). Expected one row a text "
        "and one column a label in both, in the same order.",
    ),
    "predictions value": (
        lambda: evaluate(TARGETS, PROBABILITIES, PROBABILITIES),
        DataError,
        "predictions hold 0.9 in row 0, column 0, counted from 0. Expected 0 or 1. Give "
        "probabilities as `probabilities`.",
    ),
    "logits shape": (
        lambda: evaluate(TARGETS, PROBABILITIES, logits=[[1.0]]),
        DataError,
        "logits have the shape (1, 1), but the targets have (2, 2). Expected one row a text and "
        "one column a label in both, in the same order.",
    ),
    "number of thresholds": (
        lambda: evaluate(TARGETS, PROBABILITIES, thresholds=[0.5] * 3),
        DataError,
        "thresholds have the shape (3,), but there are 2 labels. Give one number, or 2 of them.",
    ),
    "threshold value": (
        lambda: evaluate(TARGETS, PROBABILITIES, thresholds=[0.5, 50]),
        DataError,
        "The threshold of label 1, counted from 0, is 50.0. Expected a probability between 0 "
        "and 1.",
    ),
    "threshold type": (
        lambda: evaluate(TARGETS, PROBABILITIES, thresholds="half"),
        DataError,
        "thresholds are 'half'. Expected one number or a list of 2 numbers.",
    ),
    "label names": (
        lambda: evaluate(TARGETS, PROBABILITIES, label_names=["a"]),
        DataError,
        "label_names has 1 names, but there are 2 labels. Give one name a column, in the order "
        "of the columns.",
    ),
    "metric": (
        lambda: score("makro_f1", TARGETS, PROBABILITIES),
        SettingsError,
        "metric='makro_f1' is no metric. Did you mean 'macro_f1'? Use one of "
        f"{', '.join(METRICS)}.",
    ),
    "metric as an option": (
        lambda: check_metric("xyz", option="early_stopping"),
        SettingsError,
        f"early_stopping='xyz' is no metric. Use one of {', '.join(METRICS)}.",
    ),
    "metric that cannot be tuned for": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, metric="lrap"),
        SettingsError,
        f"metric='lrap' cannot be tuned for. Thresholds can be tuned for {SPELLINGS}.",
    ),
    "unknown metric to tune for": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, metric="f1_macro"),
        SettingsError,
        "metric='f1_macro' is no metric. Did you mean 'macro_f1'? Thresholds can be tuned for "
        f"{SPELLINGS}.",
    ),
    "beta": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, beta=0),
        SettingsError,
        "beta=0 must be a number above 0: 1 weighs precision and recall the same, 2 favours "
        "recall, 0.5 precision.",
    ),
    "beta for another metric": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, metric="hamming_loss", beta=2),
        SettingsError,
        "beta=2 has no meaning for metric='hamming_loss'. Leave it out, or tune for macro_f1, "
        "micro_f1, weighted_f1 or samples_f1.",
    ),
    "shrinkage": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, shrinkage=-1),
        SettingsError,
        "shrinkage=-1 must be a number of positives, at least 0; the default is 20.",
    ),
    "strategy": (
        lambda: tune_thresholds(TARGETS, PROBABILITIES, strategy="per-label"),
        SettingsError,
        "strategy='per-label' is unknown. Did you mean 'per_label'? Use one of fixed, global, "
        "per_label, per_label_shrunk.",
    ),
    "rule thresholds": (
        lambda: DecisionRule([0.5, 2]),
        SettingsError,
        "thresholds=[0.5, 2] cannot be used: expected one number between 0 and 1 for each label. "
        "The threshold of label 1, counted from 0, is 2.0. Expected a probability between 0 "
        "and 1.",
    ),
    "rule without a list": (
        lambda: DecisionRule(0.5),
        SettingsError,
        "thresholds=0.5 cannot be used: expected one number between 0 and 1 for each label. "
        "Write DecisionRule.fixed(labels, 0.5) for the same one everywhere.",
    ),
    "rule without thresholds": (
        lambda: DecisionRule([]),
        SettingsError,
        "thresholds are empty. Expected one for each label.",
    ),
    "empty prediction": (
        lambda: DecisionRule([0.5], empty_prediction="top-1"),
        SettingsError,
        "empty_prediction='top-1' is unknown. Did you mean 'top1'? Use 'allow' to leave texts "
        "without a label, or 'top1' to give them the most probable one.",
    ),
    "max labels": (
        lambda: DecisionRule([0.5], max_labels=0),
        SettingsError,
        "max_labels=0 must be a whole number of at least 1, or None for no limit.",
    ),
    "max labels against groups": (
        lambda: DecisionRule([0.5] * 4, max_labels=1, exclusive_groups=[[0, 1], [2, 3]]),
        SettingsError,
        "max_labels=1 contradicts exclusive_groups: each of the 2 groups sets a label. Give "
        "max_labels of at least 2.",
    ),
    "groups are no list": (
        lambda: DecisionRule([0.5], exclusive_groups=3),
        SettingsError,
        "exclusive_groups=3 cannot be used. Expected a list of lists of columns, such as "
        "[[0, 1, 2]].",
    ),
    "group is no list": (
        lambda: DecisionRule([0.5] * 3, exclusive_groups=[0, 1]),
        SettingsError,
        "exclusive_groups holds 0. Expected a list of lists of columns, such as [[0, 1, 2]].",
    ),
    "group column": (
        lambda: DecisionRule([0.5] * 3, exclusive_groups=[[0, 3]]),
        SettingsError,
        "exclusive_groups names the column 3, but the labels are the columns 0 to 2.",
    ),
    "group overlap": (
        lambda: DecisionRule([0.5] * 3, exclusive_groups=[[0, 1], [1, 2]]),
        SettingsError,
        "exclusive_groups names the column 1 twice. A label can be in one group only, once.",
    ),
    "group of one": (
        lambda: DecisionRule([0.5] * 3, exclusive_groups=[[1]]),
        SettingsError,
        "exclusive_groups holds [1]: a group needs at least two labels, for exactly one of them "
        "is set.",
    ),
    "probabilities of another model": (
        lambda: DecisionRule.fixed(5).predict(PROBABILITIES),
        DataError,
        "probabilities have 2 columns, but the decision rule has 5 labels. Use the probabilities "
        "of the model that this rule belongs to.",
    ),
    "bootstrap rounds": (
        lambda: bootstrap_interval("loss", TARGETS, PROBABILITIES, rounds=0),
        SettingsError,
        "rounds=0 must be a whole number of at least 1.",
    ),
    "bootstrap level": (
        lambda: bootstrap_interval("loss", TARGETS, PROBABILITIES, level=95),
        SettingsError,
        "level=95 must be between 0 and 1, such as 0.95.",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), CASES.values(), ids=CASES)
def test_message(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
