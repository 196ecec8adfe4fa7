"""The search for thresholds that are best together with the rest of the decision rule."""

# N = texts, X = labels, K = cut-offs

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    BoolArray,
    FloatArray,
    Targets,
    apply_thresholds,
)
from multilabel_bert.decision.counts import Counts
from multilabel_bert.decision.cut_offs import TIE, midway
from multilabel_bert.decision.objectives import Objective
from multilabel_bert.decision.policy import Policy
from multilabel_bert.decision.threshold_search import (
    MAX_SWEEPS,
    Thresholds,
    best_global,
    best_per_label,
)

Numbers = NDArray[np.int64]


def best_global_under(
    policy: Policy, targets: Targets, scores: FloatArray, objective: Objective
) -> np.float32:
    """The one threshold that is best for all labels together under a policy; exact."""
    if policy.is_plain:
        return best_global(targets, scores, objective)
    given, refused = policy.settled(scores)
    # What no threshold changes passes every one, or none.
    masked = np.where(given, np.float32(1), np.where(refused, np.float32(0), scores))
    return best_global(targets, masked, objective, above_zero=True)


def best_per_label_under(
    policy: Policy, targets: Targets, scores: FloatArray, objective: Objective
) -> Thresholds:
    """A threshold a label, at least as good under a policy as the best without it, or one for all.

    With a policy a label's decisions depend on the others': from both those starts each label in
    turn gets the cut-off that is best given the others', until none gets better.
    """
    own = best_per_label(targets, scores, objective)
    if policy.is_plain:
        return own
    one = np.full_like(own, best_global_under(policy, targets, scores, objective))
    without = ~targets.truth.any(axis=0)
    one[without] = own[without]
    ascents = [_Ascent(policy, targets, scores, start, objective) for start in (own, one)]
    values = [ascent.climb() for ascent in ascents]
    return ascents[int(np.argmax(values))].thresholds


