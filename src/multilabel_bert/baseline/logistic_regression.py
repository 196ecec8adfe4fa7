"""Logistic regression of many labels at once over a sparse matrix."""

# N = texts, F = features, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from multilabel_bert.decision.logistic import prior_log_odds
from multilabel_bert.decision.newton import LogisticProblem

# Labels are taken so many at a time that an array of theirs has at most these cells: 32 MB, and
# some ten of them are needed.
_CELLS_AT_ONCE = 2**23


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
            problem = LogisticProblem(
                features, transposed, truth[:, block], known[:, block], C, intercepts[block]
            )
            first = None
            if start is not None:
                first = (start.coefficients[:, block], start.intercepts[block])
            coefficients[:, block], intercepts[block] = problem.solve(first, tolerance)
    return LogisticRegressions(coefficients, intercepts)
