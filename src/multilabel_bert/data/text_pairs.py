"""Texts in memory, single or in pairs, in any of the usual forms, to lists of strings.

Prediction uses it too, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from multilabel_bert.errors import DataError


def first_and_second_texts(
    texts: Iterable[str] | Iterable[tuple[str, str]],
    text_pairs: Iterable[str] | None = None,
    source: str = "texts",
) -> tuple[list[str], list[str] | None]:
    """Return first and second texts, given as pairs or apart; None where there are no second ones.

    Raises:
        DataError: as `split_pairs`, or if second texts were given in both ways.
    """
    first, pairs = split_pairs(texts, source)
    if text_pairs is None:
        return first, pairs
    if pairs is not None:
        raise DataError("text_pairs was given, and texts are pairs already. Give one of them.")
    second, nested = split_pairs(text_pairs, "text_pairs")
    if nested is not None:
        raise DataError("text_pairs: expected strings, got pairs. Give the second texts.")
    return first, second


def split_pairs(
    texts: Iterable[str] | Iterable[tuple[str, str]], source: str = "texts"
) -> tuple[list[str], list[str] | None]:
    """Return first and second texts; the latter are None where `texts` are plain strings.

    Raises:
        DataError: if an item is neither a string nor a pair of strings, or both kinds occur.

    >>> split_pairs([("a", "b"), ("c", "d")])
    (['a', 'c'], ['b', 'd'])
    """
    if isinstance(texts, (str, bytes)):
        raise DataError(
            f"{source}: expected a list of strings, got one {type(texts).__name__}. "
            "Put it into a list."
        )
    if isinstance(texts, (dict, set, frozenset)) or not isinstance(texts, Iterable):
        raise DataError(
            f"{source}: expected a list of strings, or of pairs of strings, got "
            f"{type(texts).__name__}."
        )
    if hasattr(texts, "columns"):
        raise DataError(
            f"{source}: expected a list of strings, or of pairs of strings, got a table. Give its "
            f"column of texts, such as table[{str(next(iter(texts.columns), 'text'))!r}]."
        )
    items: list[Any] = list(texts)
    if all(isinstance(item, str) for item in items):
        return [str(item) for item in items], None
    paired = not isinstance(items[0], str)
    for number, item in enumerate(items):
        ok = (
            isinstance(item, (tuple, list))
            and len(item) == 2
            and all(isinstance(part, str) for part in item)
        )
        if paired and ok:
            continue
        if not paired and isinstance(item, str):
            continue
        expected = "a pair of strings" if paired and number else "a string (or a pair of strings)"
        raise DataError(
            f"{source}: text {number} (counted from 0) is {_shown(item)}; expected {expected}. "
            "For a missing text give ''."
        )
    return [item[0] for item in items], [item[1] for item in items]


def _shown(item: object) -> str:
    text = repr(item)
    return f"{type(item).__name__} {text if len(text) <= 40 else text[:40] + '…'}"
