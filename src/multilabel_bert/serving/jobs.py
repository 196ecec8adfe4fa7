"""A job: texts of one request on their way through the encoder, and what comes out."""

# N = texts of a job, X = labels of a model

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.text.tokenized_texts import TokenizedTexts


class Lane(Protocol):
    """Models whose texts are encoded together: one, or several that share an encoder.

    Attributes:
        engine: runs the encoder.
    """

    engine: Engine

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> TokenizedTexts:
        """What the encoder sees of texts; an empty second text is none."""

    def encode(
        self, batch: dict[str, np.ndarray], names: Sequence[Iterable[str]]
    ) -> dict[str, np.ndarray]:
        """Parts [B, H] of a padded batch; of each of the B texts those that its models need."""

    def logits(self, name: str, parts: dict[str, np.ndarray], texts: TokenizedTexts) -> np.ndarray:
        """Logits, float32 [N, X], by one of the models, of texts that are encoded."""


class Job:
    """N texts, their models, and their logits when all of them are there.

    Args:
        lane: encodes them.
        names: models of the lane that are asked.
        first: N texts; None where `tokenized` is given.
        second: N second texts, empty where there is none, or None.
        tokenized: what the encoder sees of N texts.
        whole_texts_only: whether a text of which the encoder does not see all is an error.

    Attributes:
        logits: of each model, float32 [N, X].
        tokens: that the encoder saw, padding left aside.
        waited_seconds: until its first text was taken.
        cancelled: whether nobody waits for it any more.
        error: what went wrong, or None.
    """

    def __init__(
        self,
        lane: Lane,
        names: Sequence[str],
        first: Sequence[str] | None = None,
        second: Sequence[str] | None = None,
        *,
        tokenized: TokenizedTexts | None = None,
        whole_texts_only: bool = False,
    ) -> None:
        self.lane = lane
        self.names = tuple(names)
        self.first = first
        self.second = second
        self.tokenized = tokenized
        self.whole_texts_only = whole_texts_only
        if tokenized is not None:
            windows = tokenized.window_offsets
            self.texts = len(tokenized) if windows is None else len(windows) - 1
        else:
            assert first is not None
            self.texts = len(first)
        self.taken = 0  # texts that are in a plan, or through
        self.unfinished = self.texts
        self.logits: dict[str, np.ndarray] = {}
        self.tokens = 0
        self.accepted_at = time.perf_counter()
        self.waited_seconds = 0.0
        self.cancelled = False
        self.error: BaseException | None = None
        self._when_done: Callable[[], None] | None = None

    def when_done(self, call: Callable[[], None]) -> None:
        """Have `call` called, once and in any thread, when there are logits or an error."""
        self._when_done = call

    def add(self, start: int, logits: dict[str, np.ndarray]) -> bool:
        """Some texts are through, from number `start` on; tells whether these were the last."""
        count = 0
        for name, values in logits.items():
            count = len(values)
            if count == self.texts:
                self.logits[name] = values
                continue
            if name not in self.logits:
                self.logits[name] = np.empty((self.texts, values.shape[1]), np.float32)
            self.logits[name][start : start + count] = values
        self.unfinished -= count
        return self.unfinished == 0

    def done(self) -> None:
        """Tell who waits."""
        if self._when_done is not None:
            call, self._when_done = self._when_done, None
            call()
