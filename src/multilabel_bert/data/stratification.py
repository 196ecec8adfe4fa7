"""Iterative stratification: rows dealt to sides so that each side has its share of each label.

N = rows, X = labels, K = sides.

Source: Sechidis, Tsoumakas, Vlahavas 2011, "On the Stratification of Multi-Label Data".
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# The library's method looks at all N x X cells for every label, so its time grows with N x X x X.
MOST_LABELS_FOR_LIBRARY = 500
_MOST_CELLS_FOR_LIBRARY = 5_000_000  # a second or two


def deal_rows(marks: csr_array, shares: np.ndarray, seed: int) -> np.ndarray:
    """Return the side of each row.

    Args:
        marks: [N, X], nonzero where a row has a label.
        shares: float64 [K], the part of the rows that each side is to have; their sum is 1.
        seed: the same seed gives the same sides.

    Returns:
        int64 [N], each in 0 … K-1.
    """
    rows, labels = marks.shape
    if labels <= MOST_LABELS_FOR_LIBRARY and rows * labels <= _MOST_CELLS_FOR_LIBRARY:
        from iterstrat.ml_stratifiers import IterativeStratification

        # The library takes rows in their order and chance only for ties, so that a seed would
        # change next to nothing.
        order = np.random.default_rng(seed).permutation(rows)
        dense = marks.toarray()[order] != 0
        sides = np.empty(rows, dtype=np.int64)
        sides[order] = IterativeStratification(dense, shares, np.random.RandomState(seed))
        return sides
    return deal_rows_sparsely(marks, shares, seed)


def deal_rows_sparsely(marks: csr_array, shares: np.ndarray, seed: int) -> np.ndarray:
    """Do as `deal_rows`, in time and memory that grow with the number of nonzero cells.

    As in the paper, the label with the fewest rows left is dealt first, each of its rows to the
    side that lacks this label most (then: that lacks rows most; then: by chance).
    """
    generator = np.random.default_rng(seed)
    rows = marks.shape[0]
    sides = np.full(rows, -1, dtype=np.int64)
    by_label = marks.tocsc()
    left = np.diff(by_label.indptr).tolist()  # rows of each label that are not dealt yet
    lacking = [(shares * count).tolist() for count in left]  # X lists of K numbers
    lacking_rows = (shares * rows).tolist()
    queue = [(count, label) for label, count in enumerate(left) if count]
    heapq.heapify(queue)
    row_starts, row_labels = marks.indptr, marks.indices
    while queue:
        count, label = heapq.heappop(queue)
        if count != left[label] or count == 0:
            continue  # an older entry: a newer one stands in the queue
        members = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        members = generator.permutation(members[sides[members] < 0])
        touched = set()
        for row in members.tolist():
            side = _neediest(lacking[label], lacking_rows, generator)
            sides[row] = side
            lacking_rows[side] -= 1
            for other in row_labels[row_starts[row] : row_starts[row + 1]].tolist():
                lacking[other][side] -= 1
                left[other] -= 1
                touched.add(other)
        for other in touched:
            if left[other]:
                heapq.heappush(queue, (left[other], other))
    for row in generator.permutation(np.flatnonzero(sides < 0)).tolist():
        side = _neediest(lacking_rows, lacking_rows, generator)
        sides[row] = side
        lacking_rows[side] -= 1
    return sides


def _neediest(
    lacking: list[float], lacking_rows: list[float], generator: np.random.Generator
) -> int:
    most = max(lacking)
    best = [side for side, value in enumerate(lacking) if value == most]
    if len(best) > 1:
        most = max(lacking_rows[side] for side in best)
        best = [side for side in best if lacking_rows[side] == most]
    return best[0] if len(best) == 1 else best[int(generator.integers(len(best)))]
