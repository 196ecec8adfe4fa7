"""The table of what a search has tried, from what a model stores of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

FILE = "search.csv"


def rows_of(stored: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `SearchResult.to_dict`, as a saved model has it."""
    return [
        {
            "rank": rank,
            **one["settings"],
            stored["metric"]: one["score"],
            "round": one["round"],
            "texts": one["texts"],
            "given": one["own"],
        }
        for rank, one in enumerate(stored["tried"], start=1)
    ]


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
