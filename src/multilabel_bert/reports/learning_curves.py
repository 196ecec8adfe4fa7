"""How a training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multilabel_bert.reports.charts import Chart, Line, line_chart

_LOSSES = ("loss", "val_loss")
_NAMES = {"loss": "training loss", "val_loss": "development loss"}


@dataclass(frozen=True)
class LearningCurves:
    """The charts of a training.

    Attributes:
        charts: losses, then metrics.
        note: what else is known.
    """

    charts: tuple[Chart, ...]
    note: str


def learning_curves(history: Any) -> LearningCurves | None:
    """Draw the stored history of a training.

    Args:
        history: as `History.to_dict` gave it; of an older model None.

    Returns:
        None where there is none.
    """
    if not isinstance(history, Mapping) or not history.get("epochs"):
        return None
    epochs = history["epochs"]
    numbers = list(range(1, len(epochs) + 1))
    measured = [name for name in epochs[0] if name != "seconds"]

    def values(name: str) -> list[float]:
        # A missing value leaves a gap.
        return [float("nan") if epoch.get(name) is None else float(epoch[name]) for epoch in epochs]

    groups = [
        ("Loss", [name for name in measured if name in _LOSSES]),
        ("Development texts", [name for name in measured if name not in _LOSSES]),
    ]
    charts = []
    if len(epochs) > 1:
        for title, names in groups:
            lines = [
                Line(
                    _NAMES.get(name, name.removeprefix("val_")),
                    numbers,
                    values(name),
                    place,
                    marked=len(epochs) < 25,
                )
                for place, name in enumerate(names[:4])
            ]
            if lines:
                charts.append(line_chart(f"{title} by epoch", lines, x="epoch", y="", whole_x=True))
    seconds = sum(float(epoch.get("seconds") or 0) for epoch in epochs)
    note = f"{len(epochs)} epoch{'' if len(epochs) == 1 else 's'} in {seconds:,.0f} s"
    if history.get("best_epoch"):
        note += f"; the weights are those of epoch {history['best_epoch']}"
    if history.get("stopped_early"):
        note += "; stopped early"
    if history.get("interrupted"):
        note += "; interrupted"
    if len(epochs) == 1:
        figures = ", ".join(f"{_NAMES.get(name, name)} {values(name)[0]:.4f}" for name in measured)
        note += f". {figures}"
    return LearningCurves(tuple(charts), f"{note}.")
