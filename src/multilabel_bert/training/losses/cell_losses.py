"""Losses that take each cell for itself: sigmoid cross-entropy, focal, asymmetric."""

# z = logits [B, X], p = sigmoid(z), y = targets [B, X], w = weights of the positives [X]
# softplus(-z) = -log p and softplus(z) = -log(1 - p), for logits of any size.

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.training.losses.base import CellLoss

# Below it a probability's power is flat: the derivative of p^g at 0 is infinite for g < 1.
_SMALLEST = 1e-12


@keras.saving.register_keras_serializable("multilabel_bert")
class SigmoidCrossEntropy(CellLoss):
    """Sigmoid cross-entropy: ``-w y log p - (1 - y) log(1 - p)``, the mean over batch and labels.

    Args:
        positive_weights: w, float [X], or None for 1.
        label_smoothing: see `MultiLabelLoss`.

    Source: the multi-label form of ``create_model`` in google-research/bert, run_classifier.py:
    ``tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))``.
    """

    def __init__(
        self,
        positive_weights: np.ndarray | list[float] | None = None,
        label_smoothing: float = 0.0,
        name: str = "sigmoid_cross_entropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(positive_weights, label_smoothing, name=name, **kwargs)

    def costs(self, targets: Any, logits: Any) -> Any:
        """See `CellLoss`."""
        # The two halves in one: softplus(-z) = softplus(z) - z.
        costs = ops.softplus(logits) - logits * targets
        if self.positive_weights is None:
            return costs
        return costs + (self.positive_weights - 1.0) * targets * ops.softplus(-logits)


@keras.saving.register_keras_serializable("multilabel_bert")
class Focal(CellLoss):
    """Focal loss: cells that are right already count less, by the power gamma of the error.

    ``-w y (1 - p)^gamma log p - (1 - y) p^gamma log(1 - p)``. With gamma 0 it is the sigmoid
    cross-entropy. The paper's alpha is a weight of the positives: ``w = alpha / (1 - alpha)``, but
    for a factor of the whole.

    Args:
        gamma: of the paper, at least 0.
        positive_weights: w, float [X], or None for 1.
        label_smoothing: see `MultiLabelLoss`.

    Source: Lin et al. 2017, arXiv:1708.02002, equations 4 and 5.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        positive_weights: np.ndarray | list[float] | None = None,
        label_smoothing: float = 0.0,
        name: str = "focal",
        **kwargs: Any,
    ) -> None:
        super().__init__(positive_weights, label_smoothing, name=name, **kwargs)
        self.gamma = gamma

    def positive(self, logits: Any) -> Any:
        """See `CellLoss`: ``-(1 - p)^gamma log p``."""
        return power_of_sigmoid(-logits, self.gamma) * ops.softplus(-logits)

    def negative(self, logits: Any) -> Any:
        """See `CellLoss`: ``-p^gamma log(1 - p)``."""
        return power_of_sigmoid(logits, self.gamma) * ops.softplus(logits)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable("multilabel_bert")
class Asymmetric(CellLoss):
    """Asymmetric loss (ASL): easy negatives count less than easy positives, very easy ones nothing.

    ``-w y (1 - p)^gamma_pos log p - (1 - y) q^gamma_neg log(1 - q)`` with ``q = max(p - m, 0)``.
    With both gammas and m at 0 it is the sigmoid cross-entropy.

    The gradient goes through the whole formula, as in the paper's analysis of it (section 2.5).
    The published code holds the factors ``(1 - p)^gamma_pos`` and ``q^gamma_neg`` constant in the
    gradient (``disable_torch_grad_focal_loss``); that is another gradient, which moves hard
    negatives less.

    Args:
        gamma_neg: focusing of the negatives, at least 0. The paper has 4; 2 was better on short
            texts with a BERT.
        gamma_pos: focusing of the positives, at least 0. The paper's advice is 0.
        margin: m, 0 to below 1: negatives of a lower probability cost nothing.
        positive_weights: w, float [X], or None for 1.
        label_smoothing: see `MultiLabelLoss`.

    Source: Ridnik et al. 2021, arXiv:2009.14119, equations 4 to 7.
    """

    def __init__(
        self,
        gamma_neg: float = 2.0,
        gamma_pos: float = 0.0,
        margin: float = 0.05,
        positive_weights: np.ndarray | list[float] | None = None,
        label_smoothing: float = 0.0,
        name: str = "asymmetric",
        **kwargs: Any,
    ) -> None:
        super().__init__(positive_weights, label_smoothing, name=name, **kwargs)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos
        self.margin = margin

    def positive(self, logits: Any) -> Any:
        """See `CellLoss`: ``-(1 - p)^gamma_pos log p``."""
        return power_of_sigmoid(-logits, self.gamma_pos) * ops.softplus(-logits)

    def negative(self, logits: Any) -> Any:
        """See `CellLoss`: ``-q^gamma_neg log(1 - q)``."""
        margin = self.margin
        if margin == 0:
            return power_of_sigmoid(logits, self.gamma_neg) * ops.softplus(logits)
        shifted = ops.relu(ops.sigmoid(logits) - margin)  # q
        # 1 - q = sigmoid(-z) + m where q > 0; near 1 that sum would lose the digits of q.
        cost = ops.where(logits > 0, -ops.log(ops.sigmoid(-logits) + margin), -ops.log1p(-shifted))
        # A margin above a half reaches into the first formula.
        cost = ops.where(shifted > 0, cost, 0.0)
        if self.gamma_neg == 0:
            return cost
        return ops.power(ops.maximum(shifted, _SMALLEST), self.gamma_neg) * cost

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {
            **super().get_config(),
            "gamma_neg": self.gamma_neg,
            "gamma_pos": self.gamma_pos,
            "margin": self.margin,
        }


def power_of_sigmoid(logits: Any, exponent: float) -> Any:
    """``sigmoid(logits) ** exponent`` with a gradient that is finite for logits of any size."""
    return 1.0 if exponent == 0 else ops.exp(-exponent * ops.softplus(-logits))
