"""Removal of HTML from texts, on request."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A tag, an entity or a comment; a text without any is not touched, and costs nothing.
_MARKUP = re.compile(r"<[A-Za-z/!][^>]*>|&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_NOT_SHOWN = ("script", "style", "head", "template")
_BLOCKS = (
    "address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre",
    "section", "table", "td", "th", "tr", "ul",
)  # fmt: skip


def remove_html(text: str) -> str:
    """Return the text that a browser would show.

    Entities become characters, scripts, styles and comments go, and a tag that starts a new line
    or cell leaves a space, so that words do not grow together. A text without markup (such as
    ``"a < b"``) comes back as it is.

    >>> remove_html("<p>Fish &amp; <b>chips</b></p><p>late</p>")
    'Fish & chips late'
    >>> remove_html("if a < b and  b > c")
    'if a < b and  b > c'

    Source: the text of BeautifulSoup over lxml's parser.
    """
    if not _MARKUP.search(text):
        return text
    from bs4 import BeautifulSoup, CData, NavigableString

    soup = BeautifulSoup(text, "lxml")
    for tag in soup(_NOT_SHOWN):
        tag.decompose()
    for tag in soup(_BLOCKS):
        tag.insert_before(" ")
        tag.insert_after(" ")
    # Comments and declarations are strings of other types, and not text.
    shown = soup.get_text("", types=(NavigableString, CData))
    return " ".join(shown.split())


def remove_html_from_all(texts: Sequence[str]) -> tuple[list[str], int]:
    """Return the texts without HTML, and how many of them changed."""
    cleaned = [remove_html(text) for text in texts]
    changed = sum(old != new for old, new in zip(texts, cleaned, strict=True))
    return cleaned, changed
