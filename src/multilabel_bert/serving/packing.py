"""Which sequences go into one batch, where they are few and should be through soon."""

# N = sequences

from __future__ import annotations

import numpy as np

# Below that a batch costs more than its tokens do.
_LEAST_TOKENS = 64
# How many times the real tokens the rectangle of a batch may be. Packed, padding costs attention
# alone, but there with the square of the longest.
_MOST_PACKED, _MOST_PADDED = 3.0, 1.2


def balanced_batches(
    lengths: np.ndarray, jobs: int, max_tokens: int, *, packs: bool = True
) -> list[np.ndarray]:
    """Group sequences of similar length into batches that all jobs end at the same time.

    So many batches that each job has as many, and all of the same number of real tokens, which is
    what they cost where padding is taken out (`encoder.token_layouts.PackedTokens`).

    Args:
        lengths: int [N], tokens of each sequence, at least 1.
        jobs: batches that are computed at the same time.
        max_tokens: real tokens of a batch, which may have one sequence more.
        packs: whether padding costs nothing but in attention.

    Returns:
        Index arrays that together hold each of 0 ... N-1 once, the longest first.

    >>> [batch.tolist() for batch in balanced_batches(np.array([60, 50, 40, 30]), 2, 1024)]
    [[0, 1], [2, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    tokens = np.cumsum(lengths[order])
    total = int(tokens[-1])
    most = -(-total // max_tokens)
    count = max(most, min(-(-most // jobs) * jobs, total // _LEAST_TOKENS))
    # The nearest cuts: a sequence goes where more than half of it is.
    middles = tokens - lengths[order] / 2
    cuts = np.searchsorted(middles, total / count * np.arange(1, count))
    batches: list[np.ndarray] = []
    most_padding = _MOST_PACKED if packs else _MOST_PADDED
    for rows in np.split(order, cuts):
        batches += _without_much_padding(rows, lengths[rows], most_padding)
    return batches


def _without_much_padding(
    rows: np.ndarray, lengths: np.ndarray, most_padding: float
) -> list[np.ndarray]:
    """The same, cut where the rectangle of the sequences, longest first, would grow too large."""
    batches = []
    while len(rows):
        rectangle = lengths[0] * np.arange(1, len(rows) + 1)
        too_large = rectangle > most_padding * np.cumsum(lengths)
        stop = int(np.argmax(too_large)) if too_large.any() else len(rows)
        batches.append(rows[:stop])
        rows, lengths = rows[stop:], lengths[stop:]
    return batches
