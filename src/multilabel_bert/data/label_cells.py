"""Label columns of a table to a sparse label matrix. N = texts, X = labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array

from multilabel_bert.data.cell_values import (
    BAD,
    INDICATOR_VALUES,
    UNKNOWN,
    indicator_columns,
    parse_list,
)
from multilabel_bert.data.label_items import CELL_WORDS, LabelItems, categorical_items, set_items
from multilabel_bert.data.label_names import LabelNames
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import LabelError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

UnknownLabels = Literal["error", "ignore"]


@dataclasses.dataclass(frozen=True)
class ParsedLabels:
    """Labels of a table.

    Attributes:
        matrix: int8 [N, X] with explicit 1 and -1.
        names: X names.
        ignored: labels that are not among the known names, with how often they occurred.
        unlabelled: whether not one cell says anything.
        blank: items of lists that were passed over because their name is blank.
    """

    matrix: csr_array
    names: tuple[str, ...]
    ignored: dict[str, int]
    unlabelled: bool
    blank: int = 0


def sparse_labels(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]
) -> csr_array:
    """Return int8 [N, X] with sorted indices, from coordinates that occur once each."""
    matrix = csr_array((values.astype(np.int8), (rows, columns)), shape=shape)
    matrix.sort_indices()
    return matrix


def parse_labels(
    table: Table,
    layout: DataLayout,
    known: LabelNames | None,
    unknown_labels: UnknownLabels = "error",
) -> ParsedLabels:
    """Read the label columns of a table as its layout says.

    Args:
        table: the table; all label columns are in it.
        layout: with a label format.
        known: names and order of the labels; None: those of the table, sorted (0/1 columns: in
            the order of the layout).
        unknown_labels: what a label that is not among `known` is: an error, or ignored (and
            counted).

    Raises:
        LabelError: at the first cell that cannot be read, with row, column and value.
    """
    if layout.label_format == "indicator":
        return _parse_indicators(table, layout, known)
    if layout.label_format == "vector":
        return _parse_vectors(table, layout, known)
    if layout.label_format == "categorical":
        items = [categorical_items(table, layout, column) for column in layout.label_columns]
    else:
        items = [set_items(table, layout, layout.label_columns[0], known)]
    return _join_items(table, layout, items, known, unknown_labels)


def _parse_indicators(table: Table, layout: DataLayout, known: LabelNames | None) -> ParsedLabels:
    names = known.names if known is not None else layout.label_columns
    rows, columns, values = [], [], []
    known_cells = 0
    for position, (column, coded) in enumerate(indicator_columns(table.frame, names)):
        bad = np.flatnonzero(coded == BAD)
        if bad.size:
            found = table.frame.get_column(column)[int(bad[0])]
            raise LabelError(
                f"{table.place(int(bad[0]), column)}: the label is {found!r}; "
                f"expected {INDICATOR_VALUES}. Correct it, or, if this column holds no label, "
                f"name those that do with {option('label_columns')}."
            )
        here = np.flatnonzero(coded)
        rows.append(here)
        columns.append(np.full(here.size, position))
        values.append(coded[here])
        known_cells += int((coded != UNKNOWN).sum())
    matrix = sparse_labels(
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(values),
        (table.frame.height, len(names)),
    )
    return ParsedLabels(matrix, tuple(names), {}, known_cells == 0)


def _parse_vectors(table: Table, layout: DataLayout, known: LabelNames | None) -> ParsedLabels:
    column = layout.label_columns[0]
    cells = _as_lists(table, column)
    width = len(known.names) if known is not None else max((len(c) for c in cells if c), default=0)
    names = known.names if known is not None else tuple(f"label_{x}" for x in range(width))
    dense = np.full((len(cells), width), UNKNOWN, dtype=np.int8)
    codes = {1: 1, 0: 0, -1: UNKNOWN, None: UNKNOWN}
    for index, cell in enumerate(cells):
        if cell is None:
            continue
        if len(cell) != width:
            raise LabelError(
                f"{table.place(index, column)}: {len(cell)} values, where there are {width} "
                "labels. Expected one 0 or 1 a label."
            )
        for x, value in enumerate(cell):
            if value != value:  # NaN
                value = None
            if isinstance(value, (dict, list)) or value not in codes:
                raise LabelError(
                    f"{table.place(index, column)}: value {x + 1} of the list is {value!r}; "
                    "expected 1 (yes), 0 (no) or null (unknown)."
                )
            dense[index, x] = codes[value]
    rows, columns = np.nonzero(dense)
    matrix = sparse_labels(rows, columns, dense[rows, columns], dense.shape)
    return ParsedLabels(matrix, names, {}, bool((dense == UNKNOWN).all()))


def _as_lists(table: Table, column: str) -> list[list[object] | None]:
    import polars as pl

    cells = table.frame.get_column(column)
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        return cells.to_list()
    lists: list[list[object] | None] = []
    for index, cell in enumerate(cells):
        items = None if cell is None or cell.strip().lower() in CELL_WORDS else parse_list(cell)
        if cell is not None and items is None and cell.strip().lower() not in CELL_WORDS:
            raise LabelError(
                f"{table.place(index, column)}: {cell[:60]!r} is not a list. Expected 0/1 values "
                "such as [0, 1, 0]."
            )
        lists.append(items)
    return lists


def _join_items(
    table: Table,
    layout: DataLayout,
    items: Sequence[LabelItems],
    known: LabelNames | None,
    unknown_labels: UnknownLabels,
) -> ParsedLabels:
    """Give every name its column of the matrix, and put the occurrences together."""
    names = known.names if known is not None else tuple(n for i in items for n in _own_names(i))
    position = {name: x for x, name in enumerate(names)}
    ignored: dict[str, int] = {}
    codes_by_column = []
    for item in items:
        distinct = item.names.unique().to_list()
        if layout.label_format == "index" and known is not None:
            codes = {name: _index_code(name, len(names)) for name in distinct}
        else:
            codes = {name: position.get(name, -1) for name in distinct}
        strangers = {name for name, code in codes.items() if code < 0}
        if strangers and unknown_labels == "error":
            assert known is not None
            _refuse_stranger(table, layout, item, strangers, known)
        coded = (
            item.names.replace_strict(
                list(codes), list(codes.values()), return_dtype=_int64()
            ).to_numpy()
            if codes
            else np.zeros(0, np.int64)
        )
        if strangers:
            for name in item.names.filter(item.names.is_in(list(strangers))).to_list():
                ignored[name] = ignored.get(name, 0) + 1
        codes_by_column.append(coded)

    shape = (table.frame.height, len(names))
    rows = np.concatenate([item.rows for item in items])
    columns = np.concatenate(codes_by_column)
    rows, columns = rows[columns >= 0], columns[columns >= 0]
    # A name twice in one cell counts once.
    cells = np.unique(rows * max(1, shape[1]) + columns)
    rows, columns = np.divmod(cells, max(1, shape[1]))
    all_rows, all_columns = [rows], [columns]
    values = [np.ones(rows.size, np.int8)]
    for item in items:
        own = np.asarray([x for x, name in enumerate(names) if name.startswith(item.prefix)])
        all_rows.append(np.repeat(item.unknown_rows, own.size))
        all_columns.append(np.tile(own.astype(np.int64), item.unknown_rows.size))
        values.append(np.full(own.size * item.unknown_rows.size, UNKNOWN, np.int8))
    matrix = sparse_labels(
        np.concatenate(all_rows), np.concatenate(all_columns), np.concatenate(values), shape
    )
    unlabelled = not any(item.any_known for item in items)
    return ParsedLabels(matrix, names, ignored, unlabelled, sum(item.blank for item in items))


def _int64() -> pl.DataType:
    import polars as pl

    return pl.Int64()


def _own_names(item: LabelItems) -> list[str]:
    names = item.names.unique().to_list()
    if all(name.isdecimal() for name in names):
        return sorted(names, key=int)
    return sorted(names)


def _index_code(name: str, count: int) -> int:
    return int(name) if name.isdecimal() and int(name) < count else -1


def _refuse_stranger(
    table: Table, layout: DataLayout, item: LabelItems, strangers: set[str], known: LabelNames
) -> None:
    first = int(np.flatnonzero(item.names.is_in(list(strangers)).to_numpy())[0])
    name = item.names[first]
    place = table.place(int(item.rows[first]), item.column)
    others = f" ({len(strangers)} such labels in all.)" if len(strangers) > 1 else ""
    if layout.label_format == "index":
        raise LabelError(
            f"{place}: {name!r} is not a label index. Expected 0 to {len(known.names) - 1}, the "
            f"{len(known.names)} names of {known.origin}.{others} Correct the row, or the names."
        )
    raise LabelError(
        f"{place}: unknown label {name!r}.{did_you_mean(name, known.names)} Known labels "
        f"(from {known.origin}): {listed(known.names)}.{others} Correct the row, add the label "
        f"to the names before training, or say {option('unknown_labels', 'ignore')}."
    )
