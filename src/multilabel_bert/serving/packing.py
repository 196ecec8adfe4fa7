"""Which sequences go into one batch, where there are too few to fill batches without padding."""

# N = sequences, U = different lengths

from __future__ import annotations

import numpy as np

# What starting a batch costs, in token slots: 4 ms of 34 us, for MiniLM on two cores.
_BATCH_SLOTS = 128
# Batches of 8, 16, 24 ... sequences: a batch of a new shape takes 2 to 3 ms more, measured.
_ROUND_SIZE = 8


def cheapest_batches(lengths: np.ndarray, max_tokens: int) -> list[np.ndarray]:
    """Group sequences of similar length so that padding and the number of batches cost least.

    A plan of some hundred sequences, cut into full batches only, is a fifth padding. So batches may
    be smaller: of all ways to cut the sorted lengths the cheapest is taken, by dynamic programming
    over the different lengths, and then rounded to batches of 8, 16, 24 ...

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
    # Sequences of a batch with that longest one.
    fitting = np.array([_round_down(max(1, max_tokens // level)) for level in levels.tolist()])
    for stop in range(1, len(levels) + 1):
        sizes = before[stop] - before[:stop]
        costs = best[:stop] + sizes * levels[:stop] + _BATCH_SLOTS * -(-sizes // fitting[:stop])
        start_of[stop] = np.argmin(costs)
        best[stop] = costs[start_of[stop]]
    ends: list[int] = []
    stop = len(levels)
    while stop:
        ends.append(int(before[stop]))
        stop = int(start_of[stop])
    return _cut(order, lengths, ends[::-1], max_tokens)


def _cut(
    order: np.ndarray, lengths: np.ndarray, ends: list[int], max_tokens: int
) -> list[np.ndarray]:
    """Cut near `ends`, at round sizes: a shape that the encoder has computed before costs less."""
    batches = []
    start = 0
    for end in ends:
        while start < end:
            most = _round_down(max(1, max_tokens // int(lengths[order[start]])))
            rounded = -(-(end - start) // _ROUND_SIZE) * _ROUND_SIZE
            batches.append(order[start : start + min(rounded, most)])
            start += len(batches[-1])
    return batches


def _round_down(size: int) -> int:
    return size if size < _ROUND_SIZE else size // _ROUND_SIZE * _ROUND_SIZE
