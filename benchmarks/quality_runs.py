"""One run of the quality benchmark: ours, or Hugging Face Trainer's, and its scores."""

# N = texts, X = labels

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from goemotions import ENCODER
from programs import run_once
from quality_data import Splits, load
from quality_scores import all_scores
from training_peers import encoder_folder

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.errors import SettingsError
from multilabel_bert.training.settings import TrainingSettings

# Narratives have 200 words on average; all other texts are short.
_LENGTHS = {"complaints": 512}
_PEER_TEXTS_A_BATCH = 32

splits_of = cache(load)


def exists(parameters: dict[str, Any]) -> bool:
    """Whether this version has these settings, and these values of them."""
    names = {field.name for field in fields(TrainingSettings)}
    known = MultiLabelClassifier().get_params()
    if not parameters.keys() <= known.keys():
        return False
    try:
        TrainingSettings(**{name: parameters[name] for name in parameters if name in names})
    except SettingsError:
        return False
    return True


def ours(data: str, parameters: dict[str, Any], seed: int, *, small: bool) -> dict[str, Any]:
    """Train with these settings and score; ``seconds`` are those of `fit`."""
    splits = splits_of(data, small=small)
    given = {"max_seq_length": _LENGTHS.get(data, 128)} | parameters
    if small and given.get("train_layers", 0) != 0:
        given["num_train_epochs"] = 1
    model = MultiLabelClassifier(ENCODER, seed=seed, verbose=False, **given)
    started = time.perf_counter()
    model.fit(splits.train, validation_data=splits.dev)
    seconds = time.perf_counter() - started
    dev, test = (probabilities(model, part) for part in (splits.dev, splits.test))
    return {
        "data": data,
        "settings": parameters,
        "seed": seed,
        "seconds": round(seconds, 1),
        "pooling": model.model_.pooling,
        "precision_used": model.model_.provenance.get("precision"),
        **all_scores(splits.dev, dev, splits.test, test),
    }


def probabilities(model: MultiLabelClassifier, dataset: Dataset) -> np.ndarray:
    """Float [N, X], as prediction gives them."""
    return model.predict_proba(dataset)


def peer(data: str, learning_rate: float, *, small: bool) -> dict[str, Any]:
    """Trainer, all layers, 3 epochs; scored as ours."""
    splits = splits_of(data, small=small)
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.json"
        task.write_text(json.dumps(_task(splits)), encoding="utf-8")
        precision = "bf16" if has_bfloat16() else "float32"
        figures = run_once(
            "peers/hf_quality.py",
            *("--task", str(task), "--encoder", encoder_folder(), "--output", folder),
            *("--precision", precision, "--learning-rate", str(learning_rate)),
            *("--batch-size", str(_PEER_TEXTS_A_BATCH), "--epochs", "1" if small else "3"),
            peer="transformers",
        )
        dev, test = (np.load(Path(folder) / f"{name}.npy") for name in ("dev", "test"))
    return {
        "data": data,
        "learning_rate": learning_rate,
        "seed": 42,
        "seconds": round(figures["seconds"], 1),
        "precision_used": precision,
        **all_scores(splits.dev, dev, splits.test, test),
    }


def _task(splits: Splits) -> dict[str, Any]:
    def split(dataset: Dataset) -> dict[str, Any]:
        rows = [np.flatnonzero(row == 1).tolist() for row in dataset.dense_labels()]
        return {"texts": dataset.texts, "labels": rows}

    parts = {name: split(getattr(splits, name)) for name in ("train", "dev", "test")}
    return {"labels": len(splits.train.label_names), "splits": parts}
