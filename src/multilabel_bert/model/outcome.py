"""How good a model is on texts whose labels are known."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilabel_bert.decision.evaluation import Evaluation, evaluate
from multilabel_bert.decision.rule import DecisionRule


@dataclass(frozen=True)
class Outcome:
    """A model's answers on N texts, and what they are worth.

    Attributes:
        probabilities: float32 [N, X].
        decisions: int8 [N, X], by the decision rule.
        evaluation: against the truth.
    """

    probabilities: np.ndarray
    decisions: np.ndarray
    evaluation: Evaluation


def outcome_of(
    rule: DecisionRule, label_names: tuple[str, ...], targets: np.ndarray, logits: np.ndarray
) -> Outcome:
    """Decide by a rule and compare with the truth.

    Args:
        rule: from probabilities to labels.
        label_names: X names.
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        logits: float32 [N, X].
    """
    probabilities = rule.probabilities(logits)
    decisions = rule.predict(probabilities)
    evaluation = evaluate(
        targets,
        probabilities,
        decisions,
        label_names=label_names,
        thresholds=rule.thresholds,
        logits=rule.calibrated_logits(logits),
    )
    return Outcome(probabilities, decisions, evaluation)
