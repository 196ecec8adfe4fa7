"""Many texts through the frozen encoder, each once: representations, or hidden states."""

# N = texts, B = texts of a batch, T = tokens, H = hidden size

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from multilabel_bert.text.batching import token_budget_batches
from multilabel_bert.text.tokenized_texts import TokenizedTexts

# Tokens of a batch, or token slots where padding counts. Measured on a CPU, larger batches are
# slower: their activations leave the cache.
BATCH_TOKENS = 1024

# Below that a batch costs more than its tokens do.
_LEAST_BATCH_TOKENS = 128
# The last batches of a few texts end at the same time only if there are some for each job.
_BATCHES_A_JOB = 2


class Engine(Protocol):
    """A compiled encoder that only runs forward.

    Attributes:
        name: of the software, ``"openvino"`` or ``"keras"``.
        precision: ``"float32"`` or ``"bfloat16"``.
        jobs: batches that it computes at the same time.
        packs: whether padding costs it nothing but in attention.
    """

    name: str
    precision: str
    packs: bool

    @property
    def jobs(self) -> int:
        """See above."""

    def run(self, batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Run batches of ``input_ids``, ``attention_mask`` and ``token_type_ids`` [B, T].

        Yields:
            The outputs of each batch, float32, in the order of the batches.
        """


def encode_parts(
    engine: Engine,
    texts: TokenizedTexts,
    *,
    max_batch_tokens: int = BATCH_TOKENS,
    on_batch: Callable[[int], None] | None = None,
) -> dict[str, np.ndarray]:
    """Represent N texts.

    Args:
        engine: gives some of `pooling.PARTS`, each [B, H].
        texts: N texts; order and batches do not change the values.
        max_batch_tokens: token slots of a batch.
        on_batch: told the number of texts of each batch that is done.

    Returns:
        Each part that the engine gives, float32 [N, H].
    """
    arrays: dict[str, np.ndarray] = {}
    for indices, outputs in _run(engine, texts, max_batch_tokens, on_batch):
        for name, values in outputs.items():
            if name not in arrays:
                arrays[name] = np.empty((len(texts), values.shape[1]), np.float32)
            arrays[name][indices] = values
    return arrays


def encode_hidden(
    engine: Engine,
    texts: TokenizedTexts,
    hidden_size: int,
    dtype: np.dtype | type = np.float16,
    *,
    max_batch_tokens: int = BATCH_TOKENS,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The hidden states that enter the lowest trained layer.

    Args:
        engine: gives ``sequence_output`` [B, T, H] of the layers below.
        texts: N texts.
        hidden_size: H.
        dtype: of the result; half precision halves the memory.
        max_batch_tokens: token slots of a batch.
        on_batch: told the number of texts of each batch that is done.

    Returns:
        [total tokens, H], ragged: text i is at ``texts.offsets[i]``.
    """
    hidden = np.empty((int(texts.offsets[-1]), hidden_size), dtype)
    lengths = texts.lengths
    for indices, outputs in _run(engine, texts, max_batch_tokens, on_batch):
        states = outputs["sequence_output"]
        positions = np.arange(states.shape[1])
        mask = positions < lengths[indices][:, None]
        hidden[(texts.offsets[indices][:, None] + positions)[mask]] = states[mask]
    return hidden


def budget_for(texts: TokenizedTexts, engine: Engine, most: int) -> int:
    """Token slots of a batch: fewer where texts are so few that an engine's job would idle."""
    share = int(texts.offsets[-1]) // (_BATCHES_A_JOB * engine.jobs)
    return min(most, max(share, _LEAST_BATCH_TOKENS))


def _run(
    engine: Engine,
    texts: TokenizedTexts,
    max_batch_tokens: int,
    on_batch: Callable[[int], None] | None,
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    budget = budget_for(texts, engine, max_batch_tokens)
    batches = token_budget_batches(texts.lengths, budget)
    results = engine.run(texts.pad(indices) for indices in batches)
    for indices, outputs in zip(batches, results, strict=True):
        yield indices, outputs
        if on_batch is not None:
            on_batch(len(indices))
