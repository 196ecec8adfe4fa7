"""Scores of a run on the test split, with each way to choose thresholds on dev."""

# N = texts, X = labels

from __future__ import annotations

from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.bootstrap import bootstrap_interval
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.metrics import METRICS
from multilabel_bert.decision.thresholds import STRATEGIES, tune_thresholds

SCORES = ("macro_f1", "micro_f1", "samples_f1", "semeval_accuracy")
RANKING = ("macro_average_precision", "micro_average_precision", "loss")
# Of the headline, by the default strategy.
INTERVALS = ("macro_f1", "semeval_accuracy")
HEADLINE = "per_label_shrunk"
ROUNDS = 1000


def all_scores(
    dev: Dataset,
    dev_probabilities: np.ndarray,
    test: Dataset,
    test_probabilities: np.ndarray,
    *,
    headline_thresholds: np.ndarray | None = None,
) -> dict[str, Any]:
    """Flat scores: ``test.macro_f1.global`` and the like, and intervals of the headline.

    Args:
        dev: texts on which thresholds are chosen.
        dev_probabilities: float [N, X].
        test: texts on which they are judged.
        test_probabilities: float [N, X].
        headline_thresholds: [X], in place of those of the default strategy on `dev`.
    """
    dev_targets, test_targets = dev.dense_labels(), test.dense_labels()
    found: dict[str, Any] = {}
    for strategy in STRATEGIES:
        thresholds = tune_thresholds(dev_targets, dev_probabilities, strategy=strategy)
        if strategy == HEADLINE and headline_thresholds is not None:
            thresholds = headline_thresholds
        for split, targets, probabilities in (
            ("dev", dev_targets, dev_probabilities),
            ("test", test_targets, test_probabilities),
        ):
            judgement = judge(targets, probabilities, thresholds=thresholds)
            for name in SCORES:
                found[f"{split}.{name}.{strategy}"] = METRICS[name].function(judgement)
            if strategy == "fixed":
                for name in RANKING:
                    found[f"{split}.{name}"] = METRICS[name].function(judgement)
        if strategy == HEADLINE:
            for name in INTERVALS:
                interval = bootstrap_interval(
                    name, test_targets, test_probabilities, thresholds=thresholds, rounds=ROUNDS
                )
                found[f"interval.{name}"] = [interval.low, interval.high]
    return {
        key: round(value, 5) if isinstance(value, float) else [round(v, 5) for v in value]
        for key, value in found.items()
    }