class _Ascent:
    """Coordinate ascent over the thresholds; arrays are turned, a row is a label."""

    def __init__(
        self,
        policy: Policy,
        targets: Targets,
        scores: FloatArray,
        start: Thresholds,
        objective: Objective,
    ) -> None:
        self.policy, self.objective = policy, objective
        self.thresholds = start.copy()
        self.without_evidence = objective.without_evidence(len(start))
        self.scores = np.ascontiguousarray(scores.T)
        self.truth = np.ascontiguousarray(targets.truth.T)
        self.known = np.ascontiguousarray(targets.known_cells.T)
        passed = apply_thresholds(scores, start)
        self.given = np.ascontiguousarray(policy.apply(passed.copy(), scores).T)
        passed[:, policy.in_groups(len(start))] = False
        self.passed = np.ascontiguousarray(passed.T)
        self.top = np.argmax(scores, axis=1)
        support = self.truth.sum(axis=1)
        self.label_support = support
        self.row_support = self.truth.sum(axis=0)
        self.weights = support if objective.by_support else np.ones(len(support))

    def climb(self) -> float:
        """Improve until nothing does; returns what is reached."""
        movable = self.truth.any(axis=1) & ~self.policy.in_groups(len(self.thresholds))
        for _ in range(MAX_SWEEPS):
            moved = [self._improve(int(label)) for label in np.flatnonzero(movable)]
            if not any(moved):
                break
        return self._value()

    def _value(self) -> float:
        axes = {"all": None, "labels": 1, "rows": 0}
        axis = axes[self.objective.lines]
        true_positives = (self.given & self.truth).sum(axis=axis)
        predicted = (self.given & self.known).sum(axis=axis)
        support = self.truth.sum(axis=axis)
        scores = self.objective.scores(Counts(true_positives, predicted, support, support))
        return float(np.sum(scores * (self.weights if axis == 1 else 1)))

    def _improve(self, label: int) -> bool:
        added, removed = self._effect(label)
        # All that follows starts from the label being off everywhere.
        was_on = self.passed[label].copy()
        self._switch(label, np.flatnonzero(was_on), added, removed, on=False)
        column = self.scores[label]
        order = np.argsort(-column, kind="stable")
        ordered = column[order]
        is_last = np.append(ordered[:-1] != ordered[1:], True)
        # Place 0: nothing passes; place k: the first k texts do.
        places = np.append(0, np.flatnonzero(is_last) + 1)
        values = self._values_by_place(label, order, added, removed)[places]
        upper = np.append(np.float32(1), ordered[is_last])
        cuts = midway(np.append(upper[1:], np.float32(0)), upper)
        if ordered[0] >= 1:
            values[0] = -np.inf  # No threshold is above it.
        before = values[np.flatnonzero(places == was_on.sum())[0]]
        tied = np.flatnonzero(values >= values.max() - TIE * max(1.0, abs(float(values.max()))))
        best = tied[np.argmin(np.abs(cuts[tied] - self.without_evidence[label]))]
        moved = bool(values[best] > before + TIE * max(1.0, abs(float(before))))
        if moved:
            self.thresholds[label] = cuts[best]
        now_on = apply_thresholds(column, self.thresholds[label])
        self._switch(label, np.flatnonzero(now_on), added, removed, on=True)
        self.passed[label] = now_on
        return moved

    def _effect(self, label: int) -> tuple[BoolArray, Numbers]:
        """What it does to each text if the label passes: is it added, and which one goes (or -1).

        One more label that passes gives that label, or one in another's place, or nothing.
        """
        texts = self.passed.shape[1]
        added = np.ones(texts, bool)
        removed = np.full(texts, -1)
        others = self.passed.sum(axis=0) - self.passed[label]
        room = self.policy.room
        if room == 0:
            added[:] = False
        elif room is not None and (full := np.flatnonzero(others >= room)).size:
            rivals = np.where(self.passed[:, full], self.scores[:, full], np.float32(-1))
            rivals[label] = -1
            last = np.argsort(-rivals, axis=0, kind="stable")[room - 1]
            theirs, own = rivals[last, np.arange(len(full))], self.scores[label, full]
            wins = (own > theirs) | ((own == theirs) & (label < last))
            added[full] = wins
            removed[full] = np.where(wins, last, -1)
        if self.policy.fills_empty:
            empty = others == 0
            added[empty] = self.top[empty] != label
            removed[empty] = np.where(self.top[empty] == label, -1, self.top[empty])
        return added, removed

    def _switch(
        self, label: int, texts: Numbers, added: BoolArray, removed: Numbers, *, on: bool
    ) -> None:
        self.given[label, texts[added[texts]]] = on
        replaced = texts[removed[texts] >= 0]
        self.given[removed[replaced], replaced] = not on

    def _values_by_place(
        self, label: int, order: Numbers, added: BoolArray, removed: Numbers
    ) -> FloatArray:
        """The objective where the first k texts of `order` pass, [N + 1]."""
        has = removed >= 0
        texts = np.arange(len(order))
        lost_truth, lost_known = (
            np.where(has, cells[removed, texts], False) for cells in (self.truth, self.known)
        )
        own = np.where(added, self.truth[label], False).astype(np.int64)
        own_known = np.where(added, self.known[label], False).astype(np.int64)
        if self.objective.lines == "labels":
            return self._label_values(label, order, own, own_known, removed)
        change_true, change_given = own - lost_truth, own_known - lost_known
        if self.objective.lines == "all":
            true_positives = (self.given & self.truth).sum() + _running(change_true[order])
            predicted = (self.given & self.known).sum() + _running(change_given[order])
            support = np.full(len(predicted), self.truth.sum())
            return self.objective.scores(Counts(true_positives, predicted, support, support))
        true_positives = (self.given & self.truth).sum(axis=0)
        predicted = (self.given & self.known).sum(axis=0)
        support = self.row_support
        after = self.objective.scores(
            Counts(true_positives + change_true, predicted + change_given, support, support)
        )
        before = self.objective.scores(Counts(true_positives, predicted, support, support))
        return before.sum() + _running((after - before)[order])

    def _label_values(
        self, label: int, order: Numbers, own: Numbers, own_known: Numbers, removed: Numbers
    ) -> FloatArray:
        total = self._counted(label, _running(own[order]), _running(own_known[order]))
        gone = removed[order]
        changes = np.zeros(len(total))
        for other in np.unique(gone[gone >= 0]):
            places = np.flatnonzero(gone == other)
            texts = order[places]
            values = self._counted(
                int(other),
                -_running(self.truth[other, texts].astype(np.int64)),
                -_running(self.known[other, texts].astype(np.int64)),
            )
            changes[places + 1] += np.diff(values)
        return total + np.cumsum(changes)

    def _counted(self, label: int, more_true: Numbers, more_given: Numbers) -> FloatArray:
        """What a label contributes with so many more of its cells given."""
        given = self.given[label]
        true_positives = (given & self.truth[label]).sum() + more_true
        predicted = (given & self.known[label]).sum() + more_given
        support = np.full(len(predicted), self.label_support[label])
        counts = Counts(true_positives, predicted, support, support)
        return self.weights[label] * self.objective.scores(counts, label)


def _running(changes: NDArray[Any]) -> NDArray[Any]:
    """The sums of the first 0, 1, ... N changes."""
    return np.concatenate([np.zeros(1, changes.dtype), np.cumsum(changes)])
