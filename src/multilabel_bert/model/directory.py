"""The model directory: a trained classifier on disk, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import ModelError, MultilabelError
from multilabel_bert.files import atomic_directory, atomic_file
from multilabel_bert.model.card import model_card
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.hugging_face_files import (
    WEIGHTS,
    expressible_as_sequence_classifier,
    read_dense,
    write_weights,
)
from multilabel_bert.text.tokenizer import BertTokenizer

# Holds what Hugging Face's files have no place for, and marks a directory as ours.
MANIFEST = "multilabel.json"
FORMAT_VERSION = 1


def check_output(path: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a place for a model before the work is done, not after.

    Raises:
        ModelError: if something is there and `overwrite` is false, or if it is something else
            than a model of this program.
    """
    path = Path(path)
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
        if len(bias) != len(names):
            raise ModelError(
                f"{path / MANIFEST} names {len(names)} labels, but the weights have "
                f"{len(bias)}. The files are not of one model: copy it again."
            )
        return ClassifierModel(
            config=checkpoint.config,
            tensors=checkpoint.tensors,
            kernel=kernel,
            bias=bias,
            pooling=manifest["pooling"],
            label_names=names,
            tokenizer=tokenizer,
            max_seq_length=manifest["max_seq_length"],
            rule=DecisionRule.from_dict(manifest["decision_rule"]),
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
