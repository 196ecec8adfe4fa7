"""Calibration: from logits to probabilities that come true as often as they say."""

# N = texts, X = labels, K = knots of a curve

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.calibration_fit import isotonic, platt, temperature_slope
from multilabel_bert.decision.cells import BoolArray, check_targets
from multilabel_bert.decision.curves import label_columns
from multilabel_bert.decision.logistic import log_odds, sigmoid
from multilabel_bert.errors import DataError, ModelError, SettingsError, did_you_mean

CALIBRATIONS = ("none", "temperature", "platt", "isotonic")
"""What `fit_calibration` can do, from the least to the most flexible."""
# Positives, and negatives, that a label needs for parameters of its own, and for a curve.
PLATT_SUPPORT = 10
ISOTONIC_SUPPORT = 500
_CELLS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Curve:
    """An isotonic curve: straight lines between K knots, level outside them.

    Attributes:
        logits: float64 [K], ascending.
        probabilities: float64 [K], never falling, each above 0 and below 1.
    """

    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rising function from the logit to the probability, for each of X labels.

    ``sigmoid(slope * logit + intercept)``, or the curve of a label that has one. Texts keep their
    order in each label; an isotonic curve can make neighbours equal. Labels of one text can change
    their order, for each has its own function.

    Attributes:
        method: how it was fitted: ``"temperature"``, ``"platt"`` or ``"isotonic"``.
        slopes: float64 [X], above 0.
        intercepts: float64 [X].
        curves: by column; the labels that have a curve.

    Raises:
        SettingsError: if a value cannot be used.
    """

    method: str
    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    curves: Mapping[int, Curve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every value."""
        check_calibration(self.method)
        slopes, intercepts = (
            np.array(values, np.float64) for values in (self.slopes, self.intercepts)
        )
        if slopes.ndim != 1 or slopes.shape != intercepts.shape or not slopes.size:
            raise SettingsError("calibration: expected a slope and an intercept for each label.")
        if not (np.isfinite(slopes).all() and np.isfinite(intercepts).all() and slopes.min() > 0):
            raise SettingsError(
                "calibration: expected finite slopes above 0 and finite intercepts."
            )
        for column, curve in self.curves.items():
            _check_curve(column, curve, len(slopes))
        object.__setattr__(self, "slopes", slopes)
        object.__setattr__(self, "intercepts", intercepts)

    def probabilities(self, logits: Any) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 [N, X], of logits [N, X]."""
        values = np.asarray(logits)
        # Some rows at a time: float64 in between takes little memory.
        at_once = max(1, _CELLS_AT_ONCE // len(self.slopes))
        parts = [
            sigmoid(self.calibrated_logits(values[start : start + at_once]))
            for start in range(0, max(1, len(values)), at_once)
        ]
        return np.concatenate(parts)

    def calibrated_logits(self, logits: Any) -> NDArray[np.float64]:
        """The logits of the calibrated probabilities, float64 [N, X].

        Raises:
            DataError: if there are other than X columns.
        """
        values = np.asarray(logits, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.slopes):
            raise DataError(
                f"logits have the shape {values.shape}, but the calibration is of "
                f"{len(self.slopes)} labels. Use the logits of the model it belongs to."
            )
        calibrated: NDArray[np.float64] = values * self.slopes + self.intercepts
        for column, curve in self.curves.items():
            calibrated[:, column] = log_odds(
                np.interp(values[:, column], curve.logits, curve.probabilities)
            )
        return calibrated

    def describe(self) -> str:
        """What each label has, for people.

        >>> Calibration("temperature", [0.5, 0.5], [0.0, 0.0]).describe()
        'temperature 2.00'
        """
        shared = self.intercepts == 0
        slope = self.slopes[shared][0] if shared.any() else 1.0
        if self.method == "temperature":
            return f"temperature {1 / slope:.2f}"
        kinds = {
            "isotonic": len(self.curves),
            "platt": int((~shared).sum()) - len(self.curves.keys() - np.flatnonzero(shared)),
        }
        kinds["temperature"] = len(self.slopes) - sum(kinds.values())
        parts = [f"{kind} for {count}" for kind, count in kinds.items() if count]
        return f"{', '.join(parts)} labels"

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; `from_dict` gives an equal calibration back."""
        return {
            "method": self.method,
            "slopes": self.slopes.tolist(),
            "intercepts": self.intercepts.tolist(),
            "curves": {
                str(column): {
                    "logits": curve.logits.tolist(),
                    "probabilities": curve.probabilities.tolist(),
                }
                for column, curve in self.curves.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Any) -> Calibration:
        """The calibration that `to_dict` gave.

        Raises:
            ModelError: for a missing or an unknown key, or a value that cannot be used.
        """
        keys = ("method", "slopes", "intercepts", "curves")
        if not isinstance(values, Mapping) or set(values) != set(keys):
            raise ModelError(
                f"calibration: expected an object with the keys {', '.join(keys)}. The file is "
                "damaged, was edited, or is of a newer version: fit the calibration again."
            )
        try:
            curves = {
                int(column): Curve(
                    np.array(curve["logits"], np.float64),
                    np.array(curve["probabilities"], np.float64),
                )
                for column, curve in values["curves"].items()
            }
            return cls(values["method"], values["slopes"], values["intercepts"], curves)
        except (SettingsError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"calibration cannot be read ({error}). The file is damaged or was edited: fit "
                "the calibration again."
            ) from None


def fit_calibration(
    targets: Any,
    logits: Any,
    method: str = "temperature",
) -> Calibration | None:
    """Fit on texts that the model was not trained on.

    - ``"temperature"``: one slope for all labels, no intercept.
    - ``"platt"``: a slope and an intercept a label; where a label has fewer than `PLATT_SUPPORT`
      positives or negatives, or its logits do not rise with the truth, the temperature.
    - ``"isotonic"``: a rising curve a label; where it has fewer than `ISOTONIC_SUPPORT` positives
      or negatives, as ``"platt"``. No probability of a curve over n texts is below 1 / (n + 2) or
      above 1 - 1 / (n + 2): n texts are no evidence for more.

    Args:
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown; unknown cells are dropped.
        logits: float [N, X].
        method: one of `CALIBRATIONS`.

    Returns:
        The calibration; None for ``"none"``.

    Raises:
        SettingsError: for an unknown method.
        DataError: if the arrays do not fit each other, or a logit is not finite.

    Example:
        >>> fit_calibration([[1], [0], [1], [0]], [[8], [8], [8], [-8]]).slopes.round(3).tolist()
        [0.137]
    """
    check_calibration(method)
    if method == "none":
        return None
    checked = check_targets(targets)
    values = np.asarray(logits, np.float32)
    if values.shape != checked.truth.shape:
        raise DataError(
            f"logits have the shape {values.shape}, but the targets have {checked.truth.shape}. "
            "Expected one row a text and one column a label in both, in the same order."
        )
    if not np.isfinite(values).all():
        raise DataError(
            "logits hold a value that is no finite number. If the model was just trained, "
            "training diverged: lower the learning rate."
        )
    labels = values.shape[1]
    known = slice(None) if checked.known is None else checked.known
    shared = temperature_slope(
        values[known].ravel().astype(np.float64), checked.truth[known].ravel()
    )
    slopes, intercepts = np.full(labels, shared), np.zeros(labels)
    curves: dict[int, Curve] = {}
    if method != "temperature":
        for label, (truth, some, column) in enumerate(label_columns(checked, values)):
            cells = slice(None) if some is None else some
            _fit_label(
                label, column[cells].astype(np.float64), truth[cells], method, slopes, intercepts,
                curves,
            )  # fmt: skip
    return Calibration(method, slopes, intercepts, curves)


def _fit_label(
    label: int,
    logits: NDArray[np.float64],
    truth: BoolArray,
    method: str,
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    curves: dict[int, Curve],
) -> None:
    fewer = min(int(truth.sum()), int((~truth).sum()))
    if fewer >= PLATT_SUPPORT:
        slope, intercept = platt(logits, truth)
        if slope > 0:
            slopes[label], intercepts[label] = slope, intercept
    if method == "isotonic" and fewer >= ISOTONIC_SUPPORT:
        at, probabilities = isotonic(logits, truth)
        least = 1 / (len(truth) + 2)
        curves[label] = Curve(at, np.clip(probabilities, least, 1 - least))


def check_calibration(method: str) -> None:
    """Raise a SettingsError for a method that does not exist."""
    if method not in CALIBRATIONS:
        raise SettingsError(
            f"calibration={method!r} is unknown.{did_you_mean(str(method), CALIBRATIONS)} "
            f"Use one of {', '.join(CALIBRATIONS)}."
        )


def _check_curve(column: int, curve: Curve, labels: int) -> None:
    logits, probabilities = curve.logits, curve.probabilities
    if not 0 <= column < labels:
        raise SettingsError(
            f"calibration has a curve of column {column}, but there are {labels} labels."
        )
    if logits.ndim != 1 or not len(logits) or logits.shape != probabilities.shape:
        raise SettingsError(f"calibration: the curve of column {column} is no list of knots.")
    if not (
        np.isfinite(logits).all()
        and np.all(np.diff(logits) > 0)
        and np.all(np.diff(probabilities) >= 0)
        and probabilities[0] > 0
        and probabilities[-1] < 1
    ):
        raise SettingsError(
            f"calibration: the curve of column {column} must rise, between 0 and 1."
        )
