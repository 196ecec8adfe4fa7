"""ZLPR: the logits of a text's labels above 0, those of the others below, as a ranking."""

# B = texts, X = labels; z = logits [B, X], y = targets [B, X]

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.training.losses.base import MultiLabelLoss

# In the place of log 0: no logit comes near it.
_NEVER = -1e30


@keras.saving.register_keras_serializable("multilabel_bert")
class ZLPR(MultiLabelLoss):
    """Zero-bounded log-sum-exp and pairwise rank-based loss.

    ``log(1 + sum over the text's labels of exp(-z)) + log(1 + sum over the others of exp(z))``,
    the mean over the texts that have a known label. The worst of a text's labels counts most, so
    many easy ones do not outweigh it. With soft labels, as with label smoothing, it is the paper's
    soft version: ``log(1 + sum of y exp(-z)) + log(1 + sum of (1 - y) exp(z))``. For one label,
    X = 1, it is the sigmoid cross-entropy.

    A label belongs to a text where z > 0, which is a probability of 0.5 after the sigmoid that
    prediction applies; but z is no log-odds here, so probabilities are not calibrated, and tuned
    thresholds differ from 0.5.

    Args:
        label_smoothing: see `MultiLabelLoss`. With many labels even a little weighs much: each
            counts among the others, and all of them among the text's.

    Source: Su et al. 2022, arXiv:2208.02955, equations 5 and 12 onwards.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "zlpr", **kwargs: Any) -> None:
        super().__init__(label_smoothing, name=name, **kwargs)

    def shares(self, targets: Any, known: Any, logits: Any) -> Any:
        """See `MultiLabelLoss`."""
        targets = self.smoothed(targets)
        # Unknown cells belong to neither side.
        sides = (targets * known, -logits), ((1.0 - targets) * known, logits)
        losses = sum(log_one_plus_weighted_sum(weights, values) for weights, values in sides)
        counts = ops.max(known, axis=-1)
        return losses * counts / ops.maximum(ops.sum(counts), 1.0)

    def terms(self, targets: np.ndarray) -> int:
        """Texts that have a known label."""
        return int(np.count_nonzero((targets >= 0).any(axis=-1)))


def log_one_plus_weighted_sum(weights: Any, values: Any) -> Any:
    """``log(1 + sum of w exp(v))`` along the last axis, for values of any size.

    Args:
        weights: w, float32 [B, X], 0 or more.
        values: v, float32 [B, X].
    """
    counts = weights > 0
    # log of 1, not of 0, where the result is not taken: its gradient would be NaN.
    exponents = ops.where(counts, values + ops.log(ops.where(counts, weights, 1.0)), _NEVER)
    one = ops.zeros_like(exponents[:, :1])
    return ops.logsumexp(ops.concatenate([one, exponents], axis=-1), axis=-1)
