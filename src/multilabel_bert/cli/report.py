"""`multilabel report`: a page about a model on texts whose labels are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.labelled_table import read_labelled_table
from multilabel_bert.cli.output_place import check_page
from multilabel_bert.progress import Progress


def report(
    model: options.Model,
    data: Annotated[
        Path, typer.Argument(metavar="F", help="Table with labels, not that of the training.")
    ],
    others: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="More models of the same labels, to compare with.",
            show_default="none",
        ),
    ] = None,
    *,
    table: options.LabelledTable,
    html: Annotated[
        Path,
        typer.Option("--html", metavar="FILE", help="The page that is written."),
    ] = Path("report.html"),
    slice_column: Annotated[
        list[str] | None,
        typer.Option(
            "--slice-column",
            metavar="C",
            help="Also show the scores by the values of this column; may be repeated.",
            show_default="length and number of labels only",
        ),
    ] = None,
    overwrite: options.OverwritePage = False,
    precision: options.ModelPrecision = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a page about a model: figures, curves, errors, thresholds to try.

    [bold]multilabel report my-model test.csv --html report.html[/]

    [bold]multilabel report my-model test.csv other-model --slice-column country[/]

    The page is one file that needs no network. It says how sure its figures are, beside the
    baseline of the training and beside other models.
    """
    from multilabel_bert.data.extra_columns import read_extra_columns
    from multilabel_bert.model.directory import load_model
    from multilabel_bert.reports.charts import check_charts
    from multilabel_bert.reports.evaluation_report import report as make_report

    progress = Progress("silent" if quiet else "auto")
    check_charts()
    check_page(html, overwrite=overwrite)
    trained = load_model(model)
    dataset = read_labelled_table(data, trained, table, progress)
    slices: dict[str, list[object]] = {}
    if slice_column:
        slices = read_extra_columns(data, dataset, slice_column, "--slice-column")
    page = make_report(
        model, dataset, *(others or ()), slices=slices, precision=precision, progress=progress
    )
    page.save(html, overwrite=overwrite)
    if as_json:
        print(json.dumps(page.figures, indent=2, ensure_ascii=False))
        return
    _show(page.figures)
    print(f"\nThe page: {html} ({len(page.html.encode('utf-8')) / 1e6:.1f} MB)")


def _show(figures: dict[str, Any]) -> None:
    from rich.text import Text

    from multilabel_bert.cli.tables import console, table

    names = list(figures["models"])
    baseline = figures["baseline"]
    shown = table("", "", *names[:1], "95% interval", *names[1:], *(["baseline"] * bool(baseline)))
    for name, (low, high) in figures["intervals"].items():
        first, *rest = (_number(figures["models"][one][name]) for one in names)
        cells = [first, f"{low:.3f} to {high:.3f}", *rest]
        if baseline is not None:
            cells.append(_number(baseline[name]))
        shown.add_row(name, *cells)
    out = console()
    out.print(shown)
    for name, differences in figures["differences"].items():
        for found in differences:
            if found["low"] is not None:
                out.print(
                    Text(
                        f"{found['metric']} over {name}: {found['value']:+.4f}, 95% interval "
                        f"{found['low']:+.4f} to {found['high']:+.4f}"
                    )
                )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
