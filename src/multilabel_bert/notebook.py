"""Small tables for notebooks: escaped, on light and dark ground, without script or network."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from multilabel_bert.printable import printable

# Colours are those of the notebook, lines half-transparent: both of its themes can be read.
_STYLE = """
.mlb-view{font-family:system-ui,sans-serif;font-size:.85rem;line-height:1.5;color:inherit;
max-width:60rem;overflow-x:auto}
.mlb-view h4{font-size:1rem;margin:.6em 0 .3em}
.mlb-view p{margin:.3em 0;opacity:.8}
.mlb-view summary{cursor:pointer;margin:.6em 0 .3em}
.mlb-view table{border-collapse:collapse;font-size:inherit;margin:.2em 0 .6em}
.mlb-view th,.mlb-view td{padding:.15em .8em .15em 0;text-align:right;border:0;background:none;
border-bottom:1px solid rgba(128,128,128,.3);font-variant-numeric:tabular-nums}
.mlb-view thead th{font-weight:normal;opacity:.75;white-space:nowrap}
.mlb-view tbody th{font-weight:normal}
.mlb-view th:first-child,.mlb-view td.mlb-text{text-align:left}
.mlb-view tbody th,.mlb-view td.mlb-text{max-width:24rem;overflow-wrap:anywhere}
"""
# What a person looks through; a notebook is not to hold ten thousand rows.
MOST_ROWS = 50

Cell = str | float | int | None


def view(*parts: str) -> str:
    """Parts made by the functions below, as what a notebook shows."""
    return f"<style>{_STYLE}</style>\n" + '<div class="mlb-view">' + "\n".join(parts) + "</div>"


def heading(text: str) -> str:
    """A title."""
    return f"<h4>{escaped(text)}</h4>"


def note(text: str) -> str:
    """A sentence."""
    return f"<p>{escaped(text)}</p>"


def folded(summary: str, *parts: str) -> str:
    """Parts that are shown when they are asked for."""
    return f"<details><summary>{escaped(summary)}</summary>\n" + "\n".join(parts) + "</details>"


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, rest: str = "are not shown"
) -> str:
    """A table; its first column names the row.

    Args:
        columns: titles.
        rows: with a cell a column. Numbers with a fraction are shown to three digits, what is
            none as a dash.
        rest: what is said of rows beyond `MOST_ROWS`.
    """
    titles = "".join(f'<th scope="col">{escaped(title)}</th>' for title in columns)
    shown = "\n".join(_row(row) for row in rows[:MOST_ROWS])
    made = f"<table><thead><tr>{titles}</tr></thead>\n<tbody>{shown}</tbody></table>"
    if len(rows) > MOST_ROWS:
        made += note(f"{len(rows) - MOST_ROWS:,} more {rest}.")
    return made


def escaped(text: str) -> str:
    r"""A text that can be nothing but text.

    >>> escaped("<b>\x00")
    '&lt;b&gt;�'
    """
    return html.escape(printable(text))


def _row(row: Sequence[Cell]) -> str:
    name, *cells = row
    shown = "".join(
        f'<td class="mlb-text"><bdi>{escaped(cell)}</bdi></td>'
        if isinstance(cell, str)
        else f"<td>{_number(cell)}</td>"
        for cell in cells
    )
    name = escaped(name) if isinstance(name, str) else _number(name)
    return f'<tr><th scope="row"><bdi>{name}</bdi></th>{shown}</tr>'


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
