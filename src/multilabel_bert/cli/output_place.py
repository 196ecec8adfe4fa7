"""Whether a result can be written where the user wants it: asked before the long work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from multilabel_bert.errors import SettingsError, WriteError


def check_place(path: Path | None, option: str) -> None:
    """Refuse a path below a file, or in a directory that may not be written to.

    Args:
        path: of a file or directory to be made; None is no path, and fine.
        option: what the user typed before it.

    Raises:
        WriteError: with what is in the way.
    """
    if path is not None:
        _check(path, path.absolute().parents, option)


def check_directory(path: Path | None, option: str) -> None:
    """Refuse a directory for results that is a file, or that may not be written to.

    Args:
        path: of a directory, which may exist; None is no directory, and fine.
        option: what the user typed before it.

    Raises:
        WriteError: with what is in the way.
    """
    if path is not None:
        _check(path, (path, *path.absolute().parents), option)


def check_page(path: Path | None, *, overwrite: bool) -> None:
    """Refuse a page that would replace a file, or cannot be written; see `check_place`.

    Raises:
        SettingsError: if the file is there, and `overwrite` is false.
        WriteError: with what is in the way.
    """
    if path is not None and path.exists() and not (overwrite and path.is_file()):
        raise SettingsError(f"{path} exists already. Choose another --html, or --overwrite.")
    check_place(path, "--html")


def _check(path: Path, above: Iterable[Path], option: str) -> None:
    nearest = next(place for place in above if place.exists())
    if not nearest.is_dir():
        raise WriteError(
            f"{option} {path}: {nearest} is a file, not a directory. Choose another place."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise WriteError(
            f"{option} {path}: you may not write to {nearest}. Choose another place, or ask for "
            "permission."
        )
