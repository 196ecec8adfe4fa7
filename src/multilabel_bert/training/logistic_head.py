"""A head alone as logistic regression with an L2 penalty, to its minimum: for few examples."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from multilabel_bert.training.head_start import prior_bias

# Of the gradient's largest component; the objective is a mean over texts.
TOLERANCE = 1e-6
_MOST_ITERATIONS = 2000

Head = tuple[np.ndarray, np.ndarray]
"""Kernel [D, X] and bias [X]."""


def fit_logistic_head(
    features: np.ndarray,
    targets: np.ndarray,
    l2: float,
    *,
    positive_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
    start: Head | None = None,
    axes: Axes | None = None,
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
        start: a head to start from, such as that of a stronger penalty; saves time alone.
        axes: of these features, where several heads are fitted to them; saves time alone.
        tolerance: the largest component of the gradient that is left.

    Returns:
        float64 [D, X] and [X].

    Source: Liu and Nocedal 1989, "On the limited memory BFGS method", in SciPy.
    """
    axes = principal_axes(features) if axes is None else axes
    known = targets >= 0
    truth = np.where(known, targets, 0).astype(np.float64)
    weights = np.ones(truth.shape[1]) if positive_weights is None else positive_weights
    negatives = np.where(known, 1.0 - truth, 0.0)
    counts = (truth > 0).sum(axis=0), (negatives > 0).sum(axis=0)
    learned = (counts[0] > 0) & (counts[1] > 0)
    kernel = np.zeros((features.shape[1], truth.shape[1]))
    bias = prior_bias(*counts).astype(np.float64)
    if not learned.any():
        return kernel, bias
    truth, negatives = truth[:, learned] * weights[learned], negatives[:, learned]
    if text_weights is not None:
        truth, negatives = truth * text_weights[:, None], negatives * text_weights[:, None]
    cells = truth + negatives
    texts, size = axes.values.shape
    # What the second derivative is about where all logits are the bias: along an axis of length s
    # it is p (1 - p) s² / N + l2. Divided by its root, all directions are about as steep.
    share = truth.sum(axis=0) / cells.sum(axis=0)
    steepness = share * (1.0 - share) * cells.sum(axis=0) / texts
    spread = np.square(axes.values).mean(axis=0)
    scale = np.empty((size + 1, int(learned.sum())))
    scale[:-1] = 1.0 / np.sqrt(spread[:, None] * steepness + l2)
    scale[-1] = 1.0 / np.sqrt(steepness)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(scale.shape) * scale
        logits = axes.values @ weights[:-1] + weights[-1]
        softplus = np.logaddexp(0.0, logits)  # -log(1 - sigmoid(z)); minus z it is -log sigmoid(z)
        loss = (truth * (softplus - logits) + negatives * softplus).sum() / texts
        slopes = (cells * np.exp(logits - softplus) - truth) / texts
        gradient = np.empty(scale.shape)
        gradient[:-1] = axes.values.T @ slopes + l2 * weights[:-1]
        gradient[-1] = slopes.sum(axis=0)
        return loss + 0.5 * l2 * np.square(weights[:-1]).sum(), (gradient * scale).ravel()

    first = (kernel, bias) if start is None else start
    begin = np.vstack([axes.directions.T @ first[0][:, learned], first[1][learned]])
    found = minimize(
        objective,
        (begin / scale).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={
            "gtol": tolerance,
            # Of the objective, which is flat to second order where the gradient is small.
            "ftol": tolerance**2,
            "maxiter": _MOST_ITERATIONS,
            "maxfun": 2 * _MOST_ITERATIONS,
        },
    ).x
    weights = found.reshape(scale.shape) * scale
    kernel[:, learned], bias[learned] = axes.directions @ weights[:-1], weights[-1]
    return kernel, bias


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


def l2_path(
    features: np.ndarray,
    targets: np.ndarray,
    strengths: Sequence[float],
    *,
    positive_weights: np.ndarray | None = None,
    text_weights: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> list[Head]:
    """The heads of several strengths, in the order given; best from strong to weak.

    Args:
        features: [N, D], standardised.
        targets: [N, X].
        strengths: each above 0.
        positive_weights: float [X] or None.
        text_weights: float [N] or None.
        tolerance: see `fit_logistic_head`.
    """
    axes = principal_axes(features)
    heads: list[Head] = []
    for strength in strengths:
        heads.append(
            fit_logistic_head(
                features,
                targets,
                strength,
                positive_weights=positive_weights,
                text_weights=text_weights,
                start=heads[-1] if heads else None,
                axes=axes,
                tolerance=tolerance,
            )
        )
    return heads
