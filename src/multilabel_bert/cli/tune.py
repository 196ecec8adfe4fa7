"""`multilabel tune`: choose a saved model's thresholds anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.progress import Progress


def tune(
    model: options.Model,
    data: Annotated[
        Path, typer.Argument(metavar="F", help="Table with labels, not that of the training.")
    ],
    threshold_strategy: Annotated[
        str, typer.Option(help="fixed (0.5), global, per_label or per_label_shrunk.")
    ] = "per_label_shrunk",
    threshold_metric: Annotated[
        str, typer.Option(help="For which thresholds are chosen.")
    ] = "macro_f1",
    empty_prediction: Annotated[
        str | None,
        typer.Option(help="Where no label passes: allow, or top1.", show_default="as it was"),
    ] = None,
    max_labels: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Most labels of a text; 0: no limit.", show_default="as it was"
        ),
    ] = None,
    as_json: options.Json = False,
    precision: options.Precision = None,
    quiet: options.Quiet = False,
) -> None:
    """Choose the thresholds of a model on other texts, and store them in it.

    [bold]multilabel tune my-model dev.csv --threshold-metric micro_f1[/]
    """
    from dataclasses import replace

    from multilabel_bert.cli.tables import show_labels, show_metrics
    from multilabel_bert.data.layout import DataLayout
    from multilabel_bert.data.reading import read_dataset
    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.model.directory import update_manifest
    from multilabel_bert.model.judging import judge
    from multilabel_bert.model.predictor import Predictor, sigmoid

    predictor = Predictor.load(model, precision=precision)
    trained = predictor.model
    dataset = read_dataset(
        data,
        layout=DataLayout.from_dict(trained.layout) if trained.layout else None,
        label_names=trained.label_names,
    )
    targets = dataset.dense_labels()
    logits = predictor.predict_logits(
        dataset.texts, dataset.text_pairs, progress=Progress("silent" if quiet else "auto")
    )
    limit = trained.rule.max_labels if max_labels is None else (max_labels or None)
    rule = DecisionRule.tuned(
        targets,
        sigmoid(logits),
        strategy=threshold_strategy,
        metric=threshold_metric,
        empty_prediction=empty_prediction or trained.rule.empty_prediction,
        max_labels=limit,
        exclusive_groups=trained.rule.exclusive_groups,
    )
    before, after = (
        judge(one, trained.label_names, targets, logits).evaluation for one in (trained.rule, rule)
    )
    metrics = after.to_dict()
    del metrics["per_label"]
    update_manifest(replace(trained, rule=rule, metrics=metrics), model)
    if as_json:
        print(json.dumps({"before": before.to_dict(), "after": after.to_dict()}, indent=2))
        return
    show_metrics(before.metrics, "Before")
    show_metrics(after.metrics, "After (on the same texts, so a little too good)")
    print()
    show_labels(after.per_label)
    print(f"\nStored in {model}.")
