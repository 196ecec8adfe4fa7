"""The frozen layers' values for many texts: from the cache, or computed once and put there."""

# N = texts, T = tokens, H = hidden size, W = width of a cached row

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.encoding import Engine, encode_hidden, encode_parts
from multilabel_bert.encoder.engines import choose_engine, make_engine
from multilabel_bert.encoder.pooling import BASE_PARTS, LOWER_CLS_PARTS, LOWER_MEAN_PARTS
from multilabel_bert.errors import SettingsError, WriteError
from multilabel_bert.progress import Progress, Task
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.batches import HiddenInputs, TrainingInputs
from multilabel_bert.training.feature_cache import FeatureCache, store_key, text_digests
from multilabel_bert.training.feature_store import Store

# Values that are computed before they are written, what a kill can lose: bytes, and texts. Enough
# texts that batches of equal length can be made of them.
_SEGMENT_BYTES = 2**27
_SEGMENT_TEXTS = 2**14
_MEMORY_INFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class StoredHiddenInputs:
    """Hidden states that stay on disk until a batch needs them.

    Attributes:
        width: H.
        places: of each text, the array that holds it, its first row there, and its rows.
        token_counts: int64 [N].
    """

    width: int
    places: list[tuple[np.ndarray, int, int]]
    token_counts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], tokens of each text."""
        return self.token_counts

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """``hidden`` [B, T, H] float32 and ``attention_mask`` [B, T] int32."""
        lengths = self.token_counts[indices]
        mask = np.arange(int(lengths.max())) < lengths[:, None]
        hidden = np.zeros((*mask.shape, self.width), np.float32)
        # A text is contiguous in its file: one copy each is faster than picking single tokens.
        for row, index in enumerate(indices.tolist()):
            values, start, length = self.places[index]
            hidden[row, :length] = values[start : start + length]
        return {"hidden": hidden, "attention_mask": mask.astype(np.int32)}


@dataclass(frozen=True)
class _Content:
    """What one store of the cache holds: its name for people, and the engine's outputs."""

    name: str
    outputs: tuple[str, ...]


def _groups(outputs: Sequence[str]) -> list[_Content]:
    """Parts of representations that are kept together: those of every run, and each rarer kind."""
    kinds = (
        ("representations", BASE_PARTS),
        ("representations (max)", ("max",)),
        ("representations ([CLS] of lower layers)", LOWER_CLS_PARTS),
        ("representations (means of lower layers)", LOWER_MEAN_PARTS),
    )
    return [
        _Content(name, wanted)
        for name, parts in kinds
        if (wanted := tuple(part for part in outputs if part in parts))
    ]


