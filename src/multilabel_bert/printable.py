"""Texts that are not ours, made fit for terminals, pages and notebooks."""

from __future__ import annotations

_SHOWN_CONTROLS = "\t\n"


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
