"""Sigmoid cross-entropy of a label matrix, as the training loss defines it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multilabel_bert.decision.cells import FloatArray, Targets
from multilabel_bert.errors import DataError

_CELLS_AT_ONCE = 2**18


def cross_entropy_from_logits(targets: Targets, logits: Any) -> float:
    """The mean over known cells; exact for logits of any size.

    Raises:
        DataError: if the logits have another shape than the targets.
    """
    z = np.asarray(logits)
    if z.shape != targets.truth.shape:
        raise DataError(
            f"logits have the shape {z.shape}, but the targets have {targets.truth.shape}. "
            "Expected one row a text and one column a label in both, in the same order."
        )

    def losses(rows: slice) -> FloatArray:
        part, truth = z[rows], targets.truth[rows]
        return np.maximum(part, 0) - part * truth + np.log1p(np.exp(-np.abs(part)))

    return _mean_of_known(losses, targets)


def cross_entropy_from_probabilities(targets: Targets, probabilities: FloatArray) -> float:
    """The mean over known cells.

    A probability of exactly 0 or 1 that is wrong would cost infinitely much; they are clipped by
    the resolution of their type, as in scikit-learn's ``log_loss``. Logits have no such limit.
    """
    step = np.finfo(probabilities.dtype).eps

    def losses(rows: slice) -> FloatArray:
        clipped = np.clip(probabilities[rows], step, 1 - step)
        return -np.log(np.where(targets.truth[rows], clipped, 1 - clipped))

    return _mean_of_known(losses, targets)


def _mean_of_known(losses: Callable[[slice], FloatArray], targets: Targets) -> float:
    # Some rows at a time: what a matrix of intermediate values costs is mostly the memory.
    rows, labels = targets.truth.shape
    at_once = max(1, _CELLS_AT_ONCE // labels)
    total, count = 0.0, 0
    for start in range(0, rows, at_once):
        part = slice(start, start + at_once)
        values = losses(part)
        if targets.known is not None:
            values = values[targets.known[part]]
        total += float(values.sum(dtype=np.float64))
        count += values.size
    return total / count if count else float("nan")
