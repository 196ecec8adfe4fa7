"""CSV and TSV files to tables: delimiter, quoting and header found, ragged rows refused."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from multilabel_bert.data.column_roles import ID_NAMES, LABEL_NAMES, TEXT_NAMES
from multilabel_bert.data.file_bytes import empty_file
from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.data.table import Table
from multilabel_bert.errors import DataError, SettingsError

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_RECORDS = 50
_SAMPLE_CHARACTERS = 2_000_000
# Longer than any text, short enough that a quote which is never closed does not fill the memory.
MAX_FIELD_CHARACTERS = 10_000_000
_INDEXES = re.compile(r"\d+(\s*[,;| ]\s*\d+)*")
_KNOWN_NAMES = {*TEXT_NAMES, *ID_NAMES, *LABEL_NAMES}


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a delimited file is written."""

    delimiter: str
    quoting: bool

    def records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Yield the fields of each record of `lines` (which keep their line ends)."""
        # The module's limit is one for the whole process; its default is less than a long text.
        csv.field_size_limit(MAX_FIELD_CHARACTERS)
        if self.quoting:
            return csv.reader(lines, delimiter=self.delimiter)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)


def check_delimiter(delimiter: str) -> str:
    """Return the delimiter as one character; ``"tab"`` and a typed backslash-t mean a tab.

    Raises:
        SettingsError: if it is not one ASCII character.
    """
    delimiter = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(
        delimiter.lower(), delimiter
    )
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
        raise SettingsError(
            f"{option('delimiter')}: expected one character such as ',' ';' '|' or tab, "
            f"got {delimiter!r}."
        )
    return delimiter


def find_dialect(
    sample: str,
    lines: Iterable[str],
    *,
    extension: str,
    delimiter: str | None,
    quoting: bool | None,
) -> Dialect:
    """Find delimiter and quoting.

    Args:
        sample: text from the start of the file.
        lines: the lines of the file, all of them for a sure answer about quoting.
        extension: of the file, such as ``".tsv"``.
        delimiter: what the user said.
        quoting: what the user said.
    """
    if delimiter is None:
        delimiter = "\t" if extension in {".tsv", ".tab"} else _find_delimiter(sample)
    if quoting is None:
        quoting = delimiter != "\t" or _tab_fields_are_quoted(lines)
    return Dialect(delimiter, quoting)


def _find_delimiter(sample: str) -> str:
    """Return the delimiter that gives the first records the same number of fields, over one."""
    widths = {}
    for delimiter in _DELIMITERS:
        lines = io.StringIO(sample[:200_000], newline="")
        records = Dialect(delimiter, quoting=True).records(lines)
        try:
            counts = [
                len(record) for record in itertools.islice(records, _SAMPLE_RECORDS) if record
            ]
        except csv.Error:
            continue
        if counts and counts[0] > 1:
            # The last record of a cut sample may be cut too.
            same = all(count == counts[0] for count in counts[:-1] or counts)
            widths[delimiter] = (same, counts[0])
    return max(widths, key=lambda delimiter: widths[delimiter], default=",")


def _tab_fields_are_quoted(lines: Iterable[str]) -> bool:
    """Whether double quotes in a tab-separated file are CSV quotes, or part of the text.

    Some writers of TSV quote as in CSV, others (and `run_classifier.py`, which reads without
    quoting) do not. If no line break or tab is quoted, every line has the same number of fields
    by tabs alone; then a field that starts with a quote and is not a well-formed quoted field
    shows that quotes are text.
    """
    width = None
    all_well_formed = True
    for line in lines:
        fields = line.rstrip("\r\n").split("\t")
        if fields == [""]:
            continue
        width = width or len(fields)
        if len(fields) != width:
            return True
        if all_well_formed and '"' in line:
            all_well_formed = all(
                re.fullmatch(r'"(?:[^"]|"")*"', field) for field in fields if field[:1] == '"'
            )
    return all_well_formed


def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns.

    It does not if a field is longer than names are, or if a column holds label indexes alone, in
    this record too, unless another of its fields is a usual name ("text", "id", "labels", …).
    """
    first = [field.strip() for field in records[0]]
    if any(len(field) > 200 for field in first):
        return False
    if any(field.lower() in _KNOWN_NAMES for field in first):
        return True
    rest = records[1:]
    return not any(
        _INDEXES.fullmatch(field)
        and all(len(row) > column and _INDEXES.fullmatch(row[column].strip()) for row in rest)
        for column, field in enumerate(first)
    )


