"""The model directory: a trained classifier on disk, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint, load_description
from multilabel_bert.encoder.hugging_face_checkpoint import WEIGHTS
from multilabel_bert.encoder.layers import split_layers
from multilabel_bert.encoder.pooling import POOLINGS, representation_size
from multilabel_bert.errors import ModelError, MultilabelError
from multilabel_bert.files import atomic_directory, atomic_file, explain_os_errors
from multilabel_bert.model.card import model_card
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.file_hashes import (
    check_entries,
    check_hash,
    check_sizes,
    describe_files,
    with_digest,
)
from multilabel_bert.model.hub_models import is_repository, model_directory
from multilabel_bert.model.hugging_face_files import CONFIG, head_file, read_head, write_weights
from multilabel_bert.model.saved_graph import (
    CONSTANTS,
    GRAPH,
    SavedGraph,
    StoredTensors,
    write_saved_graph,
)
from multilabel_bert.model.search_csv import FILE as SEARCH_TABLE
from multilabel_bert.model.search_csv import as_csv, rows_of
from multilabel_bert.text.long_texts import LongTexts
from multilabel_bert.text.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline

# Holds what Hugging Face's files have no place for, and marks a directory as ours.
MANIFEST = "multilabel.json"
BASELINE = "baseline"
FORMAT_VERSION = 2
# Versions that know this format alone would take a model of windows for one that cuts.
_FORMAT_WITHOUT_LONG_TEXTS = 1
_MANIFEST_TYPES = {
    "format_version": int,
    "pooling": str,
    "label_names": list,
    "max_seq_length": int,
    "long_texts": dict,
    "precision": str,
    "settings": dict,
    "metrics": dict,
    "provenance": dict,
    "files": dict,
    # Configuration and tokenizer, of which some may be left out by who copies a model.
    "small_files": dict,
    # Hashes by which models find what they have in common.
    "layers": list,
    "sha256_of_what_decides": str,
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
        files = describe_files(directory, write_weights(model, directory))
        graph = write_saved_graph(model, directory, files[WEIGHTS]["sha256"])
        files |= describe_files(directory, graph)
        tokenizer_files = model.tokenizer.to_files(model.max_seq_length, model.long_texts)
        for name, text in tokenizer_files.items():
            (directory / name).write_text(text, encoding="utf-8", newline="\n")
        small_files = describe_files(directory, (CONFIG, *tokenizer_files))
        layers = [layer.sha256 for layer in split_layers(model.config, model.tensors)]
        stored = {"files": files, "small_files": small_files, "layers": layers}
        (directory / MANIFEST).write_text(_json(_manifest(model) | stored), encoding="utf-8")
        (directory / "README.md").write_text(model_card(model), encoding="utf-8")
        if (search := model.provenance.get("search")) is not None:
            table = as_csv(rows_of(search))
            (directory / SEARCH_TABLE).write_text(table, encoding="utf-8", newline="")
        if model.baseline is not None:
            model.baseline.save(directory / BASELINE)


def load_baseline(path: str | Path) -> TfidfBaseline | None:
    """Read the baseline of a saved model; None if it was saved without one.

    Args:
        path: as in `load_model`.

    Raises:
        ModelError: if it is damaged.
    """
    directory = model_directory(path) / BASELINE
    if not directory.is_dir():
        return None
    from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline

    return TfidfBaseline.load(directory)


def load_model(
    path: str | Path, *, revision: str | None = None, token: str | None = None
) -> ClassifierModel:
    """Read a classifier that `save_model` wrote, without its baseline.

    The sizes of the large files are compared with those that were written, and the hashes of all
    files that are read. Where the model has its OpenVINO graph, the weights are read only when
    they are asked for.

    Args:
        path: a directory, or a repository on the Hugging Face hub that holds one, such as
            ``"me/complaints"``.
        revision: branch, tag or commit of a repository.
        token: of the hub; the one that is stored on this machine unless given.

    Raises:
        ModelError: if it is not one, was written by a newer version, or is damaged.
    """
    path = model_directory(path, revision=revision, token=token)
    manifest = read_manifest(path)
    files = manifest.get("files", {})
    if not (path / WEIGHTS).is_file():
        raise ModelError(f"{path / WEIGHTS} is missing. Copy the model again.")
    try:
        check_sizes(path, files, path / MANIFEST)
        config, tokenizer_files = load_description(path)
        small_files = manifest.get("small_files", {})
        for name in small_files:
            if (path / name).is_file():
                check_hash(path, small_files, name, path / MANIFEST)
        pooling, names = manifest["pooling"], tuple(manifest["label_names"])
        head = head_file(pooling)
        if head != WEIGHTS and (path / head).is_file():
            check_hash(path, files, head, path / MANIFEST)
        kernel, bias = read_head(path, pooling)
        rule = DecisionRule.from_dict(manifest["decision_rule"], origin=str(path / MANIFEST))
        features = representation_size(pooling, config.hidden_size)
        _check_agreement(path, pooling, features, names, rule, kernel, bias)
        long_texts = _long_texts(manifest)
        # After what says it better.
        check_entries(manifest, path / MANIFEST)
        return ClassifierModel(
            config=config,
            tensors=_stored_tensors(path, files, manifest.get("layers")),
            kernel=kernel,
            bias=bias,
            pooling=pooling,
            label_names=names,
            tokenizer=BertTokenizer.from_files(tokenizer_files),
            max_seq_length=manifest["max_seq_length"],
            rule=rule,
            long_texts=long_texts,
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


def _long_texts(manifest: Mapping[str, Any]) -> LongTexts:
    long_texts = LongTexts.from_dict(manifest.get("long_texts", {}))
    long_texts.check(manifest["max_seq_length"])
    return long_texts


def _stored_tensors(
    path: Path, files: Mapping[str, Any], layers: list[str] | None
) -> Mapping[str, np.ndarray]:
    manifest = path / MANIFEST

    def read() -> dict[str, np.ndarray]:
        check_hash(path, files, WEIGHTS, manifest)
        return load_checkpoint(path).tensors

    def check_graph() -> None:
        for name in (GRAPH, CONSTANTS):
            check_hash(path, files, name, manifest)

    if GRAPH not in files or CONSTANTS not in files:
        return read()
    if (path / WEIGHTS).stat().st_mtime_ns > manifest.stat().st_mtime_ns:
        # Weights that another program put there would go unnoticed: the graph would be run.
        check_hash(path, files, WEIGHTS, manifest)
    check_hash(path, files, GRAPH, manifest)
    graph = SavedGraph(path / GRAPH, files[WEIGHTS]["sha256"], check_graph)
    return StoredTensors(read, graph, None if layers is None else tuple(layers))


def _check_agreement(
    path: Path,
    pooling: str,
    features: int,
    names: tuple[str, ...],
    rule: DecisionRule,
    kernel: np.ndarray,
    bias: np.ndarray,
) -> None:
    # Each file may be sound and yet be of another model.
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


def check_changeable(path: str | Path) -> None:
    """Refuse to change what is on the hub: a download is shared by all who use it.

    Raises:
        ModelError: if `path` is a repository.
    """
    if is_repository(path):
        raise ModelError(
            f"{path} is on the Hugging Face hub, and cannot be changed there. Save it to a "
            f'directory first: MultiLabelClassifier.load("{path}").save("my-model")'
        )


def update_manifest(model: ClassifierModel, path: str | Path) -> None:
    """Store a changed decision rule and new metrics of a saved model; the weights stay.

    Raises:
        ModelError: if `path` is not a saved model.
        WriteError: if the file system refuses.
    """
    check_changeable(path)
    old = read_manifest(Path(path))
    kept = {
        name: old[name]
        for name in ("files", "small_files", "layers", "weights_sha256")
        if name in old
    }
    new = _manifest(model) | kept
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

    plain = model.long_texts.is_plain
    content = {
        "format_version": _FORMAT_WITHOUT_LONG_TEXTS if plain else FORMAT_VERSION,
        "multilabel_bert": __version__,
        "pooling": model.pooling,
        "label_names": list(model.label_names),
        "max_seq_length": model.max_seq_length,
        **({} if plain else {"long_texts": model.long_texts.to_dict()}),
        "decision_rule": model.rule.to_dict(),
        "precision": model.precision,
        "layout": model.layout,
        "settings": model.settings,
        "metrics": model.metrics,
        "provenance": model.provenance,
    }
    return with_digest(content)


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
