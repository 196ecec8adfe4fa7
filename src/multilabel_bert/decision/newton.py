"""Newton's method for the logistic regressions of many labels at once."""

# N = texts, F = features, X = labels

from __future__ import annotations

from typing import Any

import numpy as np

# Newton's method takes 5 to 10 steps here; the limits end what would not converge.
_MAX_NEWTON_STEPS = 50
_MAX_CG_STEPS = 50
_MAX_HALVINGS = 30
# Of the decrease that the slope promises, so much must be seen (Armijo); Nocedal and Wright use
# this value.
_SUFFICIENT_DECREASE = 1e-4


class LogisticProblem:
    """X logistic regressions in the same matrix products; each has its own steps and its own end.

    For each label ½‖w‖² + C Σ (p log(1 + exp(−z)) + q log(1 + exp(z))) is minimised, with
    z = xᵀw + b over N texts. Whole-numbered labels have p = 1 for yes, q = 1 for no, and neither
    where nothing is known; soft labels and weights are other numbers of at least 0.

    Args:
        features: [N, F], dense or a SciPy CSR matrix.
        transposed: the same [F, N], in the same form.
        positive: p, [N, X], in the type of the features.
        cells: p + q, likewise.
        C: how much the data count against the penalty, above 0.
        prior: [X], the intercepts at zero coefficients.

    Source: Lin, Weng and Keerthi 2008, "Trust Region Newton Method for Large-Scale Logistic
    Regression", JMLR 9; with a line search in place of the trust region.
    """

    def __init__(
        self,
        features: Any,
        transposed: Any,
        positive: np.ndarray,
        cells: np.ndarray,
        C: float,
        prior: np.ndarray,
    ) -> None:
        self.features, self.transposed = features, transposed
        self.positive, self.cells, self.C, self.prior = positive, cells, C, prior
        if isinstance(transposed, np.ndarray):
            self.squares = np.square(transposed)
        else:
            self.squares = transposed.multiply(transposed).tocsr()

    def solve(
        self, start: tuple[np.ndarray, np.ndarray] | None, tolerance: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [F, X] and intercepts [X].

        Args:
            start: where to begin; None: at zero coefficients and the prior.
            tolerance: a label is done when its gradient is so small, relative to the one at zero
                coefficients.
        """
        shape = (self.features.shape[1], self.positive.shape[1])
        zeros = np.zeros(shape, self.features.dtype)
        residual = self.cells * _sigmoid(self.prior[None, :]) - self.positive
        limits = tolerance * _norms(*self._gradient(zeros, residual))
        weights, bias = (zeros, self.prior.copy()) if start is None else start
        weights, bias = np.ascontiguousarray(weights), bias.copy()
        left = np.arange(shape[1])
        for _ in range(_MAX_NEWTON_STEPS):
            part = self._of(left)
            W, b = np.ascontiguousarray(weights[:, left]), bias[left]
            logits = self.features @ W + b
            chances = _sigmoid(logits)
            gradient, gradient_b = part._gradient(W, part.cells * chances - part.positive)
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
            curvature = part.cells * chances * (1 - chances)
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

    def _of(self, labels: np.ndarray) -> LogisticProblem:
        if len(labels) == self.positive.shape[1]:
            return self
        part = object.__new__(LogisticProblem)
        part.__dict__.update(self.__dict__)
        part.positive = np.ascontiguousarray(self.positive[:, labels])
        part.cells = np.ascontiguousarray(self.cells[:, labels])
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
        losses = self.cells * np.logaddexp(0, logits) - self.positive * logits
        return self.C * losses.sum(axis=0, dtype=np.float64)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # tanh never overflows.
    return 0.5 * (1 + np.tanh(0.5 * logits))


def _dots(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The inner product of each column, [X]."""
    return np.einsum("fx,fx->x", first, second)


def _norms(matrix: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The length of each column, with the element of `row` below it, [X]."""
    return np.sqrt(_dots(matrix, matrix) + row * row)
