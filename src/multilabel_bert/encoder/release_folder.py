"""A folder of published files: a directory, or the same inside a .zip, read as it is."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from multilabel_bert.errors import CheckpointError


class ReleaseFolder(Protocol):
    """The files of one folder, by name."""

    origin: str

    def names(self) -> list[str]:
        """Names of the files directly in the folder, sorted."""

    def label(self, name: str) -> str:
        """How messages name one file."""

    def parent(self) -> ReleaseFolder | None:
        """The folder around this one, or None."""

    def read_bytes(self, name: str) -> bytes:
        """Content of a small file."""

    def map_bytes(self, name: str) -> np.ndarray:
        """Content of a large file as uint8 [size], read only where it is touched if possible."""


class DirectoryFolder:
    """A directory of the file system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # "." says nothing in a message, and hides the release's name.
        self.origin = str(path if path.name not in ("", "..") else path.resolve())

    def names(self) -> list[str]:
        """See `ReleaseFolder`."""
        try:
            return sorted(entry.name for entry in self.path.iterdir() if entry.is_file())
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read: {error.strerror}.") from None

    def label(self, name: str) -> str:
        """See `ReleaseFolder`."""
        return str(self.path / name)

    def parent(self) -> DirectoryFolder | None:
        """See `ReleaseFolder`."""
        return DirectoryFolder(Path(self.origin).parent)

    def read_bytes(self, name: str) -> bytes:
        """See `ReleaseFolder`."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise _unreadable(self.label(name), error) from None

    def map_bytes(self, name: str) -> np.ndarray:
        """See `ReleaseFolder`."""
        path = self.path / name
        try:
            if path.stat().st_size == 0:  # memmap refuses empty files
                return np.empty(0, np.uint8)
            return np.memmap(path, np.uint8, mode="r")
        except OSError as error:
            raise _unreadable(self.label(name), error) from None


class ZipFolder:
    """A folder inside a .zip file; `inner` is "" or ends with a slash."""

    def __init__(self, path: Path, inner: str = "") -> None:
        self.path, self.inner = path, inner
        self.origin = f"{path}/{inner.rstrip('/')}" if inner else str(path)

    def all_names(self) -> list[str]:
        """Full names of every file in the archive, those of macOS's metadata left out."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError) as error:
            raise _damaged_zip(self.path, error) from None
        return sorted(n for n in names if not n.endswith("/") and not n.startswith("__MACOSX/"))

    def names(self) -> list[str]:
        """See `ReleaseFolder`."""
        inside = [n[len(self.inner) :] for n in self.all_names() if n.startswith(self.inner)]
        return [name for name in inside if "/" not in name]

    def label(self, name: str) -> str:
        """See `ReleaseFolder`."""
        return f"{self.path}/{self.inner}{name}"

    def parent(self) -> ZipFolder | None:
        """See `ReleaseFolder`."""
        if not self.inner:
            return None
        outer = self.inner.rstrip("/").rpartition("/")[0]
        return ZipFolder(self.path, f"{outer}/" if outer else "")

    def read_bytes(self, name: str) -> bytes:
        """See `ReleaseFolder`."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self.inner + name)
        # RuntimeError: encrypted; NotImplementedError: an unknown compression.
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise _damaged_zip(self.label(name), error) from None

    def map_bytes(self, name: str) -> np.ndarray:
        """See `ReleaseFolder`; here all of it is held in memory."""
        return np.frombuffer(self.read_bytes(name), np.uint8)


def read_text(folder: ReleaseFolder, name: str) -> str:
    """Read a UTF-8 text file.

    Raises:
        CheckpointError: if it cannot be read, or is not UTF-8.
    """
    try:
        # utf-8-sig: a byte order mark must not become part of the first word piece.
        return folder.read_bytes(name).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{folder.label(name)} is not UTF-8 text (byte {error.start}). It is damaged or "
            "another kind of file: download it again."
        ) from None


def read_json(folder: ReleaseFolder, name: str) -> Any:
    """Read a JSON file.

    Raises:
        CheckpointError: if it cannot be read, or is not JSON.
    """
    text = read_text(folder, name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CheckpointError(
            f"{folder.label(name)} is not valid JSON (line {error.lineno}: {error.msg}). It is "
            "damaged or cut off: download it again."
        ) from None


def _unreadable(label: str, error: OSError) -> CheckpointError:
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"{label} does not exist.")
    return CheckpointError(f"{label} cannot be read: {error.strerror}.")


def _damaged_zip(label: str | Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{label} cannot be read from the .zip file ({error}). Download it again, or unpack it "
        "and name the directory."
    )
