"""Finds the layout of a table: text, pair, identifier and label columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from multilabel_bert.data.column_roles import ID_NAMES, PAIR_NAMES, TEXT_NAMES
from multilabel_bert.data.label_columns import (
    find_label_columns,
    format_of_columns,
    is_list_column,
    separator_of,
)
from multilabel_bert.data.label_names import LabelNames
from multilabel_bert.data.layout import LABEL_FORMATS, DataLayout, EmptyLabels, LabelFormat
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import DataError, SettingsError, did_you_mean

if TYPE_CHECKING:
    import polars as pl


@dataclasses.dataclass(frozen=True)
class GivenColumns:
    """What the user said about columns; None: to be found."""

    text_column: str | None = None
    pair_column: str | None = None
    label_columns: Sequence[str] | None = None
    label_format: LabelFormat | None = None
    label_separator: str | None = None
    empty_labels: EmptyLabels | None = None
    id_column: str | None = None
    weight_column: str | None = None


@dataclasses.dataclass(frozen=True)
class Detection:
    """A layout, and why no labels were found if none were."""

    layout: DataLayout
    no_labels_because: str = ""


def detect_layout(
    table: Table, given: GivenColumns, known: LabelNames | None, *, want_labels: bool = True
) -> Detection:
    """Find what the user has not said.

    Args:
        table: the table.
        given: what the user said.
        known: label names that are known beforehand.
        want_labels: False for texts alone.

    Raises:
        DataError: if a column is missing, or no column can be the text.
        SettingsError: if an option has no such value.
    """
    if given.label_format is not None and given.label_format not in LABEL_FORMATS:
        raise SettingsError(
            f"{option('label_format')}: {given.label_format!r} is not known."
            f"{did_you_mean(given.label_format, LABEL_FORMATS)} "
            f"Expected one of {', '.join(LABEL_FORMATS)}."
        )
    if given.empty_labels not in (None, "none", "unknown"):
        raise SettingsError(
            f"{option('empty_labels')}: expected none or unknown, got {given.empty_labels!r}."
        )
    label_columns = _given_label_columns(table, given.label_columns)
    _require_given(table, given)
    others_given = given.pair_column, given.id_column, given.weight_column
    taken = {name for name in (*others_given, *label_columns) if name}
    text_column = given.text_column or _find_text_column(table, taken, known)
    pair_column = given.pair_column or _find_pair_column(table, text_column, taken)
    layout = DataLayout(
        text_column=text_column,
        pair_column=pair_column,
        id_column=given.id_column,
        header=table.header,
    )
    because = ""
    if want_labels:
        others = [
            name
            for name in table.frame.columns
            if name not in {text_column, *others_given, pair_column}
        ]
        if not label_columns:
            id_like = _find_id_column(table, others, named_only=table.header is not False)
            candidates = [name for name in others if name != id_like]
            label_columns, because = find_label_columns(table, candidates, known)
        if label_columns:
            layout = _with_labels(table, layout, label_columns, given, known)
    if layout.id_column is None:
        others = [
            name
            for name in table.frame.columns
            if name not in {text_column, pair_column, given.weight_column, *layout.label_columns}
        ]
        id_column = _find_id_column(table, others, named_only=table.header is not False)
        layout = dataclasses.replace(layout, id_column=id_column)
    return Detection(layout, because)


def _with_labels(
    table: Table,
    layout: DataLayout,
    columns: tuple[str, ...],
    given: GivenColumns,
    known: LabelNames | None,
) -> DataLayout:
    label_format = given.label_format or format_of_columns(table, columns, known)
    if label_format in {"delimited", "list", "index", "vector"} and len(columns) > 1:
        raise SettingsError(
            f"{option('label_format', label_format)} needs one label column, got "
            f"{len(columns)}: {listed(columns)}. Name one with {option('label_columns')}."
        )
    if label_format == "index" and known is None:
        raise DataError(
            f"{table.source}, column {columns[0]!r}: label indexes need a file of names. Give "
            f"one name a line with {option('labels_file', 'NAMES.txt')}, or put labels.txt beside "
            "the data."
        )
    separator = given.label_separator
    if separator is None and label_format in {"delimited", "index"}:
        separator = separator_of(table.frame.get_column(columns[0]), label_format, known)
    # A value that is missing among the values of a category is unknown; a list without names is
    # how one writes that no label applies.
    default: EmptyLabels = "unknown" if label_format == "categorical" else "none"
    return dataclasses.replace(
        layout,
        label_columns=columns,
        label_format=label_format,
        label_separator=separator,
        empty_labels=given.empty_labels or default,
    )


def _given_label_columns(table: Table, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        given = [given]
    columns: list[str] = []
    for name in given:
        # The command line gives "a,b" as one word; a column may have a comma in its own name.
        parts = [name] if name in table.frame.columns else [p.strip() for p in name.split(",")]
        columns += [part for part in parts if part]
    mend = f"Name columns that exist with {option('label_columns')}."
    for number, name in enumerate(columns):
        table.require(name, "label column", mend)
        if name in columns[:number]:
            raise SettingsError(
                f"{option('label_columns')}: {name!r} is named twice. Name it once."
            )
    return tuple(columns)


def _require_given(table: Table, given: GivenColumns) -> None:
    for argument in ("text_column", "pair_column", "id_column", "weight_column"):
        name = getattr(given, argument)
        if name is not None:
            role = argument.replace("_", " ")
            table.require(name, role, f"Name a column that exists with {option(argument)}.")


def _by_lower_name(table: Table) -> dict[str, str]:
    return {name.lower(): name for name in reversed(table.frame.columns)}


def _find_text_column(table: Table, taken: set[str], known: LabelNames | None) -> str:
    import polars as pl

    free = [name for name in table.frame.columns if name not in taken]
    if known is not None:
        labels = set(known.names)
        free = [name for name in free if name not in labels] or free
    strings = [
        name
        for name in free
        if table.frame[name].dtype == pl.String and not is_list_column(table.frame[name])
    ]
    by_name = {name.lower(): name for name in reversed(strings)}
    for name in TEXT_NAMES:
        if name in by_name:
            return by_name[name]
    lengths = {name: _mean_length(table.frame[name]) for name in strings}
    if not lengths or max(lengths.values()) == 0:
        raise DataError(
            f"{table.source}: no column can be the text. Its columns: "
            f"{listed(table.frame.columns)}. Expected one with strings: name it with "
            f"{option('text_column')}."
        )
    return max(lengths, key=lambda name: lengths[name])


def _mean_length(column: pl.Series) -> float:
    mean = column.head(20_000).str.len_chars().mean()
    return float(mean) if isinstance(mean, (int, float)) else 0.0


def _find_pair_column(table: Table, text_column: str, taken: set[str]) -> str | None:
    by_name = _by_lower_name(table)
    for name in PAIR_NAMES.get(text_column.lower(), ()):
        if name in by_name and by_name[name] not in taken | {text_column}:
            return by_name[name]
    return None


def _find_id_column(table: Table, columns: Sequence[str], *, named_only: bool) -> str | None:
    """Return the column that identifies the rows: by its name, or by its values being unique."""
    for name in columns:
        lower = name.lower()
        named = lower in ID_NAMES or lower.endswith(("_id", " id"))
        # pandas writes its row numbers under no name, and calls them "Unnamed: 0" afterwards.
        named |= lower.startswith("unnamed: ") or bool(table.header and lower == "column_1")
        if (named or not named_only) and not table.frame[name].dtype.is_nested():
            cells = table.frame[name]
            if (
                cells.null_count() == 0
                and cells.n_unique() == len(cells)
                and (named or len(cells) > 20)
            ):
                return name
    return None