class FrozenLayers:
    """Runs the frozen layers over texts, each once.

    Args:
        checkpoint: the encoder.
        outputs: some of `pooling.PARTS`; or ``"sequence_output"`` alone.
        last_layer: how many layers are frozen, with ``"sequence_output"``.
        precision: as in the settings. Only an explicit ``"float32"`` keeps values in full; else
            they are kept in half precision.
        cache: where values are kept, or None.
        progress: where progress is shown.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        outputs: Sequence[str],
        *,
        last_layer: int | None = None,
        precision: str = "auto",
        cache: FeatureCache | None = None,
        progress: Progress,
    ) -> None:
        self.checkpoint = checkpoint
        self.outputs = tuple(outputs)
        self.last_layer = last_layer
        self.wanted_precision = precision
        self.engine_name, self.precision = choose_engine("auto", precision)
        self.dtype = np.dtype(np.float32 if precision == "float32" else np.float16)
        self.cache = cache
        self.progress = progress

    @property
    def keeps_precision(self) -> bool:
        """Whether what is kept is as exact as what the engine computes."""
        # Half precision has 11 bits for each value, bfloat16 8.
        return self.precision == "bfloat16" or self.dtype == np.float32

    @cached_property
    def engine(self) -> Engine:
        """Compiled when the first text is not in the cache."""
        return self._compiled(self.outputs)

    def _engine_for(self, outputs: tuple[str, ...]) -> Engine:
        # Where the cache has the other parts, they are not computed again.
        return self.engine if outputs == self.outputs else self._compiled(outputs)

    def _compiled(self, outputs: tuple[str, ...]) -> Engine:
        return make_engine(
            self.checkpoint.config,
            self.checkpoint.tensors,
            outputs,
            precision=self.wanted_precision,
            last_layer=self.last_layer,
        )

    def representations(self, texts: TokenizedTexts, title: str) -> dict[str, np.ndarray]:
        """Each of the outputs, float32 [N, H]."""
        hidden_size = self.checkpoint.config.hidden_size
        groups = _groups(self.outputs)

        def compute(some: TokenizedTexts, which: list[int], task: Task) -> list[np.ndarray]:
            names = tuple(name for index in which for name in groups[index].outputs)
            parts = encode_parts(self._engine_for(names), some, on_batch=task.advance)
            return [
                np.concatenate([parts[name] for name in groups[index].outputs], axis=1)
                for index in which
            ]

        rows = np.ones(len(texts), np.int64)
        filled = self._filled_stores(groups, hidden_size, texts, rows, title, compute)
        if filled is not None:
            return {
                name: store.first_rows(
                    entries, slice(place * hidden_size, (place + 1) * hidden_size)
                )
                for group, (store, entries) in zip(groups, filled, strict=True)
                for place, name in enumerate(group.outputs)
            }
        with self.progress.task(title, len(texts), _unit(texts)) as task:
            parts = encode_parts(self.engine, texts, on_batch=task.advance)
        # Rounded as the cache rounds, so that the result does not depend on it.
        return {
            name: parts.pop(name).astype(self.dtype).astype(np.float32) for name in self.outputs
        }

    def hidden_inputs(self, texts: TokenizedTexts, title: str) -> TrainingInputs:
        """What enters the lowest trained layer, for each text."""
        hidden_size = self.checkpoint.config.hidden_size

        def encode(some: TokenizedTexts, task: Task) -> np.ndarray:
            return encode_hidden(self.engine, some, hidden_size, self.dtype, on_batch=task.advance)

        def compute(some: TokenizedTexts, which: list[int], task: Task) -> list[np.ndarray]:
            return [encode(some, task) for _ in which]

        content = _Content(f"hidden states entering layer {self.last_layer}", self.outputs)
        filled = self._filled_stores([content], hidden_size, texts, texts.lengths, title, compute)
        if filled is not None:
            ((store, entries),) = filled
            return StoredHiddenInputs(hidden_size, store.places(entries), texts.lengths)
        _check_memory(int(texts.offsets[-1]) * hidden_size * self.dtype.itemsize)
        with self.progress.task(title, len(texts), _unit(texts)) as task:
            return HiddenInputs(encode(texts, task), texts.offsets)

    def _filled_stores(
        self,
        contents: Sequence[_Content],
        hidden_size: int,
        texts: TokenizedTexts,
        rows: np.ndarray,
        title: str,
        compute: Callable[[TokenizedTexts, list[int], Task], list[np.ndarray]],
    ) -> list[tuple[Store, np.ndarray]] | None:
        """Stores that have all the texts, and their entries; None where they cannot be kept.

        Args:
            contents: of each store.
            hidden_size: H.
            texts: N texts.
            rows: int [N], of each text.
            title: of the work.
            compute: the values of some texts for some of the contents, by index, each
                [sum of their rows, W].
        """
        if self.cache is None:
            return None
        widths = [hidden_size * len(content.outputs) for content in contents]
        stores = [
            self.cache.store(
                self._key(content),
                width,
                self.dtype,
                {
                    "encoder": self.checkpoint.origin,
                    "content": content.name,
                    "precision": self.precision,
                },
            )
            for content, width in zip(contents, widths, strict=True)
        ]
        digests = text_digests(texts)
        entries = np.stack([store.find(digests) for store in stores])  # [contents, N]
        lacks = entries < 0
        if found := int((~lacks.any(axis=0)).sum()):
            self.progress.say(f"In the cache: {found:,} of {len(texts):,} {_unit(texts)}")
        if found == len(texts):
            return list(zip(stores, entries, strict=True))
        new = np.unique(np.concatenate([store.missing(digests) for store in stores]))
        # Bytes of each new text in each store, 0 where the store has it.
        bytes_a_row = np.array(widths)[:, None] * self.dtype.itemsize
        sizes = lacks[:, new] * rows[new] * bytes_a_row
        problem = self.cache.room_for(int(lacks[:, new].sum()), int(sizes.sum()))
        if problem is not None:
            self.progress.say(f"Not cached: {problem}.")
            return None
        # At least so much a text that a segment has at most `_SEGMENT_TEXTS`.
        needed = np.maximum(sizes.sum(axis=0), _SEGMENT_BYTES // _SEGMENT_TEXTS)
        try:
            for store in stores:
                store.prepare()
            with self.progress.task(title, len(new), _unit(texts)) as task:
                for pattern in np.unique(lacks[:, new], axis=1).T:
                    alike = np.flatnonzero((lacks[:, new] == pattern[:, None]).all(axis=0))
                    which = np.flatnonzero(pattern).tolist()
                    for run in _by_size(alike, needed, _SEGMENT_BYTES):
                        part = new[run]
                        values = compute(texts.subset(part), which, task)
                        for index, value in zip(which, values, strict=True):
                            stores[index].append(digests[part], rows[part], value)
        except WriteError as error:
            self.progress.say(f"Not cached: {error}")
            return None
        return [(store, store.find(digests)) for store in stores]

    def _key(self, content: _Content) -> str:
        return store_key(
            self.checkpoint.config,
            self._frozen_tensors(),
            content.name,
            outputs=list(content.outputs),
            engine=self.engine_name,
            precision=self.precision,
            dtype=self.dtype.name,
        )

    def _frozen_tensors(self) -> dict[str, Any]:
        if self.last_layer is None:
            return self.checkpoint.tensors
        frozen = {f"layer_{index}" for index in range(self.last_layer)}
        return {
            name: value
            for name, value in self.checkpoint.tensors.items()
            if name.startswith("embeddings/") or name.split("/")[1] in frozen
        }


def _unit(texts: TokenizedTexts) -> str:
    return "texts" if texts.window_offsets is None else "windows"


def _by_size(indices: np.ndarray, sizes: np.ndarray, limit: int) -> list[np.ndarray]:
    """Cut `indices` into runs whose sizes add up to about `limit`."""
    if not len(indices):
        return []
    run = np.cumsum(sizes[indices]) // limit
    return np.split(indices, np.flatnonzero(np.diff(run)) + 1)


def _check_memory(needed: int) -> None:
    available = _available_memory()
    if available is None:
        return
    if needed > 0.9 * available:
        raise SettingsError(
            f"The hidden states of the frozen layers need {needed / 2**30:.1f} GiB, but only "
            f"{available / 2**30:.1f} GiB of memory are free. Use a cache directory with room for "
            "them, a smaller max_seq_length, fewer texts, or train_layers='all', which keeps "
            "nothing."
        )


def _available_memory() -> int | None:
    """Bytes that a program can still get; None where nobody says."""
    # Not the free pages alone: Linux fills those with copies of files, and gives them up.
    try:
        text = _MEMORY_INFO.read_text(encoding="ascii")
    except OSError:
        return None
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else None
