"""How far average precision would vary with other texts: of each label, and of their mean."""

# N = texts, X = labels, R = rounds

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.bootstrap import percentile_ends
from multilabel_bert.decision.counts import divide
from multilabel_bert.decision.curves import label_columns
from multilabel_bert.decision.judgement import Judgement

# A gathered weight and three sums of each cell and round; 200 rounds of 3 million cells take some
# ten seconds.
_MOST_WORK = 1_200_000_000
_FEWEST_ROUNDS = 50


@dataclass(frozen=True)
class PrecisionIntervals:
    """Ends of the intervals.

    Attributes:
        low: float64 [X]; NaN for a label without a positive.
        high: float64 [X].
        macro: ends of the interval of the mean over the labels.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    macro: tuple[float, float]


def average_precision_intervals(
    judgement: Judgement, *, rounds: int = 200, level: float = 0.95, seed: int = 0
) -> PrecisionIntervals | None:
    """Bootstrap the average precision of each label.

    The order of the texts does not change when some are drawn twice, so they are sorted once,
    and each draw is a running sum of how often each text was drawn.

    Args:
        judgement: of N texts.
        rounds: number of draws; fewer where there are many cells.
        level: share of the draws that lies inside.
        seed: of the draws; the same seed gives the same intervals.

    Returns:
        None where there are so many cells that it would take minutes.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval.
    """
    texts, labels = judgement.targets.truth.shape
    rounds = min(rounds, _MOST_WORK // (texts * labels))
    if rounds < _FEWEST_ROUNDS:
        return None
    generator = np.random.default_rng(seed)
    # [N, R]: how often each text is drawn; one round at a time keeps the numbers of one draw.
    times = np.stack(
        [
            np.bincount(generator.integers(texts, size=texts), minlength=texts).astype(np.int32)
            for _ in range(rounds)
        ],
        axis=1,
    )
    low, high = np.full(labels, np.nan), np.full(labels, np.nan)
    total, defined = np.zeros(rounds), np.zeros(rounds)
    columns = label_columns(judgement.targets, judgement.probabilities)
    for label, (truth, known, scores) in enumerate(columns):
        rows = np.arange(texts) if known is None else np.flatnonzero(known)
        if not truth[rows].any():
            continue
        draws = _average_precisions(truth[rows], scores[rows], times[rows])
        some = ~np.isnan(draws)
        total[some] += draws[some]
        defined += some
        low[label], high[label] = percentile_ends(draws, level)
    means = divide(total, defined)
    return PrecisionIntervals(low, high, percentile_ends(means[defined > 0], level))


def _average_precisions(
    truth: NDArray[np.bool_], scores: NDArray[np.floating], times: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Average precision in each round, [R]; NaN in a round without a positive."""
    order = np.argsort(-scores, kind="stable")
    truth, scores, times = truth[order], scores[order], times[order]
    places = np.flatnonzero(truth)
    # Texts of the same score come together: the precision is that after the last of them.
    last = np.searchsorted(-scores, -scores[places], side="right") - 1
    given = np.cumsum(times, axis=0)[last]
    positives = times[places]
    right_so_far = np.cumsum(positives, axis=0)
    right = right_so_far[np.searchsorted(places, last, side="right") - 1]
    number = positives.sum(axis=0)
    summed = (positives * divide(right, given)).sum(axis=0)
    return np.divide(summed, number, out=np.full(len(number), np.nan), where=number > 0)
