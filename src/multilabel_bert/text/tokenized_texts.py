"""Token ids of many texts or of their windows, ragged, and their padding into batches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class TokenizedTexts:
    """Token ids of N sequences, each a text (or a pair) or a window of one, without padding.

    Attributes:
        ids: int32 [total], the ids of all texts one after the other, special tokens included.
        offsets: int64 [N + 1], where each text starts in `ids`.
        first_lengths: int32 [N], tokens of segment 0: ``[CLS] a [SEP]``; what follows is
            segment 1.
        full_lengths: int32 [N], tokens before truncation, special tokens included.
        unknown_counts: int32 [N], how many tokens are ``[UNK]``.
        pad_token_id: the id that fills batches.
        window_offsets: int64 [texts + 1], the sequences of text i are ``window_offsets[i]`` to
            ``window_offsets[i + 1]``; None where each sequence is a text.
    """

    ids: np.ndarray
    offsets: np.ndarray
    first_lengths: np.ndarray
    full_lengths: np.ndarray
    unknown_counts: np.ndarray
    pad_token_id: int = 0
    window_offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N], tokens of each text, special tokens included."""
        return np.diff(self.offsets)

    @property
    def truncated(self) -> np.ndarray:
        """Bool [N], whether a text was cut."""
        return self.full_lengths > self.lengths

    def text_ids(self, index: int) -> np.ndarray:
        """int32 [T], the token ids of one text."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def pad(self, indices: np.ndarray, length: int | None = None) -> dict[str, np.ndarray]:
        """Make one batch of B texts, padded on the right.

        Args:
            indices: int [B], which texts, in the order wanted.
            length: T; the longest of the texts unless given.

        Returns:
            ``input_ids``, ``attention_mask`` (1 for a real token) and ``token_type_ids``
            (0 and 1), each int32 [B, T].
        """
        lengths = self.lengths[indices]
        width = int(lengths.max(initial=0)) if length is None else length
        positions = np.arange(width)
        mask = positions < lengths[:, None]  # [B, T]
        input_ids = np.full(mask.shape, self.pad_token_id, np.int32)
        # One gather for the whole batch: the offset of every real slot in the ragged array.
        input_ids[mask] = self.ids[(self.offsets[indices][:, None] + positions)[mask]]
        second = mask & (positions >= self.first_lengths[indices][:, None])
        return {
            "input_ids": input_ids,
            "attention_mask": mask.astype(np.int32),
            "token_type_ids": second.astype(np.int32),
        }

    def subset(self, indices: np.ndarray) -> TokenizedTexts:
        """The sequences at `indices`, in that order, each on its own."""
        lengths = self.lengths[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return TokenizedTexts(
            ids=self.ids[np.repeat(self.offsets[indices], lengths) + within],
            offsets=offsets,
            first_lengths=self.first_lengths[indices],
            full_lengths=self.full_lengths[indices],
            unknown_counts=self.unknown_counts[indices],
            pad_token_id=self.pad_token_id,
        )

    def truncation_summary(self) -> str | None:
        """One sentence on what was cut, or None if nothing was."""
        cut = self.truncated
        if self.window_offsets is not None:
            return self._window_summary(self.window_offsets)
        if not cut.any():
            return None
        lost = self.full_lengths[cut] - self.lengths[cut]
        share = lost.sum() / self.full_lengths.sum()
        return (
            f"{cut.sum():,} of {len(self):,} texts ({cut.mean():.1%}) were cut to "
            f"{self.lengths[cut].max()} tokens; they lost {lost.mean():.0f} tokens on average, "
            f"{share:.1%} of all tokens."
        )

    def _window_summary(self, window_offsets: np.ndarray) -> str | None:
        counts = np.diff(window_offsets)
        several = counts > 1
        if not several.any():
            return None
        cut = self.truncated
        told = (
            f"{several.sum():,} of {len(counts):,} texts ({several.mean():.1%}) are longer than "
            f"one window: {counts[several].mean():.1f} windows each on average, {counts.max()} at "
            f"most, {counts.sum():,} of all texts."
        )
        if cut.any():
            lost = (self.full_lengths[cut] - self.lengths[cut]).mean()
            told += f" {cut.sum():,} were cut to these and lost {lost:,.0f} tokens on average."
        return told

    def split(self, most: int) -> list[TokenizedTexts]:
        """The same texts in order, in parts of at most `most` sequences, or of one text."""
        if self.window_offsets is None or len(self) <= most:
            return [self]
        parts = []
        start = 0
        offsets = self.window_offsets
        while start < len(offsets) - 1:
            stop = int(np.searchsorted(offsets, offsets[start] + most, side="right")) - 1
            stop = max(stop, start + 1)
            rows = np.arange(offsets[start], offsets[stop])
            parts.append(
                replace(
                    self.subset(rows), window_offsets=offsets[start : stop + 1] - offsets[start]
                )
            )
            start = stop
        return parts


def pair_lengths(first: int, second: int, budget: int) -> tuple[int, int]:
    """Cut a pair of texts to `budget` tokens, always from the longer one.

    At equal lengths the second gives, one token at a time.

    Source: ``_truncate_seq_pair`` in google-research/bert, run_classifier.py.

    >>> pair_lengths(10, 3, 8)
    (5, 3)
    >>> pair_lengths(10, 9, 9)
    (5, 4)
    """
    excess = first + second - budget
    if excess <= 0:
        return first, second
    shorter = min(first, second)
    if max(first, second) - excess >= shorter:
        return (first - excess, second) if first > second else (first, second - excess)
    return (budget + 1) // 2, budget // 2
