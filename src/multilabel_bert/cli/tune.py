"""`multilabel tune`: choose a saved model's thresholds anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.labelled_table import read_labelled_table
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress


def tune(
    model: options.Model,
    data: Annotated[
        Path, typer.Argument(metavar="F", help="Table with labels, not that of the training.")
    ],
    *,
    table: options.LabelledTable,
    threshold_strategy: Annotated[
        str,
        typer.Option(metavar="HOW", help="fixed (0.5), global, per_label or per_label_shrunk."),
    ] = "per_label_shrunk",
    threshold_metric: Annotated[
        str,
        typer.Option(
            metavar="METRIC", help="What thresholds are chosen for, such as macro_f1 or micro_f1."
        ),
    ] = "macro_f1",
    empty_prediction: Annotated[
        str | None,
        typer.Option(
            metavar="A",
            help="Where no label passes: allow (no label), or top1 (the most probable).",
            show_default="as it was",
        ),
    ] = None,
    max_labels: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Most labels of a text; 0: no limit.", show_default="as it was"
        ),
    ] = None,
    precision: options.ModelPrecision = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Choose the thresholds of a model on other texts, and store them in it.

    [bold]multilabel tune my-model dev.csv --threshold-metric micro_f1[/]

    Use texts that it was not trained on, and not those to measure it on.
    """
    from multilabel_bert.cli.tables import show_comparison, show_labels
    from multilabel_bert.decision.objectives import objective_for
    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.decision.thresholds import check_strategy
    from multilabel_bert.model.directory import update_manifest
    from multilabel_bert.model.outcome import outcome_of
    from multilabel_bert.model.predictor import Predictor, sigmoid

    progress = Progress("silent" if quiet else "auto")
    if max_labels is not None and max_labels < 0:
        raise SettingsError(f"--max-labels {max_labels}: expected 1 or more, or 0 for no limit.")
    check_strategy(threshold_strategy)
    objective_for(threshold_metric)
    predictor = Predictor.load(model, precision=precision)
    trained = predictor.model
    policy = replace(
        trained.rule,
        empty_prediction=empty_prediction or trained.rule.empty_prediction,
        max_labels=trained.rule.max_labels if max_labels is None else (max_labels or None),
    )
    dataset = read_labelled_table(data, trained, table, progress)
    targets = dataset.require_labels()
    logits = predictor.predict_logits(dataset.texts, dataset.text_pairs, progress=progress)
    rule = DecisionRule.tuned(
        targets,
        sigmoid(logits),
        strategy=threshold_strategy,
        metric=threshold_metric,
        empty_prediction=policy.empty_prediction,
        max_labels=policy.max_labels,
        exclusive_groups=policy.exclusive_groups,
    )
    before, after = (
        outcome_of(one, trained.label_names, targets, logits).evaluation
        for one in (trained.rule, rule)
    )
    metrics = after.to_dict()
    del metrics["per_label"]
    update_manifest(replace(trained, rule=rule, metrics=metrics), model)
    if as_json:
        answer = {"before": before.to_dict(), "after": after.to_dict()}
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    title = f"{model} on {dataset.source} ({len(dataset):,} texts)"
    show_comparison({"before": before.metrics, "after": after.metrics}, title)
    show_labels(after.per_label)
    print(f"\nThe new thresholds are stored in {model}.")
    print("The figures are a little too good: thresholds were chosen on these very texts.")
