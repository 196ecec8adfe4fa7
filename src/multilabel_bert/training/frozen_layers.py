"""The frozen layers' values for many texts: from the cache, or computed once and put there."""

# N = texts, T = tokens, H = hidden size, P = parts, W = width of a cached row

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.encoding import Engine, encode_hidden, encode_parts
from multilabel_bert.encoder.engines import choose_engine, make_engine
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.batches import HiddenInputs, TrainingInputs
from multilabel_bert.training.feature_cache import (
    FeatureCache,
    Store,
    store_key,
    text_digests,
)

# Bytes of values that are computed before they are written: what a kill can lose.
_SEGMENT_BYTES = 2**27
_MEMORY_INFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class StoredHiddenInputs:
    """Hidden states that stay on disk until a batch needs them.

    Attributes:
        store: holds them.
        digests: void16 [N].
        token_counts: int64 [N].
    """

    store: Store
    digests: np.ndarray
    token_counts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], tokens of each text."""
        return self.token_counts

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """``hidden`` [B, T, H] float32 and ``attention_mask`` [B, T] int32."""
        lengths = self.token_counts[indices]
        mask = np.arange(int(lengths.max())) < lengths[:, None]
        hidden = np.zeros((*mask.shape, self.store.width), np.float32)
        for row, states in enumerate(self.store.rows(self.digests[indices])):
            hidden[row, : len(states)] = states
        return {"hidden": hidden, "attention_mask": mask.astype(np.int32)}


class FrozenLayers:
    """Runs the frozen layers over texts, each once.

    Args:
        checkpoint: the encoder.
        outputs: some of ``"pooled"``, ``"cls"``, ``"mean"``; or ``"sequence_output"`` alone.
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

    @cached_property
    def engine(self) -> Engine:
        """Compiled when the first text is not in the cache."""
        return make_engine(
            self.checkpoint.config,
            self.checkpoint.tensors,
            self.outputs,
            precision=self.wanted_precision,
            last_layer=self.last_layer,
        )

    def representations(self, texts: TokenizedTexts, title: str) -> dict[str, np.ndarray]:
        """Each of the outputs, float32 [N, H]."""
        width = len(self.outputs) * self.checkpoint.config.hidden_size
        store = self._store(width, "representations", len(texts) * width)
        if store is None:
            with self.progress.task(title, len(texts), "texts") as task:
                parts = encode_parts(self.engine, texts, on_batch=task.advance)
            # Rounded as the cache rounds, so that the result does not depend on it.
            return {
                name: values.astype(self.dtype).astype(np.float32) for name, values in parts.items()
            }
        digests = text_digests(texts)
        rows_in_segment = max(1, _SEGMENT_BYTES // (width * self.dtype.itemsize))
        new = self._missing(store, digests)
        with self.progress.task(title, len(new), "texts") as task:
            for start in range(0, len(new), rows_in_segment):
                part = new[start : start + rows_in_segment]
                parts = encode_parts(self.engine, texts.subset(part), on_batch=task.advance)
                joined = np.concatenate([parts[name] for name in self.outputs], axis=1)
                store.append(digests[part], np.ones(len(part), np.int64), joined)
        found = np.empty((len(texts), width), np.float32)
        for index, rows in enumerate(store.rows(digests)):
            found[index] = rows[0]
        pieces = np.split(found, len(self.outputs), axis=1)
        return dict(zip(self.outputs, map(np.ascontiguousarray, pieces), strict=True))

    def hidden_inputs(self, texts: TokenizedTexts, title: str) -> TrainingInputs:
        """What enters the lowest trained layer, for each text."""
        hidden_size = self.checkpoint.config.hidden_size
        content = f"hidden states entering layer {self.last_layer}"
        store = self._store(hidden_size, content, int(texts.offsets[-1]) * hidden_size)
        if store is None:
            _check_memory(int(texts.offsets[-1]) * hidden_size * self.dtype.itemsize)
            with self.progress.task(title, len(texts), "texts") as task:
                hidden = encode_hidden(
                    self.engine, texts, hidden_size, self.dtype, on_batch=task.advance
                )
            return HiddenInputs(hidden, texts.offsets)
        digests, lengths = text_digests(texts), texts.lengths
        new = self._missing(store, digests)
        row_bytes = hidden_size * self.dtype.itemsize
        with self.progress.task(title, len(new), "texts") as task:
            for part in _by_size(new, lengths * row_bytes, _SEGMENT_BYTES):
                some = texts.subset(part)
                hidden = encode_hidden(
                    self.engine, some, hidden_size, self.dtype, on_batch=task.advance
                )
                store.append(digests[part], lengths[part], hidden)
        return StoredHiddenInputs(store, digests, lengths)

    def _store(self, width: int, content: str, values: int) -> Store | None:
        if self.cache is None:
            return None
        problem = self.cache.room_for(values * self.dtype.itemsize)
        if problem is not None:
            self.progress.say(f"Not cached: {problem}.")
            return None
        key = store_key(
            self.checkpoint.config,
            self._frozen_tensors(),
            content,
            outputs=list(self.outputs),
            engine=self.engine_name,
            precision=self.precision,
            dtype=self.dtype.name,
        )
        description = {
            "encoder": self.checkpoint.origin,
            "content": content,
            "precision": self.precision,
        }
        return self.cache.store(key, width, self.dtype, description)

    def _frozen_tensors(self) -> dict[str, Any]:
        if self.last_layer is None:
            return self.checkpoint.tensors
        frozen = {f"layer_{index}" for index in range(self.last_layer)}
        return {
            name: value
            for name, value in self.checkpoint.tensors.items()
            if name.startswith("embeddings/") or name.split("/")[1] in frozen
        }

    def _missing(self, store: Store, digests: np.ndarray) -> np.ndarray:
        if found := store.count(digests):
            self.progress.say(f"In the cache: {found:,} of {len(digests):,} texts")
        return store.missing(digests)


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
