"""Useful floating-point operations of BERT: what must be computed, whoever computes it."""

from __future__ import annotations

import numpy as np

from multilabel_bert.encoder.config import BertConfig


def useful_flops(config: BertConfig, lengths: np.ndarray, *, pooler: bool = True) -> float:
    """Floating-point operations of the encoder on real tokens alone.

    Two for each multiply-add of the projections, QKᵀ and AV, summed over the texts; no padding,
    embeddings, softmax or LayerNorm.

    Args:
        config: of the encoder.
        lengths: tokens of each text.
        pooler: whether its projection counts, of one token a text.

    >>> config = BertConfig(100, 16, 1, 2, 32)
    >>> useful_flops(config, np.array([1]), pooler=False) == 2 * (4 * 256 + 2 * 16 * 32 + 2 * 16)
    True
    """
    tokens = np.asarray(lengths, np.float64)
    hidden, wide = config.hidden_size, config.intermediate_size
    projections = tokens.sum() * (4 * hidden * hidden + 2 * hidden * wide)
    attention = 2 * (tokens**2).sum() * hidden
    pooled = len(tokens) * hidden * hidden if pooler else 0
    return float(2 * (config.num_hidden_layers * (projections + attention) + pooled))
