"""What enters the trained part of the network, batch by batch."""

# N = texts, B = texts of a batch, K = most windows of a text, T = tokens, H = hidden size,
# D = size of a representation

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multilabel_bert.text.tokenized_texts import TokenizedTexts

# Targets that one call of a step gets.
_CALL_BYTES = 2**26


class TrainingInputs(Protocol):
    """N texts, as far as the frozen layers have taken them."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, int [N]; 1 where a text is one vector already."""

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The network's input for the texts at `indices`, padded to the longest."""


@dataclass(frozen=True)
class FeatureInputs:
    """One vector a text: `features` is float32 [N, D]."""

    features: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Ones, int [N]."""
        return np.ones(len(self.features), np.int64)

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """``features`` [B, D]."""
        return {"features": self.features[indices]}


@dataclass(frozen=True)
class HiddenInputs:
    """Ragged hidden states entering the lowest trained layer.

    Attributes:
        hidden: float16 or float32 [total tokens, H], without padding.
        offsets: int64 [N + 1], where each text starts.
    """

    hidden: np.ndarray
    offsets: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], tokens of each text."""
        return np.diff(self.offsets)

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """``hidden`` [B, T, H] float32 and ``attention_mask`` [B, T] int32."""
        lengths = self.lengths[indices]
        positions = np.arange(int(lengths.max()))
        mask = positions < lengths[:, None]
        hidden = np.zeros((*mask.shape, self.hidden.shape[1]), np.float32)
        hidden[mask] = self.hidden[(self.offsets[indices][:, None] + positions)[mask]]
        return {"hidden": hidden, "attention_mask": mask.astype(np.int32)}


@dataclass(frozen=True)
class WindowedInputs:
    """Texts of several windows each, which a batch never parts.

    Attributes:
        rows: the windows of all texts, one after the other.
        offsets: int64 [N + 1], where the windows of each text start, at least one each.
    """

    rows: TrainingInputs
    offsets: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Token slots of each text, int64 [N]: its windows times the longest of them."""
        longest = np.maximum.reduceat(self.rows.lengths, self.offsets[:-1])
        return np.asarray(longest * np.diff(self.offsets), np.int64)

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The batch of all windows of the texts at `indices`, and which are whose.

        ``windows``, int32 [B, K], has for each text the rows of its windows in the batch, -1 where
        it has fewer than K.
        """
        starts, counts = self.offsets[indices], np.diff(self.offsets)[indices]
        own = np.arange(int(counts.max())) < counts[:, None]  # [B, K]
        windows = np.where(own, (np.cumsum(counts) - counts)[:, None] + np.arange(own.shape[1]), -1)
        rows = (starts[:, None] + np.arange(own.shape[1]))[own]
        return self.rows.batch(rows) | {"windows": windows.astype(np.int32)}


@dataclass(frozen=True)
class TokenInputs:
    """Token ids, where nothing is frozen."""

    texts: TokenizedTexts

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], tokens of each text."""
        return self.texts.lengths

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """``input_ids``, ``attention_mask`` and ``token_type_ids``, each [B, T] int32."""
        return self.texts.pad(indices)


def batches_of_calls(batches: Sequence[np.ndarray], labels: int) -> list[list[np.ndarray]]:
    """Batches of equal size together, as many as one call of a step gets, in their order.

    Args:
        batches: int [B] each, the texts of each.
        labels: X.
    """
    calls: list[list[np.ndarray]] = []
    for batch in batches:
        room = max(1, _CALL_BYTES // (4 * labels * len(batch)))
        if calls and len(calls[-1][0]) == len(batch) and len(calls[-1]) < room:
            calls[-1].append(batch)
        else:
            calls.append([batch])
    return calls
