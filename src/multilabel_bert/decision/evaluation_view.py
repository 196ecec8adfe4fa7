"""An evaluation as a notebook shows it: figures, and a table of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from multilabel_bert.notebook import folded, note, table, view

if TYPE_CHECKING:
    from multilabel_bert.decision.evaluation import Evaluation, LabelScores

# With what a person needs to know to read it; the others are in `Evaluation.metrics`.
_FIGURES = (
    ("macro_f1", "F1 of each label, averaged"),
    ("micro_f1", "F1 over all cells"),
    ("micro_precision", "labels given that are right"),
    ("micro_recall", "labels that are found"),
    ("macro_average_precision", "area under precision over recall, averaged"),
    ("subset_accuracy", "texts with every label right"),
)
_COLUMNS = ("label", "texts", "given", "precision", "recall", "F1", "AP", "threshold")


def shown(evaluation: Evaluation) -> str:
    """All of it, small."""
    metrics = evaluation.metrics
    rest = "figures are in .metrics, and everything in .to_dict()"
    return view(
        note(f"{int(metrics['rows']):,} texts, {int(metrics['labels']):,} labels; more {rest}."),
        figures(metrics),
        folded("Labels", labels(evaluation.per_label)),
    )


def figures(metrics: Mapping[str, float]) -> str:
    """The headline figures, as a table."""
    rows = [(name, metrics[name], meaning) for name, meaning in _FIGURES if name in metrics]
    return table(("metric", "value", ""), rows)


def labels(per_label: Sequence[LabelScores]) -> str:
    """A row a label, the most frequent first."""
    rows = [
        (
            row.label,
            row.support,
            row.predicted_positives,
            row.precision,
            row.recall,
            row.f1,
            row.average_precision,
            row.threshold,
        )
        for row in sorted(per_label, key=lambda row: -row.support)
    ]
    return table(_COLUMNS, rows, rest="labels are in .per_label")
