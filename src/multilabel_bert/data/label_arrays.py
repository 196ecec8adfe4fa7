"""Labels in memory, in any of the usual forms, to one sparse matrix. N = texts, X = labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from multilabel_bert.data.label_names import check_label_names
from multilabel_bert.data.option_hints import listed
from multilabel_bert.errors import LabelError, did_you_mean

_EXPECTED = "1 (yes), 0 (no), or NaN, None or -1 (unknown)"


def label_matrix(
    labels: Any, label_names: Sequence[str] | None = None
) -> tuple[csr_array, tuple[str, ...]]:
    """Return labels as a sparse matrix, with the names of its columns.

    Args:
        labels: one of

            - an array, a data frame, a sparse matrix or a list of lists of numbers, [N, X]
              (or [N] for one label): 1 yes, 0 no; NaN, None or -1 unknown;
            - N lists (tuples, sets) of label names; None in place of a list: all unknown;
            - with `label_names`, N lists of label indexes, where they cannot be taken for a
              matrix (a list of lists is one if all have X values of 0 and 1).
        label_names: X names. None: the columns of a data frame; the names that occur, sorted;
            or ``label_0``, ``label_1``, …

    Returns:
        int8 [N, X] with explicit 1 and -1, and X names.

    Raises:
        LabelError: if a value is none of these (with its row), a name is not among the names, or
            the number of names is not X.

    Example:
        >>> matrix, names = label_matrix([["joy", "love"], [], None])
        >>> names, matrix.toarray().tolist()
        (('joy', 'love'), [[1, 1], [0, 0], [-1, -1]])
        >>> label_matrix([[1, 0], [float("nan"), 1]])[0].toarray().tolist()
        [[1, 0], [-1, 1]]
    """
    names = None if label_names is None else check_label_names(label_names, "label_names")
    if isinstance(labels, (str, bytes, dict)) or not isinstance(labels, Iterable):
        raise LabelError(
            f"labels: expected [n, X] of 0 and 1 or a list of lists of label names, got "
            f"{type(labels).__name__}."
        )
    if issparse(labels):
        return _from_sparse(labels, names)
    if hasattr(labels, "columns") and (hasattr(labels, "to_numpy")):
        own = [str(column) for column in labels.columns]
        names = names or check_label_names(own, "columns of labels")
        return _from_array(_to_numbers(labels.to_numpy()), names)
    if hasattr(labels, "to_numpy") and not hasattr(labels, "columns"):  # a Series
        labels = labels.to_list() if hasattr(labels, "to_list") else list(labels)
    if isinstance(labels, np.ndarray) and labels.dtype != object and labels.dtype.kind != "U":
        return _from_array(labels, names)
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return _from_array(_to_numbers(labels), names)
    rows = list(labels)
    if rows and all(_is_number(row) or row is None for row in rows) and not _all_none(rows):
        return _from_array(_to_numbers(np.asarray(rows, dtype=object)), names)
    if _is_matrix(rows, names):
        return _from_array(
            _to_numbers(np.asarray([list(row) for row in rows], dtype=object)), names
        )
    return _from_sets(rows, names)


def _all_none(rows: Sequence[Any]) -> bool:
    return all(row is None for row in rows)


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float, np.number, np.bool_))


def _is_matrix(rows: Sequence[Any], names: tuple[str, ...] | None) -> bool:
    """Whether rows are the rows of a matrix, and not sets of label names or indexes."""
    if not rows or any(isinstance(row, (str, bytes, set, frozenset, dict)) for row in rows):
        return False
    if not all(hasattr(row, "__len__") and hasattr(row, "__iter__") for row in rows):
        return False
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {0}:
        return False
    if not all(v is None or _is_number(v) for row in rows for v in row):
        return False
    if names is None:
        return True
    zero_one = all(v is None or v in (0, 1, -1) or v != v for row in rows for v in row)
    return len(rows[0]) == len(names) or zero_one


def _to_numbers(values: np.ndarray) -> np.ndarray:
    """Return float64, with NaN for None; a value that is no number raises with its place."""
    if values.dtype.kind in "fiub":
        return values
    numbers = np.empty(values.shape, dtype=np.float64)
    for place, value in np.ndenumerate(values):
        if value is None or type(value).__name__ in {"NAType", "NaTType"}:
            numbers[place] = math.nan
        elif _is_number(value):
            numbers[place] = value
        else:
            raise _bad_value(place, value)
    return numbers


def _bad_value(
    place: tuple[int, ...], value: object, names: tuple[str, ...] | None = None
) -> LabelError:
    x = place[1] if len(place) > 1 else 0
    column = f"column {x}" if names is None else f"column {x} ({names[x]!r})"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    hint = (
        "For texts with exactly one of several classes give lists of names, such as [['billing']]."
    )
    if value == 2:
        # Its LabelEncoder makes 0, 1 and 2 of -1, 0 and 1 before a classifier sees them.
        hint += (
            " If scikit-learn's cross-validation made the 2 of unknown labels, use "
            "multilabel_bert.cross_validate."
        )
    return LabelError(
        f"labels: row {place[0]}, {column} (counted from 0) is {value!r}; expected {_EXPECTED}. "
        f"{hint}"
    )


def _names_for(count: int, names: tuple[str, ...] | None) -> tuple[str, ...]:
    if names is None:
        return tuple(f"label_{x}" for x in range(count))
    if len(names) != count:
        raise LabelError(
            f"label_names: {len(names)} names for {count} columns of labels. Expected one a column."
        )
    return names


def _from_array(
    array: np.ndarray, names: tuple[str, ...] | None
) -> tuple[csr_array, tuple[str, ...]]:
    if array.ndim == 1:
        array = array[:, np.newaxis]  # [N] -> [N, 1]
    if array.ndim != 2 or array.shape[1] == 0:
        raise LabelError(
            f"labels: expected an array [n, X] with at least one column, got shape {array.shape}."
        )
    given, names = names, _names_for(array.shape[1], names)
    unknown = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    good = unknown | (array == 0) | (array == 1)
    if array.dtype.kind in "fi":
        good |= array == -1
    if not good.all():
        place = tuple(int(i) for i in np.argwhere(~good)[0])
        raise _bad_value(place, array[place], given)
    coded = np.where(unknown, -1, array).astype(np.int8)
    return csr_array(coded), names


def _from_sparse(labels: Any, names: tuple[str, ...] | None) -> tuple[csr_array, tuple[str, ...]]:
    matrix = csr_array(labels, copy=True)
    matrix.sum_duplicates()
    given, names = names, _names_for(matrix.shape[1], names)
    values = matrix.data.astype(np.float64)
    values[np.isnan(values)] = -1
    bad = np.flatnonzero(~np.isin(values, (-1, 0, 1)))
    if bad.size:
        row = int(np.searchsorted(matrix.indptr, bad[0], side="right") - 1)
        raise _bad_value((row, int(matrix.indices[bad[0]])), matrix.data[bad[0]], given)
    result = csr_array((values.astype(np.int8), matrix.indices, matrix.indptr), matrix.shape)
    result.eliminate_zeros()
    return result, names


def _from_sets(
    rows: Sequence[Any], names: tuple[str, ...] | None
) -> tuple[csr_array, tuple[str, ...]]:
    sets = [_as_set(number, row) for number, row in enumerate(rows)]
    occurring = {name for row in sets if row is not None for name in row}
    indexes = {name for name in occurring if not isinstance(name, str)}
    if indexes and names is None:
        raise LabelError(
            f"labels: lists of label indexes (such as {next(iter(indexes))}) need label_names, "
            "which give their names in order."
        )
    if names is None:
        if not occurring:
            raise LabelError(
                "labels: no label occurs in any row, so there is nothing to learn. Expected at "
                "least one name, or give label_names."
            )
        names = check_label_names(sorted(map(str, occurring)), "labels")
    position = {name: x for x, name in enumerate(names)}
    indptr: list[int] = [0]
    indices: list[int] = []
    data: list[int] = []
    for number, row in enumerate(sets):
        if row is None:
            indices.extend(range(len(names)))
            data.extend([-1] * len(names))
        else:
            found = sorted({_position(number, name, position, names) for name in row})
            indices.extend(found)
            data.extend([1] * len(found))
        indptr.append(len(indices))
    matrix = csr_array(
        (np.asarray(data, np.int8), np.asarray(indices, np.int64), np.asarray(indptr, np.int64)),
        shape=(len(sets), len(names)),
    )
    return matrix, names


def _as_set(number: int, row: Any) -> list[str | int] | None:
    if row is None or (isinstance(row, float) and math.isnan(row)):
        return None
    if isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
        raise LabelError(
            f"labels: row {number} (counted from 0) is {row!r}; expected a list of label names. "
            f"For one label write [{row!r}]."
        )
    items: list[str | int] = []
    for item in row:
        if isinstance(item, str) and item.strip():
            items.append(item)
        elif isinstance(item, (int, np.integer)) and not isinstance(item, bool):
            items.append(int(item))
        else:
            raise LabelError(
                f"labels: row {number} (counted from 0) holds {item!r}; expected label names. "
                "Rows of 0 and 1 must all have the same length."
            )
    return items


def _position(
    number: int, name: str | int, position: dict[str, int], names: tuple[str, ...]
) -> int:
    if isinstance(name, int):
        if 0 <= name < len(names):
            return name
        raise LabelError(
            f"labels: row {number} (counted from 0) holds the index {name}; expected 0 to "
            f"{len(names) - 1}, since there are {len(names)} label_names."
        )
    if name not in position:
        raise LabelError(
            f"labels: row {number} (counted from 0): unknown label {name!r}."
            f"{did_you_mean(name, names)} Known labels: {listed(names)}. Correct the row, or add "
            "the label to label_names."
        )
    return position[name]
