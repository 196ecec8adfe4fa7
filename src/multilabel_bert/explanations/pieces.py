"""An explained text in pieces to be shown: words with their strength, and what is between them."""

# W = words, E = explained labels

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from multilabel_bert.explanations.explanation import Explanation, Span

# Weaker ones look like noise beside the strongest word, and would colour every text.
VISIBLE = 0.1


class Piece(NamedTuple):
    """Some characters of a text; `span` is None between words."""

    text: str
    span: Span | None
    attribution: float
    strength: float


def pieces(explanation: Explanation, column: int, part: str = "text") -> Iterator[Piece]:
    """The text from its start to its end.

    Args:
        explanation: of the text.
        column: which of its labels.
        part: ``"text"`` or ``"pair"``.

    Yields:
        Pieces that together are the text. The strength is that of the strongest word of the label
        in either direction: -1 to 1.
    """
    text = (explanation.text if part == "text" else explanation.pair) or ""
    values = explanation.attributions[:, column]
    most = float(np.abs(values).max(initial=0.0)) or 1.0
    place = 0
    for span, value in zip(explanation.spans, values.tolist(), strict=True):
        if span.part != part:
            continue
        if span.start > place:
            yield Piece(text[place : span.start], None, 0.0, 0.0)
        yield Piece(text[span.start : span.end], span, value, value / most)
        place = span.end
    if place < len(text):
        yield Piece(text[place:], None, 0.0, 0.0)