def column_names(first: Sequence[str], header: bool, source: str) -> list[str]:
    """Return the names of the columns of a file whose first record is `first`.

    Raises:
        DataError: if a name occurs twice.
    """
    if not header:
        return [f"column_{number}" for number in range(1, len(first) + 1)]
    # Excel and pandas leave the heading of an index column empty.
    names = [name.strip() or f"column_{number}" for number, name in enumerate(first, start=1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise DataError(
                f"{source} row 1: the column name {name!r} occurs twice (columns "
                f"{names.index(name) + 1} and {number + 1}). Rename one of them; if the file has "
                f"no header row, say {option('header', False)}."
            )
    return names


def read_delimited(
    data: bytes,
    source: str,
    *,
    extension: str,
    delimiter: str | None = None,
    quoting: bool | None = None,
    header: bool | None = None,
) -> Table:
    """Read a CSV or TSV file.

    Args:
        data: its content in UTF-8.
        source: its name, for messages.
        extension: such as ``".csv"``; tab separates ``.tsv`` and ``.tab`` files.
        delimiter: what separates fields; None: found.
        quoting: whether fields may be quoted; None: found for TSV, true for others.
        header: whether the first record names the columns; None: found.

    Raises:
        DataError: if it has no rows, a row with more or fewer fields than the first, a quote that
            is never closed, or a column name twice.
    """
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")  # as old Macintosh programs write
    sample = _lines_of(data).read(_SAMPLE_CHARACTERS)
    if not sample.strip() and not any(line.strip() for line in _lines_of(data)):
        raise empty_file(source)
    lines = _lines_of(data) if b'"' in data else ()
    dialect = find_dialect(sample, lines, extension=extension, delimiter=delimiter, quoting=quoting)
    records = dialect.records(io.StringIO(sample, newline=""))
    first_records = [record for record in itertools.islice(records, _SAMPLE_RECORDS) if record]
    if header is None:
        header = has_header(first_records)
    names = column_names(first_records[0], header, source)
    table = _read_fast(data, names, dialect, header, source)
    if table is None:
        table = _read_exactly(data, names, dialect, header, source)
    if table.frame.height == 0:
        raise DataError(
            f"{source} has a header row ({listed(names)}) but no rows. If that row is data, say "
            f"{option('header', False)}."
        )
    return table


def _lines_of(data: bytes) -> io.TextIOWrapper:
    """A reader of the text, which is never decoded as a whole: one emoji makes it four times so."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")


def _read_fast(
    data: bytes, names: list[str], dialect: Dialect, header: bool, source: str
) -> Table | None:
    """Read with polars; None where its answer cannot be trusted.

    polars fills a row that is too short with nulls, as it does an empty cell. Where the last column
    has a null, the delimiters are counted: those of the file less those within fields.
    """
    import polars as pl

    if data[:1] in b"\r\n":
        return None
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            schema=dict.fromkeys(names, pl.String),
            # A header row is read as data and cut off: names are then ours alone.
            has_header=False,
            separator=dialect.delimiter,
            quote_char='"' if dialect.quoting else None,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.get_column(names[-1]).null_count():
        within = frame.select(pl.all().str.count_matches(dialect.delimiter, literal=True).sum())
        between = data.count(dialect.delimiter.encode()) - sum(within.row(0))
        if between != (len(names) - 1) * frame.height:
            return None
    rows = np.arange(1, frame.height + 1)
    return Table(frame[1:], rows[1:], source, True) if header else Table(frame, rows, source, False)


def _read_exactly(
    data: bytes, names: list[str], dialect: Dialect, header: bool, source: str
) -> Table:
    """Read record by record, and name the record that does not fit."""
    import polars as pl

    records, rows = [], []
    for row, record in numbered_records(_lines_of(data), dialect, source):
        check_width(record, len(names), row, dialect, source)
        records.append(record)
        rows.append(row)
    if header:
        records, rows = records[1:], rows[1:]
    columns = list(zip(*records, strict=True)) if records else [()] * len(names)
    frame = pl.DataFrame(
        {
            name: pl.Series(name, column, dtype=pl.String)
            for name, column in zip(names, columns, strict=True)
        }
    )
    frame = frame.with_columns(pl.all().replace("", None))
    return Table(frame, np.asarray(rows, dtype=np.int64), source, header)


def numbered_records(
    lines: Iterable[str], dialect: Dialect, source: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with its number, counted from 1.

    Raises:
        DataError: if a quote is never closed.
    """
    row = 0
    record: list[str] = []
    try:
        for row, record in enumerate(dialect.records(_with_end_mark(lines)), start=1):
            if record and not record[-1].endswith(_END_MARK):
                yield row, record
    except csv.Error as error:
        raise _open_quote(source, row + 1, str(error)) from None
    if record != [_END_MARK]:
        raise _open_quote(source, row, f"it starts with {_cut(record[-1])!r}")


# Follows the last line of a file; where a quote is open, it becomes part of the last field, which
# the csv module would give out without a word, with all the rows that it swallowed.
_END_MARK = "\x00end of file\x00"


def _with_end_mark(lines: Iterable[str]) -> Iterator[str]:
    yield from lines
    yield _END_MARK


def _open_quote(source: str, row: int, reason: str) -> DataError:
    return DataError(
        f"{source} row {row}: a double quote opens a field and is never closed ({reason}). "
        "Close it, or, if double quotes are part of the texts, say "
        f"{option('quoting', False)}."
    )


def _cut(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[:length] + "…"


def check_width(record: list[str], width: int, row: int, dialect: Dialect, source: str) -> None:
    """Check that a record has as many fields as the first.

    Raises:
        DataError: if not, with what it holds and the likely reasons.
    """
    if len(record) == width:
        return
    whole = dialect.delimiter.join(record)
    kind = "a tab" if dialect.delimiter == "\t" else repr(dialect.delimiter)
    raise DataError(
        f"{source} row {row}: {len(record)} field{'' if len(record) == 1 else 's'}, where the "
        f"first row has {width}: {_cut(whole)!r}. Quote texts that contain {kind} or a line "
        f"break; or, if columns are separated otherwise, say {option('delimiter')}."
    )
