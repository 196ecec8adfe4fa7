"""Whether a head trained on features in bfloat16 is as good as in float32: F1 on GoEmotions.

Run: .venv/bin/python benchmarks/bfloat16_quality.py      (on a CPU with bfloat16)
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from typing import Any

from cells import DATA, options, run_cells, table
from goemotions import ENCODER

from multilabel_bert import MultiLabelClassifier
from multilabel_bert.data import read_splits
from multilabel_bert.encoder.cpu_features import has_bfloat16

SEEDS = (1, 2, 3)
SCORES = ("macro_average_precision", "macro_f1", "macro_f1_at_0.5")


def measure(pooling: str, cache: str) -> dict[str, Any]:
    """Mean scores over some seeds in both precisions, in points, and how far they are apart."""
    splits = read_splits(DATA / "goemotions")
    found: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        runs = []
        for seed in SEEDS:
            classifier = MultiLabelClassifier(
                ENCODER, pooling=pooling, precision=precision, seed=seed, cache=cache
            )
            classifier.fit(splits["train"], validation_data=splits["dev"])
            runs.append(classifier.evaluate(splits["test"]).to_dict())
        for name in SCORES:
            found[f"{name}, {precision}"] = 100 * sum(run[name] for run in runs) / len(runs)
    for name in SCORES:
        found[f"{name}, apart"] = abs(found[f"{name}, bfloat16"] - found[f"{name}, float32"])
    return found | {"seeds": SEEDS}


def main() -> None:
    """Run and print the table."""
    given = options(__doc__)
    if not DATA.is_dir() or not has_bfloat16():
        sys.exit("bfloat16_quality: needs ../shared/data and a CPU with bfloat16: nothing to run")
    with tempfile.TemporaryDirectory() as cache:
        cells = {
            f"head alone, {pooling}": partial(measure, pooling, cache)
            for pooling in ("pooled", "mean")
        }
        rows = run_cells(
            "bfloat16_quality", cells, only=given.only, folder=given.folder, timed=False
        )
    print("\nTest split, in points, means over seeds; goal: macro_f1 at most 0.3 apart.\n")
    columns = [f"{name}, {what}" for name in SCORES for what in ("float32", "bfloat16", "apart")]
    print(table(rows, ["cell", *columns]))


if __name__ == "__main__":
    main()
