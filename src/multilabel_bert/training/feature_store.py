"""One store of the cache: rows of numbers for many texts, in segments on disk."""

# n = texts, W = width of a row

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.files import explain_os_errors

DIGEST_BYTES = 16
DESCRIPTION = "store.json"
# A segment that is being written for longer than this was left by a process that is gone.
_ABANDONED_SECONDS = 24 * 3600
_WRITING = ".writing-"
_SMALL_BYTES = 2**20
_PICKED_ROWS = 4096


class Store:
    """Rows of W numbers for each of many texts, found by the digests of the texts.

    Each text that is there has an entry, a number; `find` gives the entries of digests.

    Args:
        path: its directory.
        width: W.
        dtype: of the values.
        description: what is written beside the values, for people.
    """

    def __init__(
        self, path: Path, width: int, dtype: np.dtype, description: Mapping[str, Any]
    ) -> None:
        self.path, self.width, self.dtype = path, width, dtype
        self.description = dict(description)
        self._names: set[str] = set()
        self._values: list[np.ndarray] = []  # of each segment, [rows, W]
        self._entries: dict[bytes, int] = {}
        # Of each entry: its segment, its first row there, its number of rows.
        self._places = np.empty((3, 0), np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Take in the segments that other processes have added."""
        for path in sorted(self.path.glob("segment-*")):
            if path.name not in self._names:
                self._add(path)

    def find(self, digests: np.ndarray) -> np.ndarray:
        """The entry of each text, int64 [N]; -1 where it is not there."""
        entry_of = self._entries.get
        return np.array([entry_of(digest, -1) for digest in digests.tolist()], np.int64)

    def missing(self, digests: np.ndarray) -> np.ndarray:
        """Indices of the texts that are not there, each different text once."""
        seen: set[bytes] = set()
        indices = []
        for index, digest in enumerate(digests.tolist()):
            if digest not in self._entries and digest not in seen:
                seen.add(digest)
                indices.append(index)
        return np.array(indices, np.int64)

    def append(self, digests: np.ndarray, lengths: np.ndarray, values: np.ndarray) -> None:
        """Add texts as one segment, whole or not at all.

        Args:
            digests: void16 [n].
            lengths: int [n], rows of each text.
            values: [sum of lengths, W].

        Raises:
            WriteError: if the file system refuses.
        """
        self.prepare()  # another process may have cleared the cache
        path = self.path / f"segment-{uuid.uuid4().hex}"
        with explain_os_errors(self.path):
            self._write(path, digests, lengths, values)
            if not self._add(path):
                raise OSError(f"{path} has gone: the cache was cleared in this moment")

    def _write(
        self, path: Path, digests: np.ndarray, lengths: np.ndarray, values: np.ndarray
    ) -> None:
        temporary = Path(tempfile.mkdtemp(prefix=_WRITING, dir=self.path))
        try:
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
            np.save(temporary / "digests.npy", digests.view(np.uint8).reshape(-1, DIGEST_BYTES))
            np.save(temporary / "offsets.npy", offsets)
            np.save(temporary / "values.npy", np.ascontiguousarray(values, self.dtype))
            for file in temporary.iterdir():
                _flush_to_disk(file)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def places(self, entries: np.ndarray) -> list[tuple[np.ndarray, int, int]]:
        """Where the rows of each text are: an array, the first row there, and their number."""
        segments, starts, lengths = self._places[:, entries].tolist()
        return [
            (self._values[segment], start, length)
            for segment, start, length in zip(segments, starts, lengths, strict=True)
        ]

    def first_rows(self, entries: np.ndarray, columns: slice) -> np.ndarray:
        """Some columns of the first row of each text, float32 [n, columns]."""
        segments, starts, _ = self._places[:, entries]
        width = len(range(*columns.indices(self.width)))
        found = np.empty((len(entries), width), np.float32)
        for segment in np.unique(segments):
            here = np.flatnonzero(segments == segment)
            values = self._values[segment][:, columns]
            # In parts: picking rows makes a copy in the type of the file first.
            for part in np.array_split(here, len(here) // _PICKED_ROWS + 1):
                found[part] = values[starts[part]]
        return found

    def prepare(self) -> None:
        """Make its directory, so that what hinders that shows before the long work.

        Raises:
            WriteError: if the file system refuses.
        """
        with explain_os_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.path / DESCRIPTION
            if not file.exists():
                _write_whole(file, json.dumps(self.description).encode())

    def _add(self, path: Path) -> bool:
        """Whether the segment at `path` is there and whole; its texts then have entries."""
        try:
            raw = np.load(path / "digests.npy")
            offsets = np.load(path / "offsets.npy")
            file = path / "values.npy"
            # A mapped file stays open, and a program may have some thousand open files only.
            small = file.stat().st_size <= _SMALL_BYTES
            values = np.load(file, mmap_mode=None if small else "r")
        except (OSError, ValueError, EOFError):
            # Another process clears the cache, or the disk lost something: as if it never was.
            return False
        whole = (
            len(offsets) == len(raw) + 1
            and values.shape == (int(offsets[-1]), self.width)
            and values.dtype == self.dtype
        )
        if not whole:
            return False
        first = self._places.shape[1]
        places = np.stack(
            [np.full(len(raw), len(self._values)), offsets[:-1], np.diff(offsets)]
        ).astype(np.int64)
        self._places = np.concatenate([self._places, places], axis=1)
        self._values.append(values.view(np.ndarray))  # np.memmap makes each slice slow
        self._names.add(path.name)
        for entry, digest in enumerate(as_digests(raw).tolist(), first):
            self._entries.setdefault(digest, entry)
        return True


def as_digests(raw: np.ndarray) -> np.ndarray:
    """uint8 [N, 16] as void16 [N]; ``tolist`` then gives bytes."""
    return np.ascontiguousarray(raw).view(f"V{DIGEST_BYTES}").reshape(-1)


def remove_abandoned(path: Path) -> None:
    """Remove what a killed process left in the store at `path`, a day later."""
    for leftover in path.glob(f"{_WRITING}*"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def _write_whole(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=_WRITING, dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
