"""The files that `multilabel predict` writes: CSV, TSV, JSON lines, Parquet, Google's results."""

# N = texts, X = labels

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.files import atomic_file

FORMATS = ("csv", "tsv", "jsonl", "parquet")
LABELS_COLUMN = "labels"


class Rows(Protocol):
    """Takes the predictions of N texts at a time."""

    def write(
        self,
        ids: Sequence[Any] | None,
        texts: Sequence[str],
        probabilities: np.ndarray,
        decisions: np.ndarray,
    ) -> None:
        """Write probabilities float32 [N, X] and decisions int8 [N, X] of N texts."""


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


@contextlib.contextmanager
def open_rows(
    label_names: Sequence[str],
    output: Path | None,
    form: str,
    *,
    google_directory: Path | None = None,
    top_k: int | None = None,
) -> Iterator[Rows]:
    """Open what predictions are written to; files appear when the block succeeds.

    Args:
        label_names: X names.
        output: a file, or None for standard output.
        form: one of `FORMATS`.
        google_directory: where ``test_results.tsv`` goes too, or None.
        top_k: how many labels of a text JSON lines have; None for all.
    """
    with ExitStack() as stack:
        writers: list[Rows] = []
        if form == "parquet":
            assert output is not None
            path = stack.enter_context(atomic_file(output))
            writers.append(stack.enter_context(contextlib.closing(_Parquet(path, label_names))))
        else:
            file = stack.enter_context(_text_file(output))
            if form == "jsonl":
                writers.append(_JsonLines(file, label_names, top_k))
            else:
                writers.append(_Delimited(file, label_names, "," if form == "csv" else "\t"))
        if google_directory is not None:
            results = stack.enter_context(_text_file(google_directory / "test_results.tsv"))
            writers.append(_GoogleResults(results))
        yield _All(writers)


@contextlib.contextmanager
def _text_file(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


class _All:
    def __init__(self, writers: Sequence[Rows]) -> None:
        self.writers = writers

    def write(
        self,
        ids: Sequence[Any] | None,
        texts: Sequence[str],
        probabilities: np.ndarray,
        decisions: np.ndarray,
    ) -> None:
        for writer in self.writers:
            writer.write(ids, texts, probabilities, decisions)


class _Delimited:
    """A row a text: id if there is one, text, names of its labels as JSON, X probabilities."""

    def __init__(self, file: IO[str], label_names: Sequence[str], delimiter: str) -> None:
        self.label_names = list(label_names)
        self.writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self.has_header = False

    def write(
        self,
        ids: Sequence[Any] | None,
        texts: Sequence[str],
        probabilities: np.ndarray,
        decisions: np.ndarray,
    ) -> None:
        if not self.has_header:
            first = ["text"] if ids is None else ["id", "text"]
            self.writer.writerow([*first, LABELS_COLUMN, *_columns(self.label_names)])
            self.has_header = True
        named, numbers = _named(self.label_names, decisions), shortest(probabilities)
        for row, text in enumerate(texts):
            first = [text] if ids is None else [ids[row], text]
            # A list as JSON: names may hold any separator.
            labels = json.dumps(named[row], ensure_ascii=False)
            self.writer.writerow([*first, labels, *numbers[row]])


class _JsonLines:
    """An object a text: id if there is one, text, labels, probabilities by name."""

    def __init__(self, file: IO[str], label_names: Sequence[str], top_k: int | None) -> None:
        self.file, self.label_names, self.top_k = file, list(label_names), top_k

    def write(
        self,
        ids: Sequence[Any] | None,
        texts: Sequence[str],
        probabilities: np.ndarray,
        decisions: np.ndarray,
    ) -> None:
        named, numbers = _named(self.label_names, decisions), shortest(probabilities)
        for row, text in enumerate(texts):
            columns: Any = range(len(self.label_names))
            if self.top_k is not None:
                columns = np.argsort(-probabilities[row], kind="stable")[: self.top_k]
            entry: dict[str, Any] = {} if ids is None else {"id": ids[row]}
            entry |= {
                "text": text,
                LABELS_COLUMN: named[row],
                "probabilities": {self.label_names[i]: numbers[row][i] for i in columns},
            }
            self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")


class _Parquet:
    """The same columns as CSV, with labels as a list; written when it is closed."""

    def __init__(self, path: Path, label_names: Sequence[str]) -> None:
        self.path, self.label_names = path, list(label_names)
        self.frames: list[Any] = []

    def write(
        self,
        ids: Sequence[Any] | None,
        texts: Sequence[str],
        probabilities: np.ndarray,
        decisions: np.ndarray,
    ) -> None:
        import polars as pl

        columns: dict[str, Any] = {} if ids is None else {"id": list(ids)}
        columns |= {
            "text": list(texts),
            LABELS_COLUMN: pl.Series(_named(self.label_names, decisions), dtype=pl.List(pl.String)),
        }
        names = _columns(self.label_names)
        columns |= {name: probabilities[:, i] for i, name in enumerate(names)}
        self.frames.append(pl.DataFrame(columns))

    def close(self) -> None:
        import polars as pl

        if self.frames:
            pl.concat(self.frames).write_parquet(self.path)


class _GoogleResults:
    """``test_results.tsv``: X probabilities a line, by tabs, nothing else.

    Source: google-research/bert, run_classifier.py.
    """

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def write(
        self,
        ids: Sequence[Any] | None,  # noqa: ARG002
        texts: Sequence[str],  # noqa: ARG002
        probabilities: np.ndarray,
        decisions: np.ndarray,  # noqa: ARG002
    ) -> None:
        for row in shortest(probabilities):
            self.file.write("\t".join(map(str, row)) + "\n")


def _columns(label_names: Sequence[str]) -> list[str]:
    """The names of the columns of probabilities: those of the labels, but each only once."""
    taken = {"id", "text", LABELS_COLUMN}
    columns = []
    for name in label_names:
        # A label may be called as one of the other columns is.
        column = name
        while column in taken or (column != name and column in label_names):
            column += "_probability"
        columns.append(column)
        taken.add(column)
    return columns


def _named(label_names: Sequence[str], decisions: np.ndarray) -> list[list[str]]:
    return [[label_names[i] for i in np.flatnonzero(row).tolist()] for row in decisions]


def shortest(probabilities: np.ndarray) -> list[list[float]]:
    """Float32 [N, X] as numbers with as few digits as tell them apart.

    >>> shortest(np.array([[0.1, 1 / 3]], np.float32))
    [[0.1, 0.33333334]]
    """
    return [[float(digits) for digits in row] for row in probabilities.astype(np.str_)]
