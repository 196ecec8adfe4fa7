"""The output layer that a fine-tuned checkpoint brings with it."""

# H = hidden size, X = labels

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multilabel_bert.encoder.tensor_check import FoundTensor


@dataclass(frozen=True, eq=False)
class ClassifierHead:
    """A dense layer from the pooled output to one logit a label.

    Attributes:
        kernel: float32 [H, X].
        bias: float32 [X].
        label_names: X names, or None where the checkpoint has none.
        problem_type: as in Hugging Face's configuration, or None where it is not said.
    """

    kernel: np.ndarray
    bias: np.ndarray
    label_names: tuple[str, ...] | None = None
    problem_type: str | None = None


def head_shapes(
    kernel: str, bias: str, found: Mapping[str, FoundTensor], hidden_size: int
) -> dict[str, tuple[int, ...]]:
    """Shapes that a head must have, both kinds of checkpoint storing it as [X, H] and [X].

    Args:
        kernel: the file's name of the kernel.
        bias: the file's name of the bias.
        found: the tensors of the file.
        hidden_size: H.

    Returns:
        Both names and shapes, X taken from the tensor that is there; empty if there is none.
    """
    parts = [found[name].shape for name in (kernel, bias) if name in found]
    if not parts:
        return {}
    labels = parts[0][0] if parts[0] else 1
    return {kernel: (labels, hidden_size), bias: (labels,)}
