"""Cells of a label matrix that are likely wrong, by probabilities of a model that did not see them.

Confident learning, one label against the rest, as the library cleanlab does it for many labels
(2.9.0, ``multilabel_classification.filter`` with its defaults); the tests compare the two.
"""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import FloatArray, check_probabilities, check_targets

# cleanlab's: comparisons are this lenient, and a threshold is at least twice that.
_LENIENCE = 1e-6
# How much the worst label of a text counts in its score, against all others together.
_WORST_LABEL_WEIGHT = 0.8


@dataclass(frozen=True)
class LabelErrors:
    """Cells that are likely wrong.

    Attributes:
        suspect: bool [N, X], the cells that confident learning would remove.
        cell_scores: float64 [N, X], the probability of what is given ("self-confidence"): low is
            suspicious; NaN where nothing is given.
        row_scores: float64 [N], of all given labels of a text, the worst ones first: low is
            suspicious; NaN where a text has no given label.
        rows: int [S], of the suspect cells, the most suspicious first.
        columns: int [S], of the suspect cells.
    """

    suspect: NDArray[np.bool_]
    cell_scores: NDArray[np.float64]
    row_scores: NDArray[np.float64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def __len__(self) -> int:
        """How many cells are suspect: S."""
        return len(self.rows)


def find_label_errors(labels: Any, probabilities: Any) -> LabelErrors:
    """Find the cells whose given value is likely wrong.

    A label's text counts as confidently positive when its probability is at least the mean
    probability of the texts that are given the label, and as confidently negative likewise; the
    confident texts that are given the other value estimate how many given positives and negatives
    are wrong. That many cells are suspect: those for which the model is most against what is
    given, provided that it is against it at all.

    Args:
        labels: [N, X], 1 yes, 0 no, -1 or NaN unknown; unknown cells are never suspect and count
            for nothing.
        probabilities: float [N, X] of models that were not trained on the text: `cross_validate`
            gives them. With probabilities of a model that was, most errors are hidden.

    Returns:
        The errors, the cell with the lowest probability of what is given first.

    Raises:
        DataError: if the arrays do not fit each other, or hold values they cannot hold.

    Example:
        >>> labels = [[1], [1], [1], [0], [0], [0]]
        >>> errors = find_label_errors(labels, [[0.9], [0.8], [0.9], [0.1], [0.2], [0.95]])
        >>> errors.rows.tolist(), errors.cell_scores[5].round(2).tolist()
        ([5], [0.05])

    Source: Northcutt, Jiang and Chuang 2021, "Confident Learning", arXiv:1911.00068, pruning by
    noise rate; Thyagarajan, Snorrason, Northcutt and Mueller 2022, "Identifying Incorrect
    Annotations in Multi-Label Classification Data", arXiv:2211.13895, the score of a text.
    """
    targets = check_targets(labels)
    shape = (targets.truth.shape[0], targets.truth.shape[1])
    scores = check_probabilities(probabilities, shape).astype(np.float64)
    known = targets.known_cells
    suspect = np.zeros(shape, bool)
    for column in range(shape[1]):
        rows = np.flatnonzero(known[:, column])
        suspect[rows, column] = _suspects(targets.truth[rows, column], scores[rows, column])
    cell_scores = np.where(targets.truth, scores, 1 - scores)
    cell_scores[~known] = np.nan
    found_rows, found_columns = np.nonzero(suspect)
    order = np.argsort(cell_scores[found_rows, found_columns], kind="stable")
    return LabelErrors(
        suspect, cell_scores, _row_scores(cell_scores), found_rows[order], found_columns[order]
    )


def _suspects(truth: NDArray[np.bool_], positive: FloatArray) -> NDArray[np.bool_]:
    """The suspect texts of one label; bool [N] in the order given."""
    suspect = np.zeros(len(truth), bool)
    counts = np.array([(~truth).sum(), truth.sum()])
    chances = np.stack([1 - positive, positive])  # of each value, [2, N]
    joint = _confident_joint(truth.astype(int), chances, counts)
    for given in (0, 1):
        other = 1 - given
        # Of each value, one text must be left that has it.
        surplus = max(0, 1 - joint[given, given])
        wrong = max(0, joint[given, other] - surplus)
        places = np.flatnonzero(truth == bool(given))
        if wrong and len(places) > 1:
            against = chances[other, places] - chances[given, places]
            suspect[places[np.argsort(-against)[:wrong]]] = True
    given_chance = np.where(truth, positive, 1 - positive)
    return suspect & (given_chance + _LENIENCE < 1 - given_chance)


def _confident_joint(
    given: NDArray[np.int_], chances: FloatArray, counts: NDArray[np.int_]
) -> NDArray[np.int64]:
    """How many texts have each given (row) and each true (column) value, int64 [2, 2]."""
    confident = np.zeros(chances.shape, bool)
    for value in (0, 1):
        if counts[value]:
            limit = max(chances[value, given == value].mean(), 2 * _LENIENCE)
            confident[value] = chances[value] >= limit - _LENIENCE
    # Confident of both: the likelier one.
    guess = np.where(confident.all(axis=0), chances.argmax(axis=0), confident.argmax(axis=0))
    sure = confident.any(axis=0)
    joint = np.zeros((2, 2))
    np.add.at(joint, (given[sure], guess[sure]), 1)
    joint[[0, 1], [0, 1]] = np.maximum(joint[[0, 1], [0, 1]], 1)
    # The texts that are not confident are taken to be as the others.
    joint *= (counts / joint.sum(axis=1))[:, None]
    return np.array([_rounded(row, count) for row, count in zip(joint, counts, strict=True)])


def _rounded(row: FloatArray, total: int) -> NDArray[np.int64]:
    """The two numbers rounded so that their sum stays."""
    numbers: NDArray[np.int64] = np.round(row).astype(np.int64)
    missing = int(total - numbers.sum())
    if missing:
        rests = np.argsort(row - numbers)
        numbers[rests[-1] if missing > 0 else rests[0]] += missing
    return numbers


def _row_scores(cell_scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The exponential moving average over the scores of a text, from the best to the worst.

    ``average = 0.8 score + 0.2 average``, so that the worst label counts most.
    """
    # NaN sorts to the end of the ascending order, so to the front of this one.
    best_first = np.sort(cell_scores, axis=1)[:, ::-1]
    average = best_first[:, 0].copy()
    for score in best_first[:, 1:].T:
        moved = _WORST_LABEL_WEIGHT * score + (1 - _WORST_LABEL_WEIGHT) * average
        average = np.where(np.isnan(average), score, moved)
    return average
