"""Losses of multi-label classification, masked where a label is unknown."""

# B = texts, X = labels

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

UNKNOWN = -1.0


@keras.saving.register_keras_serializable("multilabel_bert")
class SigmoidCrossEntropy(keras.losses.Loss):
    """Sigmoid cross-entropy, the mean over batch and labels.

    For a logit z and a target y it is ``max(z, 0) - z y + log(1 + exp(-|z|))``, which neither
    overflows nor loses digits. With positive weights w, the part of the positive targets is
    multiplied by w: ``-w y log sigmoid(z) - (1 - y) log(1 - sigmoid(z))``.

    Args:
        positive_weights: float [X], or None for 1.

    Call with targets [B, X], each 0, 1 or -1 for unknown, and logits [B, X]. Unknown cells are
    left out of the mean; a batch without a known cell has loss 0.

    Source: the multi-label form of ``create_model`` in google-research/bert, run_classifier.py:
    ``tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))``.
    """

    def __init__(
        self,
        positive_weights: np.ndarray | list[float] | None = None,
        name: str = "sigmoid_cross_entropy",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("reduction", None)
        super().__init__(name=name, **kwargs)
        self.positive_weights = (
            None if positive_weights is None else np.asarray(positive_weights, np.float32)
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Targets and logits, both [B, X], to a scalar."""
        logits = ops.cast(y_pred, "float32")
        targets = ops.cast(y_true, "float32")
        known = ops.cast(targets >= 0, "float32")
        targets = targets * known
        softplus = ops.log1p(ops.exp(-ops.abs(logits)))
        cross_entropy = ops.relu(logits) - logits * targets + softplus
        if self.positive_weights is not None:
            # -log sigmoid(z) = max(-z, 0) + log(1 + exp(-|z|))
            positive = ops.relu(-logits) + softplus
            cross_entropy += (self.positive_weights - 1.0) * targets * positive
        return ops.sum(cross_entropy * known) / ops.maximum(ops.sum(known), 1.0)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        weights = self.positive_weights
        return {
            **super().get_config(),
            "positive_weights": None if weights is None else weights.tolist(),
        }


def balanced_positive_weights(
    positives: np.ndarray, negatives: np.ndarray, maximum: float = 100.0
) -> np.ndarray:
    """Weights that make positives and negatives of each label count the same.

    Args:
        positives: int [X], known positive texts a label.
        negatives: int [X], known negative texts a label.
        maximum: cap, so that a label with one example does not rule the gradient.

    Returns:
        float32 [X], negatives / positives between 1 / `maximum` and `maximum`; 1 for a label
        that lacks either.
    """
    both = (positives > 0) & (negatives > 0)
    ratio = np.divide(negatives, positives, out=np.ones(len(positives)), where=both)
    return np.clip(ratio, 1 / maximum, maximum).astype(np.float32)
