"""What the commands print for people: data, metrics, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from multilabel_bert.decision.metric_meanings import MEANINGS

if TYPE_CHECKING:
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.decision.evaluation import LabelScores
    from multilabel_bert.model.comparison import Comparison

# The metrics that are shown, in groups; the others come with --json.
HEADLINE = (
    "micro_f1",
    "macro_f1",
    "samples_f1",
    "micro_f1_at_0.5",
    "macro_f1_at_0.5",
    "macro_average_precision",
    "macro_roc_auc",
    "lrap",
    "subset_accuracy",
    "hamming_loss",
    "micro_calibration_error",
    "coverage_error",
    "ranking_loss",
)
# Those that thresholds change.
_DECIDED = ("micro_f1", "macro_f1", "samples_f1", "subset_accuracy", "hamming_loss")
MOST_LABELS = 40
_WIDTH_OF_FILES = 120
_EIGHTHS = " ▏▎▍▌▋▊▉"


class _Console(Console):
    def print(self, *objects: Any, **options: Any) -> None:
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as captured:
            super().print(*objects, **options)
        # Rich fills lines up with spaces, which a file need not hold.
        self.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))

    def on_broken_pipe(self) -> None:
        # Rich would exit with 1; the command line ends quietly.
        raise BrokenPipeError


def console() -> Console:
    """Standard output; of a fixed width where it is not a terminal."""
    made = _Console(highlight=False)
    return made if made.is_terminal else _Console(highlight=False, width=_WIDTH_OF_FILES)


def table(title: str = "", *columns: str) -> Table:
    """A table without lines; columns are right-aligned but the first."""
    made = Table(
        box=None,
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        header_style="dim",
        padding=(0, 2, 0, 0),
        show_header=bool(columns),
    )
    for index, name in enumerate(columns):
        if index == 0:
            # Long names of labels wrap; figures never do.
            made.add_column(name, overflow="fold")
        else:
            made.add_column(name, justify="right", no_wrap=True)
    return made


def bar(share: float, width: int) -> str:
    """A bar of blocks for a share of 0 to 1.

    >>> bar(0.5, 4), bar(0.3, 4), bar(0.0, 4), bar(0.001, 4)
    ('██', '█▎', '', '▏')
    """
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def shortened(text: str, width: int) -> str:
    r"""A text on one line of at most so many characters, without what could steer a terminal.

    >>> shortened("my parcel\nnever came", 12)
    'my parcel n…'
    """
    from multilabel_bert.printable import printable

    line = " ".join(printable(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def dataset_lines(dataset: Dataset, title: str, *, brief: bool = False) -> list[str]:
    """Say what was read, and how.

    Args:
        dataset: what was read.
        title: what it is for.
        brief: without the layout.
    """
    labels = len(dataset.label_names)
    size = f"{len(dataset):,} texts, {labels:,} label{'s' if labels != 1 else ''}"
    lines = [] if brief or dataset.layout is None else dataset.layout.describe()
    if dataset.report is not None:
        lines += dataset.report.lines()
    return [f"{title}: {dataset.source}, {size}", *(f"  {line}" for line in lines)]


def show_metrics(metrics: Mapping[str, float], title: str) -> None:
    """Print the headline metrics, each with what it says."""
    shown = table()
    for name in HEADLINE:
        if name in metrics:
            shown.add_row(name, _number(metrics[name], 4), Text(MEANINGS[name], style="dim"))
    out = console()
    out.print(Text(f"\n{title}", style="bold"))
    out.print(shown)


def show_baseline(comparison: Comparison) -> None:
    """Print what the baseline scores beside the model, and how sure the difference is."""
    shown = table("", "", "model", "baseline", "difference", "95% interval")
    for row in comparison.differences:
        interval = f"{_signed(row.low)} to {_signed(row.high)}"
        figures = (_number(row.first, 4), _number(row.second, 4), _signed(row.value))
        shown.add_row(row.metric, *figures, interval)
    out = console()
    out.print(Text("\nBeside the baseline", style="bold"))
    out.print(Text(comparison.description, style="dim"))
    out.print(shown)


def show_comparison(columns: Mapping[str, Mapping[str, float]], title: str) -> None:
    """Print what decisions are worth, of several decision rules beside each other."""
    shown = table("", "", *columns)
    for name in _DECIDED:
        shown.add_row(name, *(_number(metrics[name], 4) for metrics in columns.values()))
    out = console()
    out.print(Text(f"\n{title}", style="bold"))
    out.print(shown)


def show_labels(rows: Sequence[LabelScores]) -> None:
    """Print one line a label; of many, those with the most texts."""
    shown = table("", "label", "texts", "given", "precision", "recall", "F1", "AP", "threshold")
    several = list(rows)
    if len(several) > MOST_LABELS:
        several = sorted(several, key=lambda row: -row.support)[:MOST_LABELS]
    for row in several:
        scores = (row.precision, row.recall, row.f1, row.average_precision, row.threshold)
        shown.add_row(
            Text(row.label),
            f"{row.support:,}",
            f"{row.predicted_positives:,}",
            *(_number(value, 3) for value in scores),
        )
    out = console()
    out.print()
    out.print(shown)
    say_more_labels(len(rows) - len(several))


def show_thresholds(names: Sequence[str], before: Any, after: Any) -> None:
    """Print the thresholds that changed, the largest changes first where they are many."""
    changes = [
        (abs(float(new) - float(old)), name, float(old), float(new))
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    ]
    shown = table("", "threshold", "before", "after")
    kept = {row[1] for row in sorted(changes, key=lambda row: -row[0])[:MOST_LABELS]}
    for _, name, old, new in changes:
        if name in kept:
            shown.add_row(Text(name), _number(old, 3), _number(new, 3))
    out = console()
    out.print(f"\n{len(changes):,} of {len(names):,} thresholds changed.")
    if changes:
        out.print(shown)


def say_more_labels(count: int) -> None:
    """Say how many labels a shortened table leaves out."""
    if count > 0:
        print(f"… and {count:,} rarer labels; --json shows all.")


def _signed(value: float) -> str:
    return "–" if value != value else f"{value:+.4f}"


def _number(value: float, digits: int) -> str:
    return "–" if value != value else f"{value:.{digits}f}"
