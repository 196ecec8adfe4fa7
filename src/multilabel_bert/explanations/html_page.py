"""Explanations as HTML: a page of its own, or a piece of a notebook. Texts never run as script."""

from __future__ import annotations

import html
from collections.abc import Sequence

from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.explanations.pieces import VISIBLE, pieces
from multilabel_bert.printable import printable

_TOP = 8
_METHOD_NAMES = {
    "occlusion": "occlusion: what the logit loses when the word is hidden",
    "gradient": "gradient × input",
    "integrated_gradients": "integrated gradients: from a text of [MASK] to this one",
}

# Half-transparent colours of middle brightness can be read on light and dark ground. Blue and
# orange differ for the colour-blind too, and the line below a word says its sign without colour.
_STYLE = """
.mlb-explanation{font-family:system-ui,sans-serif;line-height:1.7;max-width:60rem;color:inherit}
.mlb-explanation h3{font-size:1rem;margin:1.2em 0 .2em}
.mlb-explanation h3 small,
.mlb-explanation .mlb-note{font-weight:normal;font-size:.85rem;opacity:.75}
.mlb-explanation p{margin:.3em 0}
.mlb-explanation .mlb-text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
.mlb-explanation .mlb-for,.mlb-explanation .mlb-against{padding:.1em .15em;border-radius:.2em;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.mlb-explanation .mlb-for{background:rgba(40,120,230,calc(var(--s)*.5));
border-bottom:2px solid rgba(40,120,230,var(--s))}
.mlb-explanation .mlb-against{background:rgba(230,120,20,calc(var(--s)*.5));
border-bottom:2px dashed rgba(230,120,20,var(--s))}
.mlb-explanation .mlb-unseen{opacity:.5;text-decoration:line-through}
.mlb-explanation table{border-collapse:collapse;font-size:.85rem}
.mlb-explanation td{padding:.1em .8em .1em 0;text-align:left;background:none;border:0}
.mlb-explanation td.mlb-number{text-align:right;font-variant-numeric:tabular-nums}
.mlb-explanation td.mlb-word{overflow-wrap:anywhere;max-width:24rem}
"""
_PAGE_STYLE = """
:root{color-scheme:light dark}
body{background:Canvas;color:CanvasText;margin:0 auto;padding:1rem;max-width:60rem}
hr{border:0;border-top:1px solid GrayText;margin:2rem 0}
"""


def page(explanations: Sequence[Explanation], title: str = "Which words moved the labels") -> str:
    """A whole page, self-contained; it allows no script, whatever a text holds."""
    body = "\n<hr>\n".join(_body(explanation) for explanation in explanations)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_escaped(title)}</title>\n<style>{_PAGE_STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_escaped(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def fragment(explanation: Explanation) -> str:
    """What a notebook shows."""
    return f"<style>{_STYLE}</style>\n{_body(explanation)}"


def _body(explanation: Explanation) -> str:
    name = _METHOD_NAMES.get(explanation.method, explanation.method)
    parts = ['<div class="mlb-explanation">']
    parts += [_label(explanation, column) for column in range(len(explanation.labels))]
    parts.append(
        f'<p class="mlb-note"><span class="mlb-for" style="--s:1">for</span> the label, '
        f'<span class="mlb-against" style="--s:1">against</span> it; {_escaped(name)}. Numbers '
        "are in logits.</p>"
    )
    if explanation.not_seen:
        parts.append(
            '<p class="mlb-note">The model did not see what is <span class="mlb-unseen">struck '
            "out</span>: it is beyond its maximum length, or no text to it.</p>"
        )
    if explanation.incomplete:
        labels = ", ".join(f"<bdi>{_escaped(label)}</bdi>" for label in explanation.incomplete)
        parts.append(
            f'<p class="mlb-note">Integrated gradients did not converge for {labels}: the numbers '
            "do not add up to what the words moved. Occlusion has no such limit.</p>"
        )
    parts.append("</div>")
    return "\n".join(parts)


def _label(explanation: Explanation, column: int) -> str:
    label = explanation.labels[column]
    given = "given" if explanation.given[column] else "not given"
    parts = [
        f"<section>\n<h3><bdi>{_escaped(label)}</bdi> "
        f"<small>{explanation.probabilities[column]:.3f}, {given}</small></h3>",
        _text(explanation, column, "text"),
    ]
    if explanation.pair is not None:
        parts.append(_text(explanation, column, "pair"))
    rows = "\n".join(
        f'<tr><td class="mlb-number">{value:+.2f}</td>'
        f'<td class="mlb-word"><bdi>{_escaped(span.text)}</bdi></td></tr>'
        for span, value in explanation.top(label, _TOP)
    )
    parts.append(f"<details><summary>Strongest words</summary>\n<table>{rows}</table>\n</details>")
    parts.append("</section>")
    return "\n".join(parts)


def _text(explanation: Explanation, column: int, part: str) -> str:
    shown = []
    for piece in pieces(explanation, column, part):
        text = _escaped(piece.text)
        if piece.span is None:
            shown.append(text)
        elif not piece.span.seen:
            shown.append(f'<span class="mlb-unseen" title="not seen by the model">{text}</span>')
        elif abs(piece.strength) < VISIBLE:
            shown.append(f'<span title="{piece.attribution:+.3f}">{text}</span>')
        else:
            kind = "for" if piece.strength > 0 else "against"
            shown.append(
                f'<span class="mlb-{kind}" style="--s:{abs(piece.strength):.2f}" '
                f'title="{piece.attribution:+.3f}">{text}</span>'
            )
    return f'<p class="mlb-text" dir="auto">{"".join(shown)}</p>'


def _escaped(text: str) -> str:
    return html.escape(printable(text))
