"""An explanation on a terminal: coloured words, and the strongest ones with their numbers."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.explanations.pieces import VISIBLE, pieces
from multilabel_bert.printable import printable

_TOP = 8
_BAR_WIDTH = 12
# From weak to strong. Black on each of them can be read, whatever the terminal's own colours.
_FOR = ("#cfe2ff", "#9cc4ff", "#5f9dff")
_AGAINST = ("#ffe3c2", "#ffc380", "#ff9c3a")


def rendered(explanation: Explanation) -> RenderableType:
    """What `rich.print` shows; without colour the numbers beside the words say the same."""
    parts: list[RenderableType] = []
    for column, label in enumerate(explanation.labels):
        given = "given" if explanation.given[column] else "not given"
        title = Text(printable(label), style="bold")
        title.append(f"  {explanation.probabilities[column]:.3f}, {given}", style="not bold dim")
        parts += [Text(""), title] if column else [title]
        parts.append(_text(explanation, column, "text"))
        if explanation.pair is not None:
            parts.append(_text(explanation, column, "pair"))
        parts.append(_strongest(explanation, label))
    if explanation.not_seen:
        lost = sum(len(span.text) for span in explanation.not_seen)
        parts.append(
            Text(
                f"The model did not see {lost:,} characters of the text (struck out, in ⟦ ⟧): "
                "beyond its maximum length, or no text to it.",
                style="dim",
            )
        )
    if explanation.incomplete:
        parts.append(
            Text(
                "Integrated gradients did not converge for "
                f"{printable(', '.join(explanation.incomplete))}: the numbers do not add up to "
                "what the words moved. Occlusion has no such limit.",
                style="dim",
            )
        )
    return Group(*parts)


def _text(explanation: Explanation, column: int, part: str) -> Text:
    shown = Text()
    for piece in pieces(explanation, column, part):
        text = printable(piece.text)
        if piece.span is not None and not piece.span.seen:
            shown.append(f"⟦{text}⟧", style="strike dim")
        elif piece.span is None or abs(piece.strength) < VISIBLE:
            shown.append(text)
        else:
            shown.append(text, style=_colour(piece.strength))
    return shown


def _colour(strength: float) -> Style:
    colours = _FOR if strength > 0 else _AGAINST
    level = min(int(abs(strength) * len(colours)), len(colours) - 1)
    return Style(color="black", bgcolor=colours[level])


def _strongest(explanation: Explanation, label: str) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    strongest = explanation.top(label, _TOP)
    most = max((abs(value) for _, value in strongest), default=0.0) or 1.0
    for span, value in strongest:
        mark = "+" if value > 0 else "-"
        length = round(abs(value) / most * _BAR_WIDTH)
        table.add_row(
            f"{value:+.2f}",
            Text(mark * length, style=_FOR[-1] if value > 0 else _AGAINST[-1]),
            Text(printable(" ".join(span.text.split()))),
        )
    return table
