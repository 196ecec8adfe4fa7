"""Where a model came from: encoder, data, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel

_PACKAGES = ("multilabel-bert", "keras", "openvino", "tokenizers", "numpy")


def provenance_of(
    checkpoint: Checkpoint,
    train: Dataset,
    dev: Dataset | None,
    start: ClassifierModel | None = None,
) -> dict[str, Any]:
    """What is stored in a model about its making, as plain values.

    Args:
        checkpoint: the encoder.
        train: texts that were trained on.
        dev: texts that thresholds were chosen on, or None.
        start: the model that training went on from, or None.
    """
    made = {
        "encoder": checkpoint.origin,
        "encoder_format": checkpoint.format,
        "train": _data(train),
        "dev": None if dev is None else _data(dev),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    if start is not None:
        made["continued_from"] = {
            "sha256": start.digest(),
            "labels": list(start.label_names),
            "provenance": start.provenance,
        }
    return made


def seen_in_training(model: ClassifierModel, dataset: Dataset) -> str | None:
    """``"train"`` or ``"dev"`` if the model was made with these very texts and labels."""
    own = dataset.with_label_names(model.label_names)
    digests = {dataset_digest(own), dataset_digest(dataset)}
    for split in ("train", "dev"):
        data = model.provenance.get(split)
        if isinstance(data, Mapping) and data.get("sha256") in digests:
            return split
    return None


def _data(dataset: Dataset) -> dict[str, Any]:
    return {
        "source": dataset.source,
        "texts": len(dataset),
        "labels": len(dataset.label_names),
        "sha256": dataset_digest(dataset),
    }


def dataset_digest(dataset: Dataset) -> str:
    """A digest of texts, pairs and labels, whatever file they came from."""
    digest = hashlib.sha256()
    for part in (dataset.label_names, dataset.texts, dataset.text_pairs or ()):
        digest.update(f"{len(part)}\n".encode())
        for text in part:
            encoded = text.encode("utf-8", "surrogatepass")
            # With its length, so that no two lists of texts look alike.
            digest.update(f"{len(encoded)}\n".encode())
            digest.update(encoded)
    if dataset.labels is not None:
        cells = dataset.labels.tocoo()
        for array in (cells.row, cells.col, cells.data):
            digest.update(array.astype("<i8").tobytes())
    return digest.hexdigest()
