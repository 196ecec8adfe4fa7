"""Planted label errors: how many of the most suspicious labels are really the flipped ones?

2% of the cells of the training labels of GoEmotions are flipped at random. Probabilities come from
heads alone on [CLS] and mean, each trained on four fifths with the flipped labels. Errors that
were in GoEmotions before count as false alarms.

Run: .venv/bin/python benchmarks/label_errors.py      (needs ../shared/data)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from cells import DATA, run_cells, table
from goemotions import ENCODER
from quality_runs import probabilities, splits_of
from scipy.sparse import csr_array

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.splitting import fold_indices
from multilabel_bert.decision.label_errors import find_label_errors

SHARE = 0.02
FOLDS = 5
FIRST = (100, 1000, 5000, 10000)


def measure(seed: int) -> dict[str, Any]:
    """Precision among the first suspects, and what share of the flipped cells is suspect."""
    train = splits_of("goemotions", small=False).train
    truth = train.require_labels().toarray()
    flipped = np.random.default_rng(seed).random(truth.shape) < SHARE
    given = np.where(flipped, 1 - truth, truth).astype(np.int8)
    dataset = replace(train, labels=csr_array(given))
    found = np.zeros(truth.shape, np.float32)
    for train_rows, test_rows in fold_indices(dataset, FOLDS, seed=seed):
        model = MultiLabelClassifier(
            ENCODER,
            pooling="cls+mean",
            dev_fraction=0.0,
            seed=seed,
            verbose=False,
            compare_poolings=False,
        ).fit(dataset.subset(train_rows))
        found[test_rows] = probabilities(model, dataset.subset(test_rows))
    errors = find_label_errors(given, found)
    right = flipped[errors.rows, errors.columns]
    removed = flipped & (truth == 1)
    return {
        "seed": seed,
        "flipped": int(flipped.sum()),
        "flipped_to_no": int(removed.sum()),
        "suspects": len(errors),
        **{f"precision_first_{first}": round(float(right[:first].mean()), 4) for first in FIRST},
        "precision_all": round(float(right.mean()), 4),
        "recall": round(float(right.sum() / flipped.sum()), 4),
        "recall_flipped_to_no": round(float((errors.suspect & removed).sum() / removed.sum()), 4),
        "base_rate": SHARE,
    }


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("label_errors: ../shared/data is not on this machine, so there is nothing to run")
    rows = run_cells("label_errors", {"seed 42": lambda: measure(42)}, timed=False)
    print("\n" + table(rows, list(rows[0])))
