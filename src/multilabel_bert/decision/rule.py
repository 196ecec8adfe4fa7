"""The decision rule: from probabilities to labels."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.cells import (
    FIXED_THRESHOLD,
    BoolArray,
    FloatArray,
    apply_thresholds,
    check_probabilities,
    check_thresholds,
)
from multilabel_bert.decision.objectives import objective_for
from multilabel_bert.decision.thresholds import (
    DEFAULT_METRIC,
    DEFAULT_STRATEGY,
    check_strategy,
    tune_thresholds,
)
from multilabel_bert.errors import DataError, ModelError, SettingsError, did_you_mean

EMPTY_PREDICTIONS = ("allow", "top1")


@dataclass(frozen=True, eq=False)
class DecisionRule:
    """How probabilities become labels; stored in the model and used everywhere.

    In this order: a label is set where its probability is at least its threshold; in each
    exclusive group the most probable label, and no other, is set; with ``max_labels`` only the
    most probable of the set labels stay, those of exclusive groups first; a text left without a
    label gets its most probable one if ``empty_prediction`` is ``"top1"``. Of equal
    probabilities the first column wins.

    Attributes:
        thresholds: float32 [X], each in [0, 1]; read-only. Those of labels in an exclusive group
            are not used.
        strategy: how they were found, one of `STRATEGIES`.
        tuned_for: the metric they were tuned for; None if they were not.
        beta: of that metric, if it is an F1: weight of recall against precision.
        empty_prediction: ``"allow"`` texts without a label, or give them the ``"top1"``.
        max_labels: the most labels a text gets; None for no limit.
        exclusive_groups: groups of labels, by column from 0, of which a text has exactly one:
            one of 13 products beside any of 63 issues is multi-class and multi-label at once.

    Raises:
        SettingsError: if a value cannot be used, or two contradict each other.

    Example:
        >>> rule = DecisionRule([0.5, 0.3, 0.5], empty_prediction="top1")
        >>> rule.predict([[0.9, 0.35, 0.1], [0.1, 0.2, 0.4]])
        array([[1, 1, 0],
               [0, 0, 1]], dtype=int8)
    """

    thresholds: NDArray[np.float32]
    strategy: str = "fixed"
    tuned_for: str | None = None
    beta: float = 1.0
    empty_prediction: str = "allow"
    max_labels: int | None = None
    exclusive_groups: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        """Check every value and every pair of them."""
        refusal = (
            f"thresholds={self.thresholds!r} cannot be used: expected one number between 0 and 1 "
            "for each label."
        )
        if np.ndim(self.thresholds) == 0:
            raise SettingsError(
                f"{refusal} Write DecisionRule.fixed(labels, {self.thresholds!r}) for the same "
                "one everywhere."
            )
        labels = len(self.thresholds)
        try:
            thresholds = check_thresholds(self.thresholds, labels).copy()
        except DataError as error:
            raise SettingsError(f"{refusal} {error}") from None
        if not labels:
            raise SettingsError("thresholds are empty. Expected one for each label.")
        thresholds.setflags(write=False)
        object.__setattr__(self, "thresholds", thresholds)
        check_strategy(self.strategy)
        if self.tuned_for is not None:
            objective_for(self.tuned_for, self.beta)
        if self.empty_prediction not in EMPTY_PREDICTIONS:
            raise SettingsError(
                f"empty_prediction={self.empty_prediction!r} is unknown."
                f"{did_you_mean(str(self.empty_prediction), EMPTY_PREDICTIONS)} Use 'allow' to "
                "leave texts without a label, or 'top1' to give them the most probable one."
            )
        groups = _check_groups(self.exclusive_groups, labels)
        object.__setattr__(self, "exclusive_groups", groups)
        if self.max_labels is not None and (not _is_whole(self.max_labels) or self.max_labels < 1):
            raise SettingsError(
                f"max_labels={self.max_labels!r} must be a whole number of at least 1, or None "
                "for no limit."
            )
        if self.max_labels is not None:
            object.__setattr__(self, "max_labels", int(self.max_labels))  # NumPy's is no JSON
        if self.max_labels is not None and self.max_labels < len(groups):
            raise SettingsError(
                f"max_labels={self.max_labels} contradicts exclusive_groups: each of the "
                f"{len(groups)} groups sets a label. Give max_labels of at least {len(groups)}."
            )

    @classmethod
    def fixed(cls, labels: int, threshold: float = FIXED_THRESHOLD, **options: Any) -> DecisionRule:
        """The rule with the same threshold for each of X labels, nothing tuned."""
        return cls(np.full(labels, threshold, np.float32), **options)

    @classmethod
    def tuned(
        cls,
        targets: Any,
        probabilities: Any,
        *,
        strategy: str = DEFAULT_STRATEGY,
        metric: str = DEFAULT_METRIC,
        beta: float = 1.0,
        **options: Any,
    ) -> DecisionRule:
        """The rule with thresholds tuned on texts that the model was not trained on.

        Args:
            targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
            probabilities: float [N, X], each in [0, 1].
            strategy: as in `tune_thresholds`.
            metric: as in `tune_thresholds`.
            beta: as in `tune_thresholds`.
            **options: `empty_prediction`, `max_labels`, `exclusive_groups`; thresholds are tuned
                without them.
        """
        thresholds = tune_thresholds(
            targets, probabilities, strategy=strategy, metric=metric, beta=beta
        )
        is_tuned = strategy != "fixed"
        return cls(
            thresholds,
            strategy=strategy,
            tuned_for=metric if is_tuned else None,
            beta=beta if is_tuned else 1.0,
            **options,
        )

    def predict(self, probabilities: Any) -> NDArray[np.int8]:
        """Decide.

        Args:
            probabilities: float [N, X], each in [0, 1]; compared in float32. N may be 0.

        Returns:
            int8 [N, X], 1 where the label is given.

        Raises:
            DataError: for another number of labels, a NaN, or values outside [0, 1].
        """
        scores = check_probabilities(probabilities, labels=len(self.thresholds))
        decided = apply_thresholds(scores, self.thresholds)
        rows = np.arange(len(scores))
        for group in self.exclusive_groups:
            columns = np.array(group)
            decided[:, columns] = False
            decided[rows, columns[np.argmax(scores[:, columns], axis=1)]] = True
        if self.max_labels is not None:
            decided = self._most_probable(decided, scores, self.max_labels)
        if self.empty_prediction == "top1":
            empty = ~decided.any(axis=1)
            decided[empty, np.argmax(scores[empty], axis=1)] = True
        return decided.astype(np.int8)

    def _most_probable(self, decided: BoolArray, scores: FloatArray, limit: int) -> BoolArray:
        # Of the set labels alone: there are few, and all the others need not be sorted.
        crowded = decided.sum(axis=1) > limit
        rows, columns = np.nonzero(decided & crowded[:, None])
        # A group without its label would break the rule, so those come first.
        alone = np.ones(decided.shape[1], bool)
        for group in self.exclusive_groups:
            alone[list(group)] = False
        order = np.lexsort((columns, -scores[rows, columns], alone[columns], rows))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))  # `rows` ascend, in `order` too
        lengths = np.diff(starts, append=len(rows))
        rank = np.arange(len(rows)) - np.repeat(starts, lengths)
        dropped = order[rank >= limit]
        limited = decided.copy()
        limited[rows[dropped], columns[dropped]] = False
        return limited

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON; `from_dict` gives an equal rule back."""
        return {
            # The shortest decimal that is read back as the same float32: 0.3.
            "thresholds": [float(str(value)) for value in self.thresholds],
            "strategy": self.strategy,
            "tuned_for": self.tuned_for,
            "beta": self.beta,
            "empty_prediction": self.empty_prediction,
            "max_labels": self.max_labels,
            "exclusive_groups": [list(group) for group in self.exclusive_groups],
        }

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, origin: str = "The decision rule"
    ) -> DecisionRule:
        """The rule that `to_dict` gave.

        Args:
            values: plain values.
            origin: where they were read, for messages.

        Raises:
            ModelError: for a missing or an unknown key, or a value that cannot be used.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping):
            raise ModelError(
                f"{origin}: expected an object with the keys {', '.join(known)}; "
                f"found {type(values).__name__}."
            )
        for key in values:
            if key not in known:
                raise ModelError(
                    f"{origin}: unknown key {key!r}.{did_you_mean(str(key), known)} Expected "
                    f"{', '.join(known)}. A newer version may have written it: update "
                    "multilabel-bert."
                )
        missing = [key for key in known if key not in values]
        if missing:
            raise ModelError(
                f"{origin}: missing {', '.join(missing)}. The file is damaged or was edited; "
                "tune the model again to write a whole rule."
            )
        try:
            return cls(**values)
        except SettingsError as error:
            raise ModelError(f"{origin}: {error}") from None

    def __eq__(self, other: object) -> bool:
        """Whether both decide alike and were found alike."""
        return isinstance(other, DecisionRule) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Equal rules have equal hashes."""
        return hash((self.thresholds.tobytes(), self.strategy, self.exclusive_groups))


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
