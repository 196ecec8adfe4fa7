"""An encoder taken apart into its layers, each with a hash of what it holds."""

# L = transformer layers

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multilabel_bert.encoder.config import BertConfig


@dataclass(frozen=True, eq=False)
class Layer:
    """The embeddings, or one transformer layer.

    Attributes:
        sha256: hash of the names, shapes and values of its tensors.
        tensors: float32, by canonical tensor name.
    """

    sha256: str
    tensors: Mapping[str, np.ndarray]


def split_layers(config: BertConfig, tensors: Mapping[str, np.ndarray]) -> list[Layer]:
    """Take an encoder apart.

    Args:
        config: of the encoder.
        tensors: all its weights, by canonical tensor name.

    Returns:
        The embeddings and the L layers from below; the pooler, if there is one, is with the last.
    """
    parts: list[dict[str, np.ndarray]] = [{} for _ in range(config.num_hidden_layers + 1)]
    for name in sorted(tensors):
        layer = re.match(r"encoder/layer_(\d+)/", name)
        if layer:
            parts[1 + int(layer[1])][name] = tensors[name]
        else:
            parts[0 if name.startswith("embeddings/") else -1][name] = tensors[name]
    return [Layer(_sha256(part), part) for part in parts]


def _sha256(tensors: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name, array in tensors.items():
        total.update(f"{name}{array.dtype}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
