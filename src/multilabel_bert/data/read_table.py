"""A file of any format to a table."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from multilabel_bert.data.delimited import check_delimiter, read_delimited
from multilabel_bert.data.file_bytes import (
    PARQUET_MAGIC,
    empty_file,
    read_unpacked,
    to_utf8,
)
from multilabel_bert.data.json_lines import read_json, read_json_lines
from multilabel_bert.data.option_hints import listed
from multilabel_bert.data.table import Table
from multilabel_bert.errors import DataError, SettingsError, did_you_mean

# What a file is, by its name without .gz. Text formats of another name are told apart by content.
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def extension_of(path: Path) -> str:
    """Return the extension that says what a file is: the one before ``.gz``.

    >>> extension_of(Path("train.tsv.gz"))
    '.tsv'
    """
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def check_format(file_format: str) -> str:
    """Return `file_format` if it is one of csv, tsv, jsonl, json, parquet.

    Raises:
        SettingsError: if not.
    """
    known = ["csv", "tsv", "jsonl", "json", "parquet", "txt"]
    if file_format not in known:
        raise SettingsError(
            f"Unknown file format {file_format!r}.{did_you_mean(file_format, known)} "
            f"Expected one of {', '.join(known)}."
        )
    return file_format


def read_table(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: bool | None = None,
    header: bool | None = None,
) -> Table:
    """Read a CSV, TSV, JSONL, JSON or Parquet file, also gzipped.

    Args:
        path: the file. Its extension says its format; an unknown one is taken for text with
            columns.
        encoding: of a text file; None means UTF-8, or what a byte order mark says.
        delimiter: of a CSV file; None: found.
        quoting: whether fields of a CSV file may be quoted; None: found.
        header: whether the first row of a CSV file names the columns; None: found.

    Raises:
        DataError: if it cannot be read, with the place and the mend.
    """
    source = str(path)
    extension = extension_of(path)
    if delimiter is not None:
        delimiter = check_delimiter(delimiter)
    data = read_unpacked(path)
    file_format = "parquet" if data.startswith(PARQUET_MAGIC) else FORMATS.get(extension, "csv")
    if file_format == "parquet":
        table = read_parquet(data, source)
    else:
        data = to_utf8(data, source, encoding)
        if not data or data.isspace():
            raise empty_file(source)
        if file_format == "jsonl":
            table = read_json_lines(data, source)
        elif file_format == "json":
            table = read_json(data, source)
        else:
            table = read_delimited(
                data,
                source,
                extension=extension,
                delimiter=delimiter,
                quoting=quoting,
                header=header,
            )
    if table.frame.height == 0:
        raise DataError(
            f"{source} has no rows. Expected one row a text. "
            f"Its columns: {listed(table.frame.columns) or 'none'}."
        )
    return table


def read_parquet(data: bytes, source: str) -> Table:
    """Read a Parquet file.

    Raises:
        DataError: if it is damaged.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{source} cannot be read as Parquet: {str(error).splitlines()[0]}. "
            "Fetch or write it again."
        ) from None
    return Table(frame, np.arange(1, frame.height + 1), source, None)
