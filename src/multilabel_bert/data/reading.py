"""A file to a Dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from multilabel_bert.data.cleaning import remove_html_from_all
from multilabel_bert.data.dataset import Dataset, ReadReport
from multilabel_bert.data.detection import Detection, GivenColumns, detect_layout
from multilabel_bert.data.label_cells import ParsedLabels, UnknownLabels, parse_labels
from multilabel_bert.data.label_names import LabelNames, names_before_reading
from multilabel_bert.data.layout import DataLayout, EmptyLabels, EmptyText, LabelFormat
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.read_table import read_table
from multilabel_bert.data.table import Table
from multilabel_bert.data.text_weights import column_weights
from multilabel_bert.errors import DataError, LabelError, SettingsError, did_you_mean


def read_dataset(
    path: str | Path,
    *,
    text_column: str | None = None,
    pair_column: str | None = None,
    label_columns: Sequence[str] | None = None,
    labels_file: str | Path | None = None,
    label_names: Sequence[str] | None = None,
    label_format: LabelFormat | None = None,
    label_separator: str | None = None,
    empty_labels: EmptyLabels | None = None,
    unknown_labels: UnknownLabels = "error",
    id_column: str | None = None,
    weight_column: str | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    quoting: bool | None = None,
    encoding: str | None = None,
    empty_text: EmptyText | None = None,
    clean_html: bool | None = None,
    layout: DataLayout | None = None,
    require_labels: bool = True,
) -> Dataset:
    """Read texts and labels from a CSV, TSV, JSONL, JSON or Parquet file, gzipped or not.

    What is not said is found; `Dataset.layout` tells what was found, and `layout.describe()` puts
    it into words. All of it is described with examples in docs/data-formats.md.

    Args:
        path: the file.
        text_column: column with the text. Columns of a file without header row are named
            ``column_1``, ``column_2``, …
        pair_column: column with the second text of a pair.
        label_columns: columns with labels; one string may name several, with commas.
        labels_file: a file of label names, one a line. A ``labels.txt`` beside the data is found.
        label_names: the names instead, in order, such as those of a model.
        label_format: "indicator", "delimited", "list", "index", "vector" or "categorical".
        label_separator: what separates the labels of one cell.
        empty_labels: whether an empty cell means that the text has no label ("none"), or that
            nobody looked ("unknown"). Default: "unknown" for categorical columns, else "none".
            Empty cells of 0/1 columns are always unknown.
        unknown_labels: what to do with labels outside the known names: "error", or "ignore" (they
            are counted in `Dataset.report`).
        id_column: column with an identifier.
        weight_column: column with how much each text counts in training.
        header: whether the first row of a CSV or TSV file names the columns.
        delimiter: of a CSV file.
        quoting: whether double quotes enclose fields of a CSV or TSV file.
        encoding: of a text file; None means UTF-8, or what a byte order mark says.
        empty_text: what to do with rows without text: "error", "drop" or "keep". Default: "error"
            with `require_labels`, else "keep".
        clean_html: whether to remove HTML from the texts. Default: no.
        layout: of the training data: the file is read the same way, except for what is said here.
        require_labels: False reads a file without labels too, with `Dataset.labels` None.

    Raises:
        DataError: if the file cannot be read, a column is missing, or there are no labels.
        LabelError: if a label cannot be read, with its row, column and value.
        SettingsError: if an option has no such value.
    """
    path = Path(path)
    _check_choice("unknown_labels", unknown_labels, ("error", "ignore"))
    _check_choice("empty_text", empty_text, (None, "error", "drop", "keep"))
    base = layout or DataLayout(text_column="")
    delimiter = delimiter if delimiter is not None else base.delimiter
    quoting = quoting if quoting is not None else base.quoting
    encoding = encoding if encoding is not None else base.encoding
    header = header if header is not None else base.header
    table = read_table(path, encoding=encoding, delimiter=delimiter, quoting=quoting, header=header)
    origin = "label_names" if layout is None else "the training data"
    known = names_before_reading(path, label_names, labels_file, origin)
    given = GivenColumns(
        text_column=text_column,
        pair_column=pair_column,
        label_columns=label_columns,
        label_format=label_format,
        label_separator=label_separator,
        empty_labels=empty_labels,
        id_column=id_column,
        weight_column=weight_column,
    )
    if layout is None:
        detection = detect_layout(table, given, known)
    else:
        detection = Detection(_adapt_layout(table, layout, given), _MISSING_LABELS)
    found = dataclasses.replace(
        detection.layout,
        header=table.header,
        delimiter=delimiter,
        quoting=quoting,
        encoding=encoding,
        empty_text=empty_text if empty_text is not None else base.empty_text,
        clean_html=clean_html if clean_html is not None else base.clean_html,
    )
    if layout is not None:
        known = _names_for_layout(found, known)
    if require_labels and found.label_format is None:
        raise _no_labels(table, found, detection.no_labels_because, None)
    policy = empty_text or (base.empty_text if require_labels else None)
    texts = _read_texts(table, found, policy or ("error" if require_labels else "keep"))
    # Rows without text go before the labels are read: labels that only they have go with them.
    table = texts.table
    parsed = _labels_of(table, found, known, unknown_labels)
    matrix, names = None, known.names if known is not None else ()
    if parsed is not None and parsed.names and not parsed.unlabelled:
        matrix, names = parsed.matrix, parsed.names
    elif require_labels:
        raise _no_labels(table, found, detection.no_labels_because, parsed)
    elif parsed is not None:
        names = parsed.names
    ids = None if found.id_column is None else column_texts(table, found.id_column)
    report = texts.report
    if parsed is None:
        report = dataclasses.replace(report, no_labels_because=detection.no_labels_because)
    elif parsed.unlabelled:
        because = "all label cells are unknown"
        report = dataclasses.replace(report, no_labels_because=because)
    else:
        report = dataclasses.replace(
            report, ignored_labels=parsed.ignored, blank_labels=parsed.blank
        )
    return Dataset(
        texts=texts.first,
        text_pairs=texts.second,
        labels=matrix,
        label_names=names,
        ids=ids,
        rows=table.rows,
        source=table.source,
        layout=found,
        report=report,
        weights=None if weight_column is None else column_weights(table, weight_column),
    )


_MISSING_LABELS = "the label columns of the training data are missing."


def _check_choice(argument: str, value: str | None, allowed: Sequence[str | None]) -> None:
    if value not in allowed:
        words = [word for word in allowed if word is not None]
        raise SettingsError(
            f"{option(argument)}: expected {' or '.join(words)}, got {value!r}."
            f"{did_you_mean(str(value), words)}"
        )


def _adapt_layout(table: Table, layout: DataLayout, given: GivenColumns) -> DataLayout:
    """Return the layout of the training data with what the user says otherwise for this file.

    Raises:
        DataError: if the column of the texts is missing.
        LabelError: if some of the label columns are missing, not all.
    """
    changes = {
        field.name: value
        for field in dataclasses.fields(given)
        # Weights are for one training, and no part of how texts and labels are read.
        if field.name != "weight_column" and (value := getattr(given, field.name)) is not None
    }
    if "label_columns" in changes:
        columns = changes["label_columns"]
        parts = columns.split(",") if isinstance(columns, str) else columns
        changes["label_columns"] = tuple(part.strip() for part in parts)
    layout = dataclasses.replace(layout, **changes)
    mend = f"The training data has it; name this file's column with {option('text_column')}."
    table.require(layout.text_column, "text column", mend)
    if layout.pair_column is not None:
        mend = f"The training data has it; name this file's column with {option('pair_column')}."
        table.require(layout.pair_column, "second text", mend)
    if layout.id_column is not None and layout.id_column not in table.frame.columns:
        if given.id_column is not None:
            table.require(given.id_column, "id column", f"Check {option('id_column')}.")
        layout = dataclasses.replace(layout, id_column=None)
    missing = [name for name in layout.label_columns if name not in table.frame.columns]
    if missing and len(missing) == len(layout.label_columns):
        return dataclasses.replace(layout, label_columns=(), label_format=None)
    if missing:
        taken = set(layout.label_columns)
        others = [name for name in table.frame.columns if name not in taken]
        raise LabelError(
            f"{table.source} lacks the label column{'s' if len(missing) > 1 else ''} "
            f"{listed(missing)}, which the training data has.{did_you_mean(missing[0], others)} "
            f"Its columns: {listed(table.frame.columns)}. Add it; an empty cell means unknown."
        )
    return layout


def _names_for_layout(layout: DataLayout, known: LabelNames | None) -> LabelNames | None:
    # A labels.txt that happens to lie beside another file says nothing about 0/1 columns.
    if known is not None and known.found and layout.label_format in {"indicator", "categorical"}:
        return None
    return known


def _labels_of(
    table: Table,
    layout: DataLayout,
    known: LabelNames | None,
    unknown_labels: UnknownLabels,
) -> ParsedLabels | None:
    """Return the labels of a table; None if it has no label columns."""
    if layout.label_format is None or not layout.label_columns:
        return None
    if layout.label_format == "indicator" and known is not None:
        if set(known.names) == set(layout.label_columns):
            layout = dataclasses.replace(layout, label_columns=known.names)
        elif known.found:
            known = None
        else:
            _refuse_other_columns(table, layout, known)
    if layout.label_format == "categorical" and known is not None and known.found:
        known = None
    return parse_labels(table, layout, known, unknown_labels)


def _refuse_other_columns(table: Table, layout: DataLayout, known: LabelNames) -> None:
    there, wanted = set(layout.label_columns), set(known.names)
    missing = [name for name in known.names if name not in there]
    extra = [name for name in layout.label_columns if name not in wanted]
    if missing:
        raise LabelError(
            f"{table.source}: no label column for {listed(missing)} (from {known.origin})."
            f"{did_you_mean(missing[0], layout.label_columns)} The label columns: "
            f"{listed(layout.label_columns)}. Add the column (an empty cell means unknown), or "
            "take the name out."
        )
    raise LabelError(
        f"{table.source}: the label column{'s' if len(extra) > 1 else ''} {listed(extra)} "
        f"{'are' if len(extra) > 1 else 'is'} not among the names of {known.origin}: "
        f"{listed(known.names)}. Add the name, or choose columns with {option('label_columns')}."
    )


def _no_labels(
    table: Table, layout: DataLayout, because: str, parsed: ParsedLabels | None
) -> DataError:
    if parsed is not None:
        columns = listed(layout.label_columns)
        reason = (
            "is unlabelled: no cell of the label "
            f"column{'s' if len(layout.label_columns) > 1 else ''} {columns} says yes or no"
            if layout.label_format in {"indicator", "vector"}
            else f"is unlabelled: no cell of the label column {columns} names a label"
        )
        return DataError(
            f"{table.source} {reason} (all are empty, NaN, NONE, -1 or ?). Labels are needed "
            "here: give a file that has them. Texts without labels can be predicted."
        )
    if "label-columns" in because:
        return DataError(f"{table.source}: cannot tell which columns hold the labels: {because}")
    return DataError(
        f"{table.source} has no labels: {because or 'no column looks like one.'} Expected columns "
        "of 0/1, or a column of label names; name them with "
        f"{option('label_columns')}. Its columns: {listed(table.frame.columns)}."
    )


@dataclasses.dataclass(frozen=True)
class _Texts:
    """The texts of a table, and the rows of it that have them."""

    table: Table
    first: list[str]
    second: list[str] | None
    report: ReadReport


def _read_texts(table: Table, layout: DataLayout, policy: EmptyText) -> _Texts:
    """Take the texts out of the table, clean them, and deal with those that are empty.

    Raises:
        DataError: if the column is empty, or a text is and `policy` is "error".
    """
    first = column_texts(table, layout.text_column)
    second = None if layout.pair_column is None else column_texts(table, layout.pair_column)
    cleaned = 0
    if layout.clean_html:
        first, cleaned = remove_html_from_all(first)
        if second is not None:
            second, _ = remove_html_from_all(second)
    full = np.asarray([bool(text.strip()) for text in first], dtype=bool)
    count = int((~full).sum())
    if count == len(first):
        raise DataError(
            f"{table.source}: the text column {layout.text_column!r} is empty in all "
            f"{count:,} rows. Name the right one with {option('text_column')}. "
            f"Its columns: {listed(table.frame.columns)}."
        )
    if count and policy == "error":
        row = table.rows[int(np.flatnonzero(~full)[0])]
        raise DataError(
            f"{table.source}: {count:,} of {len(first):,} rows have no text in column "
            f"{layout.text_column!r}; the first is row {row}. To leave them out, say "
            f"{option('empty_text', 'drop')}; to keep them, {option('empty_text', 'keep')}."
        )
    dropped = count if policy == "drop" else 0
    if dropped:
        kept = np.flatnonzero(full).tolist()
        table = table.keep(full)
        first = [first[i] for i in kept]
        second = None if second is None else [second[i] for i in kept]
    report = ReadReport(empty_texts=count, dropped_rows=dropped, cleaned_texts=cleaned)
    return _Texts(table, first, second, report)


def column_texts(table: Table, column: str) -> list[str]:
    """Return a column as strings, "" where it is empty.

    Raises:
        DataError: if it holds lists or objects.
    """
    import polars as pl

    cells = table.frame.get_column(column)
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        raise DataError(
            f"{table.source}: column {column!r} holds {_in_words(cells.dtype)}, where texts are "
            f"expected. Name another one with {option('text_column')}."
        )
    return cells.cast(pl.String).fill_null("").to_list()


def _in_words(dtype: object) -> Literal["lists", "objects", "bytes"]:
    name = str(dtype)
    if name.startswith(("List", "Array")):
        return "lists"
    return "objects" if name.startswith("Struct") else "bytes"
