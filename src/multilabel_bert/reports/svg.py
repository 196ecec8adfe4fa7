"""A matplotlib figure as SVG inside of a page: small, and in the colours of the page."""

from __future__ import annotations

import io
import itertools
import re
from typing import TYPE_CHECKING, Any

from multilabel_bert.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Stand-ins that matplotlib draws in; the page says what they look like, in light and in dark.
INK, SOFT, LINE = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707")
_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    **{colour: f"var(--c{number})" for number, colour in enumerate(SERIES, 1)},
}
_STAND_IN = re.compile("|".join(_VARIABLES))
_FONT = re.compile(r"font:\s*([\d.]+px)[^;]*|font-family:[^;]*")
_NUMBER = re.compile(r"-?\d+\.\d+")
_SPACES = re.compile(r"\s*([MLCQz])\s*")
_REFERENCE = re.compile(r"#([\w-]+)")
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_XML_CANNOT_HOLD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Ids are of the whole page, so that no two charts of it may share one.
_numbers = itertools.count(1)


def settings() -> dict[str, Any]:
    """How matplotlib draws for `inline_svg`."""
    return {
        # Text stays text: it can be searched and read aloud, and the browser has the letters.
        "svg.fonttype": "none",
        "text.parse_math": False,
        "text.usetex": False,
        "font.size": 12,
        "text.color": INK,
        "axes.labelcolor": SOFT,
        "axes.edgecolor": LINE,
        "axes.titlecolor": INK,
        "axes.titlesize": 12,
        "axes.titlelocation": "left",
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "legend.frameon": False,
        "legend.fontsize": 11,
        "lines.linewidth": 1.8,
    }


def without_xml_controls(text: str) -> str:
    """The text without what XML cannot hold."""
    return _XML_CANNOT_HOLD.sub("\N{REPLACEMENT CHARACTER}", text)


def inline_svg(figure: Figure, title: str) -> str:
    """The figure as an ``<svg>`` element.

    Args:
        figure: of 72 dots an inch, so that its pixels are those of the element's `viewBox`.
        title: what is in it, for those who cannot see it.
    """
    from lxml import etree

    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True, no_network=True)
    root = etree.fromstring(buffer.getvalue(), parser)
    for element in [*root.iter(f"{_SVG}metadata"), *root.iter(f"{_SVG}style")]:
        element.getparent().remove(element)
    _rename_ids(root, f"chart{next(_numbers)}-")
    for element in root.iter():
        for name, value in element.attrib.items():
            element.set(name, _restyled(name, value))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", without_xml_controls(printable(title)))
    # The document of the page has no XML declaration, and no document type of its own.
    return etree.tostring(root, encoding="unicode", with_tail=False)


def _rename_ids(root: Any, prefix: str) -> None:
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == _HREF or "url(#" in value:
                used.update(_REFERENCE.findall(value))
    for element in root.iter():
        identifier = element.attrib.pop("id", None)
        if identifier in used:
            element.set("id", f"{prefix}{identifier}")
        for name, value in element.attrib.items():
            if (name == _HREF and value.startswith("#")) or "url(#" in value:
                element.set(name, _REFERENCE.sub(rf"#{prefix}\1", value))


def _restyled(name: str, value: str) -> str:
    if name == "style":
        value = _STAND_IN.sub(lambda match: _VARIABLES[match[0]], value)
        return _FONT.sub(lambda match: f"font-size: {match[1]}" if match[1] else "", value)
    if name in {"d", "x", "y", "width", "height", "transform", "points"}:
        # A tenth of a pixel cannot be seen, and five digits of it are half of the file.
        value = _NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value)
        return _SPACES.sub(r"\1", value).strip()
    return value
