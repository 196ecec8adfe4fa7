"""Weights of the positives of each label, from how often it is true."""

# X = labels

from __future__ import annotations

import numpy as np


def balanced_positive_weights(
    positives: np.ndarray, negatives: np.ndarray, maximum: float = 100.0
) -> np.ndarray:
    """Weights that make positives and negatives of each label count the same.

    Args:
        positives: int [X], known positive texts a label.
        negatives: int [X], known negative texts a label.
        maximum: cap, so that a label with one example does not rule the gradient.

    Returns:
        float32 [X], negatives / positives between 1 / `maximum` and `maximum`; 1 for a label
        that lacks either.
    """
    both = (positives > 0) & (negatives > 0)
    ratio = np.divide(negatives, positives, out=np.ones(len(positives)), where=both)
    return np.clip(ratio, 1 / maximum, maximum).astype(np.float32)
