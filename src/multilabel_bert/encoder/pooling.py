"""What represents a text: the pooled output, [CLS], the mean of the tokens, or both."""

from __future__ import annotations

from typing import Any

import numpy as np

# "pooled": Dense with tanh on [CLS], as BERT was pre-trained; "cls": the last layer's [CLS].
POOLINGS = ("pooled", "cls", "mean", "cls+mean")


def representation_size(pooling: str, hidden_size: int) -> int:
    """Size D of the vector that represents a text.

    >>> representation_size("cls+mean", 384)
    768
    """
    return hidden_size * (pooling.count("+") + 1)


def combine(parts: dict[str, np.ndarray], pooling: str) -> np.ndarray:
    """Take a representation from the vectors that the encoder gave.

    Args:
        parts: ``"pooled"``, ``"cls"`` and ``"mean"``, each [N, H].
        pooling: one of `POOLINGS`.

    Returns:
        [N, D].
    """
    names = pooling.split("+")
    return parts[names[0]] if len(names) == 1 else np.concatenate([parts[n] for n in names], 1)


def pool_in_keras(outputs: dict[str, Any], attention_mask: Any, pooling: str) -> Any:
    """The same from the outputs of a Keras encoder.

    Args:
        outputs: ``sequence_output`` [B, T, H] and ``pooled_output`` [B, H].
        attention_mask: [B, T], 1 for a real token.
        pooling: one of `POOLINGS`.

    Returns:
        [B, D].
    """
    from keras import ops

    def part(name: str) -> Any:
        if name == "pooled":
            return outputs["pooled_output"]
        sequence = outputs["sequence_output"]
        if name == "cls":
            return sequence[:, 0, :]
        mask = ops.cast(attention_mask, sequence.dtype)[:, :, None]
        return ops.sum(sequence * mask, axis=1) / ops.sum(mask, axis=1)

    return ops.concatenate([part(name) for name in pooling.split("+")], axis=-1)
