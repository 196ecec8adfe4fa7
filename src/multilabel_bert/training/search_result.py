"""What a search has tried, found, and how good the found is on texts that had no say in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from multilabel_bert.model.search_csv import rows_of


@dataclass(frozen=True)
class Tried:
    """One configuration.

    Attributes:
        settings: the searched ones.
        score: by cross-validation, in the last round that it took part in; NaN if it diverged.
        round: that round, from 1.
        texts: of that round.
        own: whether these are the settings that the run was given.
    """

    settings: Mapping[str, Any]
    score: float
    round: int
    texts: int
    own: bool = False


@dataclass(frozen=True)
class Estimate:
    """How good a configuration is on texts that took no part in the search.

    Neither settings nor thresholds were chosen on them, so the number is no best of many.

    Attributes:
        value: of the metric.
        low: lower end of its 95% interval, by bootstrap.
        high: upper end.
        own: the same metric with the settings that the run was given; None if that diverged.
        texts: how many they are.
    """

    value: float
    low: float
    high: float
    own: float | None
    texts: int


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        metric: by which configurations were judged.
        tried: the best first: those of a later round before those of an earlier one.
        estimate: for the best; None where the search was interrupted, or there were too few texts.
        rounds: of each, how many configurations and texts.
        folds: of the cross-validation.
        seconds: of the search, without the encoding.
        interrupted: whether Ctrl-C ended it.
    """

    metric: str
    tried: Sequence[Tried]
    estimate: Estimate | None
    rounds: Sequence[tuple[int, int]]
    folds: int
    seconds: float
    interrupted: bool = False

    @property
    def best(self) -> Mapping[str, Any]:
        """The searched settings that were best."""
        return self.tried[0].settings

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON: a score that is not defined is None."""
        tried = [
            {**asdict(one), "score": None if math.isnan(one.score) else one.score}
            for one in self.tried
        ]
        return {
            "metric": self.metric,
            "folds": self.folds,
            "rounds": [list(one) for one in self.rounds],
            "seconds": round(self.seconds, 1),
            "interrupted": self.interrupted,
            "estimate": None if self.estimate is None else asdict(self.estimate),
            "tried": tried,
        }

    def rows(self) -> list[dict[str, Any]]:
        """The table of what was tried, a dictionary a configuration, the best first."""
        return rows_of(self.to_dict())

    def summary(self) -> str:
        """What was found, in a line or two."""
        best = self.tried[0]
        found = ", ".join(f"{name}={value!r}" for name, value in best.settings.items())
        text = f"Best of {len(self.tried)} configurations: {found or 'the settings given'}"
        text += f" ({self.metric} {best.score:.4f} by cross-validation)"
        if self.estimate is not None:
            e = self.estimate
            text += (
                f"\nOn {e.texts:,} texts that had no say in it: {e.value:.4f} "
                f"({e.low:.4f} to {e.high:.4f})"
            )
            if e.own is not None:
                text += f"; the settings given: {e.own:.4f}"
        return text
