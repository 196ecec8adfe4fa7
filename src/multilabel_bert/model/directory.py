"""The model directory: a trained classifier on disk, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import Checkpoint, load_checkpoint
from multilabel_bert.encoder.hugging_face_checkpoint import WEIGHTS
from multilabel_bert.encoder.pooling import POOLINGS, representation_size
from multilabel_bert.errors import ModelError, MultilabelError
from multilabel_bert.files import atomic_directory, atomic_file, explain_os_errors
from multilabel_bert.model.card import model_card
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.hugging_face_files import (
    expressible_as_sequence_classifier,
    read_dense,
    write_weights,
)
from multilabel_bert.text.tokenizer import BertTokenizer

# Holds what Hugging Face's files have no place for, and marks a directory as ours.
MANIFEST = "multilabel.json"
FORMAT_VERSION = 1
_MANIFEST_TYPES = {
    "format_version": int,
    "pooling": str,
    "label_names": list,
    "max_seq_length": int,
    "precision": str,
    "settings": dict,
    "metrics": dict,
    "provenance": dict,
}


def check_output(path: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a place for a model before the work is done, not after.

    Raises:
        ModelError: if something is there and `overwrite` is false, or if it is something else
            than a model of this program.
    """
    path = Path(path)
    with explain_os_errors(path):
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return
    if not (path / MANIFEST).is_file():
        raise ModelError(
            f"{path} exists and is not a model of this program, so it is never overwritten. "
            "Choose another output directory."
        )
    if not overwrite:
        raise ModelError(
            f"{path} holds a model already. Choose another output directory, or allow it to be "
            "replaced: overwrite=True in Python, --overwrite on the command line."
        )


def save_model(model: ClassifierModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a classifier as a Hugging Face repository with ``multilabel.json``.

    Args:
        model: what to write.
        path: a new or empty directory, or with `overwrite` one of an older model, which is
            kept until the new one is complete.
        overwrite: whether an older model may be replaced.

    Raises:
        ModelError: as `check_output`.
        WriteError: if the file system refuses.
    """
    check_output(path, overwrite=overwrite)
    with atomic_directory(path, overwrite=True) as directory:
        write_weights(model, directory)
        for name, text in model.tokenizer.to_files(model.max_seq_length).items():
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
        manifest = _manifest(model) | {"weights_sha256": _sha256(directory / WEIGHTS)}
        (directory / MANIFEST).write_text(_json(manifest), encoding="utf-8")
        (directory / "README.md").write_text(model_card(model), encoding="utf-8")


def load_model(path: str | Path) -> ClassifierModel:
    """Read a classifier that `save_model` wrote.

    Raises:
        ModelError: if it is not one, was written by a newer version, or is damaged.
    """
    path = Path(path)
    manifest = read_manifest(path)
    if not (path / WEIGHTS).is_file():
        raise ModelError(f"{path / WEIGHTS} is missing. Copy the model again.")
    try:
        checkpoint = load_checkpoint(path)
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        names = tuple(manifest["label_names"])
        if expressible_as_sequence_classifier(manifest["pooling"]):
            if checkpoint.head is None:
                raise ModelError(f"{path / WEIGHTS} has no classifier. Copy the model again.")
            kernel, bias = checkpoint.head.kernel, checkpoint.head.bias
        else:
            kernel, bias = read_dense(path)
        rule = DecisionRule.from_dict(manifest["decision_rule"], origin=str(path / MANIFEST))
        _check_sizes(path, manifest["pooling"], names, rule, kernel, bias, checkpoint)
        return ClassifierModel(
            config=checkpoint.config,
            tensors=checkpoint.tensors,
            kernel=kernel,
            bias=bias,
            pooling=manifest["pooling"],
            label_names=names,
            tokenizer=tokenizer,
            max_seq_length=manifest["max_seq_length"],
            rule=rule,
            precision=manifest["precision"],
            layout=manifest["layout"],
            settings=manifest["settings"],
            metrics=manifest["metrics"],
            provenance=manifest["provenance"],
        )
    except KeyError as error:
        raise ModelError(f"{path / MANIFEST} lacks {error}. Copy the model again.") from None
    except MultilabelError as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(str(error)) from error


def _check_sizes(
    path: Path,
    pooling: str,
    names: tuple[str, ...],
    rule: DecisionRule,
    kernel: np.ndarray,
    bias: np.ndarray,
    checkpoint: Checkpoint,
) -> None:
    # Each file may be sound and yet be of another model.
    features = representation_size(pooling, checkpoint.config.hidden_size)
    for what, count in (("labels", len(names)), ("thresholds", len(rule.thresholds))):
        if count != len(bias):
            raise ModelError(
                f"{path / MANIFEST} has {count} {what}, but the weights have {len(bias)} labels. "
                "The files are not of one model: copy it again."
            )
    if kernel.shape != (features, len(bias)):
        raise ModelError(
            f"The head in {path} has the shape {list(kernel.shape)}, but {MANIFEST} says "
            f"pooling={pooling!r}, which needs {[features, len(bias)]}. The files are not of one "
            "model: copy it again."
        )


def update_manifest(model: ClassifierModel, path: str | Path) -> None:
    """Store a changed decision rule and new metrics of a saved model; the weights stay.

    Raises:
        ModelError: if `path` is not a saved model.
        WriteError: if the file system refuses.
    """
    old = read_manifest(Path(path))
    new = _manifest(model) | {"weights_sha256": old.get("weights_sha256")}
    with atomic_file(Path(path) / MANIFEST) as temporary:
        temporary.write_text(_json(new), encoding="utf-8")
    with atomic_file(Path(path) / "README.md") as temporary:
        temporary.write_text(model_card(model), encoding="utf-8")


def read_manifest(path: Path) -> dict[str, Any]:
    """The content of ``multilabel.json`` of a model directory.

    Raises:
        ModelError: if `path` is not a model directory this version can read.
    """
    file = path / MANIFEST
    if not path.exists():
        raise ModelError(f"There is no model at {path}. Check the name.")
    if not file.is_file():
        raise ModelError(
            f"{path} is not a model of this program: it has no {MANIFEST}. Name the output "
            "directory of a training; a pre-trained encoder must be trained first."
        )
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        version = manifest["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} is damaged ({error}). Copy the model again.") from None
    for key, kind in _MANIFEST_TYPES.items():
        if key in manifest and not isinstance(manifest[key], kind):
            raise ModelError(
                f"{file} is damaged ({key} is {manifest[key]!r}). Copy the model again."
            )
    if manifest.get("pooling", POOLINGS[0]) not in POOLINGS:
        raise ModelError(
            f"{file} has pooling={manifest['pooling']!r}; expected one of {', '.join(POOLINGS)}. "
            "Copy the model again."
        )
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} was written by a newer version (format {version}, this one reads "
            f"{FORMAT_VERSION}). Upgrade with: pip install --upgrade multilabel-bert"
        )
    return dict(manifest)


def _manifest(model: ClassifierModel) -> dict[str, Any]:
    from multilabel_bert import __version__

    return {
        "format_version": FORMAT_VERSION,
        "multilabel_bert": __version__,
        "pooling": model.pooling,
        "label_names": list(model.label_names),
        "max_seq_length": model.max_seq_length,
        "decision_rule": model.rule.to_dict(),
        "precision": model.precision,
        "layout": model.layout,
        "settings": model.settings,
        "metrics": model.metrics,
        "provenance": model.provenance,
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
