"""An explained text in pieces to be shown: words with their strength, and what is between them."""

# W = words, E = explained labels

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from multilabel_bert.explanations.explanation import Explanation, Span

# Weaker ones look like noise beside the strongest word, and would colour every text.
VISIBLE = 0.1
_SHOWN_CONTROLS = "\t\n"


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


def printable(text: str) -> str:
    r"""The text without what could steer a terminal, or cannot be written as UTF-8.

    >>> printable("a\x1b[31mb")
    'a�[31mb'
    """
    return "".join(
        char
        if char in _SHOWN_CONTROLS or char.isprintable() or not _is_dangerous(char)
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def _is_dangerous(char: str) -> bool:
    code = ord(char)
    control = code < 0x20 or 0x7F <= code < 0xA0
    # They reverse what follows, outside of the text too.
    turns_direction = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return control or turns_direction or 0xD800 <= code <= 0xDFFF
