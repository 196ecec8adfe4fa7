"""`report`: a trained model on texts whose labels are known, as a page to look at."""

# N = texts, X = labels

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.bootstrap import PairedDifference, paired_differences
from multilabel_bert.decision.headline_intervals import headline_intervals
from multilabel_bert.decision.judgement import Judgement
from multilabel_bert.decision.label_confusion import label_confusion, strongest_confusions
from multilabel_bert.decision.label_intervals import label_intervals
from multilabel_bert.decision.metric_meanings import MEANINGS
from multilabel_bert.decision.metrics import METRICS
from multilabel_bert.decision.precision_intervals import average_precision_intervals
from multilabel_bert.decision.threshold_counts import f1_over_thresholds
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.reports.charts import (
    Chart,
    Line,
    check_charts,
    heat_map,
    line_chart,
    reliability_chart,
)
from multilabel_bert.reports.hardest import hardest_texts
from multilabel_bert.reports.judged import (
    JudgedModel,
    check_same_labels,
    judge_baseline,
    judge_model,
    open_model,
)
from multilabel_bert.reports.label_details import MOST_CHARTS, label_details, trade_points
from multilabel_bert.reports.learning_curves import learning_curves
from multilabel_bert.reports.page import Page, render
from multilabel_bert.reports.provenance_facts import data_facts, provenance_facts, setting_facts
from multilabel_bert.reports.slices import slicings
from multilabel_bert.suspects import suspects_of
from multilabel_bert.training.provenance import seen_in_training

# What is shown first, and what it says.
HEADLINE = (
    "micro_f1",
    "macro_f1",
    "samples_f1",
    "micro_precision",
    "micro_recall",
    "macro_average_precision",
    "macro_roc_auc",
    "subset_accuracy",
    "hamming_loss",
    "micro_calibration_error",
    "macro_calibration_error",
)
_CARDS = ("micro_f1", "macro_f1", "macro_average_precision", "subset_accuracy")
_MOST_TEXTS = 30
_MOST_PAIRS = 25
_MOST_HEAT_LABELS = 40
_SWEEP = np.arange(1, 100) / 100


def report(
    model: Any,
    dataset: Dataset,
    *others: Any,
    slices: Mapping[str, Sequence[object]] | None = None,
    precision: str | None = None,
    progress: Progress | None = None,
) -> Page:
    """Make a page about a model on texts whose labels are known, and compare it with others.

    The page is one file that needs no network. It shows headline figures with bootstrap intervals,
    beside the baseline of the model and the other models with paired differences; a table of the
    labels; curves of precision, recall and reliability; thresholds to be moved; what was said
    instead of a missed label; the hardest texts; labels that are likely wrong; scores on slices;
    how the training went, and where everything came from.

    Args:
        model: a model directory, a `Predictor`, or a fitted `MultiLabelClassifier`.
        dataset: N texts with labels, which the model was not trained on.
        *others: models of the same labels.
        slices: more ways to part the texts: N values each, by name.
        precision: what the encoders of directories are computed in.
        progress: where progress is shown.

    Raises:
        MissingExtraError: if the packages of the extra ``report`` are not installed.
        ModelError: if a model cannot be opened.
        SettingsError: if the models have not the same labels.
        DataError: if the data have no labels or no texts.

    Example:
        >>> page = report("complaints-model", read_dataset("test.csv"))  # doctest: +SKIP
        >>> page.save("report.html")  # doctest: +SKIP
    """
    check_charts()
    started = time.monotonic()
    progress = progress or Progress("silent")
    opened = [
        open_model(one, number, precision=precision)
        for number, one in enumerate((model, *others), 1)
    ]
    first = opened[0]
    for other in opened[1:]:
        check_same_labels(first, other)
    dataset = dataset.with_label_names(first.predictor.label_names)
    dataset.require_labels()
    if not len(dataset):
        raise SettingsError(f"{dataset.source} has no texts. A report needs some with labels.")
    judged = [judge_model(one, dataset, progress) for one in opened]
    baseline = judge_baseline(first, dataset)
    content = _content(judged, baseline, dataset, slices or {})
    drawn = min(MOST_CHARTS, len(dataset.label_names))
    with progress.task("Drawing curves", drawn, "labels") as task:
        details, data = label_details(
            judged[0].judgement,
            dataset.label_names,
            first.predictor.model.rule.thresholds,
            advance=task.advance,
        )
    directory = model if isinstance(model, (str, Path)) else "MODEL"
    content |= {
        "details": details,
        "most_charts": MOST_CHARTS,
        "more_labels": len(dataset.label_names) - len(details),
        "command": f"multilabel tune {shlex.quote(str(directory))} --thresholds thresholds.json",
        "rule_notes": _rule_notes(judged[0]),
        "seconds": time.monotonic() - started,
    }
    title = f"{judged[0].name} on {dataset.source}"
    html = render(
        "evaluation.html", title, content, scripts=["sorting.js", "thresholds.js"], data=data
    )
    return Page(html, _figures(judged, baseline, content))


