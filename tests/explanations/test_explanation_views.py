"""What people see: HTML that runs no script, a terminal without colours, plain data."""

import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from multilabel_bert.explanations import Explanation, Span
from multilabel_bert.explanations.pieces import pieces

HOSTILE = [
    "<script>alert(1)</script>",
    "</p></div></style></script><img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "<!-- --><b>&lt;&amp;",
    "javascript:alert(1)//",
    "a\x00b\x1b[31mred\x07",
    "\u202egnp.exe\u2066",
    "lone \ud83d half",
    "{{7*7}} ${x} [bold red]markup[/]",
]


def made(text, pair=None, labels=("delay", "praise"), seen=True):
    """An explanation with one span a text, of falling strength."""
    spans = [Span(text, 0, len(text), "text", seen)]
    if pair is not None:
        spans.append(Span(pair, 0, len(pair), "pair"))
    attributions = np.array(
        [
            [(1.5 - row) * (-1) ** column for column in range(len(labels))]
            for row in range(len(spans))
        ],
        np.float32,
    )
    each = np.linspace(0.9, 0.2, len(labels), dtype=np.float32)
    return Explanation(
        text, pair, "occlusion", "word", tuple(spans), labels, each, each, each > 0.5, attributions
    )


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    parser = Tags()
    parser.feed(html)
    return parser


KNOWN_TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h3", "div", "section", "bdi", "small",
    "p", "span", "details", "summary", "table", "tr", "td", "hr",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text):
    found = made(text, pair=text, labels=(text, "other"))
    for html in (found.to_html(), found._repr_html_()):
        page = parsed(html)
        assert set(page.tags) <= KNOWN_TAGS
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
        html.encode("utf-8")
        assert not any(char in html for char in "\x00\x1b\x07\u202e\u2066")


def test_the_page_allows_no_script_and_needs_no_network():
    html = made("a").to_html()
    assert "default-src 'none'; style-src 'unsafe-inline'" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "color-scheme:light dark" in html
    assert parsed(html).tags.count("html") == 1


def test_the_text_is_all_there(planted):
    text = "  late,\n parcel & <kind>  "
    page = parsed(planted.explain(text, labels="delay").to_html())
    assert text in "".join(page.text)
    found = planted.explain(text, labels="delay")
    assert "".join(piece.text for piece in pieces(found, 0)) == text


def test_signs_are_seen_without_colour():
    html = made("good", "bad").to_html()
    assert 'class="mlb-for" style="--s:1.00" title="+1.500">good' in html
    assert "mlb-for{" in html
    assert "dashed" in html
    for colour in (None, "truecolor"):
        out = io.StringIO()
        Console(file=out, color_system=colour, width=80, force_terminal=colour is not None).print(
            made("good", "bad")
        )
        assert ("\x1b[" in out.getvalue()) == (colour is not None)
        assert "+1.50" in out.getvalue()
        assert "-1.50" in out.getvalue()
        assert "delay" in out.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_steers_the_terminal(text):
    out = io.StringIO()
    Console(file=out, color_system=None, width=200).print(made(text, labels=(text,)))
    shown = out.getvalue()
    assert not set(shown) & {"\x1b", "\x00", "\x07", "\u202e", "\u2066", "\ud83d"}
    if "bold red" in text:
        assert text in shown


def test_what_is_not_seen_is_said():
    found = made("cut away", seen=False)
    assert 'class="mlb-unseen" title="not seen by the model">cut away' in found.to_html()
    out = io.StringIO()
    Console(file=out, width=100).print(found)
    assert "⟦cut away⟧" in out.getvalue()
    assert "The model did not see 8 characters" in out.getvalue()
    assert found.top("delay") == []


def test_plain_data_is_json(planted):
    found = planted.explain("late parcel", "thanks", labels=["delay", "praise"])
    data = json.loads(json.dumps(found.to_dict()))
    assert data["words"][1] == {
        "text": "parcel", "start": 5, "end": 11, "part": "text", "seen": True,
    }  # fmt: skip
    assert [entry["label"] for entry in data["labels"]] == ["delay", "praise"]
    np.testing.assert_allclose(data["labels"][1]["attributions"], found.attributions[:, 1])
    assert data["pair"] == "thanks"
    assert "attributions" not in repr(found)
