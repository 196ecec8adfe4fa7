"""`multilabel predict`: labels and probabilities of texts, from a file, a pipe or the line."""

# X = labels

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.output_place import check_directory, check_place
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.data.text_stream import TextBatch
    from multilabel_bert.model.predictor import Predictor

_STANDARD_INPUT = Path("-")
_ROWS_AT_A_TIME = 8192
_LABELS_SHOWN = 20
_BAR_WIDTH = 20


def predict(
    model: options.Model,
    *,
    table: options.TextTable,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="F|-", help="Table with texts; -: standard input."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="T", help="A text in place of a file; may be repeated."),
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
        typer.Option(
            "--format",
            metavar="F",
            help="csv, tsv, jsonl or parquet.",
            show_default="by the name of --output, else csv",
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Probabilities of the K most probable labels only, as JSON lines.",
            show_default="all",
        ),
    ] = None,
    google_output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write test_results.tsv there, as Google's code."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace an older file at --output.")
    ] = False,
    precision: options.ModelPrecision = None,
    as_json: Annotated[
        bool, typer.Option("--json", metavar="", help="JSON lines, as --format jsonl.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Predict the labels of texts; their order is kept.

    [bold]multilabel predict my-model messages.csv --output labels.csv[/]

    [bold]multilabel predict my-model --text "my parcel never came"[/]

    [bold]cat texts.txt | multilabel predict my-model - --json[/]

    A row has the id, if there is one, the text, its labels,
    and the probability of each label.
    """
    from multilabel_bert.cli.prediction_output import open_rows
    from multilabel_bert.model.predictor import Predictor

    texts = _given_texts(data, text, pair)
    check_directory(google_output, "--google-output")
    wish = _checked_wish(output, output_format, top_k, as_json, overwrite)
    predictor = Predictor.load(model, precision=precision)
    if texts is not None and wish.for_people and google_output is None:
        show_predictions(predictor, texts)
        return
    batches: Iterable[TextBatch]
    batches = [texts] if texts is not None else _read(data, predictor, table)
    # A bar would be drawn between the rows.
    mixed = output is None and sys.stdout.isatty()
    progress = Progress("silent" if quiet or mixed else "auto")
    count = 0
    with (
        open_rows(
            predictor.label_names, output, wish.form, google_directory=google_output, top_k=top_k
        ) as rows,
        progress.task("Predicting", None, "texts") as task,
    ):
        for batch in batches:
            probabilities = predictor.predict_proba(
                batch.texts, batch.text_pairs, progress=progress.within(task)
            )
            decisions = predictor.model.rule.predict(probabilities)
            rows.write(batch.ids, batch.texts, probabilities, decisions)
            count += len(batch)
    if output is not None:
        progress.say(f"{count:,} texts: {output}")


class _Wish(NamedTuple):
    form: str
    for_people: bool


def _given_texts(
    data: Path | None, texts: list[str] | None, pairs: list[str] | None
) -> TextBatch | None:
    """The texts of the line, if they are there."""
    if data is not None and texts:
        raise SettingsError(
            f"What to predict: {data} or --text? Give a file, - for standard input, or --text; "
            "one of them."
        )
    if data is None and not texts:
        raise SettingsError(
            "Nothing to predict. Give a file, - for standard input, or --text; one of them."
        )
    if pairs and len(pairs) != len(texts or ()):
        raise SettingsError(
            f"--text is there {len(texts or ())} times, but --pair {len(pairs)} times. Give one "
            "--pair for each --text; those of a file are found with --pair-column."
        )
    if not texts:
        return None
    from multilabel_bert.data.text_stream import TextBatch

    return TextBatch(texts, pairs or None, None, np.arange(len(texts)), {})


def _checked_wish(
    output: Path | None,
    output_format: str | None,
    top_k: int | None,
    as_json: bool,
    overwrite: bool,
) -> _Wish:
    from multilabel_bert.cli.prediction_output import format_of

    if top_k is not None and top_k < 1:
        raise SettingsError(f"--top-k {top_k}: expected 1 or more.")
    if output is not None and output.is_dir():
        raise SettingsError(f"--output {output} is a directory. Name a file.")
    if as_json and output_format not in (None, "jsonl"):
        raise SettingsError(f"--json and --format {output_format} contradict. Leave one out.")
    if as_json or (top_k is not None and output is None):
        output_format = output_format or "jsonl"
    form = format_of(output, output_format)
    if top_k is not None and form != "jsonl":
        raise SettingsError(
            f"--top-k {top_k} needs JSON lines, but the format is {form}. Use --json, or an "
            "--output that ends in .jsonl."
        )
    if output is not None and output.exists() and not overwrite:
        raise SettingsError(f"{output} exists already. Choose another --output, or --overwrite.")
    check_place(output, "--output")
    return _Wish(form, for_people=output is None and output_format is None)


def _read(data: Path | None, predictor: Predictor, table: options.TextTable) -> Iterable[TextBatch]:
    from multilabel_bert.data.text_stream import iterate_texts

    if data is None:
        raise ValueError("neither texts nor a file")
    if data == _STANDARD_INPUT and sys.stdin.isatty():
        print("One text a line; Ctrl-D ends.", file=sys.stderr)
    return iterate_texts(
        sys.stdin.buffer if data == _STANDARD_INPUT else data,
        layout=options.model_layout(predictor.model.layout),
        batch_rows=_ROWS_AT_A_TIME,
        **table.arguments(),
    )


def show_predictions(predictor: Predictor, batch: TextBatch) -> None:
    """Print the labels of some texts for people."""
    from rich.text import Text

    from multilabel_bert.cli.tables import bar, console, table

    probabilities = predictor.predict_proba(batch.texts, batch.text_pairs)
    decisions = predictor.model.rule.predict(probabilities)
    thresholds = predictor.model.rule.thresholds
    out = console()
    for row, text in enumerate(batch.texts):
        if row:
            out.print()
        pair = "" if batch.text_pairs is None else f"\n{batch.text_pairs[row]}"
        out.print(Text(text + pair, style="bold"))
        shown = table()
        order = np.argsort(-probabilities[row], kind="stable")
        given = decisions[row, order] == 1
        # With many labels: the most probable, and every one that is given.
        order = order[given | (np.arange(len(order)) < _LABELS_SHOWN)]
        for column in order:
            passed = bool(decisions[row, column])
            value = float(probabilities[row, column])
            style = "green" if passed else ""
            shown.add_row(
                Text("✓" if passed else " ", style=style),
                Text(predictor.label_names[column], style=style),
                Text(f"{value:.3f}", style=style),
                Text(bar(value, _BAR_WIDTH).ljust(_BAR_WIDTH), style=style or "dim"),
                Text(f"threshold {thresholds[column]:.3f}", style="dim"),
            )
        out.print(shown)
        if len(order) < len(probabilities[row]):
            out.print(f"… and {len(probabilities[row]) - len(order):,} less probable labels")