def _content(
    judged: Sequence[JudgedModel],
    baseline: JudgedModel | None,
    dataset: Dataset,
    slices: Mapping[str, Sequence[object]],
) -> dict[str, Any]:
    first = judged[0]
    judgement = first.judgement
    assert first.predictor is not None
    model = first.predictor.model
    suspects = suspects_of(dataset, judgement.probabilities)
    lengths = model.tokenizer.encode(
        dataset.texts, dataset.text_pairs, max_seq_length=4
    ).full_lengths
    precisions = average_precision_intervals(judgement)
    compared = [*judged[1:], *([] if baseline is None else [baseline])]
    return {
        "models": judged,
        "baseline": baseline,
        "dataset": dataset,
        "headline": _headline(judged, baseline, precisions),
        "cards": _CARDS,
        "differences": [(one, paired_differences(judgement, one.judgement)) for one in compared],
        "labels": _label_rows(first, compared, precisions),
        "compared": compared,
        "charts": _charts(judged, baseline),
        "confusions": _confusions(judgement, dataset.label_names),
        "hardest": hardest_texts(judgement, dataset, _MOST_TEXTS),
        "suspects": suspects[:_MOST_TEXTS],
        "suspect_count": len(suspects),
        "slicings": slicings(judgement, lengths, slices),
        "learning": learning_curves(model.provenance.get("history")),
        "data_facts": data_facts(dataset),
        "provenance": [
            (
                one.name,
                {
                    "made": provenance_facts(one.predictor.model),
                    "settings": setting_facts(one.predictor.model),
                },
            )
            for one in judged
            if one.predictor is not None
        ],
        "seen": seen_in_training(model, dataset),
    }


def _headline(
    judged: Sequence[JudgedModel], baseline: JudgedModel | None, precisions: Any
) -> list[dict[str, Any]]:
    intervals = headline_intervals(judged[0].judgement)
    rows = []
    for name in HEADLINE:
        low = high = float("nan")
        if name in intervals:
            low, high = intervals[name].low, intervals[name].high
        elif name == "macro_average_precision" and precisions is not None:
            low, high = precisions.macro
        rows.append(
            {
                "name": name,
                "meaning": MEANINGS[name],
                "values": [one.evaluation.metrics.get(name) for one in judged],
                "low": low,
                "high": high,
                "baseline": None if baseline is None else baseline.evaluation.metrics.get(name),
                "lower_is_better": not METRICS[name].greater_is_better,
            }
        )
    return rows


def _label_rows(
    first: JudgedModel, compared: Sequence[JudgedModel], precisions: Any
) -> list[dict[str, Any]]:
    intervals = label_intervals(first.judgement)
    rows = []
    for place, scores in enumerate(first.evaluation.per_label):
        row: dict[str, Any] = asdict(scores)
        for name in intervals.low:
            row[f"{name}_low"] = float(intervals.low[name][place])
            row[f"{name}_high"] = float(intervals.high[name][place])
        row["ap_low"] = None if precisions is None else float(precisions.low[place])
        row["ap_high"] = None if precisions is None else float(precisions.high[place])
        row["others"] = [one.evaluation.per_label[place].f1 for one in compared]
        rows.append(row)
    return rows


