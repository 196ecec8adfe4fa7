"""Scores on parts of the texts: by length, by number of labels, by a column of the data."""

# N = texts

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.counts import f_beta
from multilabel_bert.decision.judgement import Judgement
from multilabel_bert.decision.metrics import METRICS
from multilabel_bert.errors import DataError

LENGTH_EDGES = (8, 16, 32, 64, 128, 256, 512, 1024)
_MOST_VALUES = 20
_MOST_NUMBERS_AS_VALUES = 12
_ROUNDS = 400
_OTHERS = "(other values)"
_EMPTY = "(empty)"


@dataclass(frozen=True)
class Slice:
    """The texts of one slice, and what is true of them.

    Attributes:
        name: of the slice.
        texts: their number.
        labels: true labels a text, on average.
        micro_f1: on them.
        low: lower end of its 95% interval.
        high: upper end.
        macro_f1: on them, of the labels that any of them has.
        subset_accuracy: share of them with every label right.
    """

    name: str
    texts: int
    labels: float
    micro_f1: float
    low: float
    high: float
    macro_f1: float
    subset_accuracy: float


@dataclass(frozen=True)
class Slicing:
    """One way to part the texts.

    Attributes:
        title: by what.
        slices: in their order.
    """

    title: str
    slices: tuple[Slice, ...]


def slicings(
    judgement: Judgement, token_lengths: NDArray[np.int32], columns: Mapping[str, Sequence[object]]
) -> list[Slicing]:
    """Part the texts in every way.

    Args:
        judgement: of N texts.
        token_lengths: [N], special tokens counted, before cutting.
        columns: N values each, by the name of the column; None is empty.

    Raises:
        DataError: if a column has another number of values.
    """
    support = judgement.targets.truth.sum(axis=1)
    numbers = [str(n) if n < 4 else "4 or more" for n in support.tolist()]
    ways = [
        ("Length in tokens", _length_names(token_lengths), _lengths_in_order()),
        ("Labels a text truly has", numbers, ["0", "1", "2", "3", "4 or more"]),
    ]
    for name, values in columns.items():
        if len(values) != len(support):
            raise DataError(
                f"The slices by {name!r} have {len(values)} values, but there are {len(support)} "
                "texts. Give one value a text."
            )
        ways.append((f"Column {name}", *_value_names(values)))
    return [
        Slicing(title, tuple(_slices(judgement, np.array(names, object), order)))
        for title, names, order in ways
    ]


def _slices(judgement: Judgement, names: np.ndarray, order: Sequence[str]) -> Iterator[Slice]:
    for name in order:
        rows = np.flatnonzero(names == name)
        if len(rows):
            yield _slice(name, judgement.rows(rows))


def _slice(name: str, part: Judgement) -> Slice:
    texts = len(part.targets.truth)
    truth, said = part.targets.truth, part.known_predictions
    of_texts = np.stack(
        [(truth & said).sum(axis=1), said.sum(axis=1), truth.sum(axis=1)], axis=1
    )  # [n, 3]
    # Texts with the same three counts are alike to micro-F1, so that what is drawn is how many
    # there are of each kind.
    kinds, number = np.unique(of_texts, axis=0, return_counts=True)
    drawn = np.random.default_rng(0).multinomial(texts, number / texts, size=_ROUNDS) @ kinds
    bottom = drawn[:, 1] + drawn[:, 2]
    values = np.divide(2 * drawn[:, 0], bottom, out=np.zeros(len(bottom)), where=bottom > 0)
    low, high = np.quantile(values, [0.025, 0.975])
    counts = part.label_counts
    some = counts.support > 0
    return Slice(
        name=name,
        texts=texts,
        labels=float(of_texts[:, 2].mean()),
        micro_f1=METRICS["micro_f1"].function(part),
        low=float(low),
        high=float(high),
        macro_f1=float(f_beta(counts)[some].mean()) if some.any() else float("nan"),
        subset_accuracy=METRICS["subset_accuracy"].function(part),
    )


def _lengths_in_order() -> list[str]:
    lows = [1, *(edge + 1 for edge in LENGTH_EDGES)]
    names = [f"{low} to {high}" for low, high in zip(lows, LENGTH_EDGES, strict=False)]
    return [*names, f"over {LENGTH_EDGES[-1]}"]


def _length_names(lengths: NDArray[np.int32]) -> list[str]:
    names = _lengths_in_order()
    return [names[place] for place in np.searchsorted(LENGTH_EDGES, lengths, side="left")]


def _value_names(values: Sequence[object]) -> tuple[list[str], list[str]]:
    """The slice of each text, and the slices in order."""
    texts = [_EMPTY if value is None or value == "" else str(value) for value in values]
    counted = Counter(texts)
    numbers = _as_numbers(texts)
    if numbers is not None and len(counted) > _MOST_NUMBERS_AS_VALUES:
        return _ranges(numbers)
    kept = [value for value, _ in counted.most_common(_MOST_VALUES)]
    if len(counted) > len(kept):
        shown = set(kept)
        texts = [text if text in shown else _OTHERS for text in texts]
        kept.append(_OTHERS)
    elif numbers is not None:
        kept.sort(key=lambda text: float("inf") if text == _EMPTY else float(text))
    return texts, kept


def _as_numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        numbers = [float("nan") if text == _EMPTY else float(text) for text in texts]
    except ValueError:
        return None
    return np.array(numbers) if not np.isinf(numbers).any() else None


def _ranges(numbers: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    """Five ranges of about as many texts each."""
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8, 1.0], method="inverted_cdf"))
    names = [f"up to {edges[0]:g}"]
    names += [f"over {low:g} to {high:g}" for low, high in itertools.pairwise(edges.tolist())]
    places = np.searchsorted(edges, numbers, side="left")
    texts = [
        _EMPTY if np.isnan(number) else names[place]
        for number, place in zip(numbers.tolist(), places.tolist(), strict=True)
    ]
    return texts, [*names, _EMPTY]
