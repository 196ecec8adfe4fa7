"""The cells of a label matrix: targets, probabilities and predictions checked and aligned."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.errors import DataError, LabelError

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating[Any]]

FIXED_THRESHOLD = 0.5


@dataclass(frozen=True)
class Targets:
    """What is true and what is known of each cell.

    Attributes:
        truth: bool [N, X], True where the label applies; False where that is unknown.
        known: bool [N, X], or None where every cell is known.
    """

    truth: BoolArray
    known: BoolArray | None

    @property
    def known_cells(self) -> BoolArray:
        """`known`, built where it is not stored: bool [N, X]."""
        return np.ones(self.truth.shape, bool) if self.known is None else self.known

    def rows(self, indices: NDArray[np.intp]) -> Targets:
        """The targets of these rows, in this order, repetitions included."""
        return Targets(self.truth[indices], None if self.known is None else self.known[indices])


def check_targets(targets: Any) -> Targets:
    """Read a label matrix.

    Args:
        targets: [N, X], an array or a SciPy sparse matrix: 1 yes, 0 no, -1 or NaN unknown.

    Raises:
        DataError: if it has no rows, no labels, or is not a matrix.
        LabelError: for another value, with its place.
    """
    if hasattr(targets, "toarray"):
        targets = targets.toarray()
    values = _matrix("targets", targets)
    truth: BoolArray = values == 1
    negative = values == 0
    if values.dtype == bool or np.all(truth | negative):
        return Targets(truth, None)
    known = truth | negative
    unknown = (values == -1) | np.isnan(values)
    if not np.all(known | unknown):
        row, column = np.argwhere(~(known | unknown))[0]
        raise LabelError(
            f"targets hold {values[row, column]} in row {row}, column {column}, counted from 0. "
            "Expected 1 (yes), 0 (no), or -1 or NaN (unknown). Mend that cell."
        )
    return Targets(truth, known)


def check_probabilities(
    probabilities: Any, shape: tuple[int, int] | None = None, labels: int | None = None
) -> FloatArray:
    """Read a matrix of probabilities; its floating type is kept.

    Args:
        probabilities: [N, X], each in [0, 1].
        shape: that of the targets, or None if there are none.
        labels: X, where only that is known.

    Raises:
        DataError: for another shape, a NaN, or values outside [0, 1].
    """
    values = _matrix("probabilities", probabilities, allow_no_rows=shape is None)
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    if shape is not None and values.shape != shape:
        raise _shape_error("probabilities", values.shape, shape)
    if labels is not None and values.shape[1] != labels:
        raise DataError(
            f"probabilities have {values.shape[1]} columns, but the decision rule has {labels} "
            "labels. Use the probabilities of the model that this rule belongs to."
        )
    # One pass finds both traps: a comparison with NaN is False.
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise _range_error(values)
    return values


def check_predictions(predictions: Any, shape: tuple[int, int]) -> BoolArray:
    """Read a matrix of decisions, 0 or 1.

    Raises:
        DataError: for another shape or another value.
    """
    if hasattr(predictions, "toarray"):
        predictions = predictions.toarray()
    values = _matrix("predictions", predictions)
    if values.shape != shape:
        raise _shape_error("predictions", values.shape, shape)
    positive: BoolArray = values == 1
    if values.dtype != bool and not np.all(positive | (values == 0)):
        row, column = np.argwhere(~(positive | (values == 0)))[0]
        raise DataError(
            f"predictions hold {values[row, column]} in row {row}, column {column}, counted from "
            "0. Expected 0 or 1. Give probabilities as `probabilities`."
        )
    return positive


def check_thresholds(thresholds: Any, labels: int) -> NDArray[np.float32]:
    """Read thresholds: one number for all labels, or one a label.

    Returns:
        float32 [X].

    Raises:
        DataError: for another number of them, or a value outside [0, 1].
    """
    try:
        with np.errstate(over="ignore"):  # 1e40 becomes inf, which is refused below
            values = np.asarray(thresholds, np.float32)
    except (TypeError, ValueError):
        raise DataError(
            f"thresholds are {thresholds!r}. Expected one number or a list of {labels} numbers."
        ) from None
    if values.ndim == 0:
        values = np.full(labels, values, np.float32)
    if values.shape != (labels,):
        raise DataError(
            f"thresholds have the shape {values.shape}, but there are {labels} labels. "
            f"Give one number, or {labels} of them."
        )
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        index = int(np.argmax(outside))
        raise DataError(
            f"The threshold of label {index}, counted from 0, is {values[index]}. Expected a "
            "probability between 0 and 1."
        )
    return values


def check_label_names(label_names: Sequence[str] | None, labels: int) -> tuple[str, ...]:
    """Names of the labels; ``"0"``, ``"1"``, … where none are given.

    Raises:
        DataError: if there are not X of them.
    """
    if label_names is None:
        return tuple(map(str, range(labels)))
    if len(label_names) != labels:
        raise DataError(
            f"label_names has {len(label_names)} names, but there are {labels} labels. "
            "Give one name a column, in the order of the columns."
        )
    return tuple(map(str, label_names))


def apply_thresholds(probabilities: FloatArray, thresholds: Any) -> BoolArray:
    """``probability >= threshold``, both in float32.

    float32 is what thresholds are stored in and what models give, so that a decision is the same
    before and after saving, whatever type the probabilities came in.
    """
    decided: BoolArray = probabilities.astype(np.float32, copy=False) >= np.asarray(
        thresholds, np.float32
    )
    return decided


def _matrix(name: str, values: Any, *, allow_no_rows: bool = False) -> NDArray[Any]:
    try:
        array = np.asarray(values)
        if array.dtype == object:
            # None among numbers, as tables give for an empty cell, becomes NaN: unknown.
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name} must be a matrix of numbers, one row a text and one column a label; found "
            "lists of different lengths, or something that is no number."
        ) from None
    if array.dtype.kind not in "biuf" or array.ndim != 2:
        hint = (
            " Write values.reshape(-1, 1) for a single label."
            if array.ndim == 1 and array.size
            else ""
        )
        raise DataError(
            f"{name} must be a matrix of numbers, one row a text and one column a label; "
            f"found the shape {array.shape} of type {array.dtype}.{hint}"
        )
    if array.shape[1] == 0 or (array.shape[0] == 0 and not allow_no_rows):
        raise DataError(
            f"{name} have the shape {array.shape}: there is nothing to look at. Expected at least "
            "one row and one label."
        )
    return array


def _shape_error(name: str, found: tuple[int, ...], expected: tuple[int, int]) -> DataError:
    return DataError(
        f"{name} have the shape {found}, but the targets have {expected}. "
        "Expected one row a text and one column a label in both, in the same order."
    )


def _range_error(values: FloatArray) -> DataError:
    row, column = np.argwhere(~((values >= 0) & (values <= 1)))[0]
    found = values[row, column]
    hint = (
        "The model gave no number for this text; if it was just trained, training diverged: "
        "lower the learning rate."
        if np.isnan(found)
        else "If these are logits, apply the sigmoid first: 1 / (1 + exp(-logits))."
    )
    return DataError(
        f"probabilities hold {found} in row {row}, column {column}, counted from 0. "
        f"Expected values between 0 and 1. {hint}"
    )
