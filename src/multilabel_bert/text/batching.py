"""Which texts go into one batch: as many as fit a budget of tokens, alike in length."""

from __future__ import annotations

import numpy as np

from multilabel_bert.errors import SettingsError


def token_budget_batches(
    lengths: np.ndarray, max_tokens: int, *, seed: int | None = None
) -> list[np.ndarray]:
    """Group texts of similar length so that texts x longest length stays within `max_tokens`.

    Sorting by length keeps padding below some per cent; a budget of tokens, unlike a number of
    texts, keeps the work a batch constant. A text longer than the budget is a batch of its own.

    Args:
        lengths: int [N], tokens of each text.
        max_tokens: slots of one batch, padding included.
        seed: None: the longest first, so that memory is at its highest at once and the last
            batches are the short ones. A number: ties in random order and the batches
            shuffled, as training needs it; each number gives its own order.

    Returns:
        Index arrays that together hold each of 0 ... N-1 once.

    Raises:
        SettingsError: if `max_tokens` is not positive.
    """
    if max_tokens <= 0:
        raise SettingsError(f"max_tokens={max_tokens} must be positive.")
    lengths = np.asarray(lengths)
    if seed is None:
        order = np.argsort(-lengths, kind="stable")
        rng = None
    else:
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(lengths))
        order = shuffled[np.argsort(-lengths[shuffled], kind="stable")]
    batches = []
    start = 0
    while start < len(order):
        # The order is descending, so the first text of a batch is its longest.
        size = max(1, max_tokens // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + size])
        start += size
    if rng is not None:
        rng.shuffle(batches)
    return batches


def fixed_size_batches(count: int, batch_size: int, *, seed: int | None = None) -> list[np.ndarray]:
    """Group 0 ... N-1 into batches of `batch_size`, the last one smaller.

    Args:
        count: N.
        batch_size: texts of one batch.
        seed: None: in order. A number: shuffled by it.

    Raises:
        SettingsError: if `batch_size` is not positive.
    """
    if batch_size <= 0:
        raise SettingsError(f"batch_size={batch_size} must be positive.")
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    return [order[start : start + batch_size] for start in range(0, count, batch_size)]


def fill_rate(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """Share of the slots of all batches that hold real tokens."""
    slots = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return float(np.sum(lengths)) / slots if slots else 1.0
