"""Charts, drawn by matplotlib: lines, bars, reliability and heat maps, as SVG for a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.optional import check_optional, import_optional
from multilabel_bert.printable import printable
from multilabel_bert.reports.svg import (
    INK,
    LINE,
    SERIES,
    inline_svg,
    settings,
    without_xml_controls,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 400, 260
_DOTS_AN_INCH = 72
_BAR_HEIGHT = 20
_NAME_LENGTH = 26
# Shades of the first colour, from nothing to all of it: they can be read on light and dark ground.
_MOST_SHADE = 0.9


@dataclass(frozen=True)
class Chart:
    """A drawn chart.

    Attributes:
        svg: an ``<svg>`` element, safe to put into a page.
        box: of the plot in its coordinates: left, right, bottom, top.
    """

    svg: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: in the legend; empty for none.
        x: [P].
        y: [P].
        colour: which of the page's, from 0.
        dashed: whether it is dashed.
        marked: whether its points are marked.
    """

    name: str
    x: Any
    y: Any
    colour: int = 0
    dashed: bool = False
    marked: bool = False


def check_charts() -> None:
    """Refuse before the long work, not after it.

    Raises:
        MissingExtraError: if what draws and what fills pages is not installed.
    """
    for module in ("matplotlib", "jinja2"):
        check_optional(module, extra="report", purpose="a page with charts")


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: str,
    y: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    diagonal: bool = False,
    whole_x: bool = False,
) -> Chart:
    """Lines over x; with `diagonal` also where y = x; with `whole_x` ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    with _figure(_WIDTH, _HEIGHT) as (figure, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.2)
        for line in lines:
            axes.plot(
                line.x,
                line.y,
                color=SERIES[line.colour % len(SERIES)],
                linestyle="--" if line.dashed else "-",
                marker="o" if line.marked else None,
                markersize=4,
                label=shortened(line.name) if line.name else None,
            )
        axes.set(xlabel=x, ylabel=y)
        if x_range is not None:
            axes.set_xlim(*x_range)
        if y_range is not None:
            axes.set_ylim(*y_range)
        if whole_x:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if sum(bool(line.name) for line in lines) > 1:
            axes.legend()
        return _drawn(figure, axes, title)


def bar_chart(
    title: str,
    names: Sequence[str],
    values: Any,
    *,
    x: str,
    low: Any = None,
    high: Any = None,
) -> Chart:
    """Horizontal bars, the first on top, with whiskers where intervals are given."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    height = 60 + _BAR_HEIGHT * max(1, len(names))
    with _figure(_WIDTH, height) as (figure, axes):
        places = np.arange(len(names))
        values = np.asarray(values, float)
        if low is None or high is None:
            axes.barh(places, values, color=SERIES[0], height=0.7)
        else:
            reach = np.abs(np.stack([values - low, np.asarray(high) - values]))
            axes.barh(
                places, values, color=SERIES[0], height=0.7, xerr=reach, ecolor=INK, capsize=2
            )
        axes.set_yticks(places, [shortened(name) for name in names])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.set_xlabel(x)
        return _drawn(figure, axes, title)


def column_chart(title: str, names: Sequence[str], values: Any, *, x: str, y: str) -> Chart:
    """Upright bars with a name below each."""
    from matplotlib.ticker import StrMethodFormatter

    with _figure(_WIDTH, _HEIGHT) as (figure, axes):
        places = np.arange(len(names))
        axes.bar(places, np.asarray(values, float), color=SERIES[0], width=0.8)
        step = max(1, len(names) // 12)
        axes.set_xticks(places[::step], [shortened(name) for name in names][::step])
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.grid(visible=False, axis="x")
        axes.set(xlabel=x, ylabel=y)
        return _drawn(figure, axes, title)


def reliability_chart(title: str, probability: Any, share: Any, cells: Any) -> Chart:
    """What came true over what was promised; a larger point stands for more decisions."""
    with _figure(_WIDTH, _HEIGHT) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.2)
        axes.plot(probability, share, color=SERIES[0], linewidth=1.2)
        if len(cells):
            size = 6 + 60 * np.sqrt(np.asarray(cells, float) / max(cells))
            axes.scatter(probability, share, s=size, color=SERIES[0], linewidths=0, zorder=3)
        axes.set(xlabel="probability", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1))
        return _drawn(figure, axes, title)


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], values: Any, *, y: str, x: str
) -> Chart:
    """Cells of [R, C]: the stronger, the larger their value; NaN is empty."""
    from matplotlib.colors import LinearSegmentedColormap

    values = np.asarray(values, float)
    side = 14
    height = 130 + side * len(rows)
    width = max(_WIDTH, 150 + side * len(columns))
    # Blue of middle brightness; a picture cannot follow the colours of the page.
    shades = LinearSegmentedColormap.from_list(
        "shades", [(0.16, 0.47, 0.9, 0.0), (0.16, 0.47, 0.9, _MOST_SHADE)]
    )
    with _figure(width, height) as (figure, axes):
        axes.imshow(
            np.ma.masked_invalid(values), cmap=shades, vmin=0, interpolation="none", aspect="auto"
        )
        axes.set_yticks(np.arange(len(rows)), [shortened(name) for name in rows])
        axes.set_xticks(np.arange(len(columns)), [shortened(name) for name in columns])
        axes.tick_params(length=0, labelsize=9, labelcolor=INK)
        axes.tick_params(axis="x", labelrotation=90)
        axes.grid(visible=False)
        axes.set(xlabel=x, ylabel=y)
        return _drawn(figure, axes, title)


def shortened(name: str, length: int = _NAME_LENGTH) -> str:
    """A name as it fits beside an axis: one line, without what steers or cannot be written."""
    line = " ".join(without_xml_controls(printable(name)).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    matplotlib = import_optional("matplotlib", extra="report", purpose="a page with charts")
    from matplotlib.figure import Figure

    with matplotlib.rc_context(settings()), warnings.catch_warnings():
        # Letters that matplotlib's font lacks are drawn by the browser, which has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(
            figsize=(width / _DOTS_AN_INCH, height / _DOTS_AN_INCH),
            dpi=_DOTS_AN_INCH,
            layout="constrained",
        )
        yield figure, figure.add_subplot()


def _drawn(figure: Figure, axes: Axes, title: str) -> Chart:
    svg = inline_svg(figure, title)
    box = axes.bbox
    height = figure.bbox.height
    # SVG counts from the top.
    return Chart(svg, (box.x0, box.x1, height - box.y0, height - box.y1))
