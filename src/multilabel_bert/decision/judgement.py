"""Targets beside what a model said of them, with what several metrics share computed once."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    FIXED_THRESHOLD,
    BoolArray,
    FloatArray,
    Targets,
    apply_thresholds,
    check_predictions,
    check_probabilities,
    check_targets,
    check_thresholds,
)
from multilabel_bert.decision.counts import Counts
from multilabel_bert.decision.curves import average_precision, label_curve, label_curves, roc_auc
from multilabel_bert.decision.reliability import (
    ReliabilityCurve,
    brier_score,
    cell_curve,
    label_calibration,
)
from multilabel_bert.decision.row_ranking import RowRanking, rank_rows


@dataclass(frozen=True)
class Judgement:
    """Targets, probabilities and decisions of the same texts and labels.

    Make one with `judge`, which checks them.

    Attributes:
        targets: what is true and what is known.
        probabilities: float [N, X].
        predictions: bool [N, X].
        logits: float [N, X] or None.
    """

    targets: Targets
    probabilities: FloatArray
    predictions: BoolArray
    logits: FloatArray | None = None

    def rows(self, indices: NDArray[np.intp]) -> Judgement:
        """The judgement of these rows alone."""
        return Judgement(
            self.targets.rows(indices),
            self.probabilities[indices],
            self.predictions[indices],
            None if self.logits is None else self.logits[indices],
        )

    @cached_property
    def at_half(self) -> Judgement:
        """The same with the decisions of the fixed threshold 0.5."""
        return Judgement(
            self.targets,
            self.probabilities,
            apply_thresholds(self.probabilities, FIXED_THRESHOLD),
            self.logits,
        )

    @cached_property
    def known_predictions(self) -> BoolArray:
        """The predictions, False where the truth is unknown: bool [N, X]."""
        known = self.targets.known
        return self.predictions if known is None else self.predictions & known

    @cached_property
    def label_counts(self) -> Counts:
        """Counts of each label, [X]; unknown cells are dropped."""
        return self._counts(axis=0)

    @cached_property
    def row_counts(self) -> Counts:
        """Counts of each text that has a known label; unknown cells are dropped."""
        counts = self._counts(axis=1)
        some = counts.known > 0
        return Counts(
            counts.true_positives[some],
            counts.predicted[some],
            counts.support[some],
            counts.known[some],
        )

    @cached_property
    def label_curve_scores(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """ROC-AUC and average precision of each label, [X] each; NaN where undefined."""
        scores = [
            (roc_auc(curve), average_precision(curve))
            for curve in label_curves(self.targets, self.probabilities)
        ]
        aucs, precisions = np.array(scores).T
        return aucs, precisions

    @cached_property
    def micro_curve_scores(self) -> tuple[float, float]:
        """ROC-AUC and average precision of all known cells as if they were of one label."""
        curve = label_curve(self.targets.truth, self.targets.known, self.probabilities)
        return roc_auc(curve), average_precision(curve)

    @cached_property
    def label_calibration_scores(self) -> tuple[NDArray[np.float64], ...]:
        """Calibration error by equal width, by equal mass, Brier score of each label, [X] each."""
        return label_calibration(self.targets, self.probabilities)

    @cached_property
    def micro_calibration_scores(self) -> tuple[float, ...]:
        """The same of all known cells as if they were of one label."""
        cells = (self.targets.truth, self.targets.known, self.probabilities)
        return (
            self.reliability.calibration_error,
            cell_curve(*cells, binning="equal_mass").calibration_error,
            brier_score(*cells),
        )

    @cached_property
    def reliability(self) -> ReliabilityCurve:
        """The reliability curve of all known cells, in bins of equal width."""
        return cell_curve(self.targets.truth, self.targets.known, self.probabilities)

    @cached_property
    def row_ranking(self) -> RowRanking:
        """LRAP, coverage and ranking loss of each text that has a known label."""
        return rank_rows(self.targets, self.probabilities)

    def _counts(self, axis: int) -> Counts:
        truth, known = self.targets.truth, self.targets.known
        predicted = self.known_predictions
        return Counts(
            true_positives=(truth & predicted).sum(axis=axis),
            predicted=predicted.sum(axis=axis),
            support=truth.sum(axis=axis),
            known=(
                np.full(truth.shape[1 - axis], truth.shape[axis])
                if known is None
                else known.sum(axis=axis)
            ),
        )


def judge(
    targets: Any,
    probabilities: Any,
    predictions: Any = None,
    *,
    thresholds: Any = None,
    logits: Any = None,
) -> Judgement:
    """Check the arrays and set them beside each other.

    Args:
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown; a SciPy sparse matrix too.
        probabilities: float [N, X], each in [0, 1].
        predictions: [N, X], 0 or 1; None for ``probabilities >= thresholds``.
        thresholds: one or [X], used where no predictions are given; None for 0.5.
        logits: float [N, X] or None; only the loss looks at them.

    Raises:
        DataError: if they do not fit each other.
    """
    checked = check_targets(targets)
    shape = (checked.truth.shape[0], checked.truth.shape[1])
    scores = check_probabilities(probabilities, shape)
    if predictions is not None:
        decided = check_predictions(predictions, shape)
    else:
        limits = check_thresholds(FIXED_THRESHOLD if thresholds is None else thresholds, shape[1])
        decided = apply_thresholds(scores, limits)
    return Judgement(checked, scores, decided, None if logits is None else np.asarray(logits))
