"""Labels that come together: how often one is there where the other is."""

# X = labels

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from multilabel_bert.data.dataset import Dataset

# Of fewer texts a share says nothing.
_FEWEST_TEXTS = 10
_MOST_SHOWN = 40


@dataclasses.dataclass(frozen=True)
class Implication:
    """Where a text has one label, it often has another.

    Attributes:
        label: the one.
        implies: the other.
        texts: with both.
        share: of the texts with `label`.
        lift: by how much that is more than the share of all texts with `implies`.
    """

    label: str
    implies: str
    texts: int
    share: float
    lift: float


@dataclasses.dataclass(frozen=True)
class CoOccurrence:
    """Which labels occur together, over all splits.

    Attributes:
        names: the most frequent labels, in the order of the columns.
        shares: float64 [n, n], of the texts with the label of the row, those with that of the
            column; NaN on the diagonal and where there is none.
        implications: the strongest first.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    implications: tuple[Implication, ...]


def co_occurrence(splits: Mapping[str, Dataset], most: int = 15) -> CoOccurrence | None:
    """Count pairs of labels; the work is in the square of the labels of a text.

    Args:
        splits: datasets by name, with the same labels.
        most: how many implications to give.

    Returns:
        None without labels, or with one.
    """
    together: csr_array | None = None
    positive = np.zeros(0, np.int64)
    texts = 0
    names: tuple[str, ...] = ()
    for dataset in splits.values():
        if dataset.labels is None:
            continue
        marks = csr_array(dataset.labels == 1).astype(np.int64)
        pairs = csr_array(marks.T @ marks)
        together = pairs if together is None else csr_array(together + pairs)
        here = np.asarray(marks.sum(axis=0)).ravel()
        positive = here if not len(positive) else positive + here
        texts, names = texts + len(dataset), dataset.label_names
    if together is None or len(names) < 2:
        return None
    found = together.tocoo()
    kept = (found.row != found.col) & (found.data >= _FEWEST_TEXTS)
    rows, columns, counts = found.row[kept], found.col[kept], found.data[kept]
    shares = counts / positive[rows]
    lifts = shares / (positive[columns] / texts)
    # What is frequent anyway implies nothing.
    order = [i for i in np.lexsort((columns, rows, -shares)).tolist() if lifts[i] > 1.2][:most]
    shown = np.sort(np.argsort(-positive, kind="stable")[:_MOST_SHOWN])
    part = together[shown][:, shown].toarray() / np.maximum(positive[shown], 1)[:, None]
    np.fill_diagonal(part, np.nan)
    return CoOccurrence(
        tuple(names[x] for x in shown),
        np.where(part > 0, part, np.nan),
        tuple(
            Implication(
                names[rows[i]], names[columns[i]], int(counts[i]), float(shares[i]), float(lifts[i])
            )
            for i in order
        ),
    )