def _charts(judged: Sequence[JudgedModel], baseline: JudgedModel | None) -> dict[str, Chart]:
    first = judged[0]
    everyone = [*judged, *([] if baseline is None else [baseline])]
    trade = []
    for place, one in enumerate(everyone[:4]):
        targets = one.judgement.targets
        x, y = trade_points(targets.truth, targets.known, one.judgement.probabilities)
        trade.append(Line(one.name, x, y, place, dashed=one is baseline))
    micro, macro = f1_over_thresholds(first.judgement, _SWEEP)
    curve = first.judgement.reliability
    return {
        "trade": line_chart(
            "Precision over recall of all decisions",
            trade,
            x="recall",
            y="precision",
            x_range=(0, 1),
            y_range=(0, 1.02),
        ),
        "sweep": line_chart(
            "Micro-F1 and macro-F1 with one threshold for all labels",
            [Line("micro-F1", _SWEEP, micro, 0), Line("macro-F1", _SWEEP, macro, 1, dashed=True)],
            x="one threshold for all labels",
            y="F1",
            x_range=(0, 1),
            y_range=(0, max(0.1, float(np.nanmax([micro, macro]))) * 1.08),
        ),
        "reliability": reliability_chart(
            "Reliability of all decisions", curve.probability, curve.share, curve.cells
        ),
    }


def _confusions(judgement: Judgement, names: tuple[str, ...]) -> dict[str, Any]:
    counts = label_confusion(judgement)
    pairs = [
        {
            "missed": names[pair.missed],
            "said": names[pair.said],
            "texts": pair.texts,
            "share": pair.share,
        }
        for pair in strongest_confusions(judgement, counts, _MOST_PAIRS)
    ]
    chart = None
    if pairs:
        weight = np.asarray(counts.sum(axis=0)).ravel() + np.asarray(counts.sum(axis=1)).ravel()
        heaviest = np.argsort(-weight, kind="stable")[:_MOST_HEAT_LABELS]
        heaviest = np.sort(heaviest[weight[heaviest] > 0])
        shown = [names[x] for x in heaviest]
        label_counts = judgement.label_counts
        missed = (label_counts.support - label_counts.true_positives)[heaviest]
        part = counts[heaviest][:, heaviest].toarray()
        shares = np.where(part > 0, part / np.maximum(missed, 1)[:, None], np.nan)
        chart = heat_map(
            "What was said instead of a missed label",
            shown,
            shown,
            shares,
            y="missed",
            x="said instead",
        )
    return {"pairs": pairs, "chart": chart}


def _rule_notes(first: JudgedModel) -> list[str]:
    """What the sliders leave out: they look at each label's threshold alone."""
    assert first.predictor is not None
    rule = first.predictor.model.rule
    notes = []
    if rule.empty_prediction != "allow":
        notes.append("a text without a label gets its most probable one")
    if rule.max_labels is not None:
        notes.append(f"a text gets at most {rule.max_labels} labels")
    if rule.exclusive_groups:
        notes.append("of labels that exclude each other the most probable one is given")
    return notes


def _figures(
    judged: Sequence[JudgedModel], baseline: JudgedModel | None, content: Mapping[str, Any]
) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and value != value else value

    def difference(found: PairedDifference) -> dict[str, Any]:
        return {name: plain(value) for name, value in asdict(found).items()}

    return {
        "models": {one.name: one.evaluation.to_dict() for one in judged},
        "baseline": None if baseline is None else baseline.evaluation.to_dict(),
        "intervals": {
            row["name"]: [row["low"], row["high"]]
            for row in content["headline"]
            if row["low"] == row["low"]
        },
        "differences": {
            one.name: [difference(found) for found in differences]
            for one, differences in content["differences"]
        },
        "suspects": content["suspect_count"],
    }
