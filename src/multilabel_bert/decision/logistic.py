"""The logistic function and its inverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# So that float64 in between takes 2 MB and not ten times what comes out.
_CELLS_AT_ONCE = 2**18


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities float32 of logits, without overflow.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    flat = np.asarray(logits).reshape(-1)
    probabilities = np.empty(flat.shape, np.float32)
    for start in range(0, len(flat), _CELLS_AT_ONCE):
        part = flat[start : start + _CELLS_AT_ONCE].astype(np.float64)
        # exp of a negative number cannot overflow, and keeps the digits of small probabilities.
        decay = np.exp(-np.abs(part))
        probabilities[start : start + len(part)] = np.where(part >= 0, 1.0, decay) / (1.0 + decay)
    return probabilities.reshape(np.shape(logits))


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits float64 of probabilities between 0 and 1, both excluded.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    values = np.asarray(probabilities, np.float64)
    odds: NDArray[np.float64] = np.log(values) - np.log1p(-values)
    return odds
