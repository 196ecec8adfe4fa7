"""A calibration as arrays, for programs that compute by tensor operations."""

# X = labels, C = labels with a curve, K = pieces of the curve that has most of them

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilabel_bert.decision.calibration import Calibration

# A constant added in place of the piece would do, but OpenVINO 2026.4 adds it to the wrong axis.
_BELOW = -1e30


@dataclass(frozen=True, eq=False)
class CalibrationArrays:
    """``sigmoid(slopes * logits + intercepts)``, and straight pieces for labels with a curve.

    The curve of a logit x is the sum over K of ``gains * clip((x - starts) / lengths, 0, 1)``. The
    first piece lies below every logit and rises to where the curve starts.

    Attributes:
        slopes: float32 [X].
        intercepts: float32 [X].
        curved: int64 [C], columns that have a curve.
        starts: float32 [C, K], where a piece starts.
        lengths: float32 [C, K], above 0.
        gains: float32 [C, K], how much a piece rises; 0 where a curve has fewer pieces.
        order: int64 [X], for each label its column in the smooth ones followed by the curves.
    """

    slopes: np.ndarray
    intercepts: np.ndarray
    curved: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    gains: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, calibration: Calibration | None) -> CalibrationArrays | None:
        """The arrays of a calibration; None of none.

        >>> from multilabel_bert.decision.calibration import Curve
        >>> fit = Calibration("isotonic", [1.0], [0.0], {0: Curve(np.array([0.0, 2.0]),
        ...     np.array([0.25, 0.75]))})
        >>> arrays = CalibrationArrays.of(fit)
        >>> arrays.gains.tolist(), arrays.lengths.tolist(), arrays.order.tolist()
        ([[0.25, 0.5]], [[1.0, 2.0]], [1])
        """
        if calibration is None:
            return None
        labels = len(calibration.slopes)
        curves = dict(sorted(calibration.curves.items()))
        shape = (len(curves), max((len(curve.logits) for curve in curves.values()), default=1))
        starts, lengths, gains = np.full(shape, _BELOW), np.ones(shape), np.zeros(shape)
        order = np.arange(labels)
        for row, (column, curve) in enumerate(curves.items()):
            count = len(curve.logits)
            starts[row, 1:count] = curve.logits[:-1]
            lengths[row, 1:count] = np.diff(curve.logits)
            gains[row, :count] = np.diff(curve.probabilities, prepend=0.0)
            order[column] = labels + row
        return cls(
            slopes=calibration.slopes.astype(np.float32),
            intercepts=calibration.intercepts.astype(np.float32),
            curved=np.array(list(curves), np.int64),
            starts=starts.astype(np.float32),
            # What rounds to 0 is a step; the smallest normal number keeps it from being 0 / 0.
            lengths=np.maximum(lengths, np.finfo(np.float32).tiny).astype(np.float32),
            gains=gains.astype(np.float32),
            order=order,
        )
