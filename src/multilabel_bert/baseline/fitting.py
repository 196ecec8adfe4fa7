"""Fit the baseline: terms, C by the development split, all within a bound of time and memory."""

# N = texts, F = terms, X = labels

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from multilabel_bert.baseline.logistic_regression import fit_logistic_regressions
from multilabel_bert.baseline.terms import TermWeights
from multilabel_bert.baseline.tfidf_baseline import HowFitted, TfidfBaseline
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import score
from multilabel_bert.decision.rule import DecisionRule

# Ascending, so that each starts from the solution before it, which is near.
_CS = (1.0, 4.0, 16.0)
# Where there is no development split, or no time to try the others. The best on GoEmotions.
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
    and 16 with the best macro average precision on the development split. Unknown labels are left
    out, label by label. Where texts or labels are so many that it would take more than about a
    minute, it is fitted on a part of the texts, with C = 4 alone, and fewer terms.

    Args:
        texts: N texts.
        labels: int8 [N, X]: 1 yes, -1 unknown, 0 implicit; as `Dataset.labels`.
        dev_texts: to choose C; None for C = 4.
        dev_labels: of these.
        seed: of the part of the texts.

    Returns:
        The baseline, with thresholds of 0.5, and its logits on the development texts.

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
    dev_matrix = None if dev_texts is None else weights.transform(dev_texts)
    can_judge = dev_labels is not None and bool((dev_labels.data == 1).any())
    tried: list[tuple[float, float]] = []
    best = fitted = None
    for C in _CS if several and can_judge else (_DEFAULT_C,):
        fitted = fit_logistic_regressions(matrix, targets, C, start=fitted, tolerance=_TOLERANCE)
        logits, value = None, 0.0
        if dev_matrix is not None:
            logits = dev_matrix @ fitted.coefficients + fitted.intercepts
        if logits is not None and can_judge:
            value = score("macro_average_precision", dev_labels, sigmoid(logits))
            tried.append((C, round(value, 4)))
        if best is not None and value <= best[0]:
            break
        best = (value, C, fitted, logits)
    assert best is not None
    _, C, fitted, dev_logits = best
    how = HowFitted(C, tuple(tried), len(chosen), len(texts), round(time.monotonic() - started, 1))
    baseline = TfidfBaseline(
        weights, fitted.coefficients, fitted.intercepts, DecisionRule.fixed(label_count), how
    )
    return baseline, dev_logits
