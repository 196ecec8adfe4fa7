"""Options that several commands share: what they are called and what their help says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from multilabel_bert.errors import SettingsError

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Directory that `multilabel train` wrote, or a repository of the Hugging Face hub "
        "that `multilabel push` wrote.",
    ),
]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Show no progress.")]
OverwritePage = Annotated[
    bool, typer.Option("--overwrite", metavar="", help="Replace an older file at --html.")
]
ModelPrecision = Annotated[
    str | None,
    typer.Option(
        metavar="P",
        help="What the encoder computes in: float32, bfloat16, or auto: bfloat16 only where the "
        "CPU has instructions for it.",
        show_default="the model's own",
    ),
]


def option(
    help: str,  # noqa: A002
    metavar: str | None = None,
    *names: str,
    panel: str | None = None,
    default: str | bool = True,
) -> Any:
    """A Typer option; `default` says in words what its default means."""
    return typer.Option(
        *names, metavar=metavar, help=help, rich_help_panel=panel, show_default=default
    )


_TABLE, _LABELS = "Table", "Labels"


def _empty_text(default: str) -> Any:
    return option(
        "What to do with rows without a text: error, drop or keep.",
        "A",
        panel=_LABELS,
        default=default,
    )


@dataclasses.dataclass(frozen=True)
class TextTable:
    """How to read the texts of a table; the fields are arguments of `iterate_texts`."""

    text_column: Annotated[
        str | None, option("Column of the texts.", "C", panel=_TABLE, default="detected")
    ] = None
    pair_column: Annotated[
        str | None,
        option("Column of the second texts, for pairs.", "C", panel=_TABLE, default="detected"),
    ] = None
    id_column: Annotated[
        str | None, option("Column that names a row.", "C", panel=_TABLE, default="detected")
    ] = None
    delimiter: Annotated[
        str | None,
        option(r"What separates columns, such as ; or \t.", "S", panel=_TABLE, default="detected"),
    ] = None
    header: Annotated[
        bool | None,
        option("Whether the first row names the columns.", "", panel=_TABLE, default="detected"),
    ] = None
    quoting: Annotated[
        bool | None,
        option("Whether double quotes enclose fields.", "", panel=_TABLE, default="detected"),
    ] = None
    encoding: Annotated[
        str | None,
        option(
            "Of the file, such as latin-1.", "E", panel=_TABLE, default="utf-8, or as its BOM says"
        ),
    ] = None
    clean_html: Annotated[
        bool, option("Remove HTML from the texts.", "", "--clean-html", panel=_TABLE)
    ] = False

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the reading functions: what was given."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        given["clean_html"] = self.clean_html or None
        for name in ("delimiter", "label_separator"):
            if given.get(name) == r"\t":
                given[name] = "\t"
        return {name: value for name, value in given.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class LabelledTable(TextTable):
    """How to read texts and labels; the fields are arguments of `read_dataset`."""

    label_columns: Annotated[
        str | None,
        option(
            "Columns of the labels, separated by commas.",
            "C,C,…",
            panel=_LABELS,
            default="detected",
        ),
    ] = None
    label_format: Annotated[
        str | None,
        option(
            "indicator (0/1 columns), delimited (one column of names), list (JSON), index, "
            "vector, or categorical (each value of a column is a label).",
            "F",
            panel=_LABELS,
            default="detected",
        ),
    ] = None
    label_separator: Annotated[
        str | None,
        option("Between the names or indexes of one cell.", "S", panel=_LABELS, default="detected"),
    ] = None
    empty_labels: Annotated[
        str | None,
        option(
            "What an empty cell of label names means: none (no label), or unknown. An empty cell "
            "of a 0/1 column is always unknown.",
            "A",
            panel=_LABELS,
            default="unknown for categorical, else none",
        ),
    ] = None
    unknown_labels: Annotated[
        str,
        option(
            "What to do with labels that are not among the known names: error or ignore.",
            "A",
            panel=_LABELS,
        ),
    ] = "error"
    empty_text: Annotated[str | None, _empty_text("as in training, else error")] = None


@dataclasses.dataclass(frozen=True)
class NewTable(LabelledTable):
    """How to read a table whose labels no model knows yet."""

    empty_text: Annotated[str | None, _empty_text("error in train, keep in describe")] = None
    labels: Annotated[
        Path | None,
        option(
            "File with one label name a line: their order, and what indexes mean.",
            "NAMES.txt",
            panel=_LABELS,
            default="labels.txt beside the data",
        ),
    ] = None
    weight_column: Annotated[
        str | None,
        option(
            "Column with how much each text counts in training: 2 is as much as two texts.",
            "C",
            panel=_TABLE,
            default="all the same",
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `read_dataset`: what was given."""
        given = super().arguments()
        if "labels" in given:
            given["labels_file"] = given.pop("labels")
        return given


def model_layout(layout: dict[str, Any] | None) -> Any:
    """The layout that a model stores, for `read_dataset`; None if it stores none."""
    from multilabel_bert.data.layout import DataLayout

    return None if layout is None else DataLayout.from_dict(layout)


def whole_number(text: str, option_name: str, expected: str) -> int:
    """The number that was typed.

    Raises:
        SettingsError: if it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{option_name} {text}: expected {expected}.") from None
