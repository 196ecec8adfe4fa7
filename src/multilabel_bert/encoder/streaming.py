"""Representations of any number of texts: one part is computed while the next is prepared."""

# N = texts of a chunk, B = texts of a batch, H = hidden size

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

import numpy as np

from multilabel_bert.encoder.encoding import BATCH_TOKENS, Engine, budget_for
from multilabel_bert.encoder.read_ahead import ReadAhead
from multilabel_bert.text.batching import token_budget_batches
from multilabel_bert.text.tokenized_texts import TokenizedTexts

# Results that may wait while those before them are written: some kB each.
_BATCHES_AHEAD = 256


def encode_stream(
    engine: Engine,
    chunks: Iterable[TokenizedTexts],
    *,
    max_batch_tokens: int = BATCH_TOKENS,
    on_batch: Callable[[int], None] | None = None,
) -> Generator[dict[str, np.ndarray], None, None]:
    """Represent chunk after chunk; the engine never waits for the end of one.

    A thread feeds the engine, so that it computes while this iterator's user works.

    Args:
        engine: gives some of `pooling.PARTS`, each [B, H].
        chunks: N texts each, at least one; texts are sorted by length within a chunk.
        max_batch_tokens: token slots of a batch.
        on_batch: told the number of texts of each batch that is done.

    Yields:
        Each part that the engine gives, float32 [N, H], for each chunk.
    """
    plans: deque[tuple[int, deque[np.ndarray]]] = deque()

    def batches() -> Iterator[dict[str, np.ndarray]]:
        for texts in chunks:
            plan = token_budget_batches(texts.lengths, budget_for(texts, engine, max_batch_tokens))
            plans.append((len(texts), deque(plan)))
            for indices in plan:
                yield texts.pad(indices)

    arrays: dict[str, np.ndarray] = {}
    with closing(ReadAhead(engine.run(batches()), _BATCHES_AHEAD)) as results:
        for outputs in results:
            count, plan = plans[0]
            indices = plan.popleft()
            for name, values in outputs.items():
                if name not in arrays:
                    arrays[name] = np.empty((count, values.shape[1]), np.float32)
                arrays[name][indices] = values
            if on_batch is not None:
                on_batch(len(indices))
            if not plan:
                plans.popleft()
                yield arrays
                arrays = {}
