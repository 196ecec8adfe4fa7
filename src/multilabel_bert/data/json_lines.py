"""JSONL and JSON files to tables."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.data.table import Table
from multilabel_bert.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def read_json_lines(data: bytes, source: str) -> Table:
    """Read a file with one JSON object a line. Blank lines are passed over.

    Args:
        data: its content in UTF-8.
        source: its name, for messages.

    Raises:
        DataError: at the first line that is not a JSON object.
    """
    import polars as pl

    if b"\n\n" not in data and b"\n\r\n" not in data and not data[:1].isspace():
        try:
            frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, RuntimeError):
            # Older releases of polars panic over a line that is not JSON.
            pass  # the slow way finds the line, or can hold what polars cannot
        else:
            if frame.height == data.rstrip().count(b"\n") + 1:
                return Table(frame, np.arange(1, frame.height + 1), source, None)
    objects, rows = [], []
    for row, line in enumerate(data.decode("utf-8").split("\n"), start=1):
        if line.strip():
            objects.append(parse_line(line, row, source))
            rows.append(row)
    return Table(frame_of(objects), np.asarray(rows, dtype=np.int64), source, None)


def parse_line(line: str, row: int, source: str) -> dict[str, Any]:
    """Return the object of one line of a JSONL file.

    Raises:
        DataError: if it is not JSON, or not an object.
    """
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{source} line {row}: not JSON ({error.msg} at character {error.pos + 1}). "
            'Expected one object a line, such as {"text": "…", "labels": ["…"]}.'
        ) from None
    if not isinstance(value, dict):
        raise DataError(
            f"{source} line {row}: expected a JSON object such as "
            f'{{"text": "…", "labels": ["…"]}}, got {_kind(value)}.'
        )
    return value


def read_json(data: bytes, source: str) -> Table:
    """Read a file with one JSON list of objects.

    Raises:
        DataError: if it is not JSON, or not a list of objects.
    """
    try:
        value = json.loads(data)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one object a line, under the name .json
            return read_json_lines(data, source)
        raise DataError(
            f"{source}: not JSON ({error.msg} in line {error.lineno}). Expected a list of objects "
            'such as [{"text": "…", "labels": ["…"]}], or one object a line.'
        ) from None
    if isinstance(value, dict) and all(not isinstance(v, (dict, list)) for v in value.values()):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataError(
            f"{source}: expected a list of objects such as "
            f'[{{"text": "…", "labels": ["…"]}}], got {_kind(value)}.'
        )
    return Table(frame_of(value), np.arange(1, len(value) + 1), source, None)


def frame_of(objects: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return objects as a table; a key with values of several kinds becomes JSON text."""
    import polars as pl

    columns = {}
    for name in dict.fromkeys(key for item in objects for key in item):
        values = [item.get(name) for item in objects]
        try:
            columns[name] = pl.Series(name, values, strict=True)
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            texts = [
                v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False)
                for v in values
            ]
            columns[name] = pl.Series(name, texts, dtype=pl.String)
    return pl.DataFrame(columns)


def _kind(value: object) -> str:
    if isinstance(value, list):
        kinds = {type(item).__name__ for item in value}
        return f"a list of {', '.join(sorted(kinds))}" if kinds else "an empty list"
    return "one object" if isinstance(value, dict) else repr(value)
