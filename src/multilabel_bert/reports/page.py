"""The frame of a page: one HTML file that needs no network, and in which no text runs as script."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilabel_bert.errors import WriteError
from multilabel_bert.files import atomic_file
from multilabel_bert.optional import import_optional
from multilabel_bert.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = "multilabel_bert.reports"
_NOTHING = "–"


@dataclass(frozen=True)
class Page:
    """A finished page; a notebook shows it.

    Attributes:
        html: the whole file.
        figures: its figures as plain values, for programs.
    """

    html: str
    figures: dict[str, Any] = field(default_factory=dict, repr=False)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write it, whole or not at all.

        Raises:
            WriteError: if the file exists and `overwrite` is false, or if the file system refuses.
        """
        if Path(path).exists() and not overwrite:
            raise WriteError(
                f"{path} exists already. Choose another name, or allow it to be replaced: "
                "overwrite=True in Python, --overwrite on the command line."
            )
        with atomic_file(path) as temporary:
            temporary.write_text(self.html, encoding="utf-8", newline="\n")

    def _repr_html_(self) -> str:
        # A frame of its own, so that neither its style nor its scripts meet the notebook.
        return (
            '<iframe sandbox="allow-scripts allow-downloads" '
            'style="width:100%;height:80vh;border:1px solid #8888;background:#fff" '
            f'srcdoc="{html.escape(self.html)}"></iframe>'
        )


def render(
    template: str,
    title: str,
    content: dict[str, Any],
    *,
    scripts: Sequence[str] = (),
    data: dict[str, Any] | None = None,
) -> str:
    """Fill a template of this package.

    Every value is escaped; the one exception is what `charts` draws. The page's policy lets no
    script run but those of this package, each named by its hash, and nothing be fetched.

    Args:
        template: its file.
        title: of the page.
        content: what the template names.
        scripts: files of this package.
        data: what these read.

    Raises:
        MissingExtraError: if Jinja is not installed.
    """
    from markupsafe import Markup

    sources = [_asset(name) for name in scripts]
    hashes = " ".join(f"'sha256-{_sha256(source)}'" for source in sources) or "'none'"
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src {hashes}; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            content,
            title=title,
            policy=policy,
            style=Markup(_asset("page.css")),
            scripts=[Markup(source) for source in sources],
            data=None if data is None else Markup(_json(data)),
        )
    )


def _sha256(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _asset(name: str) -> str:
    return files(_PACKAGE).joinpath("assets", name).read_text(encoding="utf-8")


def _json(data: dict[str, Any]) -> str:
    # ASCII, so that halves of surrogate pairs are kept; and without what could end the element.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@functools.cache
def _environment() -> Environment:
    import_optional("jinja2", extra="report", purpose="a page with charts")
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    templates = files(_PACKAGE).joinpath("templates")
    environment = Environment(
        loader=FunctionLoader(lambda name: templates.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, signed=signed, percent=percent, count=count)
    environment.filters["svg"] = lambda chart: Markup(chart.svg)
    environment.filters["cut"] = cut
    return environment


def _cleaned(value: Any) -> Any:
    return printable(value) if type(value) is str else value


def cut(text: str, length: int = 600) -> str:
    """The start of a long text."""
    return text if len(text) <= length else f"{text[:length].rstrip()} …"


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none.

    >>> number(0.12345), number(float("nan"))
    ('0.123', '–')
    """
    return _NOTHING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign.

    >>> signed(0.5), signed(-0.5)
    ('+0.500', '−0.500')
    """
    if value is None or math.isnan(value):
        return _NOTHING
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent.

    >>> percent(0.123)
    '12.3%'
    """
    return _NOTHING if value is None or math.isnan(value) else f"{value:.{digits}%}"


def count(value: int | None) -> str:
    """A number of things.

    >>> count(12345)
    '12,345'
    """
    return _NOTHING if value is None else f"{value:,}"
