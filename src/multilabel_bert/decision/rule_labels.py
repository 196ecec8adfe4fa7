"""A decision rule for other labels: some are added, some removed, or their order differs."""

# X = labels before, Y = labels after

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from multilabel_bert.decision.calibration import Calibration
from multilabel_bert.decision.cells import FIXED_THRESHOLD
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
