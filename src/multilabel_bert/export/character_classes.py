"""What BERT's tokenizer does with each character, found by asking it, as regular expressions."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tokenizers import normalizers, pre_tokenizers

# Private use, unassigned and surrogates: the first is removed as a whole, and nothing is known of
# the others.
_LEFT_OUT = ("Co", "Cn", "Cs")
_PRIVATE_USE = ((0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))
# Stays as it is whatever the rules, and is apart from what it surrounds.
_BETWEEN = "\n"


@dataclass(frozen=True)
class CharacterClasses:
    """Classes of characters in the syntax of RE2, each one pattern for one character.

    Attributes:
        removed: control characters and the like.
        space: what separates words.
        apart: CJK characters, each a word of its own; None where they are not.
        marks: accents, of decomposed text.
        punctuation: each a word of its own.
    """

    removed: str
    space: str
    apart: str | None
    marks: str
    punctuation: str


@functools.cache
def character_classes(*, tokenize_chinese_chars: bool = True) -> CharacterClasses:
    """Ask the tokenizer's steps about every assigned character.

    Its tables of Unicode are of one version, and those of a regular expression's classes of
    another: only this way they agree.
    """
    characters = [
        char
        for char in map(chr, range(0x110000))
        if unicodedata.category(char) not in _LEFT_OUT and char != _BETWEEN
    ]
    clean = _replaced(characters, clean=True)
    removed = {char for char, text in clean.items() if text == "ab"}
    space = {char for char, text in clean.items() if text == "a b"} | {_BETWEEN}
    kept = [char for char in characters if char not in removed and char not in space]
    chinese = _replaced(kept, chinese=True)
    apart = {char for char, text in chinese.items() if text == f"a {char} b"}
    stripped = _replaced(kept, accents=True)
    marks = {char for char, text in stripped.items() if text == "ab"}
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    punctuation = {char for char in kept if len(split(f"a{char}b")) == 3}
    return CharacterClasses(
        removed=_pattern(removed, _PRIVATE_USE),
        space=_pattern(space),
        apart=_pattern(apart) if tokenize_chinese_chars else None,
        marks=_pattern(marks),
        punctuation=_pattern(punctuation),
    )


def _replaced(
    characters: list[str], *, clean: bool = False, chinese: bool = False, accents: bool = False
) -> dict[str, str]:
    """Each character to what a step makes of ``a``, the character and ``b``."""
    step = normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents, lowercase=False
    )
    return {char: step.normalize_str(f"a{char}b") for char in characters}


def _pattern(characters: Iterable[str], ranges: Iterable[tuple[int, int]] = ()) -> str:
    r"""A class in RE2's syntax.

    >>> print(_pattern("abcx"))
    [\x{61}-\x{63}\x{78}]
    """
    points = sorted(map(ord, characters))
    runs: list[list[int]] = []
    for point in points:
        if runs and runs[-1][1] == point - 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    spans = sorted([*((first, last) for first, last in runs), *ranges])
    parts = (
        f"\\x{{{first:X}}}" + (f"-\\x{{{last:X}}}" if last > first else "") for first, last in spans
    )
    return f"[{''.join(parts)}]"
