"""The decision rule of one request: the model's own, or with other thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.errors import did_you_mean
from multilabel_bert.serving.problems import unprocessable
from multilabel_bert.serving.served_models import ServedModel


def asked_rule(
    model: ServedModel, thresholds: float | Mapping[str, float] | None, *, alone: bool = True
) -> DecisionRule:
    """The rule that a request asks for.

    Args:
        model: whose labels are decided.
        thresholds: one for all labels, or some by name; None for the model's own.
        alone: whether every name must be a label of this model; of several models, each has
            some.

    Raises:
        Problem: 422 for an unknown label.
    """
    rule = model.predictor.model.rule
    if thresholds is None:
        return rule
    if not isinstance(thresholds, Mapping):
        return replace(rule, thresholds=np.full(len(rule.thresholds), thresholds, np.float32))
    names = model.predictor.label_names
    column_of = {name: column for column, name in enumerate(names)}
    changed = rule.thresholds.copy()
    for name, threshold in thresholds.items():
        if name in column_of:
            changed[column_of[name]] = threshold
        elif alone:
            raise unprocessable(
                f"thresholds has the label {name[:99]!r}, which {model.name!r} does not have."
                f"{did_you_mean(name[:99], names)}"
            )
    return replace(rule, thresholds=changed)


def shown_thresholds(rule: DecisionRule) -> list[float | None]:
    """X thresholds as decimals; None for labels of an exclusive group, which have none."""
    grouped = rule.policy.in_groups(len(rule.thresholds))
    # The shortest decimal that is read back as the same float32: 0.3.
    decimals = [float(str(value)) for value in rule.thresholds]
    return [None if is_in else value for is_in, value in zip(grouped, decimals, strict=True)]
