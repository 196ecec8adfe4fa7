"""What happened in a training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

# Followed on the development split where no metric is named: it needs no threshold.
DEFAULT_MONITOR = "macro_average_precision"


@dataclass
class History:
    """What happened in training.

    Attributes:
        epochs: one dictionary an epoch: ``loss``, ``seconds`` and, with a development split,
            ``val_loss`` and ``val_<metric>``.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        interrupted: whether Ctrl-C ended the training.
        stopped_early: whether the metric stopped getting better.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False
    stopped_early: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold: what is no number becomes None."""
        epochs = [
            {name: float(value) if math.isfinite(value) else None for name, value in epoch.items()}
            for epoch in self.epochs
        ]
        return {**asdict(self), "epochs": epochs}
