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
from scipy.special import expit
from training_peers import encoder_folder

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.encoder.pooling import combine, pooling_parts
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.training.feature_cache import FeatureCache
from multilabel_bert.training.frozen_layers import FrozenLayers
from multilabel_bert.training.settings import TrainingSettings

# Narratives have 200 words on average; all other texts are short.
_LENGTHS = {"complaints": 512}
_PEER_TEXTS_A_BATCH = 32
# Texts whose probabilities are computed both ways, and how far they may be apart.
_COMPARED = 32
_BFLOAT16_TOLERANCE = 0.03

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
    model = MultiLabelClassifier(ENCODER, seed=seed, verbose=False, compare_poolings=False, **given)
    started = time.perf_counter()
    by_folds = bool(given.get("threshold_cv"))
    model.fit(splits.train, validation_data=None if by_folds else splits.dev)
    seconds = time.perf_counter() - started
    dev, test = (probabilities(model, part) for part in (splits.dev, splits.test))
    return {
        "data": data,
        "settings": parameters,
        "seed": seed,
        "seconds": round(seconds, 1),
        "pooling": model.model_.pooling,
        "precision_used": model.model_.provenance.get("precision"),
        **all_scores(
            splits.dev,
            dev,
            splits.test,
            test,
            headline_thresholds=model.model_.rule.thresholds if by_folds else None,
        ),
    }


def probabilities(model: MultiLabelClassifier, dataset: Dataset) -> np.ndarray:
    """Float [N, X], as prediction gives them.

    Of a head alone they are made of cached features, which many settings share; some are compared
    with those of prediction.

    Raises:
        RuntimeError: if they differ.
    """
    if model.train_layers != 0 or model.windows is not None or model.truncation != "head":
        return model.predict_proba(dataset)
    saved = model.model_
    frozen = FrozenLayers(
        load_checkpoint(ENCODER),
        pooling_parts(saved.pooling),
        cache=FeatureCache(),
        progress=Progress("silent"),
    )
    texts = saved.tokenizer.encode(dataset.texts, max_seq_length=saved.max_seq_length)
    features = combine(frozen.representations(texts, "Encoding"), saved.pooling)
    found = expit(features @ saved.kernel + saved.bias)
    some = dataset.subset(np.arange(min(_COMPARED, len(dataset))))
    apart = float(np.abs(found[: len(some)] - model.predict_proba(some)).max())
    if apart > _BFLOAT16_TOLERANCE:
        raise RuntimeError(f"probabilities of cached features differ by {apart:.3f}")
    return found


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
