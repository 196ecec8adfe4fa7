"""The metrics that thresholds can be tuned for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from multilabel_bert.decision.counts import Counts, Numbers, f_beta, jaccard
from multilabel_bert.decision.metrics import METRICS
from multilabel_bert.errors import SettingsError, did_you_mean

Lines = Literal["all", "labels", "rows"]


@dataclass(frozen=True)
class Objective:
    """A metric as the mean of a score of counts over lines; greater is better.

    Each score has the property that the search relies on: it never gets better when a false
    positive is added.

    Attributes:
        lines: what the score is averaged over: all cells together, labels, or texts.
        line_score: from the counts of lines to their scores.
        by_support: whether lines weigh as much as they have positives.
        beta: of F-beta, where the score is one.
    """

    lines: Lines
    line_score: Callable[[Counts], Numbers]
    by_support: bool = False
    beta: float = 1.0


def _all_right(counts: Counts) -> Numbers:
    right = (counts.true_positives == counts.predicted) & (counts.true_positives == counts.support)
    return right.astype(np.float64)


def _jaccard_or_nothing(counts: Counts) -> Numbers:
    nothing = (counts.predicted == 0) & (counts.support == 0)
    return np.where(nothing, 1.0, jaccard(counts))


def _cells_right(counts: Counts) -> Numbers:
    # Beside a constant: minus the false positives, minus the false negatives.
    return (2 * counts.true_positives - counts.predicted).astype(np.float64)


_OTHERS: dict[str, Objective] = {
    # Jaccard is F1 / (2 - F1): what is best for one is best for the other.
    "micro_jaccard": Objective("all", f_beta),
    "macro_jaccard": Objective("labels", jaccard),
    "weighted_jaccard": Objective("labels", jaccard, by_support=True),
    "samples_jaccard": Objective("rows", jaccard),
    "semeval_accuracy": Objective("rows", _jaccard_or_nothing),
    "subset_accuracy": Objective("rows", _all_right),
    "hamming_loss": Objective("labels", _cells_right),
}
TUNABLE_METRICS: tuple[str, ...] = ("macro_f1", "micro_f1", "weighted_f1", "samples_f1", *_OTHERS)
"""Names of the metrics that `tune_thresholds` takes."""


def objective_for(metric: str, beta: float = 1.0) -> Objective:
    """What to make as large as possible.

    Args:
        metric: one of `TUNABLE_METRICS`.
        beta: weight of recall against precision in F-beta, for the F1 metrics.

    Raises:
        SettingsError: for another metric, or a beta that cannot be used.
    """
    if metric not in TUNABLE_METRICS:
        if metric in METRICS:
            reason = f"metric={metric!r} cannot be tuned for."
        else:
            reason = f"metric={metric!r} is no metric.{did_you_mean(str(metric), TUNABLE_METRICS)}"
        raise SettingsError(f"{reason} Thresholds can be tuned for {', '.join(TUNABLE_METRICS)}.")
    if isinstance(beta, bool) or not isinstance(beta, (int, float)) or not 0 < beta < np.inf:
        raise SettingsError(
            f"beta={beta!r} must be a number above 0: 1 weighs precision and recall the same, 2 "
            "favours recall, 0.5 precision."
        )
    if metric in _OTHERS:
        if beta != 1:
            raise SettingsError(
                f"beta={beta!r} has no meaning for metric={metric!r}. Leave it out, or tune for "
                "macro_f1, micro_f1, weighted_f1 or samples_f1."
            )
        return _OTHERS[metric]
    score = partial(f_beta, beta=beta)
    lines: dict[str, Lines] = {"micro_f1": "all", "samples_f1": "rows"}
    return Objective(
        lines.get(metric, "labels"), score, by_support=metric == "weighted_f1", beta=beta
    )
