"""What to do with long texts: consumer complaints, cut or read in windows, by a head alone.

Five-fold cross-validation on the 1,532 complaints that have a narrative (product and issue, labels
with one example included), the same folds for every cell. The encoder is frozen; each cell encodes
its sequences once.

Run: .venv/bin/python benchmarks/long_texts.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table
from goemotions import ENCODER

from multilabel_bert import MultiLabelClassifier, cross_validate
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.decision.evaluation import evaluate
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.text.tokenizer import BertTokenizer

FOLDS = 5
SEED = 1
CELLS: dict[str, dict[str, Any]] = {
    f"{length}, {name}": {"max_seq_length": length, **given}
    for length in (128, 512)
    for name, given in {
        "head": {},
        "tail": {"truncation": "tail"},
        "head+tail": {"truncation": "head+tail"},
        "windows, mean": {"windows": "mean", "max_windows": None},
        "windows, max": {"windows": "max", "max_windows": None},
        "windows, mean, stride a quarter": {
            "windows": "mean",
            "max_windows": None,
            "stride": length // 4,
        },
    }.items()
}


def complaints(small: bool) -> Dataset:
    """Product and issue of the complaints that have a narrative."""
    dataset = read_dataset(
        DATA / "consumer-complaints" / "complaints_sample.csv",
        text_column="Consumer complaint narrative",
        label_columns=["Product", "Issue"],
        empty_text="drop",
    )
    return dataset.subset(np.arange(100)) if small else dataset


def measure(given: dict[str, Any], dataset: Dataset, cache: str) -> dict[str, Any]:
    """Scores of held-out texts, of all and of those that are longer than a sequence."""
    started = time.perf_counter()
    classifier = MultiLabelClassifier(
        ENCODER, pooling="mean_last4", seed=SEED, few_examples=False, cache=cache, **given
    )
    found = cross_validate(classifier, dataset, folds=FOLDS)
    seconds = time.perf_counter() - started
    tokenizer = BertTokenizer.from_files(load_checkpoint(ENCODER).tokenizer_files)
    lengths = tokenizer.encode(dataset.texts).full_lengths
    targets = dataset.require_labels()
    figures: dict[str, Any] = {"seconds": seconds}
    for name, rows in {
        "all": np.arange(len(dataset)),
        "over 128": np.flatnonzero(lengths > 128),
        "over 512": np.flatnonzero(lengths > 512),
    }.items():
        scores = evaluate(
            targets[rows],
            found.probabilities[rows],
            found.predictions[rows],
            label_names=dataset.label_names,
        ).metrics
        figures[f"texts, {name}"] = len(rows)
        figures[f"micro_f1, {name}"] = scores["micro_f1"]
        figures[f"macro_ap, {name}"] = scores["macro_average_precision"]
    figures["macro_f1, all"] = found.overall.metrics["macro_f1"]
    figures["micro_f1, deviation of folds"] = found.mean("micro_f1")[1]
    return figures


def main() -> None:
    """Run and print the table."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("long_texts: needs ../shared/data: nothing to run")
    dataset = complaints(given.small)
    with tempfile.TemporaryDirectory() as cache:
        cells = {name: partial(measure, more, dataset, cache) for name, more in CELLS.items()}
        rows = run_cells("long_texts", cells, only=given.only, folder=given.folder, timed=False)
    columns = ["cell", "micro_f1, all", "macro_f1, all", "macro_ap, all", "micro_f1, over 128"]
    columns += ["micro_f1, over 512", "micro_f1, deviation of folds", "seconds"]
    print(f"\n{len(dataset):,} complaints, {FOLDS}-fold cross-validation\n\n{table(rows, columns)}")


if __name__ == "__main__":
    main()
