"""What the frozen layers gave for each text, on disk: computed once, found again by content."""

# N = texts, W = width of a row (H, or several H side by side)

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.errors import SettingsError
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.feature_store import (
    DESCRIPTION,
    DIGEST_BYTES,
    Store,
    as_digests,
    remove_abandoned,
)

# Part of every key: raise it when a value would come out differently.
FORMAT = 1
ENVIRONMENT = "MULTILABEL_CACHE"
# Kept free on the disk whatever the limit says.
_SPARE_BYTES = 2**30


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
            os.utime(store.path / DESCRIPTION)
        remove_abandoned(store.path)
        return store

    def room_for(self, texts: int, value_bytes: int) -> str | None:
        """None if there is room for so many more texts, else the reason why not, in words.

        Args:
            texts: that are not there yet.
            value_bytes: of their values together.
        """
        size_bytes = value_bytes + texts * (DIGEST_BYTES + 8)  # and where each starts
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
        for file in self.directory.glob(f"*/{DESCRIPTION}"):
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
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
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
            ids[texts.offsets[index] : texts.offsets[index + 1]].data, digest_size=DIGEST_BYTES
        )
        digest.update(first.to_bytes(4, "little"))
        digests += digest.digest()
    return as_digests(np.frombuffer(bytes(digests), np.uint8).reshape(-1, DIGEST_BYTES))


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


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.2f} GiB"
