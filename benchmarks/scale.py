"""Cost against size: seconds and peak memory of each step, by the number of texts and of labels.

Synthetic texts of some 20 tokens, three labels each; a BERT of 2 layers, H = 128, random weights.
encode: tokens and frozen layers, into the cache. split: a tenth held out, stratified. train: the
head, 3 epochs, from the cache, with the tenth to follow it on. tune and evaluate: all the texts.
predict: the whole command, CSV to JSON lines. The memory is that of the whole process.
The exponent e says how a column grows: cost = size ** e; 1 is linear. It is fitted over all sizes,
where the start of a program weighs, and between the last two, where it does not.

Run: .venv/bin/python benchmarks/scale.py [--only TEXT] [--small]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cells import options, run_cells, table
from programs import run_once

STEPS = ("encode", "split", "train", "tune", "evaluate", "predict")
TEXTS, TEXTS_PREDICTED = (1_000, 10_000, 100_000), 1_000_000
LABELS = (10, 100, 1_000, 10_000)
# The other size, while one of them grows.
LABELS_FIXED, TEXTS_FIXED = 100, 10_000
# Does not depend on the labels.
WITHOUT_LABELS = ("encode",)


def name_of(step: str, texts: int, labels: int) -> str:
    """Of a cell."""
    return f"{step}, {texts:,} texts, {labels:,} labels"


def sizes(small: bool) -> list[tuple[str, int, int]]:
    """Step, texts and labels of each cell, each once."""
    shrink = 20 if small else 1
    by_texts = [(s, n // shrink, LABELS_FIXED) for n in TEXTS for s in STEPS]
    by_texts.append(("predict", TEXTS_PREDICTED // shrink, LABELS_FIXED))
    by_labels = [
        (s, TEXTS_FIXED // shrink, x) for x in LABELS for s in STEPS if s not in WITHOUT_LABELS
    ]
    largest = [(s, TEXTS[-1] // shrink, LABELS[-1]) for s in ("split", "train")]
    return list(dict.fromkeys(by_texts + by_labels + largest))


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float | None:
    """The slope of log cost over log size; None from a single size."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(costs, 1e-3)), 1)[0])


def growth(rows: list[dict[str, Any]], size: str, fixed: dict[str, int]) -> str:
    """A table with a line a size, a column a step and measure, and the exponents below."""
    chosen = [
        row
        for row in rows
        if "error" not in row and all(row[key] == value for key, value in fixed.items())
    ]
    values = sorted({row[size] for row in chosen})
    steps = [step for step in STEPS if sum(row["step"] == step for row in chosen) > 1]
    lines: list[dict[str, Any]] = [{size: f"{value:,}"} for value in values]
    lines += [{size: "exponent, all"}, {size: "exponent, last two"}]
    for step in steps:
        for measure, unit in (("seconds", "s"), ("peak_mb", "MB")):
            column = f"{step} {unit}"
            found = {row[size]: row[measure] for row in chosen if row["step"] == step}
            for line, value in zip(lines, values, strict=False):
                line[column] = found.get(value)
            costs = [found[value] for value in sorted(found)]
            lines[-2][column] = exponent(sorted(found), costs)
            lines[-1][column] = exponent(sorted(found)[-2:], costs[-2:])
    columns = [f"{step} {unit}" for step in steps for unit in ("s", "MB")]
    return table(lines, [size, *columns])


def main() -> None:
    """Run and print the tables."""
    given = options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        cells: dict[str, Callable[[], dict[str, Any]]] = {}
        for step, texts, labels in sizes(given.small):

            def measure(step: str = step, texts: int = texts, labels: int = labels) -> Any:
                arguments = (str(Path(folder)), step, str(texts), str(labels))
                found = run_once("ours/scale_step.py", *arguments)
                return {"step": step, "texts": texts, "labels": labels, **found}

            cells[name_of(step, texts, labels)] = measure
        rows = run_cells("scale", cells, only=given.only, folder=given.folder)
    fixed_texts = TEXTS_FIXED // 20 if given.small else TEXTS_FIXED
    print(f"\nBy texts, {LABELS_FIXED} labels\n")
    print(growth(rows, "texts", {"labels": LABELS_FIXED}))
    print(f"\nBy labels, {fixed_texts:,} texts\n")
    print(growth(rows, "labels", {"texts": fixed_texts}))
    print("\nMany of both, and what failed\n")
    most = max((row.get("labels", 0) * row.get("texts", 0) for row in rows), default=0)
    largest = [r for r in rows if "error" in r or r["labels"] * r["texts"] == most]
    print(table(largest, ["cell", "seconds", "peak_mb", "mb_before"]))


if __name__ == "__main__":
    main()
