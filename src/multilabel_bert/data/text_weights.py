"""How much each text counts, and labels that are probabilities: checked, from arrays or a table."""

# N = texts, X = labels

from __future__ import annotations

from typing import Any

import numpy as np

from multilabel_bert.data.option_hints import option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import DataError, LabelError

_EXPECTED = "a number of 0 or more, such as 1 or 0.5"


def text_weights(given: Any, texts: int, argument: str = "sample_weight") -> np.ndarray:
    """Weights of N texts in the loss, float32 [N].

    Args:
        given: N numbers, each 0 or more, one at least above 0.
        texts: N.
        argument: what the user calls them.

    Raises:
        DataError: if they are none.
    """
    try:
        weights = np.asarray(given, np.float32)
    except (TypeError, ValueError):
        raise DataError(f"{argument}: expected {texts} numbers, got {given!r}.") from None
    if weights.shape != (texts,):
        raise DataError(
            f"{argument} has the shape {weights.shape}, but there are {texts} texts. Expected one "
            "number a text."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataError(
            f"{argument}: text {bad[0]} (counted from 0) has {weights[bad[0]]}; expected "
            f"{_EXPECTED}."
        )
    if not weights.any():
        raise DataError(f"{argument}: all are 0, so there is nothing to learn. Raise some of them.")
    return weights


def column_weights(table: Table, column: str) -> np.ndarray:
    """The weights that a column of a table holds, float32 [N].

    Raises:
        DataError: if it is missing, or a cell is no weight, with its row.
    """
    import polars as pl

    mend = f"Name a column that exists with {option('weight_column')}."
    table.require(column, "weight column", mend)
    cells = table.frame.get_column(column)
    numbers = None if cells.dtype.is_nested() else cells.cast(pl.Float64, strict=False)
    weights = np.full(len(cells), np.nan) if numbers is None else numbers.to_numpy()
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        place = int(bad[0])
        raise DataError(
            f"{table.place(place, column)}: the weight is {cells[place]!r}; expected {_EXPECTED}. "
            f"Correct it, or name another column with {option('weight_column')}."
        )
    return text_weights(weights, len(cells), f"{table.source}, column {column!r}")


def soft_label_matrix(given: Any, shape: tuple[int, int]) -> np.ndarray:
    """Labels that are probabilities, float32 [N, X] with NaN for unknown.

    Args:
        given: [N, X], each from 0 to 1; NaN or -1: unknown.
        shape: N and X.

    Raises:
        LabelError: if they are none.
    """
    try:
        soft = np.array(given, np.float32)
    except (TypeError, ValueError):
        raise LabelError(
            f"soft_labels: expected numbers from 0 to 1 of the shape {shape}, got {given!r}."
        ) from None
    if soft.ndim == 1:
        soft = soft[:, np.newaxis]
    if soft.shape != shape:
        raise LabelError(
            f"soft_labels have the shape {soft.shape}, but the labels have {shape}. Expected one "
            "row a text and one column a label in both, in the same order."
        )
    soft[soft == -1] = np.nan
    bad = np.argwhere((soft < 0) | (soft > 1))
    if len(bad):
        row, column = bad[0]
        raise LabelError(
            f"soft_labels: row {row}, column {column} (counted from 0) is {soft[row, column]:g}; "
            "expected a probability from 0 to 1, or NaN or -1 for unknown."
        )
    return soft
