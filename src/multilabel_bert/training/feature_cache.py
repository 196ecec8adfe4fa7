"""What the frozen layers gave for each text, on disk: computed once, found again by content."""

# N = texts, W = width of a row (H, or several H side by side)

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.errors import SettingsError
from multilabel_bert.files import explain_os_errors
from multilabel_bert.text.tokenized_texts import TokenizedTexts

# Part of every key: raise it when a value would come out differently.
FORMAT = 1
ENVIRONMENT = "MULTILABEL_CACHE"
_DIGEST_BYTES = 16
# A segment that is being written for longer than this was left by a process that is gone.
_ABANDONED_SECONDS = 24 * 3600
# Kept free on the disk whatever the limit says.
_SPARE_BYTES = 2**30
_DESCRIPTION = "store.json"
_WRITING = ".writing-"
_SMALL_BYTES = 2**20
_PICKED_ROWS = 4096


def default_directory() -> Path:
    """``$MULTILABEL_CACHE``, or the user's cache directory as the system has it."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "multilabel-bert"


@dataclass(frozen=True)
class StoreInfo:
    """One store, for people.

    Attributes:
        name: its directory.
        encoder: what the user called the encoder.
        content: ``"representations"``, or ``"hidden states entering layer 4"``.
        precision: in which the encoder ran.
        texts: how many texts it holds.
        size_bytes: on disk.
        last_used: seconds since 1970.
    """

    name: str
    encoder: str
    content: str
    precision: str
    texts: int
    size_bytes: int
    last_used: float


class FeatureCache:
    """A directory of stores, one for each encoder, boundary and precision.

    Several processes may use it at once, and each may be killed at any time: a store only ever
    gains whole segments, each written under a temporary name and renamed.

    Args:
        directory: the user's cache directory unless given.
        limit_bytes: of all stores together; None for as much as the disk has.
    """

    def __init__(
        self, directory: str | Path | None = None, *, limit_bytes: int | None = None
    ) -> None:
        self.directory = default_directory() if directory is None else Path(directory)
        self.limit_bytes = limit_bytes

    def store(self, key: str, width: int, dtype: Any, description: Mapping[str, Any]) -> Store:
        """Open the store of `key`; one that is not there yet is made when something is added.

        Args:
            key: from `store_key`.
            width: W.
            dtype: of the values.
            description: ``encoder``, ``content`` and ``precision``, for `list_stores`.
        """
        store = Store(self.directory / key, width, np.dtype(dtype), description)
        with contextlib.suppress(OSError):  # when it was used last is for people alone
            os.utime(store.path / _DESCRIPTION)
        _remove_abandoned(store.path)
        return store

    def room_for(self, texts: int, value_bytes: int) -> str | None:
        """None if there is room for so many more texts, else the reason why not, in words.

        Args:
            texts: that are not there yet.
            value_bytes: of their values together.
        """
        size_bytes = value_bytes + texts * (_DIGEST_BYTES + 8)  # and where each starts
        place = self.directory
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free - _SPARE_BYTES
        if size_bytes > free:
            return (
                f"{_gib(size_bytes)} are needed in {self.directory}, but only {_gib(max(0, free))} "
                "can be used there"
            )
        if self.limit_bytes is not None:
            used = sum(info.size_bytes for info in self.list_stores())
            if used + size_bytes > self.limit_bytes:
                return (
                    f"{_gib(size_bytes)} are needed and {_gib(used)} are in use, but the limit is "
                    f"{_gib(self.limit_bytes)}"
                )
        return None

    def list_stores(self) -> list[StoreInfo]:
        """All stores, the last used first."""
        infos = []
        for file in self.directory.glob(f"*/{_DESCRIPTION}"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                said = json.loads(file.read_bytes())
                infos.append(
                    StoreInfo(
                        name=file.parent.name,
                        encoder=said["encoder"],
                        content=said["content"],
                        precision=said["precision"],
                        texts=sum(map(_texts_of, file.parent.glob("segment-*"))),
                        size_bytes=_size_of(file.parent),
                        last_used=file.stat().st_mtime,
                    )
                )
        return sorted(infos, key=lambda info: -info.last_used)

    def clear(self, names: Sequence[str] | None = None) -> int:
        """Delete stores, all unless named; returns how many bytes that freed.

        Args:
            names: of stores, or how their names start.

        Raises:
            SettingsError: if there is no store of a name.
        """
        stores = {info.name: info for info in self.list_stores()}
        chosen = set(stores) if names is None else {self._full_name(n, stores) for n in names}
        freed = 0
        for name in chosen:
            freed += stores[name].size_bytes
            shutil.rmtree(self.directory / name, ignore_errors=True)
        return freed

    def _full_name(self, start: str, stores: Mapping[str, StoreInfo]) -> str:
        fitting = [name for name in stores if name.startswith(start)]
        if len(fitting) != 1:
            how_many = "several stores" if fitting else "no store"
            raise SettingsError(
                f"There is {how_many} {start!r} in {self.directory}. `multilabel cache list` "
                "shows them."
            )
        return fitting[0]


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
            np.save(temporary / "digests.npy", digests.view(np.uint8).reshape(-1, _DIGEST_BYTES))
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
            file = self.path / _DESCRIPTION
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


def store_key(
    config: BertConfig, tensors: Mapping[str, np.ndarray], boundary: str, **more: Any
) -> str:
    """Name of the store: a digest of everything but the text that determines its values.

    Args:
        config: of the encoder.
        tensors: those that the values depend on, by canonical name.
        boundary: which values are kept.
        **more: what else they depend on: precision, engine, data type.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    plain = {"format": FORMAT, "config": asdict(config), "boundary": boundary, **more}
    digest.update(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def text_digests(texts: TokenizedTexts) -> np.ndarray:
    """A digest of each text's token ids and segments, void16 [N].

    The encoder sees nothing else of a text, so tokenizer, maximum length and truncation are in it.
    """
    digests = bytearray()
    ids = np.ascontiguousarray(texts.ids)
    for index, first in enumerate(texts.first_lengths.tolist()):
        digest = hashlib.blake2b(
            ids[texts.offsets[index] : texts.offsets[index + 1]].data, digest_size=_DIGEST_BYTES
        )
        digest.update(first.to_bytes(4, "little"))
        digests += digest.digest()
    return as_digests(np.frombuffer(bytes(digests), np.uint8).reshape(-1, _DIGEST_BYTES))


def as_digests(raw: np.ndarray) -> np.ndarray:
    """uint8 [N, 16] as void16 [N]; ``tolist`` then gives bytes."""
    return np.ascontiguousarray(raw).view(f"V{_DIGEST_BYTES}").reshape(-1)


def _texts_of(segment: Path) -> int:
    try:
        return int(np.load(segment / "digests.npy", mmap_mode="r").shape[0])
    except (OSError, ValueError, EOFError):  # damaged, or cleared in this moment
        return 0


def _size_of(path: Path) -> int:
    size = 0
    for file in path.rglob("*.npy"):
        with contextlib.suppress(OSError):  # renamed or cleared in this moment
            size += file.stat().st_size
    return size


def _remove_abandoned(path: Path) -> None:
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


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.2f} GiB"
