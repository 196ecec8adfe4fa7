"""Columns of label names to occurrences of labels: delimited, lists, indexes, categories."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np

from multilabel_bert.data.cell_values import UNKNOWN_WORDS, name_of_item, parse_list
from multilabel_bert.data.label_names import LabelNames
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import LabelError

if TYPE_CHECKING:
    import polars as pl

# A cell that is one of these says nothing; "na" and "-1" inside a list are names like others.
CELL_WORDS = [word for word in UNKNOWN_WORDS if word not in {"na", "<na>"}]


@dataclasses.dataclass(frozen=True)
class LabelItems:
    """Labels of one column, one entry an occurrence.

    Attributes:
        column: of the table.
        rows: int64 [M], the position of each occurrence in the table.
        names: M strings.
        unknown_rows: rows where nothing is known about the labels of this column.
        prefix: of the names of all labels of this column.
        any_known: whether a cell says something, be it that there is no label.
        blank: items passed over because their name is blank.
    """

    column: str
    rows: np.ndarray
    names: pl.Series
    unknown_rows: np.ndarray
    prefix: str
    any_known: bool
    blank: int = 0


def categorical_items(table: Table, layout: DataLayout, column: str) -> LabelItems:
    """Return the labels ``column=value`` of a column of single values.

    Raises:
        LabelError: if it holds lists.
    """
    import polars as pl

    cells = table.frame.get_column(column)
    if cells.dtype.is_nested():
        raise LabelError(
            f"{table.source}, column {column!r}: holds lists, where one value is expected. "
            f"Give it alone, with {option('label_format', 'list')}."
        )
    cells = cells.cast(pl.String).str.strip_chars()
    empty = cells.is_null() | cells.fill_null("").str.to_lowercase().is_in(["", *CELL_WORDS])
    rows = np.flatnonzero(~empty.to_numpy())
    names = (column + "=" + cells.filter(~empty)).rename(column)
    unknown = np.flatnonzero(empty.to_numpy())
    if layout.empty_labels == "none":
        unknown = unknown[:0]
    return LabelItems(column, rows, names, unknown, column + "=", bool(rows.size))


def set_items(
    table: Table, layout: DataLayout, column: str, known: LabelNames | None
) -> LabelItems:
    """Return the labels of a column whose cells are sets: delimited, list or index.

    Raises:
        LabelError: at the first cell that cannot be read.
    """
    import polars as pl

    cells = table.frame.get_column(column)
    if cells.dtype in (pl.Categorical, pl.Enum) or cells.dtype.is_numeric():
        cells = cells.cast(pl.String)
    if cells.dtype == pl.Null:
        cells = cells.cast(pl.String)
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        return _native_list_items(table, column, cells)
    if cells.dtype != pl.String:
        raise LabelError(
            f"{table.source}, column {column!r}: holds {cells.dtype}, where label names are "
            f"expected. Name another column with {option('label_columns')}."
        )
    cells = cells.str.strip_chars()
    words = cells.fill_null("").str.to_lowercase()
    is_word = words.is_in(CELL_WORDS)
    if known is not None:
        is_word &= ~cells.fill_null("").is_in(list(known.names))
    empty = words == ""
    # JSON and Parquet tell null from an empty text; delimited files cannot.
    null_is_unknown = table.header is None
    unknown = is_word | (cells.is_null() if null_is_unknown else pl.Series([False]))
    if layout.empty_labels == "unknown":
        unknown |= empty
    skipped = (unknown | empty).to_numpy()
    rows = np.flatnonzero(~skipped)
    full = cells.filter(pl.Series(~skipped))
    looks_like_list = full.str.starts_with("[") & full.str.ends_with("]")
    if layout.label_format == "list" or (layout.label_format == "index" and looks_like_list.all()):
        lists = _parse_list_cells(table, column, full, rows)
    else:
        for cell, row in zip(full.filter(looks_like_list), rows[looks_like_list], strict=True):
            if parse_list(cell) is not None:
                raise LabelError(
                    f"{table.place(int(row), column)}: {cell[:60]!r} is a list, and other rows "
                    "hold plain names. Write all rows the same way."
                )
        separator = layout.label_separator
        lists = full.str.split(separator) if separator else full.reshape((-1, 1)).arr.to_list()
    lengths = lists.list.len().to_numpy()
    names = lists.explode().cast(pl.String)
    if len(names) != int(lengths.sum()):  # explode makes a null of an empty list
        lengths = np.maximum(lengths, 1)
    names = names.str.strip_chars()
    rows_of_names = np.repeat(rows, lengths)
    keep = (names.fill_null("") != "").to_numpy()
    blank = int((names == "").sum()) if layout.label_format == "list" else 0
    return LabelItems(
        column,
        rows_of_names[keep],
        names.filter(pl.Series(keep)),
        np.flatnonzero(unknown.to_numpy()),
        "",
        bool(full.len() > 0),
        blank,
    )


def _native_list_items(table: Table, column: str, cells: pl.Series) -> LabelItems:
    import polars as pl

    unknown = np.flatnonzero(cells.is_null().to_numpy())
    positions = pl.DataFrame({"row": np.arange(len(cells)), "cell": cells})
    flat = positions.filter(pl.col("cell").list.len() > 0).explode("cell")
    inner = flat.get_column("cell")
    if isinstance(inner.dtype, pl.Struct):
        fields = [field.name for field in inner.dtype.fields]
        field = next((name for name in ("name", "label") if name in fields), None)
        if field is None:
            raise LabelError(
                f"{table.source}, column {column!r}: its objects have no key 'name' or 'label'; "
                f"they have {listed(fields)}. Write the label's name under 'name'."
            )
        inner = inner.struct.field(field)
    if inner.dtype.is_float():
        inner = inner.cast(pl.Int64, strict=False)
    names = _names_of_objects_as_text(inner.cast(pl.String).str.strip_chars())
    bad = np.flatnonzero(names.is_null().to_numpy())
    rows = flat.get_column("row").to_numpy()
    if bad.size:
        raise LabelError(
            f"{table.place(int(rows[bad[0]]), column)}: an item of the list has no name. Expected "
            "the name of a label. Remove it, or give it a name."
        )
    named = names != ""
    return LabelItems(
        column,
        rows[named.to_numpy()],
        names.filter(named),
        unknown,
        "",
        unknown.size < len(cells),
        int((~named).sum()),
    )


def _names_of_objects_as_text(names: pl.Series) -> pl.Series:
    # Where a file has lists of names and lists of objects, polars makes text of the objects.
    import polars as pl

    objects = names.str.starts_with("{") & names.str.ends_with("}")
    if not objects.any():
        return names
    plain = []
    for name in names:
        try:
            value = json.loads(name) if name is not None and name.startswith("{") else name
        except json.JSONDecodeError:
            value = name
        plain.append(name_of_item(value))
    return pl.Series(names.name, plain, dtype=pl.String)


def _parse_list_cells(table: Table, column: str, cells: pl.Series, rows: np.ndarray) -> pl.Series:
    """Return List(String): the names in each cell of JSON text."""
    import polars as pl

    parsed: dict[str, list[str]] = {}
    for cell, row in zip(cells, rows, strict=True):
        if cell in parsed:
            continue
        items = parse_list(cell)
        shown = cell if len(cell) <= 60 else cell[:60] + "…"
        if items is None:
            raise LabelError(
                f"{table.place(int(row), column)}: {shown!r} is not a list. Expected JSON such as "
                '["joy", "love"] or [{"name": "joy"}]. Correct it, or say '
                f"{option('label_format', 'delimited')}."
            )
        names = [name_of_item(item) for item in items]
        if None in names:
            item = items[names.index(None)]
            raise LabelError(
                f"{table.place(int(row), column)}: the item {item!r} of the list names no label. "
                'Expected a string, a number, or an object with "name".'
            )
        parsed[cell] = [name for name in names if name is not None]
    return pl.Series(column, [parsed[cell] for cell in cells], dtype=pl.List(pl.String))
