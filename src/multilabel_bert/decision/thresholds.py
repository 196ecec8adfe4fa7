"""Thresholds: fixed, one for all labels, one a label, or one a label shrunk towards the global."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    FloatArray,
    check_probabilities,
    check_targets,
)
from multilabel_bert.decision.costs import check_costs
from multilabel_bert.decision.objectives import COST, objective_for
from multilabel_bert.decision.policy import check_policy
from multilabel_bert.decision.policy_search import best_global_under, best_per_label_under
from multilabel_bert.errors import SettingsError, did_you_mean

STRATEGIES = ("fixed", "global", "per_label", "per_label_shrunk")
"""What `tune_thresholds` can do, from the least to the most flexible but the last."""
DEFAULT_STRATEGY = "per_label_shrunk"
DEFAULT_METRIC = "macro_f1"
# A label with this many positives gets half its own threshold and half the global one.
SHRINKAGE = 20.0


def tune_thresholds(
    targets: Any,
    probabilities: Any,
    *,
    strategy: str = DEFAULT_STRATEGY,
    metric: str = DEFAULT_METRIC,
    beta: float = 1.0,
    shrinkage: float = SHRINKAGE,
    costs: Any = None,
    label_names: Sequence[str] | None = None,
    empty_prediction: str = "allow",
    max_labels: int | None = None,
    exclusive_groups: Any = (),
) -> NDArray[np.float32]:
    """Choose the thresholds that are best for a metric; ``probability >= threshold`` decides.

    Use texts that the model was not trained on: its probabilities on training texts are too good,
    and thresholds tuned on test texts inflate the score.

    Every cut-off that can be best is tried: those midway between neighbouring probabilities. Of
    equally good ones the nearest to 0.5 is taken, of two as near the higher. Unknown cells are
    dropped.

    - ``"fixed"``: 0.5; for ``"cost"`` what is best where probabilities are right, fp / (fp + fn).
    - ``"global"``: one for all labels, the best there is.
    - ``"per_label"``: one a label; the best there is for micro and macro metrics, at least as
      good as the global one for metrics of texts. A label without a positive keeps the fixed one.
    - ``"per_label_shrunk"``: between the two, so that rare labels do not overfit:
      log threshold = w log own + (1 - w) log global, w = n / (n + `shrinkage`), n positives of
      the label. A label without a positive takes the global one. Two things differ: conditions,
      such as a recall of 0.9, would no longer be kept, so they are not shrunk; and where labels
      have costs of different ratios, the fixed thresholds take the place of the global one.

    A condition is kept on these texts by each label with a positive. A precision that a label
    reaches nowhere is replaced by its highest; a recall is always reached.

    With `empty_prediction`, `max_labels` or `exclusive_groups` thresholds are chosen for what is
    decided together with them: a text's most probable label is given anyway, say. ``"global"`` is
    exact then too; ``"per_label"`` is at least as good as what is best without them, and as
    ``"global"``. Thresholds of labels in groups are not used.

    Args:
        targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
        probabilities: float [N, X], each in [0, 1]; looked at in float32.
        strategy: one of `STRATEGIES`.
        metric: as in `objective_for`: such as ``"macro_f1"``, ``"micro_f0.5"``,
            ``"precision_at_recall:0.9"``, ``"recall_at_precision:0.9"`` or ``"cost"``.
        beta: weight of recall against precision, for the F1 metrics.
        shrinkage: positives at which own and global threshold weigh the same.
        costs: for ``"cost"``; as in `check_costs`.
        label_names: X names, for costs as a dictionary.
        empty_prediction: as in `DecisionRule`.
        max_labels: as in `DecisionRule`.
        exclusive_groups: as in `DecisionRule`.

    Returns:
        float32 [X]. All as ``"fixed"`` if there is no positive at all.

    Raises:
        SettingsError: for an unknown strategy or metric, or a number that cannot be used.
        DataError: if the arrays do not fit each other.

    Example:
        >>> tune_thresholds([[1], [0], [1]], [[0.2], [0.1], [0.4]], strategy="per_label")
        array([0.15], dtype=float32)

    Source: Lipton et al. 2014, arXiv:1402.1892, for F1 a label; the shrinking is ours.
    """
    check_strategy(strategy)
    objective_for(metric, beta)
    if not isinstance(shrinkage, (int, float)) or not 0 <= shrinkage < np.inf:
        raise SettingsError(
            f"shrinkage={shrinkage!r} must be a number of positives, at least 0; "
            f"the default is {SHRINKAGE:g}."
        )
    checked = check_targets(targets)
    rows, labels = checked.truth.shape
    scores: FloatArray = check_probabilities(probabilities, (rows, labels)).astype(np.float32)
    if costs is not None or metric == COST:
        costs = check_costs(costs, labels, label_names)
    objective = objective_for(metric, beta, costs)
    policy = check_policy(labels, empty_prediction, max_labels, exclusive_groups)
    if strategy == "fixed" or not checked.truth.any():
        return objective.without_evidence(labels)
    if strategy == "per_label":
        return best_per_label_under(policy, checked, scores, objective)
    one = best_global_under(policy, checked, scores, objective)
    if strategy == "global":
        return np.full(labels, one, np.float32)
    own = best_per_label_under(policy, checked, scores, objective)
    positives = checked.truth.sum(axis=0)
    if objective.condition:
        return np.where(positives > 0, own, one)
    towards = one if costs is None or costs.alike else costs.bayes_thresholds()
    return shrink(own, towards, positives, shrinkage)


def shrink(
    own: NDArray[np.float32],
    one: float | np.float32 | NDArray[np.float32],
    positives: NDArray[np.int64],
    shrinkage: float = SHRINKAGE,
) -> NDArray[np.float32]:
    """Move rare labels' thresholds towards the global one.

    log threshold = w log own + (1 - w) log global, w = n / (n + shrinkage).

    Args:
        own: float32 [X], the best of each label.
        one: the best for all labels, or float32 [X].
        positives: int [X], n.
        shrinkage: positives at which both weigh the same.

    Returns:
        float32 [X]; the global one where n is 0.
    """
    weight = np.where(positives > 0, positives / np.maximum(positives + shrinkage, 1e-300), 0.0)
    # A threshold of exactly 0 (a positive with probability 0) has no logarithm.
    smallest = np.finfo(np.float32).tiny
    log_own = np.log(np.maximum(own.astype(np.float64), smallest))
    log_one = np.log(np.maximum(np.asarray(one, np.float64), smallest))
    shrunk = np.exp(weight * log_own + (1 - weight) * log_one)
    return np.minimum(shrunk, 1.0).astype(np.float32)


def check_strategy(strategy: str) -> None:
    """Raise a SettingsError for a strategy that does not exist."""
    if strategy not in STRATEGIES:
        raise SettingsError(
            f"strategy={strategy!r} is unknown.{did_you_mean(str(strategy), STRATEGIES)} "
            f"Use one of {', '.join(STRATEGIES)}."
        )
