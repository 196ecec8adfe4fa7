"""The ROC and precision-recall curve of one label, at its positives alone.

Between two positives only false positives are added, so all that ROC-AUC, average precision and
the best cut-off for F-beta need is known at the distinct probabilities of the positives. That
makes rare labels cheap: with 10,000 labels there are few of them each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import BoolArray, FloatArray, Targets

NAN = float("nan")
# Columns are copied in blocks of this many cells: a single column of a wide matrix would fetch a
# cache line for each of its cells.
BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class LabelCurve:
    """How many cells score at least as high as each distinct score of a positive.

    Attributes:
        scores: distinct scores of the positives, ascending.
        at_score: int64, positives with exactly this score.
        true_positives: int64, positives with this score or a higher one.
        false_positives: int64, negatives with this score or a higher one.
        negatives_above: int64, negatives with a higher score.
        positives: their number.
        negatives: their number.
    """

    scores: FloatArray
    at_score: NDArray[np.int64]
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    negatives_above: NDArray[np.int64]
    positives: int
    negatives: int


def label_curve(truth: BoolArray, known: BoolArray | None, scores: FloatArray) -> LabelCurve:
    """The curve of one label, from arrays of the same shape; unknown cells are dropped."""
    distinct, at_score = np.unique(scores[truth], return_counts=True)
    negatives = np.sort(scores[~truth if known is None else known & ~truth])
    true_positives = np.cumsum(at_score[::-1])[::-1]
    return LabelCurve(
        scores=distinct,
        at_score=at_score,
        true_positives=true_positives,
        false_positives=len(negatives) - np.searchsorted(negatives, distinct, "left"),
        negatives_above=len(negatives) - np.searchsorted(negatives, distinct, "right"),
        positives=int(at_score.sum()),
        negatives=len(negatives),
    )


def label_curves(targets: Targets, scores: FloatArray) -> Iterator[LabelCurve]:
    """The curve of each label in turn."""
    for truth, known, column in label_columns(targets, scores):
        yield label_curve(truth, known, column)


def label_columns(
    targets: Targets, scores: FloatArray
) -> Iterator[tuple[BoolArray, BoolArray | None, FloatArray]]:
    """Truth, known and scores of each label in turn, contiguous in memory."""
    for block, columns in label_blocks(targets, scores):
        for index in range(len(columns)):
            known = None if block.known is None else block.known[index]
            yield block.truth[index], known, columns[index]


def label_blocks(targets: Targets, scores: FloatArray) -> Iterator[tuple[Targets, FloatArray]]:
    """The matrices turned, some labels at a time: a row is a label, contiguous in memory."""
    rows, labels = targets.truth.shape
    block = max(1, BLOCK_CELLS // rows)
    for start in range(0, labels, block):
        part = slice(start, start + block)
        truth = np.ascontiguousarray(targets.truth[:, part].T)
        known = None if targets.known is None else np.ascontiguousarray(targets.known[:, part].T)
        yield Targets(truth, known), np.ascontiguousarray(scores[:, part].T)


def roc_auc(curve: LabelCurve) -> float:
    """The chance that a positive scores higher than a negative; ties count half.

    NaN without a positive or without a negative, where scikit-learn gives NaN or an error.
    """
    if not curve.positives or not curve.negatives:
        return NAN
    lost = np.dot(curve.at_score, (curve.false_positives + curve.negatives_above) / 2)
    return float(1 - lost / curve.positives / curve.negatives)


def average_precision(curve: LabelCurve) -> float:
    """The mean over the positives of the precision at their score.

    NaN without a positive, where scikit-learn gives 0 and warns.
    """
    if not curve.positives:
        return NAN
    precision = curve.true_positives / (curve.true_positives + curve.false_positives)
    return float(np.dot(curve.at_score, precision) / curve.positives)
