"""Sigmoid cross-entropy of a label matrix, as the training loss defines it."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilabel_bert.decision.cells import FloatArray, Targets
from multilabel_bert.errors import DataError


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
    losses = np.maximum(z, 0) - z * targets.truth + np.log1p(np.exp(-np.abs(z)))
    return _mean_of_known(losses, targets)


def cross_entropy_from_probabilities(targets: Targets, probabilities: FloatArray) -> float:
    """The mean over known cells.

    A probability of exactly 0 or 1 that is wrong would cost infinitely much; they are clipped by
    the resolution of their type, as in scikit-learn's ``log_loss``. Logits have no such limit.
    """
    step = np.finfo(probabilities.dtype).eps
    clipped = np.clip(probabilities, step, 1 - step)
    return _mean_of_known(-np.log(np.where(targets.truth, clipped, 1 - clipped)), targets)


def _mean_of_known(losses: FloatArray, targets: Targets) -> float:
    if targets.known is not None:
        losses = losses[targets.known]
    return float(losses.mean(dtype=np.float64)) if losses.size else float("nan")
