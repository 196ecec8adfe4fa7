"""What else decides beside thresholds: empty predictions, most labels, exclusive groups."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.decision.cells import BoolArray, FloatArray
from multilabel_bert.errors import SettingsError, did_you_mean

EMPTY_PREDICTIONS = ("allow", "top1")


@dataclass(frozen=True)
class Policy:
    """How the labels that reach their thresholds become those that are given.

    Make one with `check_policy`.

    Attributes:
        empty_prediction: ``"allow"`` texts without a label, or give them the ``"top1"``.
        max_labels: the most labels a text gets; None for no limit.
        exclusive_groups: groups of labels, by column from 0, of which a text has exactly one.
    """

    empty_prediction: str = "allow"
    max_labels: int | None = None
    exclusive_groups: tuple[tuple[int, ...], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether thresholds alone decide."""
        return self == Policy()

    @property
    def room(self) -> int | None:
        """How many labels outside groups a text can get; None for no limit."""
        return None if self.max_labels is None else self.max_labels - len(self.exclusive_groups)

    @property
    def fills_empty(self) -> bool:
        """Whether texts without a label exist and get one; each group sets a label anyway."""
        return self.empty_prediction == "top1" and not self.exclusive_groups

    def apply(self, passed: BoolArray, scores: FloatArray) -> BoolArray:
        """The labels that are given.

        Args:
            passed: bool [N, X], where the threshold is reached; changed in place.
            scores: float [N, X], probabilities.

        Returns:
            bool [N, X].
        """
        rows = np.arange(len(scores))
        for group in self.exclusive_groups:
            columns = np.array(group)
            passed[:, columns] = False
            passed[rows, columns[np.argmax(scores[:, columns], axis=1)]] = True
        if self.max_labels is not None:
            passed = self._most_probable(passed, scores, self.max_labels)
        if self.fills_empty:
            empty = ~passed.any(axis=1)
            passed[empty, np.argmax(scores[empty], axis=1)] = True
        return passed

    def in_groups(self, labels: int) -> BoolArray:
        """Which labels are in a group, bool [X]; their thresholds are not used."""
        grouped = np.zeros(labels, bool)
        for group in self.exclusive_groups:
            grouped[list(group)] = True
        return grouped

    def settled(self, scores: FloatArray) -> tuple[BoolArray, BoolArray]:
        """The cells that are given, and those that are not, whatever the one threshold for all.

        Args:
            scores: float [N, X], probabilities.

        Returns:
            Both bool [N, X].
        """
        grouped = self.in_groups(scores.shape[1])
        given = np.zeros(scores.shape, bool)
        given[:, grouped] = self.apply(np.zeros(scores.shape, bool), scores)[:, grouped]
        refused = ~given & grouped
        if self.fills_empty:
            # If any label reaches the threshold the most probable does; if none, it is filled in.
            given[np.arange(len(scores)), np.argmax(scores, axis=1)] = True
        if self.room is not None:
            order = np.argsort(-np.where(grouped, -1, scores), axis=1, kind="stable")
            np.put_along_axis(refused, order[:, self.room :], True, axis=1)
            refused &= ~given
        return given, refused

    def _most_probable(self, decided: BoolArray, scores: FloatArray, limit: int) -> BoolArray:
        # Of the set labels alone: there are few, and all the others need not be sorted.
        crowded = decided.sum(axis=1) > limit
        rows, columns = np.nonzero(decided & crowded[:, None])
        # A group without its label would break the rule, so those come first.
        alone = ~self.in_groups(decided.shape[1])
        order = np.lexsort((columns, -scores[rows, columns], alone[columns], rows))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))  # `rows` ascend, in `order` too
        lengths = np.diff(starts, append=len(rows))
        rank = np.arange(len(rows)) - np.repeat(starts, lengths)
        dropped = order[rank >= limit]
        limited = decided.copy()
        limited[rows[dropped], columns[dropped]] = False
        return limited


def check_policy(
    labels: int,
    empty_prediction: str = "allow",
    max_labels: int | None = None,
    exclusive_groups: Any = (),
) -> Policy:
    """The policy of these values for X labels.

    Raises:
        SettingsError: if a value cannot be used, or two contradict each other.
    """
    if empty_prediction not in EMPTY_PREDICTIONS:
        raise SettingsError(
            f"empty_prediction={empty_prediction!r} is unknown."
            f"{did_you_mean(str(empty_prediction), EMPTY_PREDICTIONS)} Use 'allow' to "
            "leave texts without a label, or 'top1' to give them the most probable one."
        )
    groups = _check_groups(exclusive_groups, labels)
    if max_labels is not None and (not _is_whole(max_labels) or max_labels < 1):
        raise SettingsError(
            f"max_labels={max_labels!r} must be a whole number of at least 1, or None for no limit."
        )
    if max_labels is not None and max_labels < len(groups):
        raise SettingsError(
            f"max_labels={max_labels} contradicts exclusive_groups: each of the "
            f"{len(groups)} groups sets a label. Give max_labels of at least {len(groups)}."
        )
    # NumPy's numbers are no JSON.
    return Policy(empty_prediction, None if max_labels is None else int(max_labels), groups)


def _check_groups(groups: Any, labels: int) -> tuple[tuple[int, ...], ...]:
    expected = "Expected a list of lists of columns, such as [[0, 1, 2]]"
    if not isinstance(groups, Iterable) or isinstance(groups, str):
        raise SettingsError(f"exclusive_groups={groups!r} cannot be used. {expected}.")
    checked = []
    seen: set[int] = set()
    for group in groups:
        if not isinstance(group, Iterable) or isinstance(group, str):
            raise SettingsError(f"exclusive_groups holds {group!r}. {expected}.")
        columns = tuple(group)
        for column in columns:
            if not _is_whole(column) or not 0 <= column < labels:
                raise SettingsError(
                    f"exclusive_groups names the column {column!r}, but the labels are the "
                    f"columns 0 to {labels - 1}."
                )
            if column in seen:
                raise SettingsError(
                    f"exclusive_groups names the column {column} twice. A label can be in one "
                    "group only, once."
                )
            seen.add(int(column))
        if len(columns) < 2:
            raise SettingsError(
                f"exclusive_groups holds {list(columns)!r}: a group needs at least two labels, "
                "for exactly one of them is set."
            )
        checked.append(tuple(map(int, columns)))
    return tuple(checked)


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)
