"""What wrong decisions cost, and the thresholds that follow from it."""

# X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.errors import SettingsError, did_you_mean

_EXPECTED = (
    "Expected (false positive, false negative), two numbers of at least 0 that are not both 0"
)


@dataclass(frozen=True, eq=False)
class Costs:
    """What it costs to give a label that does not apply, and to miss one that does.

    Make one with `check_costs`.

    Attributes:
        false_positive: float64 [X], at least 0.
        false_negative: float64 [X], at least 0; of a label not both are 0.
    """

    false_positive: NDArray[np.float64]
    false_negative: NDArray[np.float64]

    def bayes_thresholds(self) -> NDArray[np.float32]:
        """The thresholds that are best where probabilities are right: fp / (fp + fn), [X].

        Giving the label costs (1 - p) fp on average, leaving it out p fn.

        Source: Elkan 2001, "The Foundations of Cost-Sensitive Learning", equation 2.
        """
        share = self.false_positive / (self.false_positive + self.false_negative)
        return share.astype(np.float32)

    @property
    def alike(self) -> bool:
        """Whether the ratio of both is that of every other label."""
        return len(np.unique(self.bayes_thresholds())) == 1

    def mean_cost(self, truth: NDArray[Any], decided: NDArray[Any]) -> float:
        """The cost of a text, on average.

        Args:
            truth: [N, X], 1 yes, 0 no, anything else unknown: not counted.
            decided: [N, X], 0 or 1.
        """
        wrong_yes = ((truth == 0) & (decided == 1)) @ self.false_positive
        wrong_no = ((truth == 1) & (decided == 0)) @ self.false_negative
        return float((wrong_yes + wrong_no).mean())

    def to_list(self) -> list[list[float]]:
        """As [X, 2] plain numbers, for JSON."""
        return np.column_stack([self.false_positive, self.false_negative]).tolist()


def check_costs(costs: Any, labels: int, label_names: Sequence[str] | None = None) -> Costs:
    """Read costs.

    Args:
        costs: None for 1 and 1; ``(false_positive, false_negative)`` for all labels; X such
            pairs; or a dictionary from label name to pair, where others cost 1 and 1.
        labels: X.
        label_names: X names, for a dictionary; ``"0"``, ``"1"``, … unless given.

    Raises:
        SettingsError: for an unknown label, another number of pairs, or a cost below 0.

    Example:
        >>> check_costs({"late": (1, 4)}, 2, ["late", "kind"]).bayes_thresholds().tolist()
        [0.20000000298023224, 0.5]
    """
    if isinstance(costs, Costs):
        costs = costs.to_list()
    pairs = np.ones((labels, 2))
    if isinstance(costs, Mapping):
        names = map(str, range(labels)) if label_names is None else label_names
        row_of = {name: row for row, name in enumerate(names)}
        for name, pair in costs.items():
            if name not in row_of:
                raise SettingsError(
                    f"costs name {name!r}, which is no label.{did_you_mean(str(name), row_of)}"
                )
            pairs[row_of[name]] = _pair(pair, f"costs of {name!r}")
    elif costs is not None:
        values = _numbers(costs, "costs")
        if values.shape not in ((2,), (labels, 2)):
            raise SettingsError(
                f"costs have the shape {values.shape}, but there are {labels} labels. Give "
                f"(false positive, false negative) once, or one such pair a label."
            )
        pairs[:] = values
    refused = np.flatnonzero(
        ~(np.isfinite(pairs).all(axis=1) & (pairs >= 0).all(axis=1) & (pairs.sum(axis=1) > 0))
    )
    if len(refused):
        raise SettingsError(f"costs hold {tuple(pairs[refused[0]].tolist())}. {_EXPECTED}.")
    return Costs(pairs[:, 0].copy(), pairs[:, 1].copy())


def _pair(pair: Any, name: str) -> NDArray[np.float64]:
    values = _numbers(pair, name)
    if values.shape != (2,):
        raise SettingsError(f"{name} are {pair!r}. {_EXPECTED}.")
    return values


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise SettingsError(f"{name} are {values!r}. {_EXPECTED}.") from None
