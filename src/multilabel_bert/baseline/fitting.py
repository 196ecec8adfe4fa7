"""Fit the baseline: terms, C on texts left out, all within a bound of time and memory."""

# N = texts, F = terms, X = labels

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from multilabel_bert.baseline.logistic_regression import (
    LogisticRegressions,
    fit_logistic_regressions,
)
from multilabel_bert.baseline.terms import TermWeights
from multilabel_bert.baseline.tfidf_baseline import HowFitted, TfidfBaseline
from multilabel_bert.data.splitting import stratified_folds
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import score
from multilabel_bert.decision.rule import DecisionRule

# Ascending, so that each starts from the solution before it, which is near.
_CS = (1.0, 4.0, 16.0)
# Where there is nothing to choose by, or no time to try the others. The best on GoEmotions.
_DEFAULT_C = 4.0
MOST_LABELS = 5000
# Counting words takes about 1 s for 2 million characters.
_MOST_CHARACTERS = 20_000_000
# Coefficients: 40 MB in the model at most.
_MOST_COEFFICIENTS = 10_000_000
# One fit takes about 0.11 s for a million terms of texts times labels.
_MOST_WORK = 400_000_000
_MOST_WORK_FOR_SEVERAL = 100_000_000
_TOLERANCE = 1e-2
# Without a development split; only where it is done in some seconds.
_FOLDS = 5
_MOST_WORK_FOR_FOLDS = 10_000_000


class NoBaselineError(Exception):
    """There is no baseline for these data; the message says why, for people."""


def fit_baseline(
    texts: Sequence[str],
    labels: csr_array,
    dev_texts: Sequence[str] | None = None,
    dev_labels: csr_array | None = None,
    *,
    seed: int = 0,
) -> tuple[TfidfBaseline, np.ndarray | None]:
    """Fit TF-IDF of words and pairs of words with one logistic regression a label.

    What `TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)` and
    `OneVsRestClassifier(LogisticRegression(C=C))` of scikit-learn give, C being that of 1, 4
    and 16 with the best macro average precision on the development split; without one, where the
    texts are few, by cross-validation. Unknown labels are left out, label by label. Where texts or
    labels are so many that it would take more than about a minute, it is fitted on a part of the
    texts, with C = 4 alone, and fewer terms.

    Args:
        texts: N texts.
        labels: int8 [N, X]: 1 yes, -1 unknown, 0 implicit; as `Dataset.labels`.
        dev_texts: to choose C.
        dev_labels: of these.
        seed: of the part of the texts, and of the folds.

    Returns:
        The baseline, with thresholds of 0.5, and its logits on the development texts; without
        these, on the training texts, each by a fit that has not seen it, or None where that would
        take long. float32.

    Raises:
        NoBaselineError: if there are too many labels, or no word in the texts.
    """
    started = time.monotonic()
    label_count = labels.shape[1]
    if label_count > MOST_LABELS:
        raise NoBaselineError(f"{label_count:,} labels are more than {MOST_LABELS:,}")
    order = np.random.default_rng(seed).permutation(len(texts))
    sizes = np.cumsum([len(texts[i]) for i in order])
    chosen = order[: max(1, int(np.searchsorted(sizes, _MOST_CHARACTERS, side="right")))]
    try:
        weights, matrix = TermWeights.of(
            [texts[i] for i in chosen], _MOST_COEFFICIENTS // label_count
        )
    except ValueError:
        raise NoBaselineError("the texts hold no words") from None
    # The rows are in random order already.
    affordable = int(_MOST_WORK / label_count / max(1.0, matrix.nnz / len(chosen)))
    chosen, matrix = chosen[:affordable], matrix[:affordable]
    targets = labels[chosen].toarray()
    several = matrix.nnz * label_count <= _MOST_WORK_FOR_SEVERAL
    tried: dict[float, float] = {}
    if dev_texts is None and matrix.nnz * label_count <= _MOST_WORK_FOR_FOLDS:
        C, judged_logits, tried = _chosen_by_folds(texts, labels, seed)
        fitted = fit_logistic_regressions(matrix, targets, C, tolerance=_TOLERANCE)
    else:
        dev_matrix = None if dev_texts is None else weights.transform(dev_texts)
        can_judge = dev_labels is not None and bool((dev_labels.data == 1).any())
        Cs = _CS if several and can_judge else (_DEFAULT_C,)
        C, fitted, judged_logits, tried = _chosen_on_dev(
            matrix, targets, Cs, dev_matrix, dev_labels if can_judge else None
        )
    how = HowFitted(
        C,
        tuple((C, round(value, 4)) for C, value in tried.items()),
        len(chosen),
        len(texts),
        round(time.monotonic() - started, 1),
    )
    baseline = TfidfBaseline(
        weights, fitted.coefficients, fitted.intercepts, DecisionRule.fixed(label_count), how
    )
    return baseline, judged_logits


def _chosen_on_dev(
    matrix: csr_matrix,
    targets: np.ndarray,
    Cs: Sequence[float],
    dev_matrix: csr_matrix | None,
    dev_labels: csr_array | None,
) -> tuple[float, LogisticRegressions, np.ndarray | None, dict[float, float]]:
    """The best C, its fit, its logits on the development texts, macro average precision by C."""
    tried: dict[float, float] = {}
    best = fitted = None
    for C in Cs:
        fitted = fit_logistic_regressions(matrix, targets, C, start=fitted, tolerance=_TOLERANCE)
        logits, value = None, 0.0
        if dev_matrix is not None:
            logits = dev_matrix @ fitted.coefficients + fitted.intercepts
        if logits is not None and dev_labels is not None:
            value = tried[C] = score("macro_average_precision", dev_labels, sigmoid(logits))
        if best is not None and value <= best[0]:
            break
        best = (value, C, fitted, logits)
    assert best is not None
    return *best[1:], tried


def _chosen_by_folds(
    texts: Sequence[str], labels: csr_array, seed: int
) -> tuple[float, np.ndarray | None, dict[float, float]]:
    """The best C, its out-of-fold logits [N, X], and macro average precision by C.

    C = 4 and None where there are too few different texts, or none of them holds a word.
    """
    _, groups = np.unique(np.asarray(texts, object), return_inverse=True)
    folds = min(_FOLDS, int(groups.max()) + 1)
    logits = {C: np.empty(labels.shape, np.float32) for C in _CS}
    if folds < 2:
        return _DEFAULT_C, None, {}
    most_terms = _MOST_COEFFICIENTS // labels.shape[1]
    for inside, outside in stratified_folds(labels, folds, seed, groups):
        try:
            weights, matrix = TermWeights.of([texts[i] for i in inside], most_terms)
        except ValueError:
            return _DEFAULT_C, None, {}
        others = weights.transform([texts[i] for i in outside])
        targets, fitted = labels[inside].toarray(), None
        for C, values in logits.items():
            fitted = fit_logistic_regressions(
                matrix, targets, C, start=fitted, tolerance=_TOLERANCE
            )
            values[outside] = others @ fitted.coefficients + fitted.intercepts
    tried = {
        C: score("macro_average_precision", labels, sigmoid(values)) for C, values in logits.items()
    }
    # NaN where no label has both a yes and a no.
    C = max(tried, key=lambda C: np.nan_to_num(tried[C], nan=-1.0))
    return C, logits[C], tried
