"""Each label by itself: its curves, and what a slider needs to try other thresholds."""

# X = labels

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.decision.counts import f_beta, precision, recall
from multilabel_bert.decision.curves import label_columns, label_curve
from multilabel_bert.decision.judgement import Judgement
from multilabel_bert.decision.reliability import cell_curve
from multilabel_bert.decision.threshold_counts import ThresholdCounts, counts_at
from multilabel_bert.reports.charts import Chart, Line, line_chart, reliability_chart

# Three charts a label: about 25 kB and a fifth of a second.
MOST_CHARTS = 30
MOST_SLIDERS = 500
_CUT_OFFS = 160
_CURVE_POINTS = 80
_RELIABILITY_BINS = 10


@dataclass(frozen=True)
class LabelDetail:
    """What is shown of one label.

    Attributes:
        name: of the label.
        f1: of the stored decisions.
        support: texts that have it.
        threshold: that is stored.
        slider: its stored threshold's place among so many cut-offs.
        cut_offs: their number.
        over_threshold: chart of precision, recall and F1; None where there are too many labels.
        trade: chart of precision over recall.
        reliability: chart.
    """

    name: str
    f1: float
    support: int
    threshold: float
    slider: int
    cut_offs: int
    over_threshold: Chart | None = None
    trade: Chart | None = None
    reliability: Chart | None = None


def label_details(
    judgement: Judgement,
    names: tuple[str, ...],
    thresholds: Any,
    *,
    advance: Callable[[int], Any] = lambda _: None,
) -> tuple[list[LabelDetail], dict[str, Any]]:
    """The labels with the most texts first, and the data of their sliders.

    Args:
        judgement: of N texts.
        names: X names.
        thresholds: that are stored, [X].
        advance: told how many labels are drawn.

    Returns:
        The details of at most `MOST_SLIDERS` labels, and plain values for ``thresholds.js``.
    """
    support = judgement.label_counts.support
    known_texts = judgement.label_counts.known
    order = [x for x in np.argsort(-support, kind="stable").tolist() if known_texts[x]]
    shown, rest = order[:MOST_SLIDERS], order[MOST_SLIDERS:]
    drawn = set(order[:MOST_CHARTS])
    details: dict[int, LabelDetail] = {}
    sliders: dict[int, dict[str, Any]] = {}
    chosen = set(shown)
    decided: dict[int, ThresholdCounts] = {}
    for label, (truth, known, scores) in enumerate(
        label_columns(judgement.targets, judgement.probabilities)
    ):
        if not known_texts[label]:
            continue
        stored = float(str(np.float32(thresholds[label])))
        cut_offs = _cut_offs(scores[truth], stored)
        if label not in chosen:
            decided[label] = counts_at(truth, known, scores, [stored])
            continue
        counts = counts_at(truth, known, scores, cut_offs)
        place = int(np.flatnonzero(cut_offs == stored)[0])
        sliders[label] = {
            "name": names[label],
            "support": counts.support,
            "stored": place,
            "cut_offs": cut_offs.tolist(),
            "right": counts.true_positives.tolist(),
            "given": counts.predicted.tolist(),
        }
        charts: dict[str, Chart] = {}
        if label in drawn:
            charts = _charts(names[label], counts, truth, known, scores)
            advance(1)
        details[label] = LabelDetail(
            name=names[label],
            f1=float(f_beta(counts.counts)[place]),
            support=counts.support,
            threshold=stored,
            slider=place,
            cut_offs=len(cut_offs),
            **charts,
        )
    data = {
        "labels": [sliders[label] for label in shown],
        "rest": _rest([decided[label] for label in rest]),
    }
    return [details[label] for label in shown], data


def _rest(labels: list[ThresholdCounts]) -> dict[str, Any]:
    """The labels without a slider, for the figures of all labels together."""
    return {
        "labels": len(labels),
        "right": sum(int(found.true_positives[0]) for found in labels),
        "given": sum(int(found.predicted[0]) for found in labels),
        "support": sum(found.support for found in labels),
        "f1_sum": sum(float(f_beta(found.counts)[0]) for found in labels),
    }


def _cut_offs(positives: NDArray[np.floating], stored: float) -> NDArray[np.float64]:
    """Thresholds that are worth trying: spread evenly, and where the positives are."""
    evenly = np.arange(0.02, 1.0, 0.02)
    found: list[NDArray[np.floating]] = [evenly, np.array([0.01, 0.99, stored])]
    if len(positives):
        found.append(np.quantile(positives, np.linspace(0, 1, _CUT_OFFS - len(evenly))))
    # Rounded down: a text with that probability still passes.
    rounded = np.floor(np.concatenate(found) * 1000) / 1000
    # Rare labels have probabilities that three digits would not tell apart.
    fine = np.floor(np.concatenate(found) * 1e5) / 1e5
    values = np.where(rounded < 0.01, fine, rounded)
    values = np.unique(np.append(values[(values > 0) & (values < 1)], stored))
    # The stored one is there as it is, not rounded too.
    return values[(values == stored) | (np.abs(values - stored) > 1e-6)]


def _charts(
    name: str,
    counts: ThresholdCounts,
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_] | None,
    scores: NDArray[np.floating],
) -> dict[str, Chart]:
    of = counts.counts
    # Of nothing given there is no precision; 0 would look like a fall.
    defined = np.where(of.predicted > 0, precision(of), np.nan)
    over = line_chart(
        f"Precision, recall and F1 of {name} over the threshold",
        [
            Line("precision", counts.thresholds, defined, 0),
            Line("recall", counts.thresholds, recall(of), 1, dashed=True),
            Line("F1", counts.thresholds, f_beta(of), 2),
        ],
        x="threshold",
        y="",
        x_range=(0, 1),
        y_range=(0, 1.02),
    )
    curve = cell_curve(truth, known, scores, bins=_RELIABILITY_BINS)
    x, y = trade_points(truth, known, scores)
    return {
        "over_threshold": over,
        "trade": line_chart(
            f"Precision over recall of {name}",
            [Line("", x, y, 0)],
            x="recall",
            y="precision",
            x_range=(0, 1),
            y_range=(0, 1.02),
        ),
        "reliability": reliability_chart(
            f"Reliability of {name}", curve.probability, curve.share, curve.cells
        ),
    }


def trade_points(
    truth: NDArray[np.bool_], known: NDArray[np.bool_] | None, scores: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision at the scores of the positives, from the highest, thinned."""
    curve = label_curve(truth, known, scores)
    if not curve.positives:
        return np.empty(0), np.empty(0)
    points = len(curve.scores)
    places = np.unique(np.linspace(0, points - 1, min(points, _CURVE_POINTS)).astype(int))[::-1]
    right = curve.true_positives[places]
    return right / curve.positives, right / (right + curve.false_positives[places])
