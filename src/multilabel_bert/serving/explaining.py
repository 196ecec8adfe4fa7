"""Explanations whose many texts go through the batches of the server, beside all others."""

# N = texts, X = labels

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from multilabel_bert.explanations.explaining import explain_text
from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.explanations.word_tokens import split_into_words
from multilabel_bert.serving.batcher import MicroBatcher
from multilabel_bert.serving.bodies import ExplainRequest
from multilabel_bert.serving.jobs import Job
from multilabel_bert.serving.problems import client_left
from multilabel_bert.serving.served_models import ServedModel
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from multilabel_bert.explanations.gradients import Gradients


class BatchedExplainer:
    """One request for an explanation, worked on by a thread that waits for the batcher.

    It is what `explain_text` asks for logits.

    Args:
        model: that is explained.
        batcher: computes.
    """

    def __init__(self, model: ServedModel, batcher: MicroBatcher) -> None:
        self._model = model
        self._predictor = model.predictor
        self._batcher = batcher
        self._over = threading.Event()  # the logits are there, or nobody waits any more
        self._job: Job | None = None
        self._cancelled = False
        self.texts = 0
        self.tokens = 0

    def explain(self, request: ExplainRequest) -> Explanation:
        """Which words moved the labels of a text.

        Raises:
            SettingsError: for an unknown label or unit.
            Problem: if there is too much to do, or nobody waits any more.
        """
        unit = request.unit
        if unit == "auto" and request.max_words is not None:
            words = split_into_words(self, request.text, request.pair, "word")
            unit = "word" if len(words.seen) <= request.max_words else "sentence"
        return explain_text(
            self, request.text, request.pair, labels=request.labels or None, unit=unit
        )

    def cancel(self) -> None:
        """Nobody waits any more. Any thread may say so."""
        self._cancelled = True
        if self._job is not None:
            self._batcher.cancel(self._job)
        self._over.set()

    @property
    def label_names(self) -> tuple[str, ...]:
        """X names."""
        return self._predictor.label_names

    @property
    def tokenizer(self) -> BertTokenizer:
        """Of the encoder."""
        return self._predictor.tokenizer

    @property
    def gradients(self) -> Gradients:
        """Needs TensorFlow, and is never asked for."""
        raise NotImplementedError

    def decide(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and decisions, both [N, X]."""
        return self._predictor.decide(logits)

    def join_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> TokenizedTexts:
        """What the encoder sees of texts, given by their ids."""
        return self._predictor.join_ids(first, second)

    def logits_of_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> np.ndarray:
        """Logits, float32 [N, X], of texts, given by their ids."""
        name = self._model.name
        job = Job(self._model.lane, [name], tokenized=self.join_ids(first, second))
        self._job = job
        if self._cancelled:
            raise client_left()
        self._batcher.submit(job, self._over.set)
        self._over.wait()
        if job.error is not None:
            raise job.error
        if job.unfinished:
            raise client_left()
        self.texts += job.texts
        self.tokens += job.tokens
        return job.logits[name]
