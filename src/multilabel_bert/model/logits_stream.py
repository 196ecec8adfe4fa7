"""Logits of any number of texts in constant memory: reading, tokenizing, computing overlap."""

# N = texts, X = labels

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np

from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.encoder.read_ahead import ReadAhead
from multilabel_bert.encoder.streaming import encode_stream
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenized_texts import TokenizedTexts

# Texts that are tokenized at once: enough that those of a batch are alike in length, and few
# enough that the first batch starts soon.
CHUNK_TEXTS = 2048
# How long an early end waits for texts that may never come out of a pipe.
_PATIENCE_SECONDS = 0.5

Chunk = tuple[Sequence[str], Sequence[str] | None]


def stream_chunks(
    engine: Engine,
    tokenize: Callable[[Sequence[str], Sequence[str] | None], TokenizedTexts],
    logits_of_parts: Callable[[dict[str, np.ndarray], TokenizedTexts], np.ndarray],
    chunks: Iterable[Chunk],
    *,
    windowed: bool = False,
    total: int | None = None,
    progress: Progress,
) -> Generator[np.ndarray, None, None]:
    """Chunk after chunk through tokenizer, encoder and head.

    Args:
        engine: the encoder.
        tokenize: what it sees of some texts and their second texts.
        logits_of_parts: float32 [n, X] of what it gave for n texts.
        chunks: texts, at least one, and their second texts or None; read ahead in a thread.
        windowed: whether a text may be several sequences.
        total: how many texts there are in all, if it is known, for the progress.
        progress: where progress is shown.

    Yields:
        Logits, float32 [n, X], of each chunk of n texts.
    """
    tokenized = ReadAhead(
        (tokenize(first, second) for first, second in chunks),
        1,
        wait_seconds=_PATIENCE_SECONDS,
    )
    # Parts of each chunk: a long text has many windows, and memory has a limit.
    waiting: deque[tuple[TokenizedTexts, bool]] = deque()

    def pieces() -> Iterator[TokenizedTexts]:
        for texts in tokenized:
            parts = texts.split(CHUNK_TEXTS)
            waiting.extend((part, part is parts[-1]) for part in parts)
            yield from parts

    with progress.task("Predicting", total, "texts") as task:
        on_batch = None if windowed else task.advance
        stream = encode_stream(engine, pieces(), on_batch=on_batch)
        logits: list[np.ndarray] = []
        # The tokenizer's thread ends first: the engine's may be waiting for it.
        with closing(stream), closing(tokenized):
            for parts in stream:
                texts, ends_chunk = waiting.popleft()
                logits.append(logits_of_parts(parts, texts))
                if windowed:
                    task.advance(len(logits[-1]))
                if ends_chunk:
                    yield logits[0] if len(logits) == 1 else np.concatenate(logits)
                    logits = []
