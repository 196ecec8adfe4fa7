"""How far the scores of each label would vary with other texts: bootstrap intervals."""

# X = labels, R = rounds

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.bootstrap import percentile_ends
from multilabel_bert.decision.counts import Counts, f_beta, precision, recall
from multilabel_bert.decision.judgement import Judgement

_SCORES = {"precision": precision, "recall": recall, "f1": f_beta}


@dataclass(frozen=True)
class LabelIntervals:
    """Ends of the intervals, float64 [X] each; NaN for a label of which nothing is known.

    Attributes:
        low: lower ends of ``"precision"``, ``"recall"`` and ``"f1"``.
        high: upper ends.
        level: confidence, such as 0.95.
    """

    low: dict[str, NDArray[np.float64]]
    high: dict[str, NDArray[np.float64]]
    level: float


def label_intervals(
    judgement: Judgement, *, rounds: int = 1000, level: float = 0.95, seed: int = 0
) -> LabelIntervals:
    """Bootstrap precision, recall and F1 of each label by itself.

    All that these depend on is how many texts are true positives, false positives, false
    negatives and the rest. Of texts drawn with replacement these numbers are multinomial, so that
    they are drawn at once, and a million texts cost no more than a hundred.

    Args:
        judgement: of N texts.
        rounds: number of draws.
        level: share of the draws that lies inside.
        seed: of the draws; the same seed gives the same intervals.

    Example:
        >>> from multilabel_bert.decision.judgement import judge
        >>> found = label_intervals(judge([[1], [1], [0], [0]], [[0.9], [0.2], [0.1], [0.3]]))
        >>> found.low["recall"].tolist(), found.high["recall"].tolist()
        ([0.0], [1.0])

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval.
    """
    counts = judgement.label_counts
    texts = len(judgement.targets.truth)
    generator = np.random.default_rng(seed)
    low = {name: np.full(len(counts.known), np.nan) for name in _SCORES}
    high = {name: values.copy() for name, values in low.items()}
    for label in range(len(counts.known)):
        if not counts.known[label]:
            continue
        right = int(counts.true_positives[label])
        cells = np.array(
            [right, int(counts.predicted[label]) - right, int(counts.support[label]) - right]
        )
        shares = np.append(cells, texts - cells.sum()) / texts
        drawn = generator.multinomial(texts, shares, size=rounds)
        right_drawn = drawn[:, 0]
        of_draws = Counts(
            right_drawn, right_drawn + drawn[:, 1], right_drawn + drawn[:, 2], drawn.sum(axis=1)
        )
        for name, score in _SCORES.items():
            low[name][label], high[name][label] = percentile_ends(score(of_draws), level)
    return LabelIntervals(low, high, level)
