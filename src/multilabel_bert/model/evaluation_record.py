"""What an evaluation found, as plain values that are kept with the model for its card."""

# N = texts, X = labels

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.decision.headline_intervals import HEADLINE_METRICS, headline_intervals
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.outcome import Outcome

if TYPE_CHECKING:
    from multilabel_bert.model.comparison import Comparison

# Where it is in the provenance of a model.
KEY = "evaluation"
RECORDED_METRICS = (*HEADLINE_METRICS, "macro_average_precision", "macro_roc_auc")
# A card shows no more labels, so no more are kept.
MOST_LABELS = 100


@dataclass(frozen=True)
class EvaluatedData:
    """The texts of an evaluation.

    Attributes:
        source: what they are called.
        texts: N.
        sha256: digest of texts and labels.
        seen: ``"train"`` or ``"dev"`` if the model was made with these very texts, else None.
    """

    source: str
    texts: int
    sha256: str
    seen: str | None = None


def evaluation_record(
    model: ClassifierModel,
    targets: np.ndarray,
    outcome: Outcome,
    data: EvaluatedData,
    comparison: Comparison | None = None,
) -> dict[str, Any]:
    """Figures with 95% intervals, those of the baseline beside them, and of each label.

    Args:
        model: what was evaluated.
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        outcome: what the model answers.
        data: which texts.
        comparison: with the baseline, if there is one.
    """
    intervals = headline_intervals(judge(targets, outcome.probabilities, outcome.decisions))
    metrics: dict[str, dict[str, float | None]] = {}
    for name in RECORDED_METRICS:
        metrics[name] = {"value": _number(outcome.evaluation.metrics.get(name))}
        if name in intervals:
            found = intervals[name]
            metrics[name] |= {"low": _number(found.low), "high": _number(found.high)}
        if comparison is not None:
            metrics[name]["baseline"] = _number(comparison.baseline.metrics.get(name))
    return {
        "data": {key: value for key, value in vars(data).items() if value is not None},
        "decided_by": rule_digest(model.rule),
        "metrics": metrics,
        "baseline": None if comparison is None else comparison.description,
        "differences": [] if comparison is None else [d.to_dict() for d in comparison.differences],
        "labels": [
            {
                "label": row.label,
                "support": row.support,
                "precision": _number(row.precision),
                "recall": _number(row.recall),
                "f1": _number(row.f1),
            }
            for row in outcome.evaluation.per_label[:MOST_LABELS]
        ],
    }


def evaluation_of(model: ClassifierModel) -> dict[str, Any] | None:
    """The record kept with a model; None if there is none, or it is of another decision rule."""
    record = model.provenance.get(KEY)
    if not isinstance(record, dict) or record.get("decided_by") != rule_digest(model.rule):
        return None
    return record


def rule_digest(rule: DecisionRule) -> str:
    """SHA-256 of all that turns logits into labels."""
    return hashlib.sha256(json.dumps(rule.to_dict(), sort_keys=True).encode()).hexdigest()


def _number(value: float | None) -> float | None:
    # JSON has no NaN.
    return None if value is None or value != value else float(value)
