"""Options that several commands share: what they are called and what their help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_DATA = "Data"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Directory of a trained model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Precision = Annotated[
    str | None,
    typer.Option(
        help="float32, bfloat16, or auto: bfloat16 only where the CPU has instructions for it.",
        show_default="the model's own",
    ),
]

TextColumn = Annotated[
    str | None,
    typer.Option(
        metavar="C", help="Column of the texts.", rich_help_panel=_DATA, show_default="detected"
    ),
]
PairColumn = Annotated[
    str | None,
    typer.Option(
        metavar="C",
        help="Column of the second texts, for pairs.",
        rich_help_panel=_DATA,
        show_default="detected",
    ),
]
LabelColumns = Annotated[
    str | None,
    typer.Option(
        metavar="C,C,…",
        help="Columns of the labels, separated by commas.",
        rich_help_panel=_DATA,
        show_default="detected",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="NAMES.txt",
        help="File with one label name a line: their order, and what indexes mean.",
        rich_help_panel=_DATA,
        show_default="labels.txt beside the data, if it is there",
    ),
]
LabelFormat = Annotated[
    str | None,
    typer.Option(
        metavar="F",
        help="indicator (0/1 columns), delimited (one column of names), list (JSON), index, "
        "vector, or categorical (each value of a column is a label).",
        rich_help_panel=_DATA,
        show_default="detected",
    ),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        metavar="S",
        help="Between the names or indexes of one cell.",
        rich_help_panel=_DATA,
        show_default="detected",
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        metavar="C", help="Column that names a row.", rich_help_panel=_DATA, show_default="detected"
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="E",
        help="Of the file, such as latin-1.",
        rich_help_panel=_DATA,
        show_default="utf-8",
    ),
]
EmptyText = Annotated[
    str | None,
    typer.Option(
        metavar="A",
        help="What to do with rows without a text: error, drop or keep.",
        rich_help_panel=_DATA,
        show_default="error",
    ),
]
CleanHtml = Annotated[
    bool,
    typer.Option("--clean-html", help="Remove HTML from the texts.", rich_help_panel=_DATA),
]


def data_arguments(
    *,
    text_column: str | None,
    pair_column: str | None,
    label_columns: str | None,
    labels: Path | None,
    label_format: str | None,
    label_separator: str | None,
    id_column: str | None,
    encoding: str | None,
    empty_text: str | None,
    clean_html: bool,
) -> dict[str, Any]:
    """The keyword arguments of `read_dataset`, those that were given."""
    given = {
        "text_column": text_column,
        "pair_column": pair_column,
        "label_columns": _columns(label_columns),
        "labels_file": labels,
        "label_format": label_format,
        "label_separator": label_separator,
        "id_column": id_column,
        "encoding": encoding,
        "empty_text": empty_text,
        "clean_html": clean_html or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _columns(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]
