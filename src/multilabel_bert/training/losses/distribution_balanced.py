"""Distribution-balanced loss: labels that occur together weighed anew, negatives tolerated."""

# B = texts, X = labels; z = logits [B, X], y = targets [B, X], n = positive texts a label [X]

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.training.losses.base import MultiLabelLoss

# In place of 0, for a text without any label: its ratio is then far beyond where r is flat.
_NO_LABEL = 1e-12


@keras.saving.register_keras_serializable("multilabel_bert")
class DistributionBalanced(MultiLabelLoss):
    """Distribution-balanced loss with negative-tolerant regularisation, for rare labels.

    The mean over batch and labels of

        r (y log(1 + exp(-(z - v))) + (1 - y) / lambda log(1 + exp(lambda (z - v))))

    - r, re-balanced weighting. A text is seen once for each of its labels, so a frequent label
      that occurs with rare ones is seen too often. The ratio of how often a label should be seen
      to how often it is, ``(1 / n_i) / sum over the text's labels j of 1 / n_j``, is made smooth:
      ``r = alpha + sigmoid(beta (ratio - mu))``. A text without a label has r = alpha + 1.
    - lambda and ``v_i = kappa log(1 / p_i - 1)``, with p_i the share of the texts that have label
      i: negative-tolerant regularisation. A rare label's many easy negatives soon stop to push
      its logit further down.

    Neutral, that is the sigmoid cross-entropy: alpha 0.5, beta 0, lambda 1, kappa 0. The logits
    stay the z of prediction; since the loss fits z - v, probabilities of rare labels come out
    higher than they are, so thresholds should be tuned, as they are unless fixed.

    Args:
        positives: int [X], known positive texts a label.
        negatives: int [X], known negative texts a label.
        alpha: of the paper.
        beta: of the paper; 10.
        mu: of the paper: 0.2 and 0.3 for its two data sets; for texts, Huang et al. 2021
            (arXiv:2109.04712) have 0.9 and 0.05.
        negative_scale: lambda; 2 and 5 in the published settings.
        bias_scale: kappa; 0.05 and 0.1 in the published settings.
        label_smoothing: see `MultiLabelLoss`; of y, but not of what r is made from.

    Source: Wu et al. 2020, arXiv:2007.09654, equations 4 to 10, without the focal factor that its
    code can add.
    """

    def __init__(
        self,
        positives: np.ndarray | list[float],
        negatives: np.ndarray | list[float],
        alpha: float = 0.1,
        beta: float = 10.0,
        mu: float = 0.2,
        negative_scale: float = 2.0,
        bias_scale: float = 0.05,
        label_smoothing: float = 0.0,
        name: str = "distribution_balanced",
        **kwargs: Any,
    ) -> None:
        super().__init__(label_smoothing, name=name, **kwargs)
        self.positives = np.asarray(positives, np.float64)
        self.negatives = np.asarray(negatives, np.float64)
        self.alpha, self.beta, self.mu = alpha, beta, mu
        self.negative_scale, self.bias_scale = negative_scale, bias_scale
        # Half a text, where a label has no positive or no negative, keeps both finite.
        least, most = np.maximum(self.positives, 0.5), np.maximum(self.negatives, 0.5)
        self._inverse = (1 / least).astype(np.float32)
        self._shift = (bias_scale * np.log(most / least)).astype(np.float32)

    def shares(self, targets: Any, known: Any, logits: Any) -> Any:
        """See `MultiLabelLoss`."""
        of_text = ops.sum(targets * self._inverse, axis=-1, keepdims=True)  # [B, 1]
        ratio = self._inverse / ops.maximum(of_text, _NO_LABEL)
        weights = self.alpha + ops.sigmoid(self.beta * (ratio - self.mu))
        shifted = logits - self._shift
        targets = self.smoothed(targets)
        scale = self.negative_scale
        costs = targets * ops.softplus(-shifted)
        costs += (1.0 - targets) * ops.softplus(scale * shifted) / scale
        return ops.sum(weights * costs * known, axis=-1) / ops.maximum(ops.sum(known), 1.0)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {
            **super().get_config(),
            "positives": self.positives.tolist(),
            "negatives": self.negatives.tolist(),
            "alpha": self.alpha,
            "beta": self.beta,
            "mu": self.mu,
            "negative_scale": self.negative_scale,
            "bias_scale": self.bias_scale,
        }
