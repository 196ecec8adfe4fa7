"""What all losses share: the mask of unknown labels, label smoothing, weights of texts."""

# B = texts, X = labels

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


class MultiLabelLoss(keras.losses.Loss):
    """A loss of targets [B, X] and logits [B, X] that leaves unknown cells out.

    Targets are 1, 0, or anything between them (soft labels: the probability that the label
    applies); -1 and NaN are unknown. Logits may be in half precision or bfloat16: all is computed
    in float32. A loss has as many terms as it is the mean of: known cells, or texts that have
    one. `call` gives the share of each text in that mean, [B]; their sum is the loss, 0 without a
    term. With weights of the texts, [B], each share is multiplied by its weight, and the number
    of terms stays: for weights whose mean is 1, a text of weight 2 counts as two texts.

    Args:
        label_smoothing: s, from 0 to below 1: a target y is taken as ``y (1 - s) + s / 2``, so
            that no label is learned as certain. 0: as it is.
        name: of the loss.

    Source of label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7, with the two
    classes of a yes/no label.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str | None = None, **kwargs: Any):
        kwargs.setdefault("reduction", "sum")
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The share of each text, [B]."""
        logits = ops.cast(y_pred, "float32")
        targets = ops.cast(y_true, "float32")
        is_known = targets >= 0  # NaN is not
        known = ops.cast(is_known, "float32")
        return self.shares(ops.where(is_known, targets, 0.0), known, logits)

    def shares(self, targets: Any, known: Any, logits: Any) -> Any:
        """The share of each text in the mean, [B].

        Args:
            targets: float32 [B, X], from 0 to 1; 0 where unknown.
            known: float32 [B, X], 1 where known, else 0.
            logits: float32 [B, X].
        """
        raise NotImplementedError

    def terms(self, targets: np.ndarray) -> int:
        """How many terms the loss of a batch with these targets is the mean of: known cells."""
        return int(np.count_nonzero(targets >= 0))

    def smoothed(self, targets: Any) -> Any:
        """The targets with label smoothing."""
        if self.label_smoothing == 0:
            return targets
        return targets * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


class CellLoss(MultiLabelLoss):
    """A loss that is the mean over the known cells of a cost of each.

    The cost is ``w y positive(z) + (1 - y) negative(z)`` for a target y, a logit z and the weight
    w of the label's positives.

    Args:
        positive_weights: w, float [X], or None for 1.
        label_smoothing: see `MultiLabelLoss`.
        name: of the loss.
    """

    def __init__(
        self,
        positive_weights: np.ndarray | list[float] | None = None,
        label_smoothing: float = 0.0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(label_smoothing, name=name, **kwargs)
        self.positive_weights = (
            None if positive_weights is None else np.asarray(positive_weights, np.float32)
        )

    def shares(self, targets: Any, known: Any, logits: Any) -> Any:
        """See `MultiLabelLoss`."""
        costs = self.costs(self.smoothed(targets), logits)
        return ops.sum(costs * known, axis=-1) / ops.maximum(ops.sum(known), 1.0)

    def costs(self, targets: Any, logits: Any) -> Any:
        """The cost of each cell, [B, X]."""
        weighted = targets if self.positive_weights is None else targets * self.positive_weights
        return weighted * self.positive(logits) + (1.0 - targets) * self.negative(logits)

    def positive(self, logits: Any) -> Any:
        """The cost of each cell if its label applies, [B, X]."""
        raise NotImplementedError

    def negative(self, logits: Any) -> Any:
        """The cost of each cell if its label does not apply, [B, X]."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        weights = self.positive_weights
        return {
            **super().get_config(),
            "positive_weights": None if weights is None else weights.tolist(),
        }
