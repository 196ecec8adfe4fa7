"""A decision rule for other labels: some are added, some removed, or their order differs."""

# X = labels before, Y = labels after

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from multilabel_bert.decision.calibration import Calibration
from multilabel_bert.decision.cells import FIXED_THRESHOLD, BoolArray
from multilabel_bert.decision.rule import DecisionRule


def rule_for_labels(rule: DecisionRule, columns: Sequence[int | None]) -> DecisionRule:
    """The rule whose label y is the label ``columns[y]`` of `rule`.

    A label keeps its threshold and its group; a group of which fewer than two labels are left is
    none any more.

    Args:
        rule: for X labels.
        columns: Y columns of `rule`; None for a new label, which is decided at 0.5.

    >>> rule = DecisionRule(np.array([0.2, 0.7, 0.4]), exclusive_groups=[[0, 2]])
    >>> other = rule_for_labels(rule, [2, None, 0])
    >>> other.to_dict()["thresholds"], other.exclusive_groups
    ([0.4, 0.5, 0.2], ((2, 0),))
    """
    thresholds = [
        FIXED_THRESHOLD if column is None else rule.thresholds[column] for column in columns
    ]
    place = {column: new for new, column in enumerate(columns) if column is not None}
    calibration = rule.calibration
    costs = rule.costs
    groups = [[place[old] for old in group if old in place] for group in rule.exclusive_groups]
    return replace(
        rule,
        thresholds=np.array(thresholds, np.float32),
        exclusive_groups=tuple(tuple(group) for group in groups if len(group) > 1),
        costs=costs and [[1.0, 1.0] if x is None else costs[x] for x in columns],
        calibration=None if calibration is None else _calibration(calibration, columns, place),
    )


def rule_keeping(rule: DecisionRule, before: DecisionRule, kept: BoolArray) -> DecisionRule:
    """The rule, with the thresholds and the calibration of another one for some labels.

    Args:
        rule: for X labels.
        before: for the same labels.
        kept: bool [X], which are decided as `before` decides them.

    >>> rule = rule_keeping(DecisionRule([0.2, 0.3]), DecisionRule([0.5, 0.6]), [True, False])
    >>> rule.to_dict()["thresholds"]
    [0.5, 0.3]
    """
    new, old = rule.calibration, before.calibration
    calibration = new or old
    if calibration is not None:
        labels = len(rule.thresholds)
        plain = Calibration(calibration.method, np.ones(labels), np.zeros(labels))
        new, old = new or plain, old or plain
        calibration = replace(
            calibration,
            slopes=np.where(kept, old.slopes, new.slopes),
            intercepts=np.where(kept, old.intercepts, new.intercepts),
            curves={
                label: curves[label]
                for label, keep in enumerate(kept)
                if label in (curves := old.curves if keep else new.curves)
            },
        )
    thresholds = np.where(kept, before.thresholds, rule.thresholds).astype(np.float32)
    return replace(rule, thresholds=thresholds, calibration=calibration)


def _calibration(
    calibration: Calibration, columns: Sequence[int | None], place: Mapping[int, int]
) -> Calibration:
    """A new label has the logit's own probability."""
    return replace(
        calibration,
        slopes=np.array([1.0 if x is None else calibration.slopes[x] for x in columns]),
        intercepts=np.array([0.0 if x is None else calibration.intercepts[x] for x in columns]),
        curves={place[x]: curve for x, curve in calibration.curves.items() if x in place},
    )
