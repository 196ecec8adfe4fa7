"""The canonical names and shapes of BERT's tensors."""

# V = word pieces, H = hidden size, I = intermediate size, P = positions, S = token types

from __future__ import annotations

from collections.abc import Iterator

from multilabel_bert.encoder.config import BertConfig

POOLER_KERNEL = "pooler/dense/kernel"
POOLER_BIAS = "pooler/dense/bias"


def expected_tensors(config: BertConfig, *, pooler: bool = True) -> dict[str, tuple[int, ...]]:
    """Map each canonical tensor name of an encoder to its shape.

    The names are those of Google's checkpoints without ``bert/``; kernels are [in, out].

    Args:
        config: sizes of the encoder.
        pooler: whether it has a pooler.

    Example:
        >>> shapes = expected_tensors(BertConfig(100, 16, 1, 2, 32))
        >>> shapes["encoder/layer_0/intermediate/dense/kernel"], len(shapes)
        ((16, 32), 23)
    """
    hidden = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word_embeddings": (config.vocab_size, hidden),  # [V, H]
        "embeddings/position_embeddings": (config.max_position_embeddings, hidden),  # [P, H]
        "embeddings/token_type_embeddings": (config.type_vocab_size, hidden),  # [S, H]
    }
    shapes.update(_layer_norm("embeddings/LayerNorm", hidden))
    for index in range(config.num_hidden_layers):
        shapes.update(_transformer_layer(f"encoder/layer_{index}", config))
    if pooler:
        shapes.update(_dense("pooler/dense", hidden, hidden))
    return shapes


def _transformer_layer(prefix: str, config: BertConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden, intermediate = config.hidden_size, config.intermediate_size
    for name in ("query", "key", "value"):
        yield from _dense(f"{prefix}/attention/self/{name}", hidden, hidden)
    yield from _dense(f"{prefix}/attention/output/dense", hidden, hidden)
    yield from _layer_norm(f"{prefix}/attention/output/LayerNorm", hidden)
    yield from _dense(f"{prefix}/intermediate/dense", hidden, intermediate)  # [H, I]
    yield from _dense(f"{prefix}/output/dense", intermediate, hidden)  # [I, H]
    yield from _layer_norm(f"{prefix}/output/LayerNorm", hidden)


def _dense(prefix: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}/kernel", (inputs, outputs)
    yield f"{prefix}/bias", (outputs,)


def _layer_norm(prefix: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{prefix}/gamma", (size,)
    yield f"{prefix}/beta", (size,)
