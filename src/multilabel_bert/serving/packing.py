"""Which sequences go into one batch, where there are too few to fill batches without padding."""

# N = sequences, U = different lengths

from __future__ import annotations

import numpy as np

# What starting a batch costs, in token slots: 4 ms of 34 us, for MiniLM on two cores.
_BATCH_SLOTS = 128


def cheapest_batches(lengths: np.ndarray, max_tokens: int) -> list[np.ndarray]:
    """Group sequences of similar length so that padding and the number of batches cost least.

    A plan of some hundred sequences, cut into full batches only, is a fifth padding. So batches may
    be smaller: of all ways to cut the sorted lengths the cheapest is taken, by dynamic programming
    over the different lengths. Sequences of one length are always together.

    Args:
        lengths: int [N], tokens of each sequence, at least 1.
        max_tokens: slots of one batch, padding included; a longer sequence is a batch of its own.

    Returns:
        Index arrays that together hold each of 0 ... N-1 once, the longest first.

    >>> [batch.tolist() for batch in cheapest_batches(np.array([9, 500, 10, 498]), 1024)]
    [[1, 3], [2, 0]]
    """
    order = np.argsort(-lengths, kind="stable")
    levels, counts = np.unique(-lengths[order], return_counts=True)
    levels = -levels  # int [U], descending
    before = np.concatenate([[0], np.cumsum(counts)])
    # best[j]: the least cost of the sequences before the different length number j.
    best = np.zeros(len(levels) + 1)
    start_of = np.zeros(len(levels) + 1, np.int64)
    fitting = np.maximum(1, max_tokens // levels)  # sequences of a batch with that longest one
    for stop in range(1, len(levels) + 1):
        sizes = before[stop] - before[:stop]
        costs = best[:stop] + sizes * levels[:stop] + _BATCH_SLOTS * -(-sizes // fitting[:stop])
        start_of[stop] = np.argmin(costs)
        best[stop] = costs[start_of[stop]]
    batches: list[np.ndarray] = []
    stop = len(levels)
    while stop:
        start = int(start_of[stop])
        rows = order[before[start] : before[stop]]
        parts = -(-len(rows) // int(fitting[start]))
        batches += reversed(np.array_split(rows, parts))
        stop = start
    return batches[::-1]
