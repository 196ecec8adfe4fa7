"""What texts are made of: scripts, HTML, and characters that nobody sees."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

_TEXTS_AT_ONCE = 4096
_HTML = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|!--)>|&(?:[a-zA-Z]{2,8}|#x?[0-9a-fA-F]{1,6});")
# All but tab and the ends of lines; half of a surrogate pair is no character either.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# First words of the names of letters that are of one script.
_SAME = {"CJK": "Han", "HIRAGANA": "Japanese kana", "KATAKANA": "Japanese kana"}
_NO_SCRIPT = {
    "MODIFIER",
    "HALFWIDTH",
    "FULLWIDTH",
    "MATHEMATICAL",
    "FEMININE",
    "MASCULINE",
    "MICRO",
}
_TRACE = 0.001
_MOST_TRACES = 6


@dataclasses.dataclass(frozen=True)
class TextContent:
    """What the texts of one split are made of.

    Attributes:
        scripts: share of the letters by script, the most frequent first.
        html_texts: texts with an HTML tag or entity.
        control_texts: texts with a control character, or half of a surrogate pair.
        broken_texts: texts with a replacement character: something was read as another encoding.
        examples: a text of each of these kinds that occurs, by the name of the field.
    """

    scripts: tuple[tuple[str, float], ...]
    html_texts: int
    control_texts: int
    broken_texts: int
    examples: dict[str, str]

    def describe_scripts(self) -> str:
        """The scripts in words, rare ones by their names alone."""
        frequent = [f"{name} {share:.1%}" for name, share in self.scripts if share >= _TRACE]
        traces = [name for name, share in self.scripts if share < _TRACE]
        if traces:
            more = f" and {len(traces) - _MOST_TRACES} more" if len(traces) > _MOST_TRACES else ""
            frequent.append(f"traces of {', '.join(traces[:_MOST_TRACES])}{more}")
        return ", ".join(frequent) or "no letters"


def text_content(
    texts: Sequence[str], advance: Callable[[int], Any] = lambda _: None
) -> TextContent:
    """Look at every character.

    Args:
        texts: N texts.
        advance: told how many texts are done.

    Example:
        >>> found = text_content(["late &amp; lost", "опоздал"])
        >>> found.scripts, found.html_texts
        ((('Latin', 0.611), ('Cyrillic', 0.389)), 1)
    """
    scripts: Counter[str] = Counter()
    script_of: dict[str, str | None] = {}
    counts = {"html_texts": 0, "control_texts": 0, "broken_texts": 0}
    examples: dict[str, str] = {}

    def note(kind: str, found: list[str]) -> None:
        counts[kind] += len(found)
        if found:
            examples.setdefault(kind, found[0])

    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts[start : start + _TEXTS_AT_ONCE]
        characters = Counter("".join(part))
        for character, count in characters.items():
            if character not in script_of:
                script_of[character] = _script(character)
            if (script := script_of[character]) is not None:
                scripts[script] += count
        if "<" in characters or "&" in characters:
            note("html_texts", [text for text in part if _HTML.search(text)])
        if any(_CONTROL.match(character) for character in characters):
            note("control_texts", [text for text in part if _CONTROL.search(text)])
        if _REPLACEMENT in characters:
            note("broken_texts", [text for text in part if _REPLACEMENT in text])
        advance(len(part))
    letters = scripts.total() or 1
    shares = tuple((name, round(count / letters, 3)) for name, count in scripts.most_common())
    return TextContent(shares, **counts, examples=examples)


def _script(character: str) -> str | None:
    """The script of a letter; None for what is no letter."""
    if not character.isalpha():
        return None
    name = unicodedata.name(character, "")
    word = name.partition(" ")[0]
    return None if word in _NO_SCRIPT else _SAME.get(word, word.capitalize() or None)
