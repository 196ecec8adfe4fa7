"""The search for the best thresholds: one for all labels, or one a label."""

# N = texts, X = labels, K = cut-offs

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    FIXED_THRESHOLD,
    BoolArray,
    FloatArray,
    Targets,
    apply_thresholds,
)
from multilabel_bert.decision.counts import Counts, f_beta
from multilabel_bert.decision.curves import label_blocks, label_columns
from multilabel_bert.decision.cut_offs import TIE, CutOffs, cut_offs
from multilabel_bert.decision.objectives import Objective
from multilabel_bert.decision.row_ranking import CHUNK_CELLS, UNKNOWN_SCORE

Thresholds = NDArray[np.float32]
MAX_SWEEPS = 20


def best_global(
    targets: Targets, scores: FloatArray, objective: Objective, *, above_zero: bool = False
) -> np.float32:
    """The one cut-off that is best for all labels together; exact. 0.5 without a positive.

    Args:
        targets: what is true and known, [N, X].
        scores: float32 [N, X].
        objective: what to make as large as possible.
        above_zero: whether scores of 0 must not pass.
    """
    default = objective.without_evidence(targets.truth.shape[1]).mean()
    if not targets.truth.any():
        return np.float32(default)
    candidates = cut_offs(targets.truth, targets.known, scores)
    if objective.lines == "all" or objective.condition:
        values = objective.scores(candidates.counts)
    elif objective.lines == "rows":
        values = _sums_over_lines([(targets, scores)], objective, candidates)
    else:
        values = _sums_over_lines(label_blocks(targets, scores), objective, candidates)
    if above_zero and len(values) > 1:
        values = np.where(candidates.values > 0, values, -np.inf)
    return candidates.values[candidates.best(values, default)]


def best_per_label(targets: Targets, scores: FloatArray, objective: Objective) -> Thresholds:
    """A cut-off a label; 0.5, or that of its costs, for a label without a positive.

    Exact where the metric is a mean over labels, or over all cells together. For metrics of texts
    the best combination cannot be found in reasonable time: starting from the best global one,
    each label in turn gets the cut-off that is best given the others', until none gets better.
    """
    if objective.lines == "labels":
        return _each_alone(targets, scores, objective)
    if objective.lines == "all":
        return _best_micro(targets, scores, objective)
    return _coordinate_ascent(targets, scores, objective)


def _each_alone(targets: Targets, scores: FloatArray, objective: Objective) -> Thresholds:
    thresholds = objective.without_evidence(targets.truth.shape[1])
    for label, column in enumerate(label_columns(targets, scores)):
        if column[0].any():
            candidates = cut_offs(*column)
            values = objective.scores(candidates.counts, label)
            best = candidates.best(values, thresholds[label])
            thresholds[label] = candidates.values[best]
    return thresholds


def _best_micro(targets: Targets, scores: FloatArray, objective: Objective) -> Thresholds:
    """The best micro F-beta by Dinkelbach's method; exact.

    F = a / b is largest where max(a - F b) = 0, and a - F b is a sum over labels, each of which
    can be made largest alone. Iterating F from any start climbs to the optimum in a few steps.

    Source: Dinkelbach 1967, "On nonlinear fractional programming".
    """
    candidates: dict[int, CutOffs] = {
        label: cut_offs(*column)
        for label, column in enumerate(label_columns(targets, scores))
        if column[0].any()
    }
    gain = 1 + objective.beta * objective.beta
    thresholds = best = _fixed(targets)
    value = -1.0
    while True:
        decided = _decided(targets.known, scores, thresholds)
        parts = [(decided & targets.truth).sum(), decided.sum(), targets.truth.sum()]
        counts = Counts(*map(np.asarray, [*parts, decided.size]))
        reached = float(f_beta(counts, objective.beta))
        if reached <= value + TIE:
            return best
        value, best, thresholds = reached, thresholds, thresholds.copy()
        for label, options in candidates.items():
            margin = gain * options.counts.true_positives - value * options.counts.predicted
            thresholds[label] = options.values[options.best(margin)]


