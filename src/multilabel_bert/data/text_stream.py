"""Texts alone, for prediction: batch by batch in bounded memory, or all at once. N = texts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from multilabel_bert.data.cleaning import remove_html
from multilabel_bert.data.delimited import (
    Dialect,
    check_delimiter,
    check_width,
    column_names,
    find_dialect,
    has_header,
    numbered_records,
)
from multilabel_bert.data.detection import GivenColumns, detect_layout
from multilabel_bert.data.file_bytes import PARQUET_MAGIC, empty_file
from multilabel_bert.data.json_lines import frame_of, parse_line, read_json
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.option_hints import option
from multilabel_bert.data.read_table import FORMATS, check_format, extension_of, read_parquet
from multilabel_bert.data.table import Table, require_column
from multilabel_bert.data.text_source import TextSource
from multilabel_bert.errors import DataError, SettingsError

_SAMPLE_LINES = 200
_SAMPLE_CHARACTERS = 1_000_000


@dataclasses.dataclass(frozen=True)
class TextBatch:
    """Some texts of a file, in its order.

    Attributes:
        texts: N texts, "" where there is none.
        text_pairs: N second texts, or None.
        ids: N identifiers, or None.
        rows: int64 [N], the row of each text in its file (lines of a file of plain lines).
        columns: values of the other columns that were asked for, N each.
    """

    texts: list[str]
    text_pairs: list[str] | None
    ids: list[str] | None
    rows: np.ndarray
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.texts)


@dataclasses.dataclass(frozen=True)
class _Records:
    """An open table, row by row.

    Attributes:
        names: of the columns; empty for plain lines.
        rows: number and cells of each row; cells in the order of `names`.
        sample: the first rows, as a table.
    """

    names: list[str]
    rows: Iterator[tuple[int, Sequence[Any]]]
    sample: Table


def read_texts(source: str | Path | IO[Any], **options: Any) -> TextBatch:
    """Read all texts of a file or stream; arguments as for `iterate_texts`.

    Raises:
        DataError: as `iterate_texts`.
    """
    batches = list(iterate_texts(source, **options))
    first = batches[0]
    return TextBatch(
        texts=[text for batch in batches for text in batch.texts],
        text_pairs=None
        if first.text_pairs is None
        else [text for batch in batches for text in batch.text_pairs or ()],
        ids=None if first.ids is None else [i for batch in batches for i in batch.ids or ()],
        rows=np.concatenate([batch.rows for batch in batches]),
        columns={
            name: [value for batch in batches for value in batch.columns[name]]
            for name in first.columns
        },
    )


def iterate_texts(
    source: str | Path | IO[Any],
    *,
    layout: DataLayout | None = None,
    batch_rows: int = 1024,
    text_column: str | None = None,
    pair_column: str | None = None,
    id_column: str | None = None,
    columns: Sequence[str] | Literal["all"] = (),
    file_format: str | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    quoting: bool | None = None,
    encoding: str | None = None,
    clean_html: bool | None = None,
) -> Iterator[TextBatch]:
    """Yield the texts of a file or stream in batches; only one batch is in memory.

    Labels are neither needed nor read. CSV, TSV, JSONL and Parquet files are read as
    `read_dataset` reads them. A ``.txt`` file or a stream that is not such a table holds one text
    a line. A ``.json`` file, and Parquet from a stream, are read as a whole.

    Args:
        source: a path, or an open stream such as ``sys.stdin`` (which stays open).
        layout: of the training data; None: found.
        batch_rows: texts in a batch.
        text_column: column with the text, if another than the layout's.
        pair_column: column with the second text.
        id_column: column with an identifier.
        columns: other columns to hand through, by name; "all" for all of them.
        file_format: "csv", "tsv", "jsonl", "json", "parquet" or "txt" (one text a line); None:
            by the name and the content.
        header: whether the first row names the columns.
        delimiter: of a CSV file.
        quoting: whether double quotes enclose fields.
        encoding: None means UTF-8, or what a byte order mark says.
        clean_html: whether to remove HTML; None: as the layout says.

    Raises:
        DataError: if it cannot be read, is empty, or has no column for the text.
        SettingsError: if an option has no such value.
    """
    if isinstance(batch_rows, bool) or batch_rows < 1:
        raise SettingsError(f"batch_rows: expected 1 or more, got {batch_rows!r}.")
    base = layout or DataLayout(text_column="")
    if file_format is not None:
        check_format(file_format)
    if delimiter is None and base.delimiter is not None:
        delimiter = base.delimiter
    opened = _Opening(
        file_format=file_format,
        header=header if header is not None else base.header,
        delimiter=None if delimiter is None else check_delimiter(delimiter),
        quoting=quoting if quoting is not None else base.quoting,
        encoding=encoding if encoding is not None else base.encoding,
        text_column=text_column or base.text_column or None,
        is_table=text_column is not None or header is not None or delimiter is not None,
    )
    text_source = TextSource(source, opened.encoding)
    try:
        records = opened.open(text_source)
        given = GivenColumns(text_column, pair_column, id_column=id_column)
        found = _columns_to_read(records, layout, given)
        clean = clean_html if clean_html is not None else base.clean_html
        yield from _batches(records, found, columns, batch_rows, clean, text_source.name)
    finally:
        text_source.close()


def _columns_to_read(
    records: _Records, layout: DataLayout | None, given: GivenColumns
) -> DataLayout:
    """Return a layout whose text, pair and id columns are in the table."""
    if not records.names:
        return DataLayout("")
    if layout is None:
        return detect_layout(records.sample, given, None, want_labels=False).layout
    text_column = given.text_column or layout.text_column
    pair_column = given.pair_column or layout.pair_column
    id_column = given.id_column or layout.id_column
    only = records.names[0]
    if len(records.names) == 1 and given.text_column is None and only.startswith("column_"):
        text_column = only  # a file of texts alone, without header row
    sample = records.sample
    mend = f"Name the column of the texts with {option('text_column')}."
    sample.require(text_column, "text column", mend)
    if pair_column is not None:
        sample.require(pair_column, "second text", f"Name it with {option('pair_column')}.")
    if id_column is not None and id_column not in records.names:
        if given.id_column is not None:
            sample.require(id_column, "id column", f"Name it with {option('id_column')}.")
        id_column = None
    return DataLayout(text_column, pair_column, id_column=id_column)


def _batches(
    records: _Records,
    layout: DataLayout,
    columns: Sequence[str] | Literal["all"],
    batch_rows: int,
    clean: bool,
    source: str,
) -> Iterator[TextBatch]:
    names = records.names
    kept = names if columns == "all" else [columns] if isinstance(columns, str) else list(columns)
    for name in kept:
        require_column(name, "column to keep", "Name columns that exist.", names, source, None)

    def take(batch: list[tuple[int, Sequence[Any]]], column: str) -> list[str]:
        position = names.index(column) if names else 0
        texts = [_as_text(cells[position], column, row, source) for row, cells in batch]
        return [remove_html(text) for text in texts] if clean else texts

    for batch in _batched(records.rows, batch_rows):
        yield TextBatch(
            texts=take(batch, layout.text_column),
            text_pairs=None if layout.pair_column is None else take(batch, layout.pair_column),
            ids=None
            if layout.id_column is None
            else [_as_id(cells[names.index(layout.id_column)]) for _, cells in batch],
            rows=np.asarray([row for row, _ in batch], dtype=np.int64),
            columns={
                name: [cells[position] for _, cells in batch]
                for position, name in enumerate(names)
                if name in kept
            },
        )


def _batched(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(itertools.islice(rows, size)):
        yield batch


def _as_id(value: Any) -> str:
    return "" if value is None else str(value)


def _as_text(value: Any, column: str, row: int, source: str) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict, bytes)):
        raise DataError(
            f"{source} row {row}, column {column!r}: expected a text, got "
            f"{type(value).__name__}. Name the column of the texts with {option('text_column')}."
        )
    return str(value)


@dataclasses.dataclass(frozen=True)
class _Opening:
    """How to open a source: what the user and the layout say."""

    file_format: str | None
    header: bool | None
    delimiter: str | None
    quoting: bool | None
    encoding: str | None
    text_column: str | None
    is_table: bool

    def open(self, source: TextSource) -> _Records:
        if source.start.startswith(PARQUET_MAGIC) or self.file_format == "parquet":
            return _open_parquet(source)
        extension = "" if source.path is None else extension_of(source.path)
        file_format = self.file_format or FORMATS.get(extension, "")
        if file_format == "json":
            from multilabel_bert.data.file_bytes import to_utf8

            data = to_utf8(source.read_all(), source.name, self.encoding)
            return _records_of(read_json(data, source.name))
        lines = source.lines()
        first = _take_sample(lines)
        if not "".join(first).strip():
            raise empty_file(source.name)
        lines = itertools.chain(first, lines)
        if file_format == "jsonl" or (not file_format and first[0].lstrip().startswith("{")):
            return _open_json_lines(lines, first, source.name)
        if self.file_format == "tsv":
            extension = ".tsv"
        sample = "".join(first)
        every_line = first if source.path is None else _lines_again(source.path, self.encoding)
        dialect = find_dialect(
            sample,
            every_line,
            extension=extension,
            delimiter=self.delimiter,
            quoting=self.quoting,
        )
        if self.file_format == "txt" or not (
            self.file_format
            or extension not in {"", ".txt"}
            or self._looks_like_table(dialect, first)
        ):
            return _open_plain_lines(lines)
        return self._open_delimited(lines, first, dialect, source.name)

    def _looks_like_table(self, dialect: Dialect, first: list[str]) -> bool:
        """Whether lines of a .txt file or of a stream are a table, and not one text each."""
        records = list(itertools.islice(dialect.records(iter(first)), 20))
        widths = {len(record) for record in records if record}
        if self.is_table or [self.text_column] == records[0]:
            return True
        if self.text_column is not None and self.header is not False:
            return self.text_column in records[0]
        # A text may hold commas; that each holds the same number of tabs is no accident.
        return dialect.delimiter == "\t" and len(widths) == 1 and widths != {1}

    def _open_delimited(
        self, lines: Iterable[str], first: list[str], dialect: Dialect, source: str
    ) -> _Records:
        sample = [record for record in dialect.records(iter(first)) if record]
        header = has_header(sample) if self.header is None else self.header
        names = column_names(sample[0], header, source)
        records = numbered_records(lines, dialect, source)

        def rows() -> Iterator[tuple[int, Sequence[Any]]]:
            for row, record in records:
                check_width(record, len(names), row, dialect, source)
                yield row, record

        all_rows = rows()
        if header:
            next(all_rows, None)
        import polars as pl

        body = [record for record in sample[1 if header else 0 :] if len(record) == len(names)]
        frame = pl.DataFrame(body, schema=dict.fromkeys(names, pl.String), orient="row")
        table = Table(frame, np.arange(frame.height), source, header)
        if header and len(sample) == 1:
            raise DataError(
                f"{source} has a header row but no rows. If that row is data, say "
                f"{option('header', False)}."
            )
        return _Records(names, all_rows, table)


def _take_sample(lines: Iterator[str]) -> list[str]:
    sample: list[str] = []
    characters = 0
    for line in itertools.islice(lines, _SAMPLE_LINES):
        sample.append(line)
        characters += len(line)
        if characters > _SAMPLE_CHARACTERS:
            break
    return sample


def _lines_again(path: Path, encoding: str | None) -> Iterator[str]:
    source = TextSource(path, encoding)
    try:
        yield from source.lines()
    finally:
        source.close()


def _open_plain_lines(lines: Iterable[str]) -> _Records:
    import polars as pl

    rows = ((row, [line.rstrip("\r\n")]) for row, line in enumerate(lines, start=1))
    return _Records([], rows, Table(pl.DataFrame(), np.zeros(0, np.int64), "", None))


def _open_json_lines(lines: Iterable[str], first: list[str], source: str) -> _Records:
    objects = [parse_line(line, n, source) for n, line in enumerate(first, 1) if line.strip()]
    frame = frame_of(objects)
    names = frame.columns

    def rows() -> Iterator[tuple[int, Sequence[Any]]]:
        for row, line in enumerate(lines, start=1):
            if line.strip():
                item = parse_line(line, row, source)
                yield row, [item.get(name) for name in names]

    return _Records(names, rows(), Table(frame, np.arange(frame.height), source, None))


def _open_parquet(source: TextSource) -> _Records:
    import polars as pl

    if source.path is None:
        return _records_of(read_parquet(source.read_all(), source.name))
    try:
        lazy = pl.scan_parquet(source.path)
        names = lazy.collect_schema().names()
        sample = lazy.head(_SAMPLE_LINES).collect()
        height = int(lazy.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError:
        # Also the way of a gzipped file; a damaged one gets its message there.
        return _records_of(read_parquet(source.read_all(), source.name))
    if height == 0:
        raise empty_file(source.name)

    def rows() -> Iterator[tuple[int, Sequence[Any]]]:
        slice_rows = 10_000
        for start in range(0, height, slice_rows):
            part = lazy.slice(start, slice_rows).collect()
            yield from enumerate(part.iter_rows(), start=start + 1)

    return _Records(names, rows(), Table(sample, np.arange(sample.height), source.name, None))


def _records_of(table: Table) -> _Records:
    if table.frame.height == 0:
        raise empty_file(table.source)
    rows = zip(table.rows.tolist(), table.frame.iter_rows(), strict=True)
    return _Records(table.frame.columns, rows, table)
