"""The baseline of a training: started before it, taken up after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multilabel_bert.baseline.background import BaselineRun
from multilabel_bert.baseline.fitting import NoBaselineError
from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.evaluation import Evaluation
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.model.outcome import outcome_of
from multilabel_bert.progress import Progress


def finished_baseline(
    run: BaselineRun,
    dev: Dataset | None,
    rule_for: Callable[[Dataset, np.ndarray], DecisionRule],
    *,
    progress: Progress,
) -> tuple[TfidfBaseline, Evaluation | None] | None:
    """Wait for the baseline and choose its thresholds as those of the model are chosen.

    Args:
        run: of the baseline, started before.
        dev: the development split; without one they are chosen on the training texts, by
            cross-validation, and where these are many they stay at 0.5.
        rule_for: from a dataset and logits, float32 [N, X], to the rule.
        progress: where it is said why there is none.

    Returns:
        The baseline and its metrics on the development split; None if there is none.
    """
    try:
        baseline, logits = run.result(progress)
    except NoBaselineError as reason:
        progress.say(f"No baseline is fitted: {reason}.")
        return None
    except KeyboardInterrupt:
        progress.say("Interrupted: the model is kept, without a baseline.")
        return None
    if logits is None:
        return baseline, None
    if dev is None:
        return baseline.with_rule(rule_for(run.train, logits)), None
    baseline = baseline.with_rule(rule_for(dev, logits))
    evaluation = outcome_of(baseline.rule, dev.label_names, dev.require_labels(), logits).evaluation
    return baseline, evaluation
