"""What the commands print for people: data, metrics, labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.decision.evaluation import LabelScores

# The metrics that are shown first; the others come with --json.
HEADLINE = (
    "micro_f1",
    "macro_f1",
    "samples_f1",
    "micro_f1_at_0.5",
    "macro_f1_at_0.5",
    "macro_average_precision",
    "macro_roc_auc",
    "subset_accuracy",
    "hamming_loss",
    "lrap",
    "coverage_error",
    "ranking_loss",
)
_MOST_LABELS = 60


def console() -> Console:
    """Standard output; as wide as needed where it is not a terminal."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=120)


def show_dataset(dataset: Dataset, title: str, *, brief: bool = False) -> None:
    """Say what was read, and how."""
    out = console()
    size = f"{len(dataset):,} texts, {len(dataset.label_names):,} labels"
    out.print(Text(f"{title}: {dataset.source}, {size}"))
    lines = [] if brief or dataset.layout is None else dataset.layout.describe()
    if dataset.report is not None:
        lines += dataset.report.lines()
    for line in lines:
        out.print(Text(f"  {line}"))


def show_metrics(metrics: Mapping[str, float], title: str) -> None:
    """Print the headline metrics."""
    table = Table(show_header=False, box=None)
    for name in HEADLINE:
        if name in metrics:
            table.add_row(name, f"{metrics[name]:.4f}")
    out = console()
    out.print(Text(f"\n{title}", style="bold"))
    out.print(table)


def show_labels(rows: tuple[LabelScores, ...]) -> None:
    """Print one line a label."""
    table = Table(title_justify="left", box=None)
    names = ("support", "predicted", "precision", "recall", "f1", "AP", "threshold")
    table.add_column("label")
    for name in names:
        table.add_column(name, justify="right")
    for row in rows[:_MOST_LABELS]:
        table.add_row(
            Text(row.label),
            f"{row.support:,}",
            f"{row.predicted_positives:,}",
            *(
                _number(value)
                for value in (
                    row.precision,
                    row.recall,
                    row.f1,
                    row.average_precision,
                    row.threshold,
                )
            ),
        )
    out = console()
    out.print(table)
    if len(rows) > _MOST_LABELS:
        out.print(f"… and {len(rows) - _MOST_LABELS:,} more labels; --json shows all.")


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
