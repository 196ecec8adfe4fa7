"""Texts that occur more than once: in one dataset, across splits, with other labels. N = texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset


def text_groups(dataset: Dataset) -> np.ndarray:
    """Return int64 [N]: texts (with their second text) that are identical share a number.

    Numbers are given in order of first occurrence, from 0.
    """
    numbers: dict[object, int] = {}
    return np.fromiter(
        (numbers.setdefault(key, len(numbers)) for key in _keys(dataset)),
        dtype=np.int64,
        count=len(dataset),
    )


def _keys(dataset: Dataset) -> list[str] | list[tuple[str, str]]:
    if dataset.text_pairs is None:
        return dataset.texts
    return list(zip(dataset.texts, dataset.text_pairs, strict=True))


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Identical texts in one dataset. Empty texts are not counted.

    Attributes:
        repeated_rows: rows whose text stands in an earlier row.
        repeated_texts: different texts that occur more than once.
        contradictory_texts: of these, those that occur with different labels.
        examples: rows of some contradictory texts, two rows for each, as in the file.
    """

    repeated_rows: int
    repeated_texts: int
    contradictory_texts: int
    examples: tuple[tuple[int, int], ...]


def find_duplicates(dataset: Dataset, max_examples: int = 5) -> Duplicates:
    """Count texts that occur more than once, and those of them with different labels."""
    first_of: dict[object, int] = {}
    repeated: set[object] = set()
    contradictory: dict[object, tuple[int, int]] = {}
    repeated_rows = 0
    labels = dataset.labels
    for index, key in enumerate(_keys(dataset)):
        if not dataset.texts[index].strip():
            continue
        first = first_of.setdefault(key, index)
        if first == index:
            continue
        repeated_rows += 1
        repeated.add(key)
        if (
            labels is not None
            and key not in contradictory
            and labels_differ(labels, first, labels, index)
        ):
            contradictory[key] = (int(dataset.rows[first]), int(dataset.rows[index]))
    examples = tuple(list(contradictory.values())[:max_examples])
    return Duplicates(repeated_rows, len(repeated), len(contradictory), examples)


def labels_differ(labels: Any, first: int, others: Any, second: int) -> bool:
    """Whether row `first` of a label matrix has other labels than row `second` of another.

    Args:
        labels: as `Dataset.labels`.
        first: a row of it.
        others: the same matrix, or another of the same labels.
        second: a row of it.
    """
    rows = []
    for matrix, index in ((labels, first), (others, second)):
        part = slice(matrix.indptr[index], matrix.indptr[index + 1])
        rows.append(
            dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))
        )
    # An unknown cell contradicts nothing.
    return any(
        rows[0].get(x, 0) * rows[1].get(x, 0) == 0 and -1 not in (rows[0].get(x), rows[1].get(x))
        for x in rows[0].keys() | rows[1].keys()
    )


@dataclasses.dataclass(frozen=True)
class Leak:
    """Texts of one split that another split holds too. Empty texts are not counted.

    Attributes:
        of: the split whose texts are looked up, such as "test".
        in_split: the split they are found in, such as "train".
        rows: rows of `of` whose text is in `in_split`.
        examples: some pairs of rows, in `of` and in `in_split`.
    """

    of: str
    in_split: str
    rows: int
    examples: tuple[tuple[int, int], ...]


def find_leaks(splits: Mapping[str, Dataset], max_examples: int = 5) -> list[Leak]:
    """Count, for each pair of splits, the rows of the later one whose text the earlier one has.

    Args:
        splits: datasets by name, such as train, dev and test, in this order.
        max_examples: pairs of rows to give for each.
    """
    names = list(splits)
    first_rows: dict[str, dict[object, int]] = {}
    leaks = []
    for position, name in enumerate(names):
        dataset = splits[name]
        keys = _keys(dataset)
        own: dict[object, int] = {}
        for key, row in zip(keys, dataset.rows.tolist(), strict=True):
            own.setdefault(key, row)
        first_rows[name] = own
        for earlier in names[:position]:
            seen = first_rows[earlier]
            pairs = [
                (row, seen[key])
                for text, key, row in zip(dataset.texts, keys, dataset.rows.tolist(), strict=True)
                if text.strip() and key in seen
            ]
            leaks.append(Leak(name, earlier, len(pairs), tuple(pairs[:max_examples])))
    return leaks
