"""The fits behind calibration: temperature, Platt's sigmoid, isotonic regression.

Each takes the logits and the truth of known cells, and needs NumPy alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import BoolArray
from multilabel_bert.decision.logistic import precise_sigmoid

Values = NDArray[np.float64]
# A model whose logits want more than this is not badly calibrated: the texts are separable, or
# its logits mean nothing, and the optimum runs away.
SLOPE_RANGE = (0.01, 100.0)
_MAX_STEPS = 100


def temperature_slope(logits: Values, truth: BoolArray) -> float:
    """1 / T, where sigmoid(logit / T) has the least cross-entropy; within `SLOPE_RANGE`.

    The cross-entropy is convex in the slope: Newton's steps, halving the bracket where one leaves
    it.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
    """
    low, high = SLOPE_RANGE
    if not len(logits):
        return 1.0
    slope = 1.0
    for _ in range(_MAX_STEPS):
        expected = precise_sigmoid(slope * logits)
        gradient = float(np.dot(expected - truth, logits))
        curvature = float(np.dot(expected * (1 - expected), logits * logits))
        low, high = (slope, high) if gradient < 0 else (low, slope)
        step = slope - gradient / curvature if curvature > 0 else low
        following = step if low < step < high else (low * high) ** 0.5
        if abs(following - slope) <= 1e-10 * slope:
            break
        slope = following
    return slope


def platt(logits: Values, truth: BoolArray) -> tuple[float, float]:
    """Slope a and intercept b, where sigmoid(a logit + b) has the least cross-entropy.

    The targets are Platt's: (n+ + 1) / (n+ + 2) for the n+ positives and 1 / (n- + 2) for the n-
    negatives, not 1 and 0, so that separable texts have a finite fit.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines"; the steps are those of
    Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs for support vector machines".
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    targets = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # In units of the logits' spread both directions curve alike.
    center, spread = float(logits.mean()), float(logits.std()) or 1.0
    x = (logits - center) / spread
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    value = _cross_entropy(weights[0] * x + weights[1], targets)
    for _ in range(_MAX_STEPS):
        expected = precise_sigmoid(weights[0] * x + weights[1])
        error, certainty = expected - targets, expected * (1 - expected)
        gradient = np.array([np.dot(error, x), error.sum()])
        if np.abs(gradient).max() < 1e-9 * len(x):
            break
        mixed = np.dot(certainty, x)
        hessian = np.array([[np.dot(certainty, x * x), mixed], [mixed, certainty.sum()]])
        step = -np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-10:
            trial = weights + size * step
            reached = _cross_entropy(trial[0] * x + trial[1], targets)
            if reached < value + 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            break
        weights, value = trial, reached
    slope = float(weights[0]) / spread
    return slope, float(weights[1]) - slope * center


def isotonic(logits: Values, truth: BoolArray) -> tuple[Values, Values]:
    """The rising step curve with the least squared error, as knots of straight lines.

    Pool adjacent violators; equal logits are one point. Between the last point of a step and the
    first of the next the curve is straight, outside it is level.

    Returns:
        Logits, ascending, and the probability at each; both [K].

    Source: Zadrozny and Elkan 2002, "Transforming Classifier Scores into Accurate Multiclass
    Probability Estimates"; the knots are those of scikit-learn's IsotonicRegression.
    """
    points, place, counts = np.unique(logits, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=truth, minlength=len(points)) / counts
    # Of each step: its mean, its weight, and its first point.
    levels: list[float] = []
    weights: list[int] = []
    starts: list[int] = []
    for point, (mean, weight) in enumerate(zip(means.tolist(), counts.tolist(), strict=True)):
        start = point
        while levels and levels[-1] >= mean:
            last, last_weight = levels.pop(), weights.pop()
            mean = (last * last_weight + mean * weight) / (last_weight + weight)
            weight += last_weight
            start = starts.pop()
        levels.append(mean)
        weights.append(weight)
        starts.append(start)
    ends = [*(start - 1 for start in starts[1:]), len(points) - 1]
    knots = [
        (point, level)
        for start, end, level in zip(starts, ends, levels, strict=True)
        for point in ([start] if start == end else [start, end])
    ]
    at, values = zip(*knots, strict=True)
    return points[list(at)], np.array(values)


def _cross_entropy(logits: Values, targets: Values) -> float:
    return float(
        np.sum(np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits))))
    )
