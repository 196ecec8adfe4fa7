"""What each of many thresholds would decide: counts for curves over the threshold."""

# N = texts, X = labels, G = thresholds

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import BoolArray, FloatArray
from multilabel_bert.decision.counts import Counts, f_beta, mean_over_known
from multilabel_bert.decision.curves import label_columns
from multilabel_bert.decision.judgement import Judgement


@dataclass(frozen=True)
class ThresholdCounts:
    """Counts of one label at each of G ascending thresholds.

    Attributes:
        thresholds: float32 [G].
        true_positives: int64 [G].
        predicted: int64 [G].
        support: texts that have the label.
        known: texts whose truth is known.
    """

    thresholds: NDArray[np.float32]
    true_positives: NDArray[np.int64]
    predicted: NDArray[np.int64]
    support: int
    known: int

    @property
    def counts(self) -> Counts:
        """As `Counts`, [G] each."""
        size = len(self.thresholds)
        return Counts(
            self.true_positives,
            self.predicted,
            np.full(size, self.support),
            np.full(size, self.known),
        )


def counts_at(
    truth: BoolArray, known: BoolArray | None, scores: FloatArray, thresholds: Any
) -> ThresholdCounts:
    """Count one label's decisions ``probability >= threshold``, both in float32.

    Args:
        truth: [N].
        known: [N], or None where all is known.
        scores: probabilities, [N].
        thresholds: [G], ascending.
    """
    limits = np.asarray(thresholds, np.float32)
    if known is not None:
        truth, scores = truth[known], scores[known]
    # How many of the thresholds a text passes.
    passed = np.searchsorted(limits, scores.astype(np.float32, copy=False), side="right")

    def at_least(places: NDArray[np.intp]) -> NDArray[np.int64]:
        at = np.bincount(places, minlength=len(limits) + 1)
        return np.cumsum(at[::-1])[::-1][1:]

    return ThresholdCounts(
        limits, at_least(passed[truth]), at_least(passed), int(truth.sum()), len(truth)
    )


def label_threshold_counts(judgement: Judgement, thresholds: Any) -> Iterator[ThresholdCounts]:
    """The counts of each label in turn, at the same thresholds."""
    for cells in label_columns(judgement.targets, judgement.probabilities):
        yield counts_at(*cells, thresholds)


def f1_over_thresholds(
    judgement: Judgement, thresholds: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Micro-F1 and macro-F1 with the same threshold for all labels, [G] each.

    Args:
        judgement: of N texts; its decisions are not looked at.
        thresholds: [G], ascending.
    """
    columns = [found.counts for found in label_threshold_counts(judgement, thresholds)]
    stacked = Counts(
        *(
            np.stack([getattr(counts, name) for counts in columns])  # [X, G]
            for name in ("true_positives", "predicted", "support", "known")
        )
    )
    micro, macro = [], []
    for place in range(stacked.known.shape[1]):
        counts = Counts(
            stacked.true_positives[:, place],
            stacked.predicted[:, place],
            stacked.support[:, place],
            stacked.known[:, place],
        )
        micro.append(float(f_beta(counts.total())))
        macro.append(mean_over_known(f_beta(counts), counts))
    return np.array(micro), np.array(macro)
