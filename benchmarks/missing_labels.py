"""A head trained with some of the labels unknown: left out, or taken as "no"?

A share of the cells of the training and development labels of GoEmotions is hidden at random; the
test labels are whole. A head alone on [CLS] and mean, features from the cache, 3 seeds.

Run: .venv/bin/python benchmarks/missing_labels.py      (needs ../shared/data)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import mean, pstdev
from typing import Any

import numpy as np
from cells import DATA, run_cells
from goemotions import ENCODER
from quality_runs import probabilities, splits_of
from scipy.sparse import csr_array

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.metrics import METRICS

SHARES = (0.0, 0.25, 0.5, 0.75)
SEEDS = (42, 43, 44)
WAYS = ("left out", "taken as no")
SCORES = ("macro_f1", "micro_f1", "macro_average_precision", "macro_f1_at_0.5")


def hidden(dataset: Dataset, share: float, seed: int, way: str) -> Dataset:
    """The dataset with a share of its cells hidden, each with the same chance."""
    labels = dataset.require_labels().toarray()
    gone = np.random.default_rng(seed).random(labels.shape) < share
    labels[gone] = -1 if way == "left out" else 0
    return replace(dataset, labels=csr_array(labels))


def measure(share: float, way: str, seed: int) -> dict[str, Any]:
    """Train on what is left, tune on what is left, and score on the whole test labels."""
    splits = splits_of("goemotions", small=False)
    model = MultiLabelClassifier(
        ENCODER, pooling="cls+mean", seed=seed, verbose=False, compare_poolings=False
    )
    model.fit(
        hidden(splits.train, share, seed, way),
        validation_data=hidden(splits.dev, share, seed + 1000, way),
    )
    found = probabilities(model, splits.test)
    judgement = judge(splits.test.dense_labels(), found, model.model_.rule.predict(found))
    scores = {name: round(METRICS[name].function(judgement), 5) for name in SCORES}
    return {"share": share, "way": way, "seed": seed, **scores}


def cells() -> dict[str, Callable[[], dict[str, Any]]]:
    """The cells by their names; with nothing hidden both ways are one."""
    runs = [
        (seed, share, way)
        for seed in SEEDS
        for share in SHARES
        for way in WAYS
        if share or way == WAYS[0]
    ]
    return {
        f"{share:.0%} hidden, {way}, seed {seed}": (
            lambda share=share, way=way, seed=seed: measure(share, way, seed)
        )
        for seed, share, way in runs
    }


def summary(rows: list[dict[str, Any]]) -> str:
    """A Markdown table, mean ± deviation over the seeds."""
    lines = [f"| hidden | unknown labels are | {' | '.join(SCORES)} |", "|---" * 6 + "|"]
    for share in SHARES:
        for way in WAYS:
            runs = [row for row in rows if (row.get("share"), row.get("way")) == (share, way)]
            if runs:
                values = [[row[name] for row in runs] for name in SCORES]
                figures = (f"{mean(each):.3f} ± {pstdev(each):.3f}" for each in values)
                lines.append(f"| {share:.0%} | {way if share else '–'} | {' | '.join(figures)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("missing_labels: ../shared/data is not on this machine")
    print(f"\n{summary(run_cells('missing_labels', cells(), timed=False))}")
