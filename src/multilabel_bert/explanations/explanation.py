"""What an explanation says: the words of a text, and how far each moved each label."""

# W = words (or spans of several words), E = explained labels

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import RenderableType

# How far the sum of attributions may be from what it should be, as a share of it, or in logits:
# five times what the steps of integrated gradients are chosen for, as the engine rounds too.
_INCOMPLETE_SHARE, _INCOMPLETE_LOGITS = 0.05, 0.1


@dataclass(frozen=True)
class Span:
    """A word, or several, as the user wrote them.

    Attributes:
        text: the characters.
        start: the place of the first one in its text.
        end: the place after the last one.
        part: ``"text"``, or ``"pair"`` for the second text.
        seen: whether the model saw it; what is cut at the maximum length, it does not see.
    """

    text: str
    start: int
    end: int
    part: str = "text"
    seen: bool = True


@dataclass(frozen=True)
class Explanation:
    """How far each word moved some labels of one text.

    Attributes:
        text: as it was given.
        pair: the second text, or None.
        method: by which it was found.
        unit: ``"word"``, or ``"sentence"`` where spans are sentences or parts of long ones.
        spans: W words or spans, in their order; of a pair, first those of the first text. Words
            that the model reads as one are one; neighbours that it did not see are one too.
        labels: E names, the most probable first unless they were asked for in another order.
        probabilities: float32 [E].
        logits: float32 [E].
        given: bool [E], whether the decision rule gives the label.
        attributions: float32 [W, E], in logits: above 0 for the label, below 0 against it; 0 for
            what the model did not see.
        baseline_logits: float32 [E], of the text without any word, for integrated gradients; the
            attributions of a label sum to the difference.
    """

    text: str
    pair: str | None
    method: str
    unit: str
    spans: tuple[Span, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray = field(repr=False)
    logits: np.ndarray = field(repr=False)
    given: np.ndarray = field(repr=False)
    attributions: np.ndarray = field(repr=False)
    baseline_logits: np.ndarray | None = field(default=None, repr=False)

    @property
    def words(self) -> list[str]:
        """The W words or spans as the user wrote them."""
        return [span.text for span in self.spans]

    @property
    def not_seen(self) -> tuple[Span, ...]:
        """What the model did not see."""
        return tuple(span for span in self.spans if not span.seen)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Labels whose attributions do not sum to what the words moved: do not trust them.

        Only integrated gradients promise it. Where a network is very steep between the baseline
        and the text, no number of steps that was tried finds the sum.
        """
        if self.baseline_logits is None:
            return ()
        moved = self.logits - self.baseline_logits
        error = np.abs(self.attributions.sum(0) - moved)
        off = error > np.maximum(_INCOMPLETE_SHARE * np.abs(moved), _INCOMPLETE_LOGITS)
        return tuple(label for label, is_off in zip(self.labels, off, strict=True) if is_off)

    def top(self, label: str, count: int = 10) -> list[tuple[Span, float]]:
        """The spans that moved a label most, in either direction, the strongest first.

        Args:
            label: one of `labels`.
            count: how many at most.

        Raises:
            SettingsError: if the label was not explained.
        """
        if label not in self.labels:
            raise SettingsError(
                f"label={label!r} was not explained; these were: {', '.join(self.labels)}. Ask "
                f"for it: explain(text, labels=[{label!r}])."
            )
        values = self.attributions[:, self.labels.index(label)]
        order = np.argsort(-np.abs(values), kind="stable")
        return [
            (self.spans[index], float(values[index])) for index in order if self.spans[index].seen
        ][:count]

    def to_dict(self) -> dict[str, Any]:
        """All of it as what JSON can hold."""
        labels = []
        for column, label in enumerate(self.labels):
            entry: dict[str, Any] = {
                "label": label,
                "probability": float(self.probabilities[column]),
                "logit": float(self.logits[column]),
                "given": bool(self.given[column]),
                "attributions": self.attributions[:, column].tolist(),
            }
            if self.baseline_logits is not None:
                entry["baseline_logit"] = float(self.baseline_logits[column])
                entry["complete"] = label not in self.incomplete
            labels.append(entry)
        return {
            "text": self.text,
            "pair": self.pair,
            "method": self.method,
            "unit": self.unit,
            "words": [
                {
                    "text": span.text,
                    "start": span.start,
                    "end": span.end,
                    "part": span.part,
                    "seen": span.seen,
                }
                for span in self.spans
            ],
            "labels": labels,
        }

    def to_html(self) -> str:
        """A page of its own that needs no network, with the words coloured."""
        from multilabel_bert.explanations.html_page import page

        return page([self])

    def _repr_html_(self) -> str:
        from multilabel_bert.explanations.html_page import fragment

        return fragment(self)

    def __rich__(self) -> RenderableType:
        from multilabel_bert.explanations.terminal import rendered

        return rendered(self)
