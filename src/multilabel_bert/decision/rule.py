"""The decision rule: from probabilities to labels."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.calibration import Calibration, fit_calibration
from multilabel_bert.decision.cells import (
    FIXED_THRESHOLD,
    apply_thresholds,
    check_probabilities,
    check_thresholds,
)
from multilabel_bert.decision.costs import check_costs
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.objectives import COST, objective_for
from multilabel_bert.decision.policy import Policy, check_policy
from multilabel_bert.decision.thresholds import (
    DEFAULT_METRIC,
    DEFAULT_STRATEGY,
    check_strategy,
    tune_thresholds,
)
from multilabel_bert.errors import DataError, ModelError, SettingsError, did_you_mean

# Models of older versions do not have them.
_OPTIONAL = ("costs", "calibration")


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
        costs: of a false positive and a false negative of each label, [X, 2], if the thresholds
            were tuned for ``"cost"`` with any.
        calibration: from logits to probabilities; None for the sigmoid alone.

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
    costs: list[list[float]] | None = None
    calibration: Calibration | None = None

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
        costs = None if self.costs is None else check_costs(self.costs, labels).to_list()
        object.__setattr__(self, "costs", costs)
        if self.tuned_for is not None:
            objective_for(self.tuned_for, self.beta)
        policy = check_policy(labels, self.empty_prediction, self.max_labels, self.exclusive_groups)
        object.__setattr__(self, "max_labels", policy.max_labels)
        object.__setattr__(self, "exclusive_groups", policy.exclusive_groups)
        calibration = self.calibration
        if calibration is not None and len(calibration.slopes) != labels:
            raise SettingsError(
                f"calibration is of {len(calibration.slopes)} labels, but there are {labels} "
                "thresholds. Give both of one model."
            )

    @property
    def policy(self) -> Policy:
        """What decides beside the thresholds."""
        return Policy(self.empty_prediction, self.max_labels, self.exclusive_groups)

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
        costs: Any = None,
        label_names: Sequence[str] | None = None,
        calibration: Calibration | None = None,
        **policy: Any,
    ) -> DecisionRule:
        """The rule with thresholds tuned on texts that the model was not trained on.

        Args:
            targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
            probabilities: float [N, X], each in [0, 1], calibrated if they will be.
            strategy: as in `tune_thresholds`.
            metric: as in `tune_thresholds`.
            beta: as in `tune_thresholds`.
            costs: as in `tune_thresholds`.
            label_names: X names, for costs as a dictionary.
            calibration: from which the probabilities are.
            **policy: `empty_prediction`, `max_labels`, `exclusive_groups`; thresholds are tuned
                together with them.
        """
        thresholds = tune_thresholds(
            targets,
            probabilities,
            strategy=strategy,
            metric=metric,
            beta=beta,
            costs=costs,
            label_names=label_names,
            **policy,
        )
        # A fixed threshold is of no metric; but of costs it is the best for right probabilities.
        is_tuned = strategy != "fixed" or metric == COST
        stored = None
        if costs is not None:
            stored = check_costs(costs, len(thresholds), label_names).to_list()
        return cls(
            thresholds,
            strategy=strategy,
            tuned_for=metric if is_tuned else None,
            beta=beta if is_tuned else 1.0,
            costs=stored,
            calibration=calibration,
            **policy,
        )

    @classmethod
    def fitted(
        cls, targets: Any, logits: Any, *, calibration: str = "none", **options: Any
    ) -> DecisionRule:
        """The rule with a calibration and thresholds fitted on texts not trained on.

        Args:
            targets: [N, X], 1 yes, 0 no, -1 or NaN unknown.
            logits: float [N, X].
            calibration: as in `fit_calibration`.
            **options: of `tuned`; thresholds are tuned on calibrated probabilities.
        """
        fit = fit_calibration(targets, logits, calibration)
        probabilities = sigmoid(logits) if fit is None else fit.probabilities(logits)
        return cls.tuned(targets, probabilities, calibration=fit, **options)

    def probabilities(self, logits: Any) -> NDArray[np.float32]:
        """Probabilities, float32 [N, X], of logits [N, X]: calibrated, if the rule says so."""
        if self.calibration is None:
            return sigmoid(logits)
        return self.calibration.probabilities(logits)

    def calibrated_logits(self, logits: Any) -> NDArray[Any]:
        """The logits of those probabilities, [N, X]."""
        return logits if self.calibration is None else self.calibration.calibrated_logits(logits)

    def predict(self, probabilities: Any) -> NDArray[np.int8]:
        """Decide.

        Args:
            probabilities: float [N, X], each in [0, 1], as `probabilities` gives them; compared
                in float32. N may be 0.

        Returns:
            int8 [N, X], 1 where the label is given.

        Raises:
            DataError: for another number of labels, a NaN, or values outside [0, 1].
        """
        scores = check_probabilities(probabilities, labels=len(self.thresholds))
        passed = apply_thresholds(scores, self.thresholds)
        return self.policy.apply(passed, scores).astype(np.int8)

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
            # Not written where there are none, so that older versions read such a rule.
            **({} if self.costs is None else {"costs": self.costs}),
            **({} if self.calibration is None else {"calibration": self.calibration.to_dict()}),
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
        missing = [key for key in known if key not in values and key not in _OPTIONAL]
        if missing:
            raise ModelError(
                f"{origin}: missing {', '.join(missing)}. The file is damaged or was edited; "
                "tune the model again to write a whole rule."
            )
        try:
            calibration = values.get("calibration")
            if calibration is not None:
                values = {**values, "calibration": Calibration.from_dict(calibration)}
            return cls(**values)
        except (SettingsError, ModelError) as error:
            raise ModelError(f"{origin}: {error}") from None

    def __eq__(self, other: object) -> bool:
        """Whether both decide alike and were found alike."""
        return isinstance(other, DecisionRule) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Equal rules have equal hashes."""
        return hash((self.thresholds.tobytes(), self.strategy, self.exclusive_groups))
