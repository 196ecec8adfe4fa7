"""GoEmotions for the peers: its files, thresholds, and the F1 on its test split."""

# N = texts, X = labels

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

LABELS = 28


def read_split(folder: str, split: str, limit: int | None = None) -> tuple[list[str], np.ndarray]:
    """N texts and their labels, float32 [N, X] of 0 and 1."""
    texts, rows = [], []
    with (Path(folder) / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        for text, labels, _ in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            texts.append(text)
            rows.append([int(label) for label in labels.split(",")])
    targets = np.zeros((len(texts), LABELS), np.float32)
    for row, labels in zip(targets, rows, strict=True):
        row[labels] = 1
    return texts[:limit], targets[:limit]


def tune_thresholds(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """For each label the cut-off of a grid with the best F1, float [X]; both are [N, X]."""
    grid = np.arange(0.02, 0.99, 0.02)
    predicted = probabilities[None] >= grid[:, None, None]  # [G, N, X]
    actual = targets[None] > 0
    hits = (predicted & actual).sum(1)  # [G, X]
    f1 = 2 * hits / np.maximum(predicted.sum(1) + actual.sum(1), 1)
    return grid[f1.argmax(0)]


def test_scores(
    probabilities: np.ndarray, targets: np.ndarray, thresholds: np.ndarray
) -> dict[str, float]:
    """Macro-F1 on the test split at 0.5 and by the thresholds."""
    scores = {"macro_f1_at_0.5": 0.5, "macro_f1": thresholds}
    return {
        name: float(f1_score(targets, probabilities >= cut, average="macro", zero_division=0))
        for name, cut in scores.items()
    }
