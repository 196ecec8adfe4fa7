"""The plan of the next batches: texts of some requests, sorted by length."""

# N = texts, B = sequences of a batch

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from multilabel_bert.encoder.encoding import BATCH_TOKENS
from multilabel_bert.serving.jobs import Job, Lane
from multilabel_bert.serving.packing import balanced_batches
from multilabel_bert.text.tokenized_texts import TokenizedTexts


@dataclass(frozen=True)
class Piece:
    """Neighbouring texts of one job that are in one plan: `start` to `stop`."""

    job: Job
    start: int
    stop: int


class Group:
    """Pieces that are encoded together.

    Attributes:
        lane: encodes them.
        pieces: of several jobs.
        texts: what the encoder sees of them, one piece after the other.
        parts: their representations, as far as they are computed.
        unfinished: int64 [pieces], sequences of each that are not.
    """

    def __init__(self, lane: Lane, pieces: Sequence[Piece], texts: TokenizedTexts) -> None:
        self.lane = lane
        self.pieces = pieces
        self.texts = texts
        self.parts: dict[str, np.ndarray] = {}
        counts = np.array([piece.stop - piece.start for piece in pieces])
        self._text_bounds = np.concatenate([[0], np.cumsum(counts)])
        windows = texts.window_offsets
        bounds = self._text_bounds if windows is None else windows[self._text_bounds]
        self._bounds = bounds
        self.unfinished = np.diff(bounds)
        self.piece_of = np.repeat(np.arange(len(pieces)), self.unfinished)

    def sequences(self, index: int) -> TokenizedTexts:
        """Those of one piece: their lengths and windows, but not their ids."""
        rows = slice(self._bounds[index], self._bounds[index + 1])
        start = self.texts.offsets[rows.start]
        windows = self.texts.window_offsets
        if windows is not None:
            first, last = self._text_bounds[index], self._text_bounds[index + 1]
            windows = windows[first : last + 1] - windows[first]
        return replace(
            self.texts,
            offsets=self.texts.offsets[rows.start : rows.stop + 1] - start,
            first_lengths=self.texts.first_lengths[rows],
            full_lengths=self.texts.full_lengths[rows],
            unknown_counts=self.texts.unknown_counts[rows],
            window_offsets=windows,
        )

    def parts_of(self, index: int) -> dict[str, np.ndarray]:
        """The representations of one piece."""
        rows = slice(self._bounds[index], self._bounds[index + 1])
        return {name: values[rows] for name, values in self.parts.items()}

    def store(self, rows: np.ndarray, outputs: dict[str, np.ndarray]) -> list[int]:
        """Keep what the encoder gave for some sequences, int [B].

        Returns:
            The pieces that are complete with them.
        """
        for name, values in outputs.items():
            if name not in self.parts:
                self.parts[name] = np.empty((len(self.texts), *values.shape[1:]), np.float32)
            self.parts[name][rows] = values
        touched, counts = np.unique(self.piece_of[rows], return_counts=True)
        self.unfinished[touched] -= counts
        return [int(index) for index in touched if self.unfinished[index] == 0]


@dataclass(frozen=True)
class Batch:
    """Sequences of a group that are computed together, int [B]."""

    group: Group
    rows: np.ndarray


def plan_batches(lane: Lane, pieces: Sequence[Piece], jobs: int) -> tuple[Group, list[Batch]]:
    """Tokenize pieces that are texts, all at once, and pack them into batches.

    Args:
        lane: of all the pieces.
        pieces: at least one; one alone if its job came tokenized.
        jobs: batches to make, if there are so few tokens.
    """
    texts = _tokenized(lane, pieces)
    group = Group(lane, pieces, texts)
    packs = lane.engine.packs
    batches = balanced_batches(texts.lengths, jobs, BATCH_TOKENS, packs=packs)
    return group, [Batch(group, rows) for rows in batches]


def _tokenized(lane: Lane, pieces: Sequence[Piece]) -> TokenizedTexts:
    whole = pieces[0].job.tokenized
    if whole is not None:
        (piece,) = pieces
        windows = whole.window_offsets
        bounds = np.array([piece.start, piece.stop])
        rows = np.arange(*(bounds if windows is None else windows[bounds]))
        part = whole.subset(rows)
        if windows is None:
            return part
        return replace(
            part, window_offsets=windows[piece.start : piece.stop + 1] - windows[piece.start]
        )
    first: list[str] = []
    second: list[str] = []
    for piece in pieces:
        job = piece.job
        assert job.first is not None
        first += job.first[piece.start : piece.stop]
        if job.second is None:
            second += [""] * (piece.stop - piece.start)
        else:
            second += job.second[piece.start : piece.stop]
    return lane.tokenize(first, second if any(second) else None)
