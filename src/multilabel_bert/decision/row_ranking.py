"""How well each text ranks its labels: LRAP, coverage error and ranking loss."""

# B = texts of a chunk, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import FloatArray, Targets

# Sorting takes some 40 bytes a cell beside the input: 10 MB a chunk, which stays in the cache of
# the processor and takes half the time of larger ones.
CHUNK_CELLS = 2**18
# Below every probability, so that an unknown label never ranks above a known one.
UNKNOWN_SCORE = -1


@dataclass(frozen=True)
class RowRanking:
    """Three ranking measures of each text that has a known label, float64.

    Only known labels are ranked; texts without one are left out. Tied labels take the worst rank,
    as in scikit-learn.

    Attributes:
        average_precision: mean over the true labels of (true labels ranked as high or higher) /
            (labels ranked as high or higher); 1 for a text with no true label, or only true ones.
        coverage: how many of the top labels hold all true ones; 0 with no true label.
        loss: share of the pairs of a true and a false label that are ranked wrongly or tied; 0
            with no true label, or only true ones.
    """

    average_precision: NDArray[np.float64]
    coverage: NDArray[np.float64]
    loss: NDArray[np.float64]


def rank_rows(targets: Targets, scores: FloatArray) -> RowRanking:
    """Rank the labels of each text."""
    rows, labels = targets.truth.shape
    chunk = max(1, CHUNK_CELLS // labels)
    parts = [
        _rank_chunk(targets.rows(np.arange(start, min(start + chunk, rows))), chunk_scores)
        for start in range(0, rows, chunk)
        for chunk_scores in [scores[start : start + chunk]]
    ]
    ranked = np.concatenate(parts, axis=1)
    if targets.known is not None:
        ranked = ranked[:, targets.known.any(axis=1)]
    return RowRanking(*ranked)


def _rank_chunk(targets: Targets, scores: FloatArray) -> NDArray[np.float64]:
    """The three measures, [3, B]."""
    truth, known = targets.truth, targets.known
    if known is not None:
        scores = np.where(known, scores, scores.dtype.type(UNKNOWN_SCORE))
    labels = truth.shape[1]
    order = np.argsort(scores, axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    ordered_truth = np.take_along_axis(truth, order, axis=1)

    # Where the run of equal scores starts that each place belongs to.
    places = np.broadcast_to(np.arange(labels), scores.shape)
    is_start = np.ones(scores.shape, bool)
    is_start[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    start = np.maximum.accumulate(np.where(is_start, places, 0), axis=1)

    true_below: NDArray[np.int64] = np.cumsum(ordered_truth, axis=1) - ordered_truth
    true_labels = truth.sum(axis=1)
    as_high = labels - start
    true_as_high = true_labels[:, None] - np.take_along_axis(true_below, start, axis=1)

    precision = np.where(ordered_truth, true_as_high / as_high, 0).sum(axis=1)
    false_as_high = np.where(ordered_truth, as_high - true_as_high, 0).sum(axis=1)
    coverage = np.where(ordered_truth, as_high, 0).max(axis=1)

    known_labels = labels if known is None else known.sum(axis=1)
    pairs = true_labels * (known_labels - true_labels)
    trivial = pairs == 0
    pairs = np.maximum(pairs, 1)
    return np.stack(
        [
            np.where(trivial, 1.0, precision / np.maximum(true_labels, 1)),
            coverage.astype(np.float64),
            np.where(trivial, 0.0, false_as_high / pairs),
        ]
    )
