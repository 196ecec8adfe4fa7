"""Sizes and hashes of a saved model's files: whether they are still what was written together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from multilabel_bert.errors import ModelError


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


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
