"""ONNX Runtime on a Hugging Face model that torch exported, with its BERT fusions."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from answering import answer
from onnxruntime.transformers.optimizer import optimize_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

NAMES = ("input_ids", "attention_mask", "token_type_ids")
_state: dict[str, Any] = {}


def load(model: str, texts: str, length: int, precision: str) -> None:
    """Export the model, fuse its attention, and read the texts; float32 is all it has here."""
    assert precision == "float32"
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(
        model, attn_implementation="eager"
    ).eval()
    tokens = dict(tokenizer(["one text", "and another text"], padding=True, return_tensors="pt"))
    folder = Path(tempfile.mkdtemp())
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        network,
        tuple(tokens[name] for name in NAMES),
        str(folder / "model.onnx"),
        input_names=list(NAMES),
        output_names=["logits"],
        dynamic_axes={**dict.fromkeys(NAMES, axes), "logits": {0: "texts"}},
        opset_version=17,
        dynamo=False,
    )
    fused = optimize_model(
        str(folder / "model.onnx"),
        model_type="bert",
        num_heads=network.config.num_attention_heads,
        hidden_size=network.config.hidden_size,
    )
    fused.save_model_to_file(str(folder / "fused.onnx"))
    _state["session"] = onnxruntime.InferenceSession(
        str(folder / "fused.onnx"), providers=["CPUExecutionProvider"]
    )
    _state["fusions"] = fused.get_fused_operator_statistics()
    _state["tokenizer"], _state["length"] = tokenizer, length
    _state["texts"] = json.loads(Path(texts).read_text())


def fusions() -> dict[str, int]:
    """How many operators of each kind were fused."""
    return dict(_state["fusions"])


def predict(batch: int, output: str | None = None, limit: int | None = None) -> float:
    """Seconds for the probabilities of the texts, which go to `output`.

    Args:
        batch: texts of a batch, of texts sorted by length; above 256 token slots of one.
        output: a file for float32 [N, X].
        limit: only so many texts, spread over all of them.
    """
    texts = _state["texts"]
    if limit:
        texts = texts[:: max(1, len(texts) // limit)]
    started = time.perf_counter()
    tokenizer = _state["tokenizer"]
    # Its fast tokenizer takes them in parallel.
    tokens = tokenizer(texts, truncation=True, max_length=_state["length"])
    lengths = np.array([len(ids) for ids in tokens["input_ids"]])
    order = np.argsort(-lengths)
    logits: np.ndarray | None = None
    start = 0
    while start < len(order):
        size = batch if batch <= 256 else max(1, batch // int(lengths[order[start]]))
        rows = order[start : start + size]
        padded = {name: _pad([tokens[name][row] for row in rows]) for name in NAMES}
        found = _state["session"].run(["logits"], padded)[0]
        if logits is None:
            logits = np.empty((len(texts), found.shape[1]), np.float32)
        logits[rows] = found
        start += size
    probabilities = 1 / (1 + np.exp(-logits))
    seconds = time.perf_counter() - started
    if output:
        np.save(output, probabilities)
    return seconds


def _pad(rows: list[list[int]]) -> np.ndarray:
    # 0 is [PAD], the mask of padding, and its token type.
    padded = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded


if __name__ == "__main__":
    answer({"load": load, "predict": predict, "fusions": fusions})
