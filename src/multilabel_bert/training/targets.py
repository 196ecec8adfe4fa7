"""What is true of the texts, batch by batch: sparse where labels are many."""

# N = texts, B = texts of a batch, X = labels

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

# Up to so many cells a byte a cell is kept: 16 MB, and no batch is put together from parts.
_DENSE_CELLS = 2**24
_BYTES_OF_SPARSE_CELL = 5  # its value, and its column as int32


class Targets:
    """Targets of N texts: 1 yes, 0 no, -1 unknown; any type a loss can take, batch by batch.

    Held as a byte a cell while that is small, or where so many cells are 1 or unknown that sparse
    is no smaller; else sparse, some 5 bytes a cell that is not 0. 100,000 texts with 10,000
    labels, 3 of them true of a text, take 2 MB where a dense float32 matrix takes 4 GB. What is
    given out does not depend on it.

    Args:
        cells: sparse int8 [N, X] with 1 and -1 explicit, as `Dataset.labels`; or an array [N, X]
            of 1, 0 and -1 or, in floating point, anything from 0 to 1 beside them.
    """

    def __init__(self, cells: csr_array | np.ndarray) -> None:
        self.shape: tuple[int, int] = (cells.shape[0], cells.shape[1])
        self._sparse: csr_array | None = None
        self._dense: np.ndarray | None = None
        if isinstance(cells, np.ndarray):
            self._dense = cells
        elif self.shape[0] * self.shape[1] <= max(_DENSE_CELLS, _BYTES_OF_SPARSE_CELL * cells.nnz):
            self._dense = cells.astype(np.int8).toarray()
        else:
            self._sparse = cells

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes that are held."""
        if self._dense is not None:
            return self._dense.nbytes
        sparse = self._csr
        return int(sparse.data.nbytes + sparse.indices.nbytes + sparse.indptr.nbytes)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """The targets of the texts at `indices`, int [B], in that order: float32 [B, X]."""
        if self._dense is not None:
            return self._dense[indices].astype(np.float32)
        # SciPy's own row indexing makes a matrix of the rows first, and takes five times as long.
        sparse = self._csr
        starts = sparse.indptr[indices].astype(np.int64)
        counts = sparse.indptr[np.asarray(indices) + 1] - starts
        ends = np.cumsum(counts)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
        batch = np.zeros((len(starts), self.shape[1]), np.float32)
        batch[np.repeat(np.arange(len(starts)), counts), sparse.indices[places]] = sparse.data[
            places
        ]
        return batch

    def subset(self, indices: np.ndarray) -> Targets:
        """The targets of the texts at `indices`, int [M], as targets of M texts."""
        return Targets(self._csr[indices] if self._dense is None else self._dense[indices])

    def sparse(self) -> csr_array:
        """All of them, sparse [N, X] with 1 and -1 explicit: for splits."""
        return self._csr if self._dense is None else csr_array(self._dense)

    def dense(self) -> np.ndarray:
        """All of them, [N, X] of any type: for metrics, on a development split."""
        return self._csr.toarray() if self._dense is None else self._dense

    def known_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Texts that have each label, and texts that are known not to, [X] each.

        Of soft labels the expected number: their sum.
        """
        if self._dense is not None and self._dense.dtype.kind == "f":
            known = self._dense >= 0
            positives = np.where(known, self._dense, 0).sum(axis=0, dtype=np.float64)
            return positives, known.sum(axis=0) - positives
        if self._dense is not None:
            return (self._dense > 0).sum(axis=0), (self._dense == 0).sum(axis=0)
        sparse = self._csr
        labels = self.shape[1]
        positives = np.bincount(sparse.indices[sparse.data > 0], minlength=labels)
        unknown = np.bincount(sparse.indices[sparse.data < 0], minlength=labels)
        return positives, len(self) - positives - unknown

    @property
    def _csr(self) -> csr_array:
        assert self._sparse is not None
        return self._sparse
