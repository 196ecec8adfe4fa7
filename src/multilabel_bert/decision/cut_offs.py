"""The cut-offs that can be best for some cells, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import FIXED_THRESHOLD, BoolArray, FloatArray
from multilabel_bert.decision.counts import Counts, Numbers
from multilabel_bert.decision.curves import label_curve

# Sums of a hundred thousand scores differ by less from rounding, and by more from one decision.
TIE = 1e-9


@dataclass(frozen=True)
class CutOffs:
    """Cut-offs just below each distinct probability of a positive, and one above them all.

    No others are needed: lowering a cut-off past negatives alone adds only false positives.

    Attributes:
        values: float32 [K], ascending; each midway between two neighbouring probabilities, the
            lowest midway to 0 if nothing is below it. The last is midway between the highest
            probability and 1, and switches the label off; it is absent where the highest is 1.
        positive_scores: float32, the distinct probabilities of positives, ascending; one less
            than `values`, or as many.
        counts: those at each cut-off, [K].
    """

    values: NDArray[np.float32]
    positive_scores: FloatArray
    counts: Counts

    def best(self, scores: Numbers, near: float | np.float32 = FIXED_THRESHOLD) -> int:
        """The place of the best score; of equal ones the nearest to `near`, then the highest."""
        tied = np.flatnonzero(scores >= scores.max() - TIE * max(1.0, abs(scores.max())))[::-1]
        return int(tied[np.argmin(np.abs(self.values[tied] - np.float32(near)))])


def cut_offs(truth: BoolArray, known: BoolArray | None, scores: FloatArray) -> CutOffs:
    """The cut-offs for arrays of one shape, float32 scores; unknown cells are dropped."""
    curve = label_curve(truth, known, scores)
    ordered = np.sort(scores[known] if known is not None else scores.ravel())
    upper = curve.scores
    place = np.searchsorted(ordered, upper, "left")
    lower = np.where(place > 0, ordered[place - 1], 0).astype(np.float32)
    switch_off = ordered[-1] < 1
    if switch_off:
        lower, upper = np.append(lower, ordered[-1]), np.append(upper, np.float32(1))
    extra = int(switch_off)
    true_positives = np.pad(curve.true_positives, (0, extra))
    return CutOffs(
        values=midway(lower, upper),
        positive_scores=curve.scores,
        counts=Counts(
            true_positives=true_positives,
            predicted=true_positives + np.pad(curve.false_positives, (0, extra)),
            support=np.full(len(true_positives), curve.positives),
            known=np.full(len(true_positives), curve.positives + curve.negatives),
        ),
    )


def midway(lower: FloatArray, upper: FloatArray) -> NDArray[np.float32]:
    """Cut-offs between neighbouring scores, that the lower do not reach and the upper do."""
    middle = ((lower.astype(np.float64) + upper) / 2).astype(np.float32)
    # Between neighbouring float32 numbers there is none: the middle may round to the lower one,
    # which would let it pass.
    return np.where(middle > lower, middle, upper).astype(np.float32)
