"""How far a metric would vary with other texts: a bootstrap confidence interval."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.metrics import check_metric
from multilabel_bert.errors import SettingsError


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
    draws = draws[~np.isnan(draws)]
    low, high = np.nan, np.nan
    if len(draws):
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return BootstrapInterval(
        metric, function(judgement), float(low), float(high), float(level), len(draws)
    )
