"""`multilabel tune`: choose a saved model's thresholds and calibration anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.label_values import parse_costs, read_thresholds
from multilabel_bert.cli.labelled_table import read_labelled_table
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from multilabel_bert.decision.evaluation import Evaluation
    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.model.classifier_model import ClassifierModel


def tune(
    model: options.Model,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="F",
            help="Table with labels, not that of the training; --thresholds needs none.",
            show_default=False,
        ),
    ] = None,
    *,
    table: options.LabelledTable,
    threshold_strategy: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="fixed (0.5), global, per_label or per_label_shrunk.",
            show_default="per_label_shrunk",
        ),
    ] = None,
    threshold_metric: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="What thresholds are chosen for, such as macro_f1, micro_f0.5, "
            "precision_at_recall:0.9, recall_at_precision:0.9 or cost.",
            show_default="macro_f1",
        ),
    ] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            metavar="FP,FN|FILE",
            help="With --threshold-metric cost: of a false positive and a false negative, such as "
            "1,5; or a file with label,false_positive,false_negative.",
            show_default="1,1",
        ),
    ] = None,
    thresholds: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Set these thresholds, and choose none: CSV of label,threshold or JSON.",
            show_default="choose them",
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="From logits to probabilities, fitted before: none, temperature, platt or "
            "isotonic.",
            show_default="as it was",
        ),
    ] = None,
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
    from multilabel_bert.decision.calibration import check_calibration
    from multilabel_bert.decision.costs import check_costs
    from multilabel_bert.decision.objectives import COST, objective_for
    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.decision.thresholds import (
        DEFAULT_METRIC,
        DEFAULT_STRATEGY,
        check_strategy,
    )
    from multilabel_bert.model.directory import BASELINE, load_baseline, update_manifest
    from multilabel_bert.model.predictor import Predictor

    progress = Progress("silent" if quiet else "auto")
    strategy, metric = threshold_strategy or DEFAULT_STRATEGY, threshold_metric or DEFAULT_METRIC
    if max_labels is not None and max_labels < 0:
        raise SettingsError(f"--max-labels {max_labels}: expected 1 or more, or 0 for no limit.")
    chosen = {
        "--threshold-strategy": threshold_strategy,
        "--threshold-metric": threshold_metric,
        "--costs": costs,
    }
    _check_table(data, thresholds, calibration, chosen)
    check_strategy(strategy)
    objective_for(metric)
    check_calibration(calibration or "none")
    if costs is not None and metric != COST:
        raise SettingsError(f"--costs {costs} needs --threshold-metric cost. Add it.")
    prices = parse_costs(costs)
    given = None if thresholds is None else read_thresholds(thresholds)
    predictor = Predictor.load(model, precision=precision)
    trained = predictor.model
    check_costs(prices, trained.num_labels, trained.label_names)
    policy: dict[str, Any] = {
        "empty_prediction": empty_prediction or trained.rule.empty_prediction,
        "max_labels": trained.rule.max_labels if max_labels is None else (max_labels or None),
        "exclusive_groups": trained.rule.exclusive_groups,
    }
    rule = replace(trained.rule, **policy)
    if given is not None:
        rule = _with_thresholds(rule, trained, given, thresholds)
    if data is None:
        update_manifest(replace(trained, rule=rule, metrics={}), model)
        _show_change(trained, rule, model, as_json=as_json)
        return
    dataset = read_labelled_table(data, trained, table, progress)
    targets = dataset.require_labels()
    logits = predictor.predict_logits(dataset.texts, dataset.text_pairs, progress=progress)
    old = trained.rule.calibration
    method = calibration or ("none" if old is None else old.method)

    def tuned(logits: np.ndarray) -> DecisionRule:
        fitted = DecisionRule.fitted(
            targets,
            logits,
            calibration=method,
            strategy=strategy,
            metric=metric,
            costs=prices,
            label_names=trained.label_names,
            **policy,
        )
        if given is None:
            return fitted
        if calibration is None:
            return rule
        return replace(rule, calibration=fitted.calibration)

    rule = tuned(logits)
    before, after = _outcomes(trained, (trained.rule, rule), targets, logits)
    metrics = after.to_dict()
    del metrics["per_label"]
    update_manifest(replace(trained, rule=rule, metrics=metrics), model)
    if given is None and (baseline := load_baseline(model)) is not None:
        # Compared by the same measure.
        theirs = baseline.predict_logits(dataset.texts, dataset.text_pairs)
        baseline.with_rule(tuned(theirs)).save_rule(model / BASELINE)
    title = f"{model} on {dataset.source} ({len(dataset):,} texts)"
    _show_change(trained, rule, model, before, after, title, as_json=as_json)
    if given is None and not as_json:
        print("The figures are a little too good: thresholds were chosen on these very texts.")


def _check_table(
    data: Path | None,
    thresholds: Path | None,
    calibration: str | None,
    chosen: dict[str, str | None],
) -> None:
    given = [f"{name} {value}" for name, value in chosen.items() if value is not None]
    if thresholds is not None and given:
        raise SettingsError(
            f"--thresholds {thresholds} sets the thresholds, and {given[0]} chooses them. Leave "
            "one of them out."
        )
    if data is None and thresholds is None:
        raise SettingsError(
            "There is no table with labels to choose thresholds on. Name one after the model; "
            "only --thresholds FILE needs none."
        )
    if data is None and calibration is not None:
        raise SettingsError(
            f"--calibration {calibration} is fitted on a table with labels. Name one after the "
            "model."
        )


def _with_thresholds(
    rule: DecisionRule, trained: ClassifierModel, given: dict[str, float], path: Path | None
) -> DecisionRule:
    names = trained.label_names
    column_of = {name: column for column, name in enumerate(names)}
    values = rule.thresholds.copy()
    for name, value in given.items():
        if name not in column_of:
            raise SettingsError(
                f"--thresholds {path} names {name!r}, which is no label of the model."
                f"{did_you_mean(name, names)} Labels: {', '.join(names[:10])}"
                f"{' …' if len(names) > 10 else ''}."
            )
        if not 0 <= value <= 1:
            raise SettingsError(
                f"--thresholds {path}: the threshold of {name!r} is {value:g}. Expected a "
                "probability between 0 and 1."
            )
        values[column_of[name]] = value
    return replace(rule, thresholds=values, strategy="fixed", tuned_for=None, beta=1.0, costs=None)


def _outcomes(
    trained: ClassifierModel, rules: tuple[DecisionRule, ...], targets: Any, logits: np.ndarray
) -> list[Evaluation]:
    from multilabel_bert.model.outcome import outcome_of

    return [outcome_of(rule, trained.label_names, targets, logits).evaluation for rule in rules]


def _show_change(
    trained: ClassifierModel,
    rule: DecisionRule,
    model: Path,
    before: Evaluation | None = None,
    after: Evaluation | None = None,
    title: str = "",
    *,
    as_json: bool,
) -> None:
    from multilabel_bert.cli.tables import show_comparison, show_labels, show_thresholds

    old = trained.rule
    missed = [] if after is None else missed_conditions(rule, after)
    if as_json:
        answer: dict[str, Any] = {
            "thresholds": {
                name: {"before": float(str(first)), "after": float(str(second))}
                for name, first, second in zip(
                    trained.label_names, old.thresholds, rule.thresholds, strict=True
                )
            },
            "calibration": None if rule.calibration is None else rule.calibration.describe(),
            "condition_missed": dict(missed),
        }
        if before is not None and after is not None:
            answer = {"before": before.to_dict(), "after": after.to_dict(), **answer}
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    if before is not None and after is not None:
        show_comparison({"before": before.metrics, "after": after.metrics}, title)
        show_labels(after.per_label)
    show_thresholds(trained.label_names, old.thresholds, rule.thresholds)
    if rule.calibration is not None:
        print(f"Calibration: {rule.calibration.describe()}")
    elif old.calibration is not None:
        print("Calibration: none any more")
    if missed:
        shown = ", ".join(f"{name} ({value:.3f})" for name, value in missed[:10])
        print(f"{rule.tuned_for} is not reached by {len(missed)} labels: {shown}")
    print(f"\nThe new thresholds are stored in {model}.")


def missed_conditions(rule: DecisionRule, evaluation: Evaluation) -> list[tuple[str, float]]:
    """The labels with a positive that miss the condition they were tuned for, and what they reach.

    Args:
        rule: which says the condition.
        evaluation: of its decisions.
    """
    from multilabel_bert.decision.objectives import condition_of

    condition = condition_of(rule.tuned_for)
    if condition is None:
        return []
    name, least = condition
    return [
        (row.label, getattr(row, name))
        for row in evaluation.per_label
        if row.support and getattr(row, name) < least - 1e-9
    ]
