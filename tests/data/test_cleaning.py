"""HTML out of texts."""

import pytest

from multilabel_bert.data import remove_html
from multilabel_bert.data.cleaning import remove_html_from_all


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain  text,\n as it is ", "plain  text,\n as it is "),
        ("a < b and c > d", "a < b and c > d"),
        ("AT&T & co; x", "AT&T & co; x"),
        ("I <3 you", "I <3 you"),
        ("Tom &amp; Jerry &#39;90", "Tom & Jerry '90"),
        ("one<br>two<br/>three", "one two three"),
        ("<p>one</p><p>two</p>", "one two"),
        ("<b>bo</b>ld", "bold"),
        ("<ul><li>a<li>b</ul>", "a b"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("a<!-- hidden -->b", "ab"),
        ("<script>x()</script><style>p{}</style>shown", "shown"),
        ("<a href='http://x.y'>link</a>", "link"),
        ("<div>unclosed <b>tags", "unclosed tags"),
        ("&lt;tag&gt; stays", "<tag> stays"),
        ("", ""),
    ],
)
def test_what_a_browser_would_show(text, expected):
    assert remove_html(text) == expected


def test_how_many_changed():
    assert remove_html_from_all(["a", "<i>b</i>"]) == (["a", "b"], 1)
