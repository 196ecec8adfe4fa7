"""sentence-transformers on OpenVINO, its Dense modules holding pooler and head."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from answering import answer
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers import models as modules

_HINTS = {
    "float32": {"INFERENCE_PRECISION_HINT": "f32"},
    "bfloat16": {"INFERENCE_PRECISION_HINT": "bf16"},
}
_state: dict[str, Any] = {}


def load(model: str, texts: str, length: int, precision: str) -> None:
    """Export the encoder to OpenVINO and read the texts.

    Args:
        model: a BertForSequenceClassification; its encoder is exported.
        texts: JSON file.
        length: most tokens of a text.
        precision: ``"float32"``, ``"bfloat16"``, or ``"default"`` for what OpenVINO takes.
    """
    ov_config = _HINTS.get(precision, {})
    transformer = modules.Transformer(
        model,
        max_seq_length=length,
        backend="openvino",
        model_args={"export": True, "ov_config": ov_config},
    )
    tensors = load_file(Path(model) / "model.safetensors")
    pooler = _dense(tensors, "bert.pooler.dense", torch.nn.Tanh())
    head = _dense(tensors, "classifier", torch.nn.Sigmoid())
    hidden = pooler.in_features
    pooling = modules.Pooling(hidden, pooling_mode="cls")
    _state["model"] = SentenceTransformer(
        modules=[transformer, pooling, pooler, head], device="cpu"
    )
    _state["texts"] = json.loads(Path(texts).read_text())


def _dense(tensors: dict[str, torch.Tensor], name: str, activation: Any) -> Any:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    dense = modules.Dense(weight.shape[1], weight.shape[0], activation_function=activation)
    dense.linear.load_state_dict({"weight": weight, "bias": bias})
    return dense


def predict(batch: int, output: str | None = None, limit: int | None = None) -> float:
    """Seconds for the probabilities of the texts, which go to `output`; it sorts by length."""
    texts = _state["texts"]
    if limit:
        texts = texts[:: max(1, len(texts) // limit)]
    started = time.perf_counter()
    probabilities = _state["model"].encode(texts, batch_size=batch)
    seconds = time.perf_counter() - started
    if output:
        np.save(output, np.asarray(probabilities, np.float32))
    return seconds


if __name__ == "__main__":
    answer({"load": load, "predict": predict})
