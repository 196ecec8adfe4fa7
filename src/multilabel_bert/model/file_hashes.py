"""Sizes and hashes of what a saved model holds: whether it is still what was written together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from multilabel_bert.errors import ModelError

DIGEST = "sha256_of_what_decides"
_DECIDING = (
    "pooling",
    "label_names",
    "max_seq_length",
    "long_texts",
    "decision_rule",
    "precision",
    "layout",
)


def describe_files(directory: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Size and hash of each file, for the manifest."""
    return {
        name: {"bytes": (directory / name).stat().st_size, "sha256": sha256(directory / name)}
        for name in names
    }


def check_sizes(directory: Path, files: Mapping[str, Any], manifest: Path) -> None:
    """Compare the sizes of all files; this reads none of them.

    Args:
        directory: of the model.
        files: what `describe_files` gave.
        manifest: where it is stored, for messages.

    Raises:
        ModelError: if a file is missing, or has another size.
    """
    for name, said in files.items():
        path = directory / name
        if not path.is_file():
            raise ModelError(f"{path} is missing. Copy the model again.")
        size = path.stat().st_size
        if size != said["bytes"]:
            raise ModelError(
                f"{path} is cut off or damaged: it has {size:,} bytes, but by {manifest} it was "
                f"written with {said['bytes']:,}. Copy the model again."
            )


def check_hash(directory: Path, files: Mapping[str, Any], name: str, manifest: Path) -> None:
    """Compare the hash of one file, which reads it.

    Raises:
        ModelError: if it is not the file that was written.
    """
    if name not in files:
        return
    try:
        found = sha256(directory / name)
    except OSError as error:
        raise ModelError(
            f"{directory / name} cannot be read any more ({error.strerror}). Was the model moved "
            "or removed since it was opened? Open it again from where it is."
        ) from error
    if found != files[name]["sha256"]:
        raise ModelError(
            f"{directory / name} is not the file that {manifest} describes: it is damaged, or was "
            "written by another program. Copy the model again, or train it anew."
        )


def with_digest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with a digest of those of its entries on which answers depend."""
    return {**manifest, DIGEST: _digest(manifest)}


def check_entries(manifest: Mapping[str, Any], path: Path) -> None:
    """Compare the digest of what decides with what is there; older models have none.

    Raises:
        ModelError: if an entry is not what was written.
    """
    if DIGEST in manifest and manifest[DIGEST] != _digest(manifest):
        raise ModelError(
            f"{path} is damaged, or was edited: of {', '.join(_DECIDING)} something is not what "
            "was written. Copy the model again. Thresholds are changed by multilabel tune "
            f"--thresholds FILE; if the edit was meant, remove the entry {DIGEST!r} too."
        )


def _digest(manifest: Mapping[str, Any]) -> str:
    entries = {name: manifest[name] for name in _DECIDING if name in manifest}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
