"""Words as their writer sees them, and sentences, by their places in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# A regular expression of the standard library knows no Unicode categories. So it runs over a
# string that has, at the place of each character, the letter of its class.
_CJK, _LETTER, _DIGIT, _MARK, _JOINER, _POINT, _TAG = "c", "w", "d", "m", "j", ".", "h"
_PICTURE, _FLAG, _ZERO_WIDTH_JOINER, _FORMAT = "e", "r", "z", "f"
_ADDRESS, _SPACE, _OTHER = "u", " ", "p"

_JOINERS = "'’-‐‑&"
_POINTS = ".,:"
# The ranges that BERT's tokenizer splits into single characters; google-research/bert,
# tokenization.py, _is_chinese_char.
_CJK_RANGES = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip

_WORD = re.compile(
    r"u+"  # an address
    r"|cm*"
    r"|w(?:\.w(?![wdm]))+\.?"  # e.g., U.S.
    # don't, well-known, AT&T, 3.14, 12:30, @name, #tag
    r"|h?[wd](?:[zf]*[wdm])*(?:(?:j|(?<=d)\.(?=d))[wd](?:[zf]*[wdm])*)*"
    r"|rr"
    r"|[er]m*(?:z[er]m*)*"  # a picture of several, such as a family
    r"|[pj.h]+m*"
    r"|m+"
)
_ADDRESS_PATTERN = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_CHUNK = re.compile(r"\S+")
# Longer than any address, and short enough that no text makes the search slow.
_LONGEST_ADDRESS = 2048
_AROUND_ADDRESSES = "\"'()[]{}<>.,;:!?“”‘’«»"

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)\n*|[。！？｡]+[”’」』）]*\n*|\n+")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text start and end.

    Apostrophes, hyphens and points inside a word are part of it, an address is one word, a
    Chinese character is a word of its own, as for BERT, and so is an emoji with all that
    modifies it. Punctuation that stands together is one word.

    >>> text = "Don't pay £3.50 (ever)!"
    >>> [text[start:end] for start, end in word_spans(text)]
    ["Don't", 'pay', '£', '3.50', '(', 'ever', ')!']
    """
    classes = [_class_of(char) for char in text]
    for start, end in _addresses(text):
        classes[start:end] = _ADDRESS * (end - start)
    return [match.span() for match in _WORD.finditer("".join(classes))]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    r"""Where the sentences of a text start and end; lines are sentences too.

    >>> sentence_spans("One. Two?\nThree")
    [(0, 4), (4, 10), (10, 15)]
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    if "@" not in text and "://" not in text and "www." not in text.lower():
        return
    for chunk in _CHUNK.finditer(text):
        word = chunk[0]
        if len(word) > _LONGEST_ADDRESS:
            continue
        stripped = word.strip(_AROUND_ADDRESSES)
        if _ADDRESS_PATTERN.fullmatch(stripped):
            start = chunk.start() + word.index(stripped)
            yield start, start + len(stripped)


@lru_cache(maxsize=4096)
def _class_of(char: str) -> str:
    code = ord(char)
    if char.isspace():
        return _SPACE
    if any(first <= code <= last for first, last in _CJK_RANGES):
        return _CJK
    if char == "\u200d":
        return _ZERO_WIDTH_JOINER
    if 0x1F1E6 <= code <= 0x1F1FF:
        return _FLAG
    category = unicodedata.category(char)
    # Skin tones are symbols, but modify what is before them.
    if category[0] == "M" or 0x1F3FB <= code <= 0x1F3FF:
        return _MARK
    simple = {"C": _FORMAT, "Z": _SPACE, "L": _LETTER}.get(category[0])
    if simple is not None:
        return simple
    if category == "So":
        return _PICTURE
    if category[0] == "N":
        return _DIGIT if category == "Nd" else _LETTER
    known = {"_": _LETTER, "#": _TAG, "@": _TAG}
    known |= dict.fromkeys(_JOINERS, _JOINER) | dict.fromkeys(_POINTS, _POINT)
    return known.get(char, _OTHER)
