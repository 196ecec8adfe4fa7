"""What a predicted text looks like in CSV, TSV, JSON lines, Parquet and Google's results."""

# N = texts, X = labels

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

LABELS_COLUMN = "labels"


@dataclass(frozen=True)
class ModelLabels:
    """The labels of one model.

    Attributes:
        label_names: X names.
        model: its name, where there are several models.
    """

    label_names: Sequence[str]
    model: str | None = None

    def column(self, name: str) -> str:
        """The name of a column: with several models, each has its own.

        >>> ModelLabels(["late"]).column("labels"), ModelLabels(["late"], "a").column("labels")
        ('labels', 'a/labels')
        """
        return name if self.model is None else f"{self.model}/{name}"


@dataclass(frozen=True, eq=False)
class Predictions:
    """N texts and what models say of them.

    Attributes:
        ids: N identifiers, or None.
        texts: N texts.
        probabilities: float32 [N, X]; with several models, all their labels side by side.
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


class _Part:
    """One model's share of the labels side by side."""

    def __init__(self, labels: ModelLabels, start: int) -> None:
        self.labels = labels
        self.columns = slice(start, start + len(labels.label_names))
        self.labels_column = labels.column(LABELS_COLUMN)
        self.probability_columns = [labels.column(n) for n in probability_columns(labels)]
        self._named = _LabelNames(labels.label_names)

    def named(self, predictions: Predictions) -> list[tuple[list[str], str]]:
        """The labels that are given to each text, and the same as JSON."""
        return self._named.of(predictions.decisions[:, self.columns])

    def probabilities(self, predictions: Predictions) -> np.ndarray:
        """Float32 [N, X of this model]."""
        return predictions.probabilities[:, self.columns]


def _parts_of(models: Sequence[ModelLabels]) -> list[_Part]:
    parts: list[_Part] = []
    for labels in models:
        parts.append(_Part(labels, parts[-1].columns.stop if parts else 0))
    return parts


class DelimitedRows:
    """A row a text: id if there is one, text; of each model its labels as JSON, X probabilities."""

    def __init__(self, models: Sequence[ModelLabels], delimiter: str) -> None:
        self.delimiter = delimiter
        self._parts = _parts_of(models)

    def header(self, predictions: Predictions) -> str:
        """The names of the columns."""
        names = [name for name, _ in self._columns(predictions)]
        return self._written({name: [name] for name in names})

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""
        return self._written(dict(self._columns(predictions)))

    def _columns(self, predictions: Predictions) -> Iterator[tuple[str, Sequence[Any]]]:
        if predictions.ids is not None:
            yield "id", predictions.ids
        yield "text", writable(predictions.texts)
        for part in self._parts:
            # A list as JSON: names may hold any separator.
            yield part.labels_column, [json_list for _, json_list in part.named(predictions)]
            values = part.probabilities(predictions).T
            yield from zip(part.probability_columns, values, strict=True)

    def _written(self, columns: dict[str, Any]) -> str:
        import polars as pl

        return pl.DataFrame(columns).write_csv(include_header=False, separator=self.delimiter)


class JsonRows:
    """An object a text: id if there is one, text, labels, probabilities by name.

    With several models their labels and probabilities are by name under ``models``.

    Args:
        models: their labels.
        top_k: how many labels of a text have their probability there; None for all.
    """

    def __init__(self, models: Sequence[ModelLabels], top_k: int | None = None) -> None:
        self.top_k = top_k
        self._parts = _parts_of(models)

    def header(self, predictions: Predictions) -> str:  # noqa: ARG002
        """Nothing."""
        return ""

    def rows(self, predictions: Predictions) -> str:
        """The rows of N texts."""
        found = [self._found(part, predictions) for part in self._parts]
        if self._parts[0].labels.model is not None:
            names = [_json(part.labels.model) for part in self._parts]
            found = [
                [
                    '"models": {'
                    + ", ".join(f"{n}: {{{v}}}" for n, v in zip(names, of_text, strict=True))
                    + "}"
                    for of_text in zip(*found, strict=True)
                ]
            ]
        lines = []
        for row, (text, shown) in enumerate(
            zip(writable(predictions.texts), found[0], strict=True)
        ):
            start = "" if predictions.ids is None else f'"id": {_json(predictions.ids[row])}, '
            lines.append(f'{{{start}"text": {_json(text)}, {shown}}}\n')
        return "".join(lines)

    def _found(self, part: _Part, predictions: Predictions) -> list[str]:
        """What one model says of each text."""
        keys = [f"{_json(name)}: " for name in part.labels.label_names]
        probabilities = part.probabilities(predictions)
        chosen = np.broadcast_to(np.arange(len(keys)), probabilities.shape)
        if self.top_k is not None:
            chosen = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top_k]
            probabilities = np.take_along_axis(probabilities, chosen, axis=1)
        width = chosen.shape[1]
        columns, numbers = chosen.ravel().tolist(), shortest(probabilities)
        pairs = [keys[column] + number for column, number in zip(columns, numbers, strict=True)]
        return [
            f'"{LABELS_COLUMN}": {labels}, '
            f'"probabilities": {{{", ".join(pairs[row * width : (row + 1) * width])}}}'
            for row, (_, labels) in enumerate(part.named(predictions))
        ]


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

    def __init__(self, models: Sequence[ModelLabels]) -> None:
        self._parts = _parts_of(models)

    def frame(self, predictions: Predictions) -> Any:
        """A polars ``DataFrame`` of N rows."""
        import polars as pl

        columns: dict[str, Any] = {}
        if predictions.ids is not None:
            columns["id"] = list(predictions.ids)
        columns["text"] = writable(predictions.texts)
        for part in self._parts:
            labels = [names for names, _ in part.named(predictions)]
            columns[part.labels_column] = pl.Series(labels, dtype=pl.List(pl.String))
            values = part.probabilities(predictions).T
            columns |= dict(zip(part.probability_columns, values, strict=True))
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


def probability_columns(labels: ModelLabels) -> list[str]:
    """The names of a model's columns of probabilities: those of its labels, but each only once.

    >>> probability_columns(ModelLabels(["late", "text"]))
    ['late', 'text_probability']
    """
    label_names = labels.label_names
    taken = {LABELS_COLUMN} if labels.model is not None else {"id", "text", LABELS_COLUMN}
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
