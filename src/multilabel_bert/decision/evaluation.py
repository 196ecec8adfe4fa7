"""All metrics of a model on a set of texts, and a table of its labels."""

# N = texts, X = labels

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multilabel_bert.decision.cells import (
    FIXED_THRESHOLD,
    check_label_names,
    check_thresholds,
)
from multilabel_bert.decision.counts import f_beta, precision, recall
from multilabel_bert.decision.judgement import Judgement, judge
from multilabel_bert.decision.metrics import METRICS, labels_left_out
from multilabel_bert.decision.reliability import ReliabilityCurve


@dataclass(frozen=True)
class LabelScores:
    """How well one label is predicted; unknown cells are dropped.

    Attributes:
        label: its name.
        known: texts whose truth is known.
        support: texts that have the label.
        predicted_positives: texts with a known truth that are given the label.
        precision: 0 where nothing is predicted; NaN where nothing is known, as the next two.
        recall: 0 where no text has the label.
        f1: 0 where no text has the label and none is given it.
        roc_auc: NaN where either class is absent.
        average_precision: NaN where no text has the label.
        calibration_error: the expected one, in bins of equal mass; see `reliability`.
        brier_score: mean squared error of the probability.
        threshold: the cut-off; NaN where the predictions came without one.
    """

    label: str
    known: int
    support: int
    predicted_positives: int
    precision: float
    recall: float
    f1: float
    roc_auc: float
    average_precision: float
    calibration_error: float
    brier_score: float
    threshold: float


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        metrics: every metric of `METRICS` by its name, NaN where undefined, and besides
            ``rows`` and ``labels``; ``known_cells``; ``true_cardinality`` and
            ``predicted_cardinality``, the mean number of labels a text over the known cells of
            texts that have any; ``roc_auc_labels_left_out`` and
            ``average_precision_labels_left_out``, the labels that the macro means leave out.
        per_label: one entry a label, in the order of the columns.
        reliability: curve of all known cells, in bins of equal width.
    """

    metrics: dict[str, float]
    per_label: tuple[LabelScores, ...]
    reliability: ReliabilityCurve

    def _repr_html_(self) -> str:
        from multilabel_bert.decision.evaluation_view import shown

        return shown(self)

    def to_dict(self) -> dict[str, Any]:
        """Metrics flat, and ``per_label`` as a list, for JSON: NaN becomes None."""
        flat: dict[str, Any] = _without_nan(self.metrics)
        return {**flat, "per_label": [_without_nan(asdict(row)) for row in self.per_label]}


def evaluate(
    targets: Any,
    probabilities: Any,
    predictions: Any = None,
    *,
    label_names: Sequence[str] | None = None,
    thresholds: Any = None,
    logits: Any = None,
) -> Evaluation:
    """Compute every metric and the table of labels.

    Args:
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown; a SciPy sparse matrix too.
        probabilities: float [N, X], each in [0, 1].
        predictions: [N, X], 0 or 1, such as `DecisionRule.predict` gives; None for
            ``probabilities >= thresholds``.
        label_names: X names; None for ``"0"``, ``"1"``, ….
        thresholds: one or [X]; shown in the table, and used where no predictions are given;
            None for 0.5 there.
        logits: float [N, X] or None; with them the loss is exact for saturated probabilities.

    Raises:
        DataError: if the arrays do not fit each other, or hold values they cannot hold.

    Example:
        >>> evaluation = evaluate([[1, 0], [1, 1]], [[0.9, 0.6], [0.8, 0.1]])
        >>> round(evaluation.metrics["macro_f1"], 3), evaluation.per_label[1].roc_auc
        (0.5, 0.0)
    """
    judgement = judge(targets, probabilities, predictions, thresholds=thresholds, logits=logits)
    rows, labels = judgement.targets.truth.shape
    names = check_label_names(label_names, labels)
    if thresholds is None:
        shown = np.full(labels, FIXED_THRESHOLD if predictions is None else np.nan)
    else:
        shown = check_thresholds(thresholds, labels)

    aucs, average_precisions = judgement.label_curve_scores
    row_counts = judgement.row_counts
    known_rows = max(1, len(row_counts.known))
    metrics: dict[str, float] = {
        "rows": rows,
        "labels": labels,
        "known_cells": int(row_counts.known.sum()),
        "true_cardinality": float(row_counts.support.sum() / known_rows),
        "predicted_cardinality": float(row_counts.predicted.sum() / known_rows),
        **{name: metric.function(judgement) for name, metric in METRICS.items()},
        "roc_auc_labels_left_out": labels_left_out(aucs),
        "average_precision_labels_left_out": labels_left_out(average_precisions),
    }
    return Evaluation(metrics, _label_table(judgement, names, shown), judgement.reliability)


def _label_table(
    judgement: Judgement, names: tuple[str, ...], thresholds: np.ndarray
) -> tuple[LabelScores, ...]:
    counts = judgement.label_counts
    aucs, average_precisions = judgement.label_curve_scores
    nothing = counts.known == 0
    columns = (
        names,
        counts.known.tolist(),
        counts.support.tolist(),
        counts.predicted.tolist(),
        *(np.where(nothing, np.nan, of(counts)).tolist() for of in (precision, recall, f_beta)),
        aucs.tolist(),
        average_precisions.tolist(),
        *(values.tolist() for values in judgement.label_calibration_scores[1:]),
        # The shortest decimal of a float32, 0.3 and not 0.30000001192092896.
        [float(str(value)) for value in thresholds],
    )
    return tuple(LabelScores(*row) for row in zip(*columns, strict=True))


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in values.items()
    }
