"""`multilabel predict`: labels and probabilities of texts, from a file, a pipe or the line."""

# X = labels

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from multilabel_bert.cli import options
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.text_stream import TextBatch, iterate_texts
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.model.predictor import Predictor

_STANDARD_INPUT = Path("-")
_ROWS_AT_A_TIME = 8192
_LABELS_SHOWN = 20


def predict(
    model: options.Model,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[F|-]", help="Table with texts; -: standard input."),
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="T", help="A text; may be repeated.")
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option("--pair", metavar="T", help="The second text of each --text, for pairs."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="F",
            help="Where the result goes: .csv, .tsv, .jsonl or .parquet.",
            show_default="standard output",
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option("--format", help="csv, tsv or jsonl on standard output.", show_default="csv"),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(metavar="K", help="Only the K most probable labels of each text, as JSON."),
    ] = None,
    text_column: options.TextColumn = None,
    pair_column: options.PairColumn = None,
    id_column: options.IdColumn = None,
    encoding: options.Encoding = None,
    google_output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write test_results.tsv there, as Google's code."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older file at --output.")
    ] = False,
    precision: options.Precision = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Predict the labels of texts; their order is kept.

    [bold]multilabel predict my-model reviews.csv --output labels.csv[/]

    [bold]multilabel predict my-model --text "my parcel never came"[/]
    """
    from multilabel_bert.cli.prediction_output import format_of, open_rows
    from multilabel_bert.model.predictor import Predictor

    if (data is None) == (not text):
        raise SettingsError(
            "Say what to predict: a file, - for standard input, or --text; one of them."
        )
    if pair and (not text or len(pair) != len(text)):
        raise SettingsError(
            f"{len(text or [])} times --text, but {len(pair)} times --pair. Give one --pair for "
            "each --text."
        )
    if output is not None and output.exists() and not overwrite:
        raise SettingsError(f"{output} exists already. Choose another --output, or --overwrite.")
    if top_k is not None and top_k < 1:
        raise SettingsError(f"--top-k {top_k} must be at least 1.")
    for_programs = as_json or top_k is not None
    form = format_of(output, output_format or ("jsonl" if for_programs and not output else None))
    if top_k is not None and form != "jsonl":
        raise SettingsError(f"--top-k needs JSON lines, but the format is {form}. Use --json.")
    predictor = Predictor.load(model, precision=precision)
    if text and output is None and output_format is None and not for_programs:
        _show(predictor, text, pair)
        return
    batches: Iterable[TextBatch]
    if text:
        batches = [_given(text, pair)]
    else:
        assert data is not None
        trained = predictor.model
        batches = iterate_texts(
            sys.stdin.buffer if data == _STANDARD_INPUT else data,
            layout=DataLayout.from_dict(trained.layout) if trained.layout else None,
            batch_rows=_ROWS_AT_A_TIME,
            text_column=text_column,
            pair_column=pair_column,
            id_column=id_column,
            encoding=encoding,
        )
    progress = Progress("silent" if quiet or (output is None and sys.stdout.isatty()) else "auto")
    count = 0
    with open_rows(
        predictor.label_names, output, form, google_directory=google_output, top_k=top_k
    ) as rows:
        for batch in batches:
            probabilities = predictor.predict_proba(
                batch.texts, batch.text_pairs, progress=progress
            )
            decisions = predictor.model.rule.predict(probabilities)
            rows.write(batch.ids, batch.texts, probabilities, decisions)
            count += len(batch.texts)
    if output is not None and not quiet:
        print(f"{count:,} texts: {output}", file=sys.stderr)


def _given(texts: list[str], pairs: list[str] | None) -> TextBatch:
    return TextBatch(texts, pairs, None, np.arange(len(texts)), {})


def _show(predictor: Predictor, texts: list[str], pairs: list[str] | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    probabilities = predictor.predict_proba(texts, pairs)
    decisions = predictor.model.rule.predict(probabilities)
    thresholds = predictor.model.rule.thresholds
    out = console()
    for row, text in enumerate(texts):
        out.print(Text(text, style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 1))
        for column in np.argsort(-probabilities[row], kind="stable")[:_LABELS_SHOWN]:
            given = bool(decisions[row, column])
            value = float(probabilities[row, column])
            table.add_row(
                "✓" if given else " ",
                Text(predictor.label_names[column], style="green" if given else ""),
                f"{value:.3f}",
                Text("█" * round(value * 20) or "▏", style="green" if given else "dim"),
                Text(f"threshold {thresholds[column]:.3f}", style="dim"),
            )
        out.print(table)
