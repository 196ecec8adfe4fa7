"""What thresholds can be tuned for, and how it is spelled: metrics, conditions, costs."""

# X = labels

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import FIXED_THRESHOLD
from multilabel_bert.decision.costs import Costs
from multilabel_bert.decision.counts import Counts, Numbers, f_beta, jaccard, precision, recall
from multilabel_bert.decision.metrics import METRICS, f_beta_name
from multilabel_bert.errors import SettingsError, did_you_mean

Lines = Literal["all", "labels", "rows"]
CONDITIONS = ("precision_at_recall", "recall_at_precision")
COST = "cost"
# 9 of 10 is a recall of 0.9, whatever the rounding.
_ROUNDING = 1e-12


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
        costs: of each label, where the score is minus the cost.
        condition: whether it is a condition that is kept label by label: one threshold for all
            labels is then chosen on all cells together, and none is shrunk.
    """

    lines: Lines
    line_score: Callable[[Counts], Numbers]
    by_support: bool = False
    beta: float = 1.0
    costs: Costs | None = None
    condition: bool = False

    def scores(self, counts: Counts, lines: Any = slice(None)) -> Numbers:
        """The scores of lines from their counts.

        Args:
            counts: of any shape.
            lines: columns of the labels that the counts are of, of the same shape or one for
                all; looked at where the labels have costs.
        """
        if self.costs is None:
            return self.line_score(counts)
        right, wrong = self.costs.false_negative[lines], self.costs.false_positive[lines]
        # Beside the constant cost of missing every positive.
        gained: Numbers = right * counts.true_positives - wrong * (
            counts.predicted - counts.true_positives
        )
        return gained

    def without_evidence(self, labels: int) -> NDArray[np.float32]:
        """The thresholds of labels of which nothing is known: 0.5, or those of their costs."""
        if self.costs is None:
            return np.full(labels, FIXED_THRESHOLD, np.float32)
        return self.costs.bayes_thresholds()


def _all_right(counts: Counts) -> Numbers:
    right = (counts.true_positives == counts.predicted) & (counts.true_positives == counts.support)
    return right.astype(np.float64)


def _jaccard_or_nothing(counts: Counts) -> Numbers:
    nothing = (counts.predicted == 0) & (counts.support == 0)
    return np.where(nothing, 1.0, jaccard(counts))


def _cells_right(counts: Counts) -> Numbers:
    # Beside a constant: minus the false positives, minus the false negatives.
    return (2 * counts.true_positives - counts.predicted).astype(np.float64)


def _precision_at_recall(counts: Counts, least: float) -> Numbers:
    reached = recall(counts)
    # Where the recall is reached any precision is better than where it is not.
    return np.where(reached >= least - _ROUNDING, 1 + precision(counts), reached)


def _recall_at_precision(counts: Counts, least: float) -> Numbers:
    reached = precision(counts)
    return np.where(reached >= least - _ROUNDING, 1 + recall(counts), reached)


_AT_LEAST = {
    "precision_at_recall": _precision_at_recall,
    "recall_at_precision": _recall_at_precision,
}
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
"""Names of the metrics that `tune_thresholds` takes; `objective_for` says what else it takes."""
SPELLINGS = (
    f"{', '.join(TUNABLE_METRICS)}; F-beta, such as macro_f2 or micro_f0.5; "
    "precision_at_recall:0.9 or recall_at_precision:0.9, of each label; or cost"
)


def objective_for(metric: str, beta: float = 1.0, costs: Costs | None = None) -> Objective:
    """What to make as large as possible.

    Args:
        metric: one of `TUNABLE_METRICS`; F-beta for any beta, such as ``"macro_f2"`` or
            ``"micro_f0.5"``; ``"precision_at_recall:R"``, the best precision of each label whose
            recall is at least R, or ``"recall_at_precision:P"``; or ``"cost"``.
        beta: weight of recall against precision, for the F1 metrics.
        costs: for ``"cost"``; every mistake costs the same where there are none.

    Raises:
        SettingsError: for another metric, or a beta or costs that cannot be used.
    """
    if isinstance(beta, bool) or not isinstance(beta, (int, float)) or not 0 < beta < np.inf:
        raise SettingsError(
            f"beta={beta!r} must be a number above 0: 1 weighs precision and recall the same, 2 "
            "favours recall, 0.5 precision."
        )
    if costs is not None and metric != COST:
        raise SettingsError(
            f"costs have no meaning for metric={metric!r}. Leave them out, or tune for 'cost'."
        )
    if metric in TUNABLE_METRICS[:4]:
        return _f_beta_objective(metric.split("_")[0], beta)
    if beta != 1:
        raise SettingsError(
            f"beta={beta!r} has no meaning for metric={metric!r}. Leave it out, or tune for "
            "macro_f1, micro_f1, weighted_f1 or samples_f1."
        )
    if metric in _OTHERS:
        return _OTHERS[metric]
    if metric == COST:
        # Costs of labels whose number is not known yet are put in by `tune_thresholds`.
        return Objective("labels", _cells_right, costs=costs)
    if not isinstance(metric, str):
        raise _unknown(metric)
    if (parts := f_beta_name(metric)) is not None:
        return _f_beta_objective(*parts)
    name, _, least = metric.partition(":")
    if name in CONDITIONS:
        return Objective(
            "labels", partial(_AT_LEAST[name], least=_share(metric, name, least)), condition=True
        )
    raise _unknown(metric)


def condition_of(metric: str | None) -> tuple[str, float] | None:
    """What a metric demands of each label: ``("recall", 0.9)``; None if it demands nothing.

    >>> condition_of("precision_at_recall:0.9"), condition_of("macro_f1")
    (('recall', 0.9), None)
    """
    name, _, least = (metric or "").partition(":")
    return (name.rpartition("_")[2], float(least)) if name in CONDITIONS else None


def _f_beta_objective(average: str, beta: float) -> Objective:
    lines: dict[str, Lines] = {"micro": "all", "samples": "rows"}
    return Objective(
        lines.get(average, "labels"),
        partial(f_beta, beta=beta),
        by_support=average == "weighted",
        beta=beta,
    )


def _share(metric: str, name: str, text: str) -> float:
    if not re.fullmatch(r"\d*\.?\d+", text) or not 0 < float(text) <= 1:
        raise SettingsError(
            f"metric={metric!r}: expected a share above 0 and at most 1 after the colon, such as "
            f"{name}:0.9."
        )
    return float(text)


def _unknown(metric: Any) -> SettingsError:
    if metric in METRICS:
        reason = f"metric={metric!r} cannot be tuned for."
    else:
        known = (*TUNABLE_METRICS, *(f"{name}:0.9" for name in CONDITIONS), COST)
        reason = f"metric={metric!r} is no metric.{did_you_mean(str(metric), known)}"
    return SettingsError(f"{reason} Thresholds can be tuned for {SPELLINGS}.")
