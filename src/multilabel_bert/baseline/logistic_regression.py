"""Logistic regression of many labels at once over a sparse matrix."""

# N = texts, F = features, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from multilabel_bert.decision.logistic import prior_log_odds

# Newton's method takes 5 to 10 steps here; the limits end what would not converge.
_MAX_NEWTON_STEPS = 50
_MAX_CG_STEPS = 50
_MAX_HALVINGS = 30
# Labels are taken so many at a time that an array of theirs has at most these cells: 32 MB, and
# some ten of them are needed.
_CELLS_AT_ONCE = 2**23
# Of the decrease that the slope promises, so much must be seen (Armijo); Nocedal and Wright use
# this value.
_SUFFICIENT_DECREASE = 1e-4


@dataclass(frozen=True)
class LogisticRegressions:
    """X logistic regressions.

    Attributes:
        coefficients: float [F, X].
        intercepts: float [X].
    """

    coefficients: np.ndarray
    intercepts: np.ndarray


def fit_logistic_regressions(
    features: csr_matrix,
    targets: np.ndarray,
    C: float,
    *,
    start: LogisticRegressions | None = None,
    tolerance: float = 1e-3,
) -> LogisticRegressions:
    """Fit one logistic regression a label, all of them in the same sparse products.

    Minimises, for each label by itself, ½‖w‖² + C Σ log(1 + exp(−y (xᵀw + b))) over the texts
    whose label is known: scikit-learn's ``LogisticRegression(C=C)``, whose intercept is not
    penalised either.

    Args:
        features: float [N, F].
        targets: [N, X]: 1 yes, 0 no, -1 or NaN unknown.
        C: how much the data count against the penalty, above 0.
        start: where to begin, such as the solution for another C; else at the share of each
            label.
        tolerance: a label is done when its gradient is so small, relative to the one at zero
            coefficients.

    Returns:
        In the type of `features`. A label that is nowhere positive, or nowhere negative, has zero
        coefficients and the log-odds of (positives + ½) / (known + 1), or of 0.1 where nothing is
        known: scikit-learn refuses it.

    Source: Lin, Weng and Keerthi 2008, "Trust Region Newton Method for Large-Scale Logistic
    Regression", JMLR 9; with a line search in place of the trust region.
    """
    dtype = features.dtype
    truth = (targets == 1).astype(dtype)
    known = ((targets == 0) | (targets == 1)).astype(dtype)
    positives, total = truth.sum(axis=0, dtype=np.float64), known.sum(axis=0, dtype=np.float64)
    coefficients = np.zeros((features.shape[1], truth.shape[1]), dtype)
    intercepts = prior_log_odds(positives, total - positives).astype(dtype)
    learnable = np.flatnonzero((positives > 0) & (positives < total))
    transposed = features.T.tocsr()
    labels_at_once = max(1, _CELLS_AT_ONCE // max(features.shape))
    for block in np.array_split(learnable, -(-len(learnable) // labels_at_once) or 1):
        if len(block):
            problem = _Problem(
                features, transposed, truth[:, block], known[:, block], C, intercepts[block]
            )
            first = None
            if start is not None:
                first = (start.coefficients[:, block], start.intercepts[block])
            coefficients[:, block], intercepts[block] = problem.solve(first, tolerance)
    return LogisticRegressions(coefficients, intercepts)


class _Problem:
    """Newton's method for all labels together; each has its own steps and its own end."""

    def __init__(
        self,
        features: csr_matrix,
        transposed: csr_matrix,
        truth: np.ndarray,
        known: np.ndarray,
        C: float,
        prior: np.ndarray,
    ) -> None:
        self.features, self.transposed = features, transposed
        self.truth, self.known, self.C, self.prior = truth, known, C, prior
        self.squares = transposed.multiply(transposed).tocsr()

    def solve(
        self, start: tuple[np.ndarray, np.ndarray] | None, tolerance: float
    ) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.features.shape[1], self.truth.shape[1])
        zeros = np.zeros(shape, self.features.dtype)
        residual = self.known * (_sigmoid(self.prior[None, :]) - self.truth)
        limits = tolerance * _norms(*self._gradient(zeros, residual))
        weights, bias = (zeros, self.prior.copy()) if start is None else start
        weights, bias = np.ascontiguousarray(weights), bias.copy()
        left = np.arange(shape[1])
        for _ in range(_MAX_NEWTON_STEPS):
            part = self._of(left)
            W, b = np.ascontiguousarray(weights[:, left]), bias[left]
            logits = self.features @ W + b
            chances = _sigmoid(logits)
            gradient, gradient_b = part._gradient(W, part.known * (chances - part.truth))
            norms = _norms(gradient, gradient_b)
            going = norms > limits[left]
            if not going.any():
                break
            if not going.all():
                left = left[going]
                part = self._of(left)
                W, b, logits, chances = W[:, going], b[going], logits[:, going], chances[:, going]
                gradient, gradient_b = gradient[:, going], gradient_b[going]
                norms = norms[going]
            curvature = part.known * chances * (1 - chances)
            step, step_b = part._newton_step(curvature, gradient, gradient_b, norms)
            slope = _dots(gradient, step) + gradient_b * step_b
            size = part._line_search(W, logits, step, step_b, slope)
            weights[:, left] = W + size * step
            bias[left] = b + size * step_b
            # A label whose line search finds nothing is at the limit of the number format.
            left = left[size > 0]
            if not len(left):
                break
        return weights, bias

    def _of(self, labels: np.ndarray) -> _Problem:
        if len(labels) == self.truth.shape[1]:
            return self
        part = object.__new__(_Problem)
        part.__dict__.update(self.__dict__)
        part.truth = np.ascontiguousarray(self.truth[:, labels])
        part.known = np.ascontiguousarray(self.known[:, labels])
        return part

    def _gradient(self, weights: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        residual = np.ascontiguousarray(residual)
        return weights + self.C * (self.transposed @ residual), self.C * residual.sum(axis=0)

    def _newton_step(
        self, curvature: np.ndarray, gradient: np.ndarray, gradient_b: np.ndarray, norms: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve Hessian · step = −gradient by conjugate gradients, preconditioned by the diagonal.

        To a tenth of the gradient: more exact steps were fewer, and took longer together.
        """
        inverse = 1 / (1 + self.C * (self.squares @ curvature))
        inverse_b = 1 / (self.C * curvature.sum(axis=0) + 1e-12)
        step, step_b = np.zeros_like(gradient), np.zeros_like(gradient_b)
        rest, rest_b = -gradient, -gradient_b
        ready, ready_b = inverse * rest, inverse_b * rest_b
        direction, direction_b = ready.copy(), ready_b.copy()
        product = _dots(rest, ready) + rest_b * ready_b
        limits = 0.1 * norms
        for _ in range(_MAX_CG_STEPS):
            along = self.C * curvature * (self.features @ direction + direction_b)
            bent = direction + self.transposed @ along
            bent_b = along.sum(axis=0)
            bend = _dots(direction, bent) + direction_b * bent_b
            size = np.divide(product, bend, out=np.zeros_like(product), where=bend > 0)
            step += size * direction
            step_b += size * direction_b
            rest -= size * bent
            rest_b -= size * bent_b
            going = _norms(rest, rest_b) > limits
            if not going.any():
                break
            ready, ready_b = inverse * rest, inverse_b * rest_b
            previous, product = product, _dots(rest, ready) + rest_b * ready_b
            ratio = np.divide(product, previous, out=np.zeros_like(product), where=previous > 0)
            direction *= ratio
            direction += ready
            direction_b = ready_b + ratio * direction_b
        return step, step_b

    def _line_search(
        self,
        weights: np.ndarray,
        logits: np.ndarray,
        step: np.ndarray,
        step_b: np.ndarray,
        slope: np.ndarray,
    ) -> np.ndarray:
        """How far to go along each label's step: 1, or halved until the loss falls; 0 for never."""
        change = self.features @ step + step_b
        # ½‖w + t s‖² − ½‖w‖², without the difference of two large numbers.
        linear, square = _dots(weights, step), 0.5 * _dots(step, step)
        loss = self._loss(logits)
        size = np.ones_like(slope)
        for _ in range(_MAX_HALVINGS):
            rise = self._loss(logits + size * change) - loss
            rise += size * linear + size * size * square
            too_far = rise > _SUFFICIENT_DECREASE * size * slope
            if not too_far.any():
                return size
            size = np.where(too_far, size / 2, size)
        return np.where(too_far, 0, size).astype(size.dtype)

    def _loss(self, logits: np.ndarray) -> np.ndarray:
        cells = np.logaddexp(0, logits) - self.truth * logits
        return self.C * (self.known * cells).sum(axis=0, dtype=np.float64)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # tanh never overflows.
    return 0.5 * (1 + np.tanh(0.5 * logits))


def _dots(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The inner product of each column, [X]."""
    return np.einsum("fx,fx->x", first, second)


def _norms(matrix: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The length of each column, with the element of `row` below it, [X]."""
    return np.sqrt(_dots(matrix, matrix) + row * row)
