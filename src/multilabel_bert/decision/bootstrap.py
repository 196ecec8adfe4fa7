"""How far a metric would vary with other texts: a bootstrap confidence interval."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.decision.counts import Counts, f_beta, mean_over_known
from multilabel_bert.decision.judgement import Judgement, judge
from multilabel_bert.decision.metrics import check_metric
from multilabel_bert.errors import SettingsError

PAIRED_METRICS = ("macro_f1", "micro_f1")
# 16 MB of float32 at a time.
_DRAWN_CELLS = 2**22


@dataclass(frozen=True)
class BootstrapInterval:
    """A metric with its confidence interval.

    Attributes:
        metric: its name.
        value: on the texts as they are.
        low: lower end.
        high: upper end.
        level: confidence, such as 0.95.
        rounds: samples in which the metric was defined.
    """

    metric: str
    value: float
    low: float
    high: float
    level: float
    rounds: int


def bootstrap_interval(
    metric: str,
    targets: Any,
    probabilities: Any,
    predictions: Any = None,
    *,
    thresholds: Any = None,
    seed: int = 0,
    rounds: int = 1000,
    level: float = 0.95,
) -> BootstrapInterval:
    """Draw as many texts with replacement, many times, and look how the metric spreads.

    Decisions stay as they are: the interval says how far the score of this model, with these
    thresholds, depends on which texts it was tested on; not how it would vary if trained again.

    Args:
        metric: a name of `METRICS`.
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        probabilities: float [N, X], each in [0, 1].
        predictions: [N, X], 0 or 1; None for ``probabilities >= thresholds``.
        thresholds: one or [X], used where no predictions are given; None for 0.5.
        seed: of the draws; the same seed gives the same interval.
        rounds: number of draws.
        level: share of the draws that lies inside.

    Returns:
        The interval between the percentiles (1 - level) / 2 and (1 + level) / 2 of the draws in
        which the metric is defined; NaN if there are none.

    Raises:
        SettingsError: for an unknown metric, or a number that cannot be used.
        DataError: if the arrays do not fit each other.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval.
    """
    function = check_metric(metric).function
    if isinstance(rounds, bool) or not hasattr(rounds, "__index__") or rounds < 1:
        raise SettingsError(f"rounds={rounds!r} must be a whole number of at least 1.")
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise SettingsError(f"level={level!r} must be between 0 and 1, such as 0.95.")
    judgement = judge(targets, probabilities, predictions, thresholds=thresholds)
    texts = len(judgement.targets.truth)
    generator = np.random.default_rng(seed)
    draws = np.array(
        [function(judgement.rows(generator.integers(texts, size=texts))) for _ in range(rounds)]
    )
    return interval_of_draws(metric, function(judgement), draws, float(level))


def interval_of_draws(
    metric: str, value: float, draws: np.ndarray, level: float
) -> BootstrapInterval:
    """The percentile interval of a metric.

    Args:
        metric: its name.
        value: on the texts as they are.
        draws: float [R], of each round; NaN where it is not defined.
        level: share of the draws that lies inside.
    """
    defined = int(np.count_nonzero(~np.isnan(draws)))
    return BootstrapInterval(metric, value, *percentile_ends(draws, level), level, defined)


def percentile_ends(draws: np.ndarray, level: float) -> tuple[float, float]:
    """The ends between which a share of the draws lies, without those that are NaN.

    NaN where there are no others.

    >>> percentile_ends(np.array([0.0, 1.0, 2.0, np.nan]), 0.5)
    (0.5, 1.5)
    """
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class PairedDifference:
    """How much better one model is than another on the same texts, with its interval.

    Attributes:
        metric: its name.
        first: of the one.
        second: of the other.
        value: first - second.
        low: lower end of the difference.
        high: upper end.
        level: confidence, such as 0.95.
        wins: share of the draws in which the first is better; a tie is half of one.
    """

    metric: str
    first: float
    second: float
    value: float
    low: float
    high: float
    level: float
    wins: float = float("nan")

    def to_dict(self) -> dict[str, float | None]:
        """Flat, for JSON: ``macro_f1_over_baseline`` and its ``_low`` and ``_high``."""
        name = f"{self.metric}_over_baseline"
        values = {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}
        return {key: None if value != value else value for key, value in values.items()}


def paired_differences(
    first: Judgement,
    second: Judgement,
    *,
    seed: int = 0,
    rounds: int = 1000,
    level: float = 0.95,
) -> tuple[PairedDifference, ...]:
    """Macro-F1 and micro-F1 of one model minus those of another, with bootstrap intervals.

    Both are judged on the same draws of the texts: what makes a draw hard for both cancels out,
    so that the interval is narrower than two separate ones suggest.

    Args:
        first: of the one model.
        second: of the other, with the same targets.
        seed: of the draws; the same seed gives the same interval.
        rounds: number of draws.
        level: share of the draws that lies inside.

    Returns:
        One for each of `PAIRED_METRICS`; the ends are NaN where no draw has a known cell.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval;
    paired as in Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation".
    """
    texts, labels = first.targets.truth.shape
    draws: list[list[float]] = []
    for times in drawn_times(texts, labels, rounds=rounds, seed=seed):
        of_first, of_second = drawn_counts(first, times), drawn_counts(second, times)
        draws += [
            [_paired_metric(name, a) - _paired_metric(name, b) for name in PAIRED_METRICS]
            for a, b in zip(of_first, of_second, strict=True)
        ]
    return tuple(
        _difference(name, first, second, np.array(values), level)
        for name, values in zip(PAIRED_METRICS, np.transpose(draws), strict=True)
    )


def _difference(
    name: str, first: Judgement, second: Judgement, draws: np.ndarray, level: float
) -> PairedDifference:
    function = check_metric(name).function
    values = function(first), function(second)
    draws = draws[~np.isnan(draws)]
    wins = float(np.mean((draws > 0) + 0.5 * (draws == 0))) if len(draws) else float("nan")
    ends = percentile_ends(draws, level)
    return PairedDifference(name, *values, values[0] - values[1], *ends, level, wins)


def drawn_times(texts: int, labels: int, *, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """How often each text is drawn in each round, float32 [R, N], some rounds at a time.

    The counts of all rounds are then one matrix product.

    Args:
        texts: N.
        labels: X, of what it is multiplied with.
        rounds: number of draws.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    part = max(1, _DRAWN_CELLS // max(texts, labels))
    for start in range(0, rounds, part):
        yield np.stack(
            [
                np.bincount(generator.integers(texts, size=texts), minlength=texts)
                for _ in range(min(part, rounds - start))
            ]
        ).astype(np.float32)


def drawn_counts(judgement: Judgement, times: np.ndarray) -> list[Counts]:
    """The counts of each label in each round; float32 holds them exactly up to 16 million texts."""
    truth, predicted = judgement.targets.truth, judgement.known_predictions
    parts = (truth & predicted, predicted, truth, judgement.targets.known_cells)
    return [
        Counts(*counts)
        for counts in zip(*(times @ part.astype(np.float32) for part in parts), strict=True)
    ]


def _paired_metric(name: str, counts: Counts) -> float:
    if name == "micro_f1":
        total = counts.total()
        return float(f_beta(total)) if total.known else float("nan")
    return mean_over_known(f_beta(counts), counts)
