"""Files and directories that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from multilabel_bert.errors import MultilabelError, WriteError


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block succeeds.

    If the block raises, nothing of it is left and an older file at `path` is untouched.

    Raises:
        WriteError: if the file system refuses, with the reason and the mend.
    """
    path = Path(path)
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            _give_default_permissions(temporary, 0o666)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary directory beside `path` that takes its place when the block succeeds.

    With `overwrite`, an older directory is kept until the new one is complete.

    Raises:
        WriteError: if `path` exists and `overwrite` is false, or if the file system refuses.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise WriteError(f"{path} exists already. Choose another name, or ask to overwrite it.")
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            yield temporary
            _give_default_permissions(temporary, 0o777)
            _replace_directory(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _replace_directory(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
        return
    # A directory cannot be renamed over a full one: the old one steps aside first, and comes
    # back if the second rename fails.
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
    path.rename(aside / "old")
    try:
        new.rename(path)
    except OSError:
        (aside / "old").rename(path)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _give_default_permissions(path: Path, mode: int) -> None:
    # tempfile makes private files; a result should have what the user's umask gives.
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(mode & ~umask)


@contextlib.contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Tell what the file system refuses as a `WriteError` with the mend."""
    try:
        yield
    except OSError as error:
        if isinstance(error, MultilabelError):
            raise
        mend = {
            errno.ENOSPC: "The disk is full: free some space, or choose another place.",
            errno.EACCES: "Permission denied: choose a place you may write to.",
            errno.EPERM: "Permission denied: choose a place you may write to.",
            errno.EROFS: "The file system is read-only: choose another place.",
        }.get(error.errno or 0, f"{error.strerror or error}: choose another place.")
        raise WriteError(f"Cannot write {path}. {mend} Nothing was changed.") from error
