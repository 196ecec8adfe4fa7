"""A head alone as logistic regression with an L2 penalty, to its minimum: for few examples."""

# N = texts, D = size of the representation, R = principal axes, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multilabel_bert.decision.logistic import log_odds
from multilabel_bert.decision.newton import LogisticProblem
from multilabel_bert.training.head_start import prior_bias

# Of the length of a label's gradient, relative to that at zero weights.
TOLERANCE = 1e-6

Head = tuple[np.ndarray, np.ndarray]
"""Kernel [D, X] and bias [X]."""


def fit_logistic_head(
    features: np.ndarray,
    targets: np.ndarray,
    l2: float,
    *,
    positive_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> Head:
    """Fit X logistic regressions at once, each to the one minimum there is.

    The minimum over kernel K and bias b of ``1/N sum of cross-entropies + l2/2 |K|²``: for each
    label that of scikit-learn's ``LogisticRegression(C=1 / (N l2))``. Unknown cells are left out
    of the sum. A label whose known cells are all alike has no minimum: its kernel is 0 and its
    bias the log-odds of `head_start.prior_bias`.

    Args:
        features: [N, D], standardised.
        targets: [N, X], from 0 to 1, -1 for unknown.
        l2: strength of the penalty, above 0.
        positive_weights: float [X], factor on the part of the positives, or None.
        text_weights: float [N], factor on the part of each text, or None.
        tolerance: a label is done when its gradient is so small, relative to the one at zero
            weights.

    Returns:
        float64 [D, X] and [X].
    """
    return l2_path(
        features,
        targets,
        (l2,),
        positive_weights=positive_weights,
        text_weights=text_weights,
        tolerance=tolerance,
    )[0]


def l2_path(
    features: np.ndarray,
    targets: np.ndarray,
    strengths: Sequence[float],
    *,
    positive_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> list[Head]:
    """The heads of several strengths, in the order given; quickest from strong to weak.

    Args:
        features: [N, D], standardised.
        targets: [N, X].
        strengths: each above 0.
        positive_weights: float [X] or None.
        text_weights: float [N] or None.
        tolerance: see `fit_logistic_head`.
    """
    known = targets >= 0
    positive = np.where(known, targets, 0).astype(np.float64)
    negative = np.where(known, 1.0 - positive, 0.0)
    counts = (positive > 0).sum(axis=0), (negative > 0).sum(axis=0)
    learned = (counts[0] > 0) & (counts[1] > 0)
    kernel = np.zeros((features.shape[1], positive.shape[1]))
    bias = prior_bias(*counts).astype(np.float64)
    if not learned.any():
        return [(kernel, bias) for _ in strengths]
    if positive_weights is not None:
        positive *= positive_weights
    if text_weights is not None:
        positive, negative = positive * text_weights[:, None], negative * text_weights[:, None]
    positive, cells = positive[:, learned], (positive + negative)[:, learned]
    prior = log_odds(positive.sum(axis=0) / cells.sum(axis=0))
    axes = principal_axes(features)
    transposed = np.ascontiguousarray(axes.values.T)
    problem = LogisticProblem(axes.values, transposed, positive, cells, 1.0, prior)
    heads: list[Head] = []
    found = None
    for strength in strengths:
        problem.C = 1.0 / (len(features) * strength)
        found = problem.solve(found, tolerance)
        kernel, bias = kernel.copy(), bias.copy()
        kernel[:, learned], bias[learned] = axes.directions @ found[0], found[1]
        heads.append((kernel, bias))
    return heads


@dataclass(frozen=True)
class Axes:
    """Features [N, D] seen along their principal axes: ``values @ directions.T``.

    A penalty on the weights is the same along them, and there are no more than texts.

    Attributes:
        values: float64 [N, R].
        directions: float64 [D, R], orthonormal.
    """

    values: np.ndarray
    directions: np.ndarray


def principal_axes(features: np.ndarray) -> Axes:
    """The axes of features [N, D]; R is the smaller of N and D, or less."""
    features = np.asarray(features, np.float64)
    texts, size = features.shape
    if texts < size:
        lengths, left = np.linalg.eigh(features @ features.T)  # U of U S Vᵀ
        kept = lengths > lengths[-1] * 1e-12
        roots = np.sqrt(lengths[kept])
        return Axes(left[:, kept] * roots, features.T @ (left[:, kept] / roots))
    lengths, directions = np.linalg.eigh(features.T @ features)
    directions = directions[:, lengths > lengths[-1] * 1e-12]
    return Axes(features @ directions, directions)
