"""Precision, recall, F-beta and Jaccard from counts, and their averages.

A "line" is what the counts are over: a label (a column), a text (a row), or the whole matrix.
Every ratio whose denominator is 0 counts as 0, scikit-learn's ``zero_division=0``: a label that
has no positive and is never predicted has F1 0, and lowers the macro mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Counts:
    """Counts of the known cells of each line, int64, all of one shape.

    Attributes:
        true_positives: predicted and true.
        predicted: predicted positives, true or not.
        support: true ones, predicted or not.
        known: cells whose truth is known.
    """

    true_positives: Numbers
    predicted: Numbers
    support: Numbers
    known: Numbers

    def total(self) -> Counts:
        """The counts of all lines together: those of micro averages."""
        return Counts(
            *(
                np.asarray(part.sum())
                for part in (self.true_positives, self.predicted, self.support, self.known)
            )
        )


def divide(numerator: Numbers, denominator: Numbers) -> Numbers:
    """The ratio, 0 where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(
        numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator != 0
    )


def precision(counts: Counts) -> Numbers:
    """True positives / predicted positives."""
    return divide(counts.true_positives, counts.predicted)


def recall(counts: Counts) -> Numbers:
    """True positives / support."""
    return divide(counts.true_positives, counts.support)


def f_beta(counts: Counts, beta: float = 1.0) -> Numbers:
    """(1 + beta²) TP / (predicted + beta² support): F1 with beta = 1."""
    square = beta * beta
    return divide((1 + square) * counts.true_positives, counts.predicted + square * counts.support)


def jaccard(counts: Counts) -> Numbers:
    """True positives / (predicted or true)."""
    return divide(counts.true_positives, counts.predicted + counts.support - counts.true_positives)


def mean_over_known(values: Numbers, counts: Counts) -> float:
    """The mean over the lines that have a known cell; NaN if none has."""
    return float(values[counts.known > 0].mean()) if np.any(counts.known > 0) else float("nan")


def mean_by_support(values: Numbers, counts: Counts) -> float:
    """The mean weighted by support, 0 where nothing is positive (as scikit-learn)."""
    return float(divide(np.sum(values * counts.support), counts.support.sum()))