def _coordinate_ascent(targets: Targets, scores: FloatArray, objective: Objective) -> Thresholds:
    thresholds = _fixed(targets)
    has_positive = np.atleast_1d(targets.truth.any(axis=0))
    thresholds[has_positive] = best_global(targets, scores, objective)
    decided = _decided(targets.known, scores, thresholds)
    true_positives = (decided & targets.truth).sum(axis=1)
    predicted = decided.sum(axis=1)
    support = targets.truth.sum(axis=1)

    def row_scores(true_positives: NDArray[np.int64], predicted: NDArray[np.int64]) -> FloatArray:
        return objective.line_score(Counts(true_positives, predicted, support, support))

    for _ in range(MAX_SWEEPS):
        changed = False
        for label, (truth, known, column) in enumerate(label_columns(targets, scores)):
            if not has_positive[label]:
                continue
            chosen = _decided(known, column, thresholds[label])
            others_true = true_positives - (chosen & truth)
            others = predicted - chosen
            gains = row_scores(others_true + truth, others + 1) - row_scores(others_true, others)
            if known is not None:
                gains = np.where(known, gains, 0)
            candidates = cut_offs(truth, known, column)
            totals = _sum_at_or_above(candidates.values, column, gains)
            best = candidates.best(totals)
            if totals[best] <= gains[chosen].sum() + TIE:
                continue
            changed = True
            thresholds[label] = candidates.values[best]
            chosen = _decided(known, column, thresholds[label])
            true_positives = others_true + (chosen & truth)
            predicted = others + chosen
        if not changed:
            break
    return thresholds


def _sum_at_or_above(values: Thresholds, column: FloatArray, gains: FloatArray) -> FloatArray:
    """For each cut-off the sum of the gains of the texts that pass it."""
    order = np.argsort(column)
    sums = np.append(np.cumsum(gains[order][::-1])[::-1], 0.0)
    return sums[np.searchsorted(column[order], values, "left")]


def _sums_over_lines(
    blocks: Iterable[tuple[Targets, FloatArray]], objective: Objective, candidates: CutOffs
) -> FloatArray:
    """The sum of the scores of all lines at each cut-off, [K].

    The score of a line changes only at its own probabilities. Each change is added to the lowest
    candidate that is at or below it or, below them all, dropped; a running sum from the top then
    gives the total. Lines are rows of the blocks, whose arrays are contiguous: with a stride, the
    sorting below takes twenty times as long.
    """
    changes = np.zeros(len(candidates.positive_scores))
    at_none = 0.0
    first = 0
    for block, scores in blocks:
        lines, width = block.truth.shape
        chunk = max(1, CHUNK_CELLS // width)
        for start in range(0, lines, chunk):
            part = slice(start, start + chunk)
            truth = block.truth[part]
            known = np.ones(truth.shape, bool) if block.known is None else block.known[part]
            support = truth.sum(axis=1)
            weights = support.astype(float) if objective.by_support else np.ones(len(truth))
            nothing = np.zeros_like(support)
            these = np.arange(first, first + len(truth))
            first += len(truth)
            none = objective.scores(Counts(nothing, nothing, support, support), these)
            at_none += float(np.dot(none, weights))
            line, score, counts = _counts_of_lines(truth, known, scores[part])
            value = objective.scores(counts, these[line])
            is_first = np.diff(line, prepend=-1) != 0
            before = np.where(is_first, none[line], np.roll(value, 1))
            place = np.searchsorted(candidates.positive_scores, score, "right") - 1
            counted = place >= 0
            changes += np.bincount(
                place[counted],
                weights=((value - before) * weights[line])[counted],
                minlength=len(changes),
            )
    totals = at_none + np.cumsum(changes[::-1])[::-1]
    return np.append(totals, np.full(len(candidates.values) - len(totals), at_none))


def _counts_of_lines(
    truth: BoolArray, known: BoolArray, scores: FloatArray
) -> tuple[NDArray[np.intp], FloatArray, Counts]:
    """Line, probability and counts of the line with that cut-off, from the highest down."""
    scores = np.where(known, scores, scores.dtype.type(UNKNOWN_SCORE))
    order = np.argsort(scores, axis=1)[:, ::-1]
    ordered = np.take_along_axis(scores, order, axis=1)
    true_positives = np.cumsum(np.take_along_axis(truth, order, axis=1), axis=1)
    predicted = np.cumsum(np.take_along_axis(known, order, axis=1), axis=1)
    # Equal probabilities pass together: only the last of each run is a decision. The unknown
    # cells of a line come last and change nothing.
    is_last = np.ones(ordered.shape, bool)
    is_last[:, :-1] = ordered[:, :-1] != ordered[:, 1:]
    line = np.nonzero(is_last)[0]
    support = truth.sum(axis=1)[line]
    counts = Counts(true_positives[is_last], predicted[is_last], support, support)
    return line, ordered[is_last], counts


def _decided(known: BoolArray | None, scores: FloatArray, thresholds: Any) -> BoolArray:
    decided = apply_thresholds(scores, thresholds)
    return decided if known is None else decided & known


def _fixed(targets: Targets) -> Thresholds:
    return np.full(targets.truth.shape[1], FIXED_THRESHOLD, np.float32)
