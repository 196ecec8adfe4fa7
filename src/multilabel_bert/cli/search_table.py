"""The table of what a search has tried."""

from __future__ import annotations

from rich.text import Text

from multilabel_bert.cli.tables import console, table
from multilabel_bert.training.search_result import SearchResult

_MOST_ROWS = 10


def show_search(found: SearchResult) -> None:
    """Print the best configurations, the run's own among them, and the estimate for the best."""
    rows = found.rows()
    names = [name for name in found.best if len({str(row[name]) for row in rows}) > 1]
    shown = table("", "", *names, found.metric, "texts")
    best = rows[:_MOST_ROWS]
    for row in best + [row for row in rows[_MOST_ROWS:] if row["given"]]:
        score = row[found.metric]
        shown.add_row(
            "given" if row["given"] else str(row["rank"]),
            *(_value(row[name]) for name in names),
            "" if score is None else f"{score:.4f}",
            f"{row['texts']:,}",
        )
    out = console()
    out.print(Text("\nSearch: the best by cross-validation", style="bold"))
    out.print(shown)
    if len(rows) > len(best):
        print(f"{len(rows)} were tried; all of them are in search.csv of the model.")
    if (estimate := found.estimate) is not None:
        own = "" if estimate.own is None else f"; with the settings given {estimate.own:.4f}"
        print(
            f"{found.metric} of the best on {estimate.texts:,} texts that had no say in it: "
            f"{estimate.value:.4f}, 95% interval {estimate.low:.4f} to {estimate.high:.4f}{own}"
        )


def _value(value: object) -> str:
    return "default" if value is None else str(value)
