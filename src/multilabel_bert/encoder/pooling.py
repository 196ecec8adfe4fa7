"""What represents a text: the pooled output, [CLS], mean or maximum of the tokens, last layers."""

# N = texts, B = texts of a batch, T = tokens, H = hidden size, D = size of a representation

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from multilabel_bert.errors import SettingsError

_LAST_LAYERS = 4
# What counts for nothing in a maximum: below every activation and logit, and a number in bfloat16
# too.
LOWEST = -1e9

# Vectors [H] of a text of which representations are made. "pooled": Dense with tanh on [CLS], as
# BERT was pre-trained; "cls", "mean" and "max": of the last layer, over the real tokens; "mean-1":
# the same one layer lower.
BASE_PARTS = ("pooled", "cls", "mean")
LOWER_CLS_PARTS = tuple(f"cls-{below}" for below in range(1, _LAST_LAYERS))
LOWER_MEAN_PARTS = tuple(f"mean-{below}" for below in range(1, _LAST_LAYERS))
PARTS = (*BASE_PARTS, "max", *LOWER_CLS_PARTS, *LOWER_MEAN_PARTS)

_LAYERED = {
    f"cls_last{_LAST_LAYERS}": ("cls", *LOWER_CLS_PARTS),
    f"mean_last{_LAST_LAYERS}": ("mean", *LOWER_MEAN_PARTS),
}
# Where several are joined, they are in the order in which sentence-transformers joins them.
POOLINGS = (
    "pooled",
    "cls",
    "mean",
    "max",
    "cls+mean",
    "max+mean",
    "cls+max+mean",
    *_LAYERED,
)
# What `pooling="auto"` tries, where the encoder has it; docs/representations.md measures all.
AUTO_POOLINGS = ("pooled", "cls", "mean", "cls+mean", f"mean_last{_LAST_LAYERS}")


def pooling_parts(pooling: str) -> tuple[str, ...]:
    """The parts that a representation is made of, in order.

    ``"cls_last4"`` and ``"mean_last4"`` are the last four layers side by side, the last first.

    Source: Devlin et al. 2019, arXiv:1810.04805, section 5.3 and table 7.

    >>> pooling_parts("cls+mean"), pooling_parts("mean_last4")
    (('cls', 'mean'), ('mean', 'mean-1', 'mean-2', 'mean-3'))
    """
    return _LAYERED.get(pooling) or tuple(pooling.split("+"))


def layers_below(part: str) -> int:
    """How many layers below the last one a part is taken.

    >>> layers_below("mean"), layers_below("cls-3")
    (0, 3)
    """
    return int(part.partition("-")[2] or 0)


def lowest_layer(poolings: Iterable[str]) -> int:
    """How many layers below the last one the lowest is that any of `poolings` takes."""
    return max(layers_below(part) for name in poolings for part in pooling_parts(name))


def representation_size(pooling: str, hidden_size: int) -> int:
    """Size D of the vector that represents a text.

    >>> representation_size("cls+mean", 384), representation_size("mean_last4", 384)
    (768, 1536)
    """
    return hidden_size * len(pooling_parts(pooling))


def possible_poolings(poolings: Iterable[str], layers: int, *, pooler: bool = True) -> list[str]:
    """Those of `poolings` that an encoder has.

    Args:
        poolings: some of `POOLINGS`.
        layers: of the encoder.
        pooler: whether it has one.

    >>> possible_poolings(AUTO_POOLINGS, 3, pooler=False)
    ['cls', 'mean', 'cls+mean']
    """
    return [
        name
        for name in poolings
        if lowest_layer([name]) < layers and (pooler or "pooled" not in pooling_parts(name))
    ]


def check_pooling(
    pooling: str, layers: int, *, pooler: bool = True, origin: str = "this encoder"
) -> None:
    """Refuse a representation that an encoder does not have.

    Args:
        pooling: one of `POOLINGS`.
        layers: of the encoder.
        pooler: whether it has one.
        origin: of the encoder, for the message.

    Raises:
        SettingsError: if there is no pooler for it, or too few layers.
    """
    possible = possible_poolings(POOLINGS, layers, pooler=pooler)
    if pooling in possible:
        return
    others = ", ".join(map(repr, possible))
    if pooling not in POOLINGS:
        raise SettingsError(f"pooling={pooling!r} is unknown. Use one of {others}.")
    if "pooled" in pooling_parts(pooling) and not pooler:
        raise SettingsError(
            f"pooling={pooling!r} needs a pooler, but {origin} has none. Use pooling={others}."
        )
    raise SettingsError(
        f"pooling={pooling!r} needs {lowest_layer([pooling]) + 1} layers, but {origin} has "
        f"{layers}. Use pooling={others}."
    )


def combine(parts: dict[str, np.ndarray], pooling: str) -> np.ndarray:
    """Take a representation from the vectors that the encoder gave.

    Args:
        parts: some of `PARTS`, each [N, H].
        pooling: one of `POOLINGS`.

    Returns:
        [N, D].
    """
    names = pooling_parts(pooling)
    return parts[names[0]] if len(names) == 1 else np.concatenate([parts[n] for n in names], 1)


def pool_in_keras(outputs: dict[str, Any], attention_mask: Any, pooling: str) -> Any:
    """The same from the outputs of a Keras encoder.

    Args:
        outputs: ``sequence_output`` [B, T, H] and ``pooled_output`` [B, H]; ``hidden_states`` too
            where a lower layer is part of it.
        attention_mask: [B, T], 1 for a real token.
        pooling: one of `POOLINGS`, or of `PARTS`.

    Returns:
        [B, D].
    """
    from keras import ops

    def part(name: str) -> Any:
        if name == "pooled":
            return outputs["pooled_output"]
        below = layers_below(name)
        sequence = outputs["hidden_states"][-1 - below] if below else outputs["sequence_output"]
        how = name.partition("-")[0]
        if how == "cls":
            return sequence[:, 0, :]
        mask = ops.cast(attention_mask, sequence.dtype)[:, :, None]
        if how == "max":
            return ops.max(ops.where(mask > 0, sequence, ops.full_like(sequence, LOWEST)), axis=1)
        return ops.sum(sequence * mask, axis=1) / ops.sum(mask, axis=1)

    return ops.concatenate([part(name) for name in pooling_parts(pooling)], axis=-1)
