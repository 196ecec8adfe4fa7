"""The metrics by name: the one list that evaluation, early stopping and tuning share.

Unknown cells (-1 or NaN in the targets) never count as right or wrong:

- per-label metrics, and their macro, weighted and micro averages, drop them;
- Hamming loss and loss average the known cells;
- per-text metrics (samples_*, subset accuracy, LRAP, coverage error, ranking loss) use each
  text's known labels and leave out texts with none.

With nothing unknown every metric that scikit-learn has is equal to it, with its
``zero_division=0``, and the docstring says where scikit-learn has no number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from multilabel_bert.decision.counts import (
    Counts,
    Numbers,
    f_beta,
    jaccard,
    mean_by_support,
    mean_over_known,
    precision,
    recall,
)
from multilabel_bert.decision.cross_entropy import (
    cross_entropy_from_logits,
    cross_entropy_from_probabilities,
)
from multilabel_bert.decision.judgement import Judgement, judge
from multilabel_bert.errors import SettingsError, did_you_mean

NAN = float("nan")


@dataclass(frozen=True)
class Metric:
    """One number that says how good a model is.

    Attributes:
        name: its key in `METRICS` and in ``evaluate --json``.
        function: from a judgement to the number; NaN where it is undefined.
        greater_is_better: False for losses and errors.
        description: one line, for people.
    """

    name: str
    function: Callable[[Judgement], float]
    greater_is_better: bool
    description: str


def check_metric(name: str, option: str = "metric") -> Metric:
    """The metric of that name.

    Args:
        name: as in `METRICS`, or F-beta for any beta: ``"macro_f2"``, ``"micro_f0.5"``.
        option: what the user typed before it, for the message.

    Raises:
        SettingsError: if there is none, with the nearest name.

    Example:
        >>> check_metric("hamming_loss").greater_is_better
        False
        >>> check_metric("macro_f0.5").description
        'F-0.5 of each label, mean'
    """
    if isinstance(name, str) and name not in METRICS and (parts := f_beta_name(name)):
        average, beta = parts
        found = {
            metric.name: metric
            for metric in _averages(f"f{beta:g}", partial(f_beta, beta=beta), f"F-{beta:g}")
        }
        return found[f"{average}_f{beta:g}"]
    if not isinstance(name, str) or name not in METRICS:
        raise SettingsError(
            f"{option}={name!r} is no metric.{did_you_mean(str(name), METRICS)} "
            f"Use one of {', '.join(METRICS)}."
        )
    return METRICS[name]


def is_metric(name: str) -> bool:
    """Whether `check_metric` knows it."""
    return name in METRICS or f_beta_name(name) is not None


def f_beta_name(name: str) -> tuple[str, float] | None:
    """Average and beta of ``"macro_f2"``; None for a name that is not of this kind.

    >>> f_beta_name("macro_f0.5"), f_beta_name("macro_f0"), f_beta_name("macro_jaccard")
    (('macro', 0.5), None, None)
    """
    match = re.fullmatch(r"(micro|macro|weighted|samples)_f(\d+(?:\.\d+)?)", name)
    if match is None or float(match[2]) == 0:
        return None
    return match[1], float(match[2])


def score(
    name: str,
    targets: Any,
    probabilities: Any,
    predictions: Any = None,
    *,
    thresholds: Any = None,
    logits: Any = None,
) -> float:
    """One metric.

    Args:
        name: as in `METRICS`.
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        probabilities: float [N, X], each in [0, 1].
        predictions: [N, X], 0 or 1; None for ``probabilities >= thresholds``.
        thresholds: one or [X], used where no predictions are given; None for 0.5.
        logits: float [N, X] or None; with them `loss` is exact for saturated probabilities.

    Raises:
        SettingsError: for an unknown name.
        DataError: if the arrays do not fit each other.

    Example:
        >>> round(score("micro_f1", [[1, 0], [1, 1]], [[0.9, 0.6], [0.8, 0.1]]), 3)
        0.667
    """
    metric = check_metric(name)
    judgement = judge(targets, probabilities, predictions, thresholds=thresholds, logits=logits)
    return metric.function(judgement)


def loss(judgement: Judgement) -> float:
    """Sigmoid cross-entropy, the mean over the known cells; from the logits where given."""
    if judgement.logits is not None:
        return cross_entropy_from_logits(judgement.targets, judgement.logits)
    return cross_entropy_from_probabilities(judgement.targets, judgement.probabilities)


def hamming_loss(judgement: Judgement) -> float:
    """Share of the known cells that are decided wrongly."""
    counts = judgement.label_counts.total()
    wrong = counts.predicted + counts.support - 2 * counts.true_positives
    return float(wrong / counts.known) if counts.known else NAN


def subset_accuracy(judgement: Judgement) -> float:
    """Share of the texts whose known labels are all decided rightly.

    Texts with no known label are left out. ``accuracy_score`` in scikit-learn.
    """
    counts = judgement.row_counts
    right = (counts.true_positives == counts.predicted) & (counts.true_positives == counts.support)
    return _mean(right)


def semeval_accuracy(judgement: Judgement) -> float:
    """Mean Jaccard of a text's known labels, 1 where none is true and none predicted.

    Texts with no known label are left out. The official measure of SemEval-2018 task 1 E-c, whose
    program calls scikit-learn's former ``jaccard_similarity_score``. `samples_jaccard` follows
    today's ``jaccard_score``, where such a text counts 0.
    """
    counts = judgement.row_counts
    nothing = (counts.predicted == 0) & (counts.support == 0)
    return _mean(np.where(nothing, 1.0, jaccard(counts)))


def lrap(judgement: Judgement) -> float:
    """Label ranking average precision, over each text's known labels.

    Texts with no known label are left out; one with no true label, or only true ones, counts 1.
    """
    return _mean(judgement.row_ranking.average_precision)


def coverage_error(judgement: Judgement) -> float:
    """How far down the ranking one goes, on average, to meet all true labels.

    Over each text's known labels; texts with none are left out; one with no true label counts 0.
    """
    return _mean(judgement.row_ranking.coverage)


def ranking_loss(judgement: Judgement) -> float:
    """Share of a text's pairs of a true and a false label ranked wrongly or tied, on average.

    Over each text's known labels; texts with none are left out; one with no pair counts 0.
    """
    return _mean(judgement.row_ranking.loss)


def labels_left_out(label_scores: Numbers) -> int:
    """How many labels have no such score, and are left out of its macro mean."""
    return int(np.isnan(label_scores).sum())


def _mean(values: Numbers) -> float:
    return float(np.mean(values)) if len(values) else NAN


def _mean_of_defined(label_scores: Numbers) -> float:
    """The macro mean; labels whose score is undefined are left out."""
    return _mean(label_scores[~np.isnan(label_scores)])


def _mean_of_defined_by_support(label_scores: Numbers, counts: Counts) -> float:
    defined = ~np.isnan(label_scores)
    weights = counts.support[defined]
    return float(np.dot(label_scores[defined], weights) / weights.sum()) if weights.sum() else NAN


def _averages(name: str, of_counts: Callable[[Counts], Numbers], text: str) -> list[Metric]:
    """The micro, macro, weighted and samples averages of a measure of counts."""

    def micro(judgement: Judgement) -> float:
        counts = judgement.label_counts.total()
        return float(of_counts(counts)) if counts.known else NAN

    def macro(judgement: Judgement) -> float:
        return mean_over_known(of_counts(judgement.label_counts), judgement.label_counts)

    def weighted(judgement: Judgement) -> float:
        return mean_by_support(of_counts(judgement.label_counts), judgement.label_counts)

    def samples(judgement: Judgement) -> float:
        return _mean(of_counts(judgement.row_counts))

    return [
        Metric(f"micro_{name}", micro, True, f"{text} over all known cells together"),
        Metric(f"macro_{name}", macro, True, f"{text} of each label, mean"),
        Metric(f"weighted_{name}", weighted, True, f"{text} of each label, mean by support"),
        Metric(f"samples_{name}", samples, True, f"{text} of each text, mean"),
    ]


def _curve_averages(name: str, index: int, text: str) -> list[Metric]:
    def macro(judgement: Judgement) -> float:
        return _mean_of_defined(judgement.label_curve_scores[index])

    def weighted(judgement: Judgement) -> float:
        return _mean_of_defined_by_support(
            judgement.label_curve_scores[index], judgement.label_counts
        )

    def micro(judgement: Judgement) -> float:
        return judgement.micro_curve_scores[index]

    left_out = "; labels without one are left out"
    return [
        Metric(f"micro_{name}", micro, True, f"{text} over all known cells together"),
        Metric(f"macro_{name}", macro, True, f"{text} of each label, mean{left_out}"),
        Metric(f"weighted_{name}", weighted, True, f"{text}, mean by support{left_out}"),
    ]


def _calibration(name: str, index: int, text: str) -> list[Metric]:
    def micro(judgement: Judgement) -> float:
        return judgement.micro_calibration_scores[index]

    def macro(judgement: Judgement) -> float:
        return _mean_of_defined(judgement.label_calibration_scores[index])

    return [
        Metric(f"micro_{name}", micro, False, f"{text} over all known cells together"),
        Metric(f"macro_{name}", macro, False, f"{text} of each label, mean"),
    ]


def _at_half(metric: Metric) -> Metric:
    return Metric(
        f"{metric.name}_at_0.5",
        lambda judgement: metric.function(judgement.at_half),
        metric.greater_is_better,
        f"{metric.description}, with the threshold 0.5",
    )


_F1 = _averages("f1", f_beta, "F1")

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in [
            *_F1,
            *_averages("precision", precision, "Precision"),
            *_averages("recall", recall, "Recall"),
            *_averages("jaccard", jaccard, "Jaccard"),
            Metric("subset_accuracy", subset_accuracy, True, "Texts with every label right"),
            Metric("semeval_accuracy", semeval_accuracy, True, "Jaccard of each text, 1 if empty"),
            Metric("hamming_loss", hamming_loss, False, "Cells decided wrongly"),
            *_curve_averages("roc_auc", 0, "ROC-AUC"),
            *_curve_averages("average_precision", 1, "Average precision"),
            Metric("lrap", lrap, True, "Label ranking average precision"),
            Metric("coverage_error", coverage_error, False, "Labels to go down to meet all"),
            Metric("ranking_loss", ranking_loss, False, "Pairs of labels ranked wrongly"),
            Metric("loss", loss, False, "Sigmoid cross-entropy"),
            *_calibration("calibration_error", 0, "Probability to share of true, equal width,"),
            *_calibration(
                "calibration_error_equal_mass", 1, "Probability to share of true, equal mass,"
            ),
            *_calibration("brier_score", 2, "Squared error of the probability"),
            *(_at_half(metric) for metric in _F1),
        ]
    }
)
"""Every metric by its name."""
