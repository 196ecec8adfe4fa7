"""`multilabel predict`: labels and probabilities of texts, from a file, a pipe or the line."""

# X = labels

from __future__ import annotations

import io
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.output_place import check_directory, check_place
from multilabel_bert.cli.predicted_models import (
    STANDARD_INPUT,
    PredictedModels,
    models_and_table,
)
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.cli.prediction_output import Rows
    from multilabel_bert.data.text_stream import TextBatch
    from multilabel_bert.model.predictor import Predictor

# Part of what a partial result is of: other batches give other last digits.
_ROWS_AT_A_TIME = 2048
_LABELS_SHOWN = 20
_BAR_WIDTH = 20


def predict(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL",
            help="Directories that `multilabel train` wrote, or repositories of the Hugging Face "
            "hub that `multilabel push` wrote. NAME=DIR gives one of several another name.",
        ),
    ] = None,
    # The last argument, whatever it is: with --text a model, too.
    data: Annotated[
        Path | None,
        typer.Argument(metavar="F|-", help="Table with texts; -: standard input."),
    ] = None,
    *,
    table: options.TextTable,
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
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Go on where a run of the same command was stopped. --no-resume: start anew.",
        ),
    ] = True,
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

    [bold]multilabel predict topics tone messages.csv --output labels.csv[/]

    A row has the id, if there is one, the text, its labels,
    and the probability of each label; of several models, each by its name.
    """
    from multilabel_bert.cli.prediction_output import Result, open_file, open_standard_output

    arguments = [*(models or ()), *([] if data is None else [data])]
    paths, data = models_and_table(arguments, has_texts=bool(text))
    texts = _given_texts(text, pair)
    if google_output is not None and len(paths) > 1:
        raise SettingsError(
            f"--google-output is the file of one model, but there are {len(paths)}: "
            f"{', '.join(paths)}. Leave it out, or predict with each by itself."
        )
    check_directory(google_output, "--google-output")
    wish = _checked_wish(output, output_format, top_k, as_json, overwrite)
    predicted = PredictedModels(paths, precision)
    if texts is not None and wish.for_people and google_output is None:
        show_predictions(predicted, texts)
        return
    batches = iter([texts]) if texts is not None else _read(data, predicted, table)
    # A bar would be drawn between the rows.
    mixed = output is None and sys.stdout.isatty()
    progress = Progress("silent" if quiet or mixed else "auto")
    result = Result(predicted.labels, wish.form, google_output, top_k)
    if output is None:
        with open_standard_output(result) as rows:
            _predict_all(predicted, batches, rows, progress)
        return
    run = _repeatable(predicted, data, table)
    with open_file(result, output, run=run, resume=resume) as files:
        partial = files.partial
        if partial.discarded is not None:
            what, before = partial.discarded
            progress.say(
                f"Starting anew, without the {before:,} texts that were predicted before: since "
                f"then {what} changed."
            )
        elif files.rows:
            progress.say(f"{files.rows:,} texts are predicted already: going on after them.")
        try:
            count = _predict_all(predicted, batches, files, progress)
        except KeyboardInterrupt:
            partial.commit()
            if run is not None and files.rows:
                progress.say(
                    f"{files.rows:,} texts are predicted. The same command goes on from there."
                )
            raise
    progress.say(f"{count:,} texts: {output}")


def _predict_all(
    models: PredictedModels, batches: Iterator[TextBatch], rows: Rows, progress: Progress
) -> int:
    """Predict and write, after the rows that are there; returns how many there are in all."""
    from multilabel_bert.cli.prediction_rows import Predictions

    waiting: deque[TextBatch] = deque()
    done = rows.rows

    def texts() -> Iterator[tuple[Sequence[str], Sequence[str] | None]]:
        read = 0
        for batch in batches:
            read += len(batch)
            if read > done:
                waiting.append(batch)
                yield batch.texts, batch.text_pairs

    count = done
    with closing(models.stream(texts(), progress)) as stream:
        for probabilities, decisions in stream:
            batch = waiting.popleft()
            rows.write(Predictions(batch.ids, batch.texts, probabilities, decisions))
            count += len(batch)
    return count


def _repeatable(
    models: PredictedModels, data: Path | None, table: options.TextTable
) -> dict[str, Any] | None:
    """What the result depends on, by its name in a message; None for what cannot be read again."""
    from multilabel_bert import __version__
    from multilabel_bert.cli.prediction_output import identity_of

    if data is None or data == STANDARD_INPUT or not data.is_file():
        return None
    return {
        **models.identity(),
        "the table": identity_of(data),
        "the options of the table": table.arguments(),
        "the version of multilabel-bert": [__version__, _ROWS_AT_A_TIME],
    }


class _Wish(NamedTuple):
    form: str
    for_people: bool


def _given_texts(texts: list[str] | None, pairs: list[str] | None) -> TextBatch | None:
    """The texts of the line, if they are there."""
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


def _read(
    data: Path | None, models: PredictedModels, table: options.TextTable
) -> Iterator[TextBatch]:
    from multilabel_bert.data.text_stream import iterate_texts

    if data is None:
        raise ValueError("neither texts nor a file")
    if data == STANDARD_INPUT and sys.stdin.isatty():
        print("One text a line; Ctrl-D ends.", file=sys.stderr)
    return iterate_texts(
        _standard_input() if data == STANDARD_INPUT else data,
        layout=models.layout(table.arguments()),
        batch_rows=_ROWS_AT_A_TIME,
        **table.arguments(),
    )


def _standard_input() -> Any:
    # A reader of its own: at its end Python wants the lock of sys.stdin, which a thread that
    # waits for a line would hold.
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except io.UnsupportedOperation:
        return sys.stdin.buffer


def show_predictions(models: PredictedModels, batch: TextBatch) -> None:
    """Print the labels of some texts for people."""
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    probabilities = models.predict_proba(batch.texts, batch.text_pairs)
    out = console()
    for row, text in enumerate(batch.texts):
        if row:
            out.print()
        pair = "" if batch.text_pairs is None else f"\n{batch.text_pairs[row]}"
        out.print(Text(text + pair, style="bold"))
        for name, predictor in models.predictors.items():
            if len(probabilities) > 1:
                out.print(Text(name, style="italic"))
            _show_labels(predictor, probabilities[name][row])


def _show_labels(predictor: Predictor, probabilities: np.ndarray) -> None:
    from rich.text import Text

    from multilabel_bert.cli.tables import bar, console, table

    rule = predictor.model.rule
    decisions = rule.predict(probabilities[None])[0]
    exclusive = {column for group in rule.exclusive_groups for column in group}
    shown = table()
    order = np.argsort(-probabilities, kind="stable")
    # With many labels: the most probable, and every one that is given.
    order = order[(decisions[order] == 1) | (np.arange(len(order)) < _LABELS_SHOWN)]
    for column in order:
        passed = bool(decisions[column])
        value = float(probabilities[column])
        style = "green" if passed else ""
        shown.add_row(
            Text("✓" if passed else " ", style=style),
            Text(predictor.label_names[column], style=style),
            Text(f"{value:.3f}", style=style),
            Text(bar(value, _BAR_WIDTH).ljust(_BAR_WIDTH), style=style or "dim"),
            # In an exclusive group the most probable label is given, whatever it has.
            Text(
                "" if column in exclusive else f"threshold {rule.thresholds[column]:.3f}",
                style="dim",
            ),
        )
    out = console()
    out.print(shown)
    if len(order) < len(probabilities):
        out.print(f"… and {len(probabilities) - len(order):,} less probable labels")
