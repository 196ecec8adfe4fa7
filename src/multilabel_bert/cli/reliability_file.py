"""Reliability curves as a file, for whoever draws them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multilabel_bert.decision.reliability import (
    BINNINGS,
    ReliabilityCurve,
    label_reliability,
    reliability_curve,
)
from multilabel_bert.files import atomic_file


def write_reliability(
    path: Path, label_names: Sequence[str], targets: Any, probabilities: Any
) -> None:
    """Write, for bins of equal width and of equal mass, the curves of all cells and of each label.

    Args:
        path: of a JSON file; ``{"equal_width": {"all": curve, "labels": {name: curve}}, ...}``,
            each curve with ``probability``, ``share``, ``cells`` and ``calibration_error``, which
            is null where nothing is known.
        label_names: X names.
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        probabilities: float [N, X].
    """

    def as_plain(curve: ReliabilityCurve) -> dict[str, Any]:
        error = curve.calibration_error if curve.cells else None
        return {**asdict(curve), "calibration_error": error}

    content = {
        binning: {
            "all": as_plain(reliability_curve(targets, probabilities, binning=binning)),
            "labels": dict(
                zip(
                    label_names,
                    map(as_plain, label_reliability(targets, probabilities, binning=binning)),
                    strict=True,
                )
            ),
        }
        for binning in BINNINGS
    }
    with atomic_file(path) as temporary:
        temporary.write_text(
            json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
