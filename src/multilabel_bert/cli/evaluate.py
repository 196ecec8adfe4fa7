"""`multilabel evaluate`: all metrics of a model on a table with labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.labelled_table import read_labelled_table
from multilabel_bert.cli.output_place import check_directory, check_place
from multilabel_bert.files import atomic_file
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.decision.evaluation import Evaluation


def evaluate(
    model: options.Model,
    data: Annotated[Path, typer.Argument(metavar="F", help="Table with labels.")],
    *,
    table: options.LabelledTable,
    google_output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write eval_results.txt there, as Google's code."),
    ] = None,
    reliability: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write reliability curves there, as JSON: of all cells, and of each label.",
        ),
    ] = None,
    no_baseline: Annotated[
        bool,
        typer.Option("--no-baseline", metavar="", help="Do not measure the baseline beside it."),
    ] = False,
    card: Annotated[
        bool,
        typer.Option(
            "--card",
            metavar="",
            help="Also keep the figures in the model, with 95% intervals, for its card README.md.",
        ),
    ] = False,
    precision: options.ModelPrecision = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure a model on texts whose labels are known.

    [bold]multilabel evaluate my-model test.csv[/]

    The table is read as that of the training; options say what differs.
    A model that was trained with its baseline is compared with it.

    [bold]multilabel evaluate my-model test.csv --card[/] writes the figures into the model card.
    """
    from multilabel_bert.cli.reliability_file import write_reliability
    from multilabel_bert.cli.tables import show_baseline, show_labels, show_metrics
    from multilabel_bert.model.comparison import compare_with_baseline
    from multilabel_bert.model.directory import check_changeable, load_baseline, update_manifest
    from multilabel_bert.model.outcome import outcome_of
    from multilabel_bert.model.predictor import Predictor

    progress = Progress("silent" if quiet else "auto")
    if card:
        check_changeable(model)
    check_directory(google_output, "--google-output")
    check_place(reliability, "--reliability")
    predictor = Predictor.load(model, precision=precision)
    trained = predictor.model
    dataset = read_labelled_table(data, trained, table, progress)
    logits = predictor.predict_logits(dataset.texts, dataset.text_pairs, progress=progress)
    targets = dataset.dense_labels()
    outcome = outcome_of(trained.rule, trained.label_names, targets, logits)
    evaluation = outcome.evaluation
    comparison = None
    if not no_baseline and (baseline := load_baseline(model)) is not None:
        comparison = compare_with_baseline(baseline, trained.label_names, dataset, outcome)
    if google_output is not None:
        write_eval_results(evaluation, google_output)
    if reliability is not None:
        write_reliability(reliability, trained.label_names, targets, outcome.probabilities)
    if card:
        from multilabel_bert.training.evaluated_data import with_recorded_evaluation

        update_manifest(with_recorded_evaluation(trained, dataset, outcome, comparison), model)
        progress.say(f"The figures are in {model / 'README.md'}.")
    if as_json:
        beside = {} if comparison is None else comparison.to_dict()
        print(json.dumps(beside | evaluation.to_dict(), indent=2, ensure_ascii=False))
        return
    title = f"{model} on {dataset.source} ({len(dataset):,} texts, {predictor.precision})"
    show_metrics(evaluation.metrics, title)
    if comparison is not None:
        show_baseline(comparison)
    show_labels(evaluation.per_label)


def write_eval_results(evaluation: Evaluation, directory: Path) -> None:
    """Write ``eval_results.txt``: a line ``key = value`` a metric, sorted.

    ``eval_accuracy`` is subset accuracy and ``eval_loss`` the sigmoid cross-entropy.

    Source: google-research/bert, run_classifier.py.
    """
    metrics = {
        "eval_accuracy": evaluation.metrics["subset_accuracy"],
        "eval_loss": evaluation.metrics["loss"],
        **evaluation.metrics,
    }
    with atomic_file(directory / "eval_results.txt") as path:
        lines = [f"{key} = {metrics[key]}\n" for key in sorted(metrics)]
        path.write_text("".join(lines), encoding="utf-8")
