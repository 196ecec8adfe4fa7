"""Finds the columns that hold labels, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from multilabel_bert.data.cell_values import BAD, NO, UNKNOWN, YES, indicator_columns, parse_list
from multilabel_bert.data.column_roles import LABEL_NAMES
from multilabel_bert.data.label_names import LabelNames
from multilabel_bert.data.layout import LabelFormat
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import LabelError, SettingsError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

_SAMPLE = 20_000
_INDEX_PATTERN = r"^\d+(\s*[,;| ]\s*\d+)*$"


def find_label_columns(
    table: Table, candidates: Sequence[str], known: LabelNames | None
) -> tuple[tuple[str, ...], str]:
    """Return the label columns among `candidates`, or none and the reason.

    In this order: columns named as the known labels; a column named "labels", "tags", …, that is
    not 0/1; columns of 0/1; a column of lists; a column of label indexes; the only column left
    with values that repeat.

    Raises:
        LabelError: if the file has the columns of some known labels, but not of all.
    """
    frame = table.frame
    if known is not None:
        there = set(candidates)
        present = [name for name in known.names if name in there]
        if len(present) == len(known.names):
            return known.names, ""
        if len(present) * 2 > len(known.names) and not known.found:
            _refuse_missing(table, known)
    zero_one, nearly = _indicator_columns(frame, candidates)
    by_name = {name.lower(): name for name in reversed(candidates)}
    named = [by_name[name] for name in LABEL_NAMES if name in by_name]
    for name in named:
        # Columns of tags are often a side matter, and then mostly empty.
        most_empty = 1.0 if name.lower() in {"labels", "label"} else 0.5
        if name not in zero_one and frame[name].null_count() < len(frame) * most_empty:
            return (name,), ""
    if zero_one:
        chosen = {*zero_one, *nearly}
        return tuple(name for name in candidates if name in chosen), ""
    lists = [name for name in candidates if is_list_column(frame[name])]
    if len(lists) == 1:
        return (lists[0],), ""
    if lists:
        return (), (
            f"{len(lists)} columns hold lists: {listed(lists)}. Say which holds the labels: "
            f"{option('label_columns', [lists[0]])}."
        )
    indexes = [name for name in candidates if _is_index_column(frame[name])]
    if len(indexes) == 1 and (known is not None or table.header is False):
        return (indexes[0],), ""
    repeating = [name for name in candidates if _repeats(frame[name])]
    if len(repeating) == 1:
        return (repeating[0],), ""
    if repeating:
        return (), (
            f"several columns may hold labels: {listed(repeating)}. Say which do: "
            f"{option('label_columns', repeating[:2])}."
        )
    return (
        (),
        f"none of the columns {listed(candidates) or '(there are no others)'} looks like one.",
    )


def _refuse_missing(table: Table, known: LabelNames) -> None:
    missing = [name for name in known.names if name not in table.frame.columns]
    others = [name for name in table.frame.columns if name not in known.names]
    raise LabelError(
        f"{table.source} has no column for the label{'s' if len(missing) > 1 else ''} "
        f"{listed(missing)} (from {known.origin}).{did_you_mean(missing[0], others)} Its columns: "
        f"{listed(table.frame.columns)}. Add the column (an empty cell means unknown), or take "
        "the label out of the names."
    )


def format_of_columns(
    table: Table, columns: Sequence[str], known: LabelNames | None
) -> LabelFormat:
    """Return how the labels of the given columns are written.

    Raises:
        SettingsError: if some columns hold 0/1 and some hold other values.
    """
    frame = table.frame
    if len(columns) == 1:
        column = frame[columns[0]]
        if is_list_column(column):
            if _is_vector_column(column, known):
                return "vector"
            return "index" if _are_indexes(column, known) else "list"
        zero_one, nearly = _indicator_columns(frame, columns, given=True)
        if zero_one or nearly:
            # 0 and 1 may also be the indexes of the two labels of a names file.
            both = known is not None and len(known.names) > 1 and columns[0] not in known.names
            return "index" if both else "indicator"
        return "index" if _are_indexes(column, known) else "delimited"
    zero_one, nearly = _indicator_columns(frame, columns, given=True)
    if len(zero_one) + len(nearly) == len(columns):
        return "indicator"
    if not zero_one:
        return "categorical"
    others = [name for name in columns if name not in zero_one]
    raise SettingsError(
        f"{table.source}: of the label columns, {listed(zero_one)} hold 0/1 and {listed(others)} "
        "hold other values. Give columns of one kind, or say "
        f"{option('label_format', 'indicator')} or {option('label_format', 'categorical')}."
    )


def _indicator_columns(
    frame: pl.DataFrame, columns: Sequence[str], *, given: bool = False
) -> tuple[list[str], list[str]]:
    """Return the columns that hold 0, 1 and unknown alone, and those that do for the most part.

    The latter most likely hold a mistake, which is to be reported and not passed over. Columns
    of "yes" and "no" count only where the user named them; columns where everything is unknown
    only beside others.
    """
    import polars as pl

    pure, nearly, unknown = [], [], []
    part = frame.select(columns)
    dtypes = dict(zip(part.columns, part.dtypes, strict=True))
    plain = [n for n, dtype in dtypes.items() if not (dtype.is_nested() or dtype.is_temporal())]
    if not given:
        spoken = _columns_of_yes_and_no(frame, [n for n in plain if dtypes[n] == pl.String])
        plain = [name for name in plain if name not in spoken]
    for name, values in indicator_columns(frame, plain):
        bad = int((values == BAD).sum())
        said = int(((values == YES) | (values == NO)).sum())
        if bad == 0 and said:
            pure.append(name)
        elif bad == 0 and (given or frame[name].null_count() < len(frame)):
            unknown.append(name)
        elif said and said >= bad * (9 if len(columns) == 1 else 1):
            nearly.append(name)
    if pure or len(unknown) > 1:
        chosen = {*pure, *unknown}
        pure = [name for name in columns if name in chosen]
    if not pure and not given:
        nearly = []
    return pure, nearly


def _columns_of_yes_and_no(frame: pl.DataFrame, strings: Sequence[str]) -> set[str]:
    import polars as pl

    if not strings:
        return set()
    words = pl.col(strings).str.strip_chars().str.to_lowercase()
    (found,) = frame.select(words.is_in(["yes", "no"]).any()).to_dicts()
    return {name for name, holds in found.items() if holds}


def is_list_column(column: pl.Series) -> bool:
    """Whether all cells are lists, or text that is written like a list."""
    import polars as pl

    if isinstance(column.dtype, (pl.List, pl.Array)):
        return True
    if column.dtype != pl.String:
        return False
    # A look at the first cells is a hundred times cheaper than a query, of which tables with a
    # thousand columns would need thousands.
    first = (cell.strip() for cell in column.head(20).to_list() if cell is not None)
    if any(cell and not cell.startswith("[") for cell in first):
        return False
    cells = column.head(_SAMPLE).drop_nulls().str.strip_chars()
    cells = cells.filter(cells != "")
    if not len(cells):
        return False
    as_list = cells.str.starts_with("[") & cells.str.ends_with("]")
    return bool(as_list.all()) and parse_list(cells[0]) is not None


def _is_vector_column(column: pl.Series, known: LabelNames | None) -> bool:
    """Whether cells are lists of one 0/1 a label, and not lists of indexes or names."""
    cells = column.head(1000).drop_nulls().to_list()
    parsed = [parse_list(cell) if isinstance(cell, str) else list(cell) for cell in cells]
    lists = [cell for cell in parsed if cell is not None]
    if not lists or len({len(cell) for cell in lists}) > 1 or len(lists[0]) < 2:
        return False
    allowed = (0, 1, UNKNOWN, None)
    if not all(
        not isinstance(v, (dict, list, str)) and (v in allowed or v != v)
        for cell in lists
        for v in cell
    ):
        return False
    if known is not None:
        return len(lists[0]) == len(known.names)
    return any(len(set(cell)) < len(cell) for cell in lists)  # an index stands in a list once


def _are_indexes(column: pl.Series, known: LabelNames | None) -> bool:
    """Whether cells hold indexes of the known names, which are not numbers themselves."""
    import polars as pl

    if known is None or all(name.isdecimal() for name in known.names):
        return False
    if isinstance(column.dtype, (pl.List, pl.Array)):
        return bool(column.dtype.inner.is_integer())
    if column.dtype == pl.String and is_list_column(column):
        lists = [parse_list(cell) for cell in column.drop_nulls().unique().head(1000)]
        items = [item for cell in lists if cell for item in cell]
        return bool(items) and all(
            isinstance(item, int) or (isinstance(item, str) and item.isdecimal()) for item in items
        )
    return _is_index_column(column)


def _is_index_column(column: pl.Series) -> bool:
    import polars as pl

    if column.dtype.is_integer():
        return bool((column.fill_null(0) >= 0).all())
    if column.dtype != pl.String:
        return False
    cells = column.drop_nulls().str.strip_chars()
    cells = cells.filter(~cells.str.to_lowercase().is_in(["", "none", "nan", "null", "?", "-1"]))
    return bool(len(cells)) and bool(cells.str.contains(_INDEX_PATTERN).all())


def _repeats(column: pl.Series) -> bool:
    """Whether a column looks like a set of classes: few distinct, short values."""
    import polars as pl

    if column.dtype.is_nested() or column.dtype.is_float() or column.dtype.is_temporal():
        return False
    cells = column.head(_SAMPLE).cast(pl.String).drop_nulls()
    if not len(cells):
        return False
    longest = cells.str.len_chars().max()
    dates_or_decimals = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^[+-]?\d*[.,]\d+$"
    if cells.str.contains(dates_or_decimals).all():
        return False
    few = len(cells) < 20 or cells.n_unique() * 3 <= len(cells)
    return few and isinstance(longest, int) and longest <= 200


def separator_of(
    column: pl.Series, label_format: LabelFormat, known: LabelNames | None
) -> str | None:
    """Return what separates the labels of one cell; None if every cell holds one label.

    A separator is believed where the parts it gives are known names or occur in several cells;
    "Payday loan, title loan, or personal loan" is one label where its parts occur nowhere else.
    """
    import polars as pl

    if column.dtype != pl.String:
        return None
    cells = column.drop_nulls().str.strip_chars().unique()
    if label_format == "index":
        for separator in ("|", ";", ","):
            if cells.str.contains(separator, literal=True).any():
                return separator
        return " " if cells.str.contains(" ", literal=True).any() else ","
    names = set(known.names) if known is not None else set()
    whole = sum(cell in names for cell in cells)
    for separator in ("|", ";", ","):
        with_separator = cells.filter(cells.str.contains(separator, literal=True))
        if not len(with_separator):
            continue
        if names:
            if whole == len(cells):
                return None
            parts = [p.strip() for cell in with_separator for p in cell.split(separator)]
            if any(part in names for part in parts):
                return separator
            continue
        parts_of_cells = pl.DataFrame({"cell": cells, "part": cells.str.split(separator)})
        parts_of_cells = parts_of_cells.explode("part").with_columns(
            pl.col("part").str.strip_chars()
        )
        in_cells = parts_of_cells.group_by("part").len()
        shared = in_cells.filter(pl.col("len") > 1).get_column("part")
        parts_here = parts_of_cells.filter(pl.col("cell").is_in(with_separator.to_list()))
        share = parts_here.get_column("part").is_in(shared.to_list()).mean()
        if len(column) < 50 or (isinstance(share, float) and share >= 0.3):
            return separator
    return None if names or len(cells) == 0 or len(column) >= 50 else ","
