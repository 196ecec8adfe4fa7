"""Where `multilabel predict` writes: standard output, or files that a later run can finish."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from multilabel_bert.cli.partial_output import PartialOutput
from multilabel_bert.cli.prediction_rows import (
    DelimitedRows,
    GoogleRows,
    JsonRows,
    ModelLabels,
    ParquetRows,
    Predictions,
    TextRows,
)
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.files import atomic_file, explain_os_errors

FORMATS = ("csv", "tsv", "jsonl", "parquet")
GOOGLE_FILE = "test_results.tsv"
# Part of what a partial result is of: raise it when rows are written otherwise.
_ROWS_FORMAT = 1
_ROWS, _GOOGLE = "rows", "google"
# Rows that a reader of Parquet must take at once.
_ROW_GROUP = 65_536


def format_of(output: Path | None, wanted: str | None) -> str:
    """The format: what was asked for, or by the name of the file, or CSV.

    Raises:
        SettingsError: if it is unknown, or Parquet is to go to standard output.
    """
    if wanted is not None and wanted not in FORMATS:
        raise SettingsError(
            f"--format {wanted} is unknown.{did_you_mean(wanted, FORMATS)} Use one of "
            f"{', '.join(FORMATS)}."
        )
    suffix = output.suffix.lower().removeprefix(".") if output is not None else "csv"
    form = wanted or {"ndjson": "jsonl", "json": "jsonl", "pq": "parquet"}.get(suffix, suffix)
    if form not in FORMATS:
        raise SettingsError(
            f"--output {output}: its name does not say a format. Let it end in .csv, .tsv, .jsonl "
            "or .parquet, or give --format."
        )
    if form == "parquet" and output is None:
        raise SettingsError("Parquet cannot go to standard output. Give --output FILE.parquet.")
    return form


@dataclass(frozen=True)
class Result:
    """What is written.

    Attributes:
        models: the labels of each model.
        form: one of `FORMATS`.
        google_directory: where ``test_results.tsv`` goes too, or None.
        top_k: how many labels of a text JSON lines have; None for all.
    """

    models: Sequence[ModelLabels]
    form: str
    google_directory: Path | None = None
    top_k: int | None = None

    def text_rows(self) -> TextRows:
        """The format of its lines."""
        if self.form == "jsonl":
            return JsonRows(self.models, self.top_k)
        return DelimitedRows(self.models, "," if self.form == "csv" else "\t")


class Rows(Protocol):
    """Takes the predictions of some texts at a time."""

    @property
    def rows(self) -> int:
        """How many are done already, by an earlier run."""

    def write(self, predictions: Predictions) -> None:
        """Write the predictions of N texts."""


@contextlib.contextmanager
def open_standard_output(result: Result) -> Iterator[Rows]:
    """Write to standard output, and Google's results, if wanted, to a file when all is done."""
    with contextlib.ExitStack() as stack:
        targets: list[tuple[TextRows, IO[str]]] = [(result.text_rows(), sys.stdout)]
        if result.google_directory is not None:
            path = stack.enter_context(atomic_file(result.google_directory / GOOGLE_FILE))
            google = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            targets.append((GoogleRows(), google))
        yield _Stream(targets)
        sys.stdout.flush()


@contextlib.contextmanager
def open_file(
    result: Result, output: Path, *, run: Mapping[str, Any] | None, resume: bool
) -> Iterator[RowFiles]:
    """Write to `output`, which appears when the block succeeds; after an end, a run goes on.

    Args:
        result: what is written.
        output: the file.
        run: as for `PartialOutput`.
        resume: as for `PartialOutput`.
    """
    if run is not None:
        google = result.google_directory is not None
        options = {"form": result.form, "top_k": result.top_k, "google": google}
        run = {**run, "the options of the result": options, "the program": _ROWS_FORMAT}
    partial = PartialOutput(output, run, resume=resume)
    complete = False
    try:
        files = RowFiles(partial, result)
        yield files
        files.finish()
        complete = True
    except BaseException:
        # An error while the rows are made safe must not hide why the run ended.
        with contextlib.suppress(OSError):
            partial.commit()
        raise
    finally:
        partial.close(complete=complete)


def identity_of(path: Path) -> dict[str, Any]:
    """What tells a file from one of the same name with other content, without reading it."""
    status = path.stat()
    return {
        "path": str(path.resolve()),
        "bytes": status.st_size,
        "changed": status.st_mtime_ns,
    }


def content_of(path: Path) -> str:
    """A hash of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Stream:
    def __init__(self, targets: Sequence[tuple[TextRows, IO[str]]]) -> None:
        self.targets = targets
        self.rows = 0
        self._has_header = False

    def write(self, predictions: Predictions) -> None:
        for rows, file in self.targets:
            if not self._has_header:
                file.write(rows.header(predictions))
            file.write(rows.rows(predictions))
        self._has_header = True


class RowFiles:
    """Rows in files of a `PartialOutput`."""

    def __init__(self, partial: PartialOutput, result: Result) -> None:
        self.partial, self.result = partial, result
        self._parquet = ParquetRows(result.models) if result.form == "parquet" else None
        self._texts: dict[str, TextRows] = {}
        if self._parquet is None:
            self._texts[_ROWS] = result.text_rows()
        if result.google_directory is not None:
            self._texts[_GOOGLE] = GoogleRows()
        self._count = partial.rows

    @property
    def rows(self) -> int:
        """How many are done and safe."""
        return self.partial.rows

    def write(self, predictions: Predictions) -> None:
        """Write the predictions of N texts."""
        for name, rows in self._texts.items():
            start = "" if self._count else rows.header(predictions)
            self.partial.append(name, start + rows.rows(predictions))
        if self._parquet is not None:
            frame = self._parquet.frame(predictions)
            self.partial.add_part(f"{_ROWS}-{self._count:012d}.parquet", frame.write_parquet)
        self._count += len(predictions.texts)
        self.partial.finish_rows(len(predictions.texts))

    def finish(self) -> None:
        """Put the files into their places."""
        partial, google = self.partial, self.result.google_directory
        partial.finish()
        if google is not None:
            with atomic_file(google / GOOGLE_FILE) as path:
                shutil.copyfile(partial.directory / _GOOGLE, path)
        if self._parquet is None:
            with explain_os_errors(partial.output):
                (partial.directory / _ROWS).replace(partial.output)
        else:
            with atomic_file(partial.output) as path:
                _join(sorted(partial.directory.glob(f"{_ROWS}-*.parquet")), path)


def _join(parts: list[Path], path: Path) -> None:
    import polars as pl

    lazy = pl.scan_parquet(parts)
    # Streamed: only some row groups are in memory at a time.
    lazy.sink_parquet(path, maintain_order=True, row_group_size=_ROW_GROUP)
