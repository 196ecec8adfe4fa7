"""How far the headline figures would vary with other texts: one bootstrap for all of them."""

# N = texts, X = labels, R = rounds

from __future__ import annotations

import numpy as np

from multilabel_bert.decision.bootstrap import (
    BootstrapInterval,
    drawn_counts,
    drawn_times,
    interval_of_draws,
)
from multilabel_bert.decision.cells import BoolArray
from multilabel_bert.decision.counts import Counts, divide, f_beta, mean_over_known
from multilabel_bert.decision.counts import precision as precision_of
from multilabel_bert.decision.counts import recall as recall_of
from multilabel_bert.decision.judgement import Judgement
from multilabel_bert.decision.metrics import METRICS

# Those whose draws are made of counts or of means over the texts, which one matrix product gives
# for many draws at once. A metric of rankings would have to be computed anew for each.
HEADLINE_METRICS = (
    "micro_f1",
    "macro_f1",
    "micro_precision",
    "micro_recall",
    "macro_precision",
    "macro_recall",
    "samples_f1",
    "subset_accuracy",
    "hamming_loss",
)


def headline_intervals(
    judgement: Judgement, *, rounds: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, BootstrapInterval]:
    """`bootstrap_interval` of `HEADLINE_METRICS`, of the same draws.

    Args:
        judgement: of N texts.
        rounds: number of draws.
        level: share of the draws that lies inside.
        seed: of the draws; the same seed gives the same intervals.
    """
    rows = judgement.row_counts
    known: BoolArray = np.any(judgement.targets.known_cells, axis=1)
    row_values = np.zeros((len(known), 3), np.float32)  # F1, all right, counts at all
    row_values[known, 0] = f_beta(rows)
    row_values[known, 1] = (rows.true_positives == rows.predicted) & (
        rows.true_positives == rows.support
    )
    row_values[known, 2] = 1
    draws: dict[str, list[float]] = {name: [] for name in HEADLINE_METRICS}
    for times in drawn_times(*judgement.targets.truth.shape, rounds=rounds, seed=seed):
        sums = times @ row_values  # [R, 3]
        means = divide(sums[:, :2], sums[:, 2:])
        draws["samples_f1"] += means[:, 0].tolist()
        draws["subset_accuracy"] += means[:, 1].tolist()
        for counts in drawn_counts(judgement, times):
            for name, value in _of_counts(counts).items():
                draws[name].append(value)
    return {
        name: interval_of_draws(name, METRICS[name].function(judgement), np.array(values), level)
        for name, values in draws.items()
    }


def _of_counts(counts: Counts) -> dict[str, float]:
    total = counts.total()
    if not total.known:
        return {}
    wrong = total.predicted + total.support - 2 * total.true_positives
    return {
        "micro_f1": float(f_beta(total)),
        "macro_f1": mean_over_known(f_beta(counts), counts),
        "micro_precision": float(precision_of(total)),
        "micro_recall": float(recall_of(total)),
        "macro_precision": mean_over_known(precision_of(counts), counts),
        "macro_recall": mean_over_known(recall_of(counts), counts),
        "hamming_loss": float(wrong / total.known),
    }
