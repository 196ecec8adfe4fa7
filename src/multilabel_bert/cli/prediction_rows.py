"""What a predicted text looks like in CSV, TSV, JSON lines, Parquet and Google's results."""

# N = texts, X = labels

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

LABELS_COLUMN = "labels"


@dataclass(frozen=True, eq=False)
class Predictions:
    """N texts and what a model says of them.

    Attributes:
        ids: N identifiers, or None.
        texts: N texts.
        probabilities: float32 [N, X].
        decisions: int8 [N, X].
    """

    ids: Sequence[Any] | None
    texts: Sequence[str]
    probabilities: np.ndarray
    decisions: np.ndarray


class TextRows(Protocol):
    """A format of lines."""

    def header(self, predictions: Predictions) -> str:
        """What comes before the first of the rows, if anything."""

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""


class DelimitedRows:
    """A row a text: id if there is one, text, names of its labels as JSON, X probabilities."""

    def __init__(self, label_names: Sequence[str], delimiter: str) -> None:
        self.label_names, self.delimiter = list(label_names), delimiter
        self._named = _LabelNames(label_names)

    def header(self, predictions: Predictions) -> str:
        """The names of the columns."""
        return self._written({name: [name] for name in self._columns(predictions)})

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""
        names = self._columns(predictions)
        first: list[Sequence[Any]] = [] if predictions.ids is None else [predictions.ids]
        # A list as JSON: names may hold any separator.
        labels = [json_list for _, json_list in self._named.of(predictions.decisions)]
        columns = [*first, writable(predictions.texts), labels, *predictions.probabilities.T]
        return self._written(dict(zip(names, columns, strict=True)))

    def _columns(self, predictions: Predictions) -> list[str]:
        first = ["text"] if predictions.ids is None else ["id", "text"]
        return [*first, LABELS_COLUMN, *probability_columns(self.label_names)]

    def _written(self, columns: dict[str, Any]) -> str:
        import polars as pl

        return pl.DataFrame(columns).write_csv(include_header=False, separator=self.delimiter)


class JsonRows:
    """An object a text: id if there is one, text, labels, probabilities by name.

    Args:
        label_names: X names.
        top_k: how many labels of a text have their probability there; None for all.
    """

    def __init__(self, label_names: Sequence[str], top_k: int | None = None) -> None:
        self.top_k = top_k
        self._keys = [f"{_json(name)}: " for name in label_names]
        self._named = _LabelNames(label_names)

    def header(self, predictions: Predictions) -> str:  # noqa: ARG002
        """Nothing."""
        return ""

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""
        probabilities, labels = predictions.probabilities, len(self._keys)
        chosen = np.broadcast_to(np.arange(labels), probabilities.shape)
        if self.top_k is not None:
            chosen = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top_k]
            probabilities = np.take_along_axis(probabilities, chosen, axis=1)
        keys, width = self._keys, chosen.shape[1]
        columns, numbers = chosen.ravel().tolist(), shortest(probabilities)
        pairs = [keys[column] + number for column, number in zip(columns, numbers, strict=True)]
        lines = []
        named = self._named.of(predictions.decisions)
        for row, text in enumerate(writable(predictions.texts)):
            start = "" if predictions.ids is None else f'"id": {_json(predictions.ids[row])}, '
            shown = ", ".join(pairs[row * width : (row + 1) * width])
            lines.append(
                f'{{{start}"text": {_json(text)}, "{LABELS_COLUMN}": {named[row][1]}, '
                f'"probabilities": {{{shown}}}}}\n'
            )
        return "".join(lines)


class GoogleRows:
    """``test_results.tsv``: X probabilities a line, by tabs, nothing else.

    Source: google-research/bert, run_classifier.py.
    """

    def header(self, predictions: Predictions) -> str:  # noqa: ARG002
        """Nothing."""
        return ""

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""
        import polars as pl

        frame = pl.DataFrame(predictions.probabilities)
        return frame.write_csv(include_header=False, separator="\t")


class ParquetRows:
    """The columns of CSV, with labels as a list."""

    def __init__(self, label_names: Sequence[str]) -> None:
        self.label_names = list(label_names)
        self._named = _LabelNames(label_names)

    def frame(self, predictions: Predictions) -> Any:
        """A polars ``DataFrame`` of N rows."""
        import polars as pl

        labels = [names for names, _ in self._named.of(predictions.decisions)]
        columns: dict[str, Any] = {}
        if predictions.ids is not None:
            columns["id"] = list(predictions.ids)
        columns["text"] = writable(predictions.texts)
        columns[LABELS_COLUMN] = pl.Series(labels, dtype=pl.List(pl.String))
        names = probability_columns(self.label_names)
        columns |= dict(zip(names, predictions.probabilities.T, strict=True))
        return pl.DataFrame(columns)


class _LabelNames:
    """The names of the labels that are given, and the same as JSON; few sets of labels occur."""

    _MOST_REMEMBERED = 10_000

    def __init__(self, label_names: Sequence[str]) -> None:
        self._label_names = list(label_names)
        self._known: dict[bytes, tuple[list[str], str]] = {}

    def of(self, decisions: np.ndarray) -> list[tuple[list[str], str]]:
        if len(self._known) > self._MOST_REMEMBERED:
            self._known.clear()
        named = []
        for row in np.ascontiguousarray(decisions):
            key = row.tobytes()
            entry = self._known.get(key)
            if entry is None:
                names = [self._label_names[index] for index in np.flatnonzero(row)]
                entry = self._known[key] = (names, _json(names))
            named.append(entry)
        return named


def probability_columns(label_names: Sequence[str]) -> list[str]:
    """The names of the columns of probabilities: those of the labels, but each only once.

    >>> probability_columns(["late", "text"])
    ['late', 'text_probability']
    """
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


def shortest(probabilities: np.ndarray) -> list[str]:
    """Float32 numbers, one after the other, with as few digits as tell them apart.

    >>> shortest(np.array([[0.1, 1 / 3]], np.float32))
    ['0.1', '0.33333334']
    """
    import polars as pl

    # NumPy's own way takes four times as long.
    return pl.Series(np.ravel(probabilities)).cast(pl.String).to_list()


def writable(texts: Sequence[str]) -> list[str]:
    """The texts, where half a surrogate pair, which no file can hold, is a question mark."""
    texts = list(texts)
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "replace").decode() for text in texts]
    return texts


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
