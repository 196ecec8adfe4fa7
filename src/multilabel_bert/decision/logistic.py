"""The logistic function and its inverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of a label that nothing is known about. At a probability of 0.5 every text would be given it, and
# a head that starts there stays there.
_ODDS_OF_UNKNOWN = 1 / 9
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
        probabilities[start : start + len(part)] = precise_sigmoid(part)
    return probabilities.reshape(np.shape(logits))


def precise_sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities float64 of logits float64, without overflow."""
    # exp of a negative number cannot overflow, and keeps the digits of small probabilities.
    decay = np.exp(-np.abs(logits))
    result: NDArray[np.float64] = np.where(logits >= 0, 1.0, decay) / (1.0 + decay)
    return result


def prior_log_odds(positives: np.ndarray, negatives: np.ndarray) -> NDArray[np.float64]:
    """The log-odds of labels by how often they occur, float64 [X].

    With half a text added to both sides, so that a label without positives, or without negatives,
    stays finite. A label that no text says anything about is given a probability of 0.1.

    Args:
        positives: number [X], of texts that have each label.
        negatives: number [X], of texts that are known not to have it.

    >>> prior_log_odds(np.array([1, 0]), np.array([1, 0])).round(4).tolist()
    [0.0, -2.1972]
    """
    odds = (positives + 0.5) / (negatives + 0.5)
    result: NDArray[np.float64] = np.log(
        np.where(positives + negatives == 0, _ODDS_OF_UNKNOWN, odds)
    )
    return result


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits float64 of probabilities between 0 and 1, both excluded.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    values = np.asarray(probabilities, np.float64)
    odds: NDArray[np.float64] = np.log(values) - np.log1p(-values)
    return odds
