"""Hugging Face's text-classification pipeline: default settings, or the best of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from answering import answer
from transformers import pipeline

_state: dict[str, Any] = {}


def load(model: str, texts: str, length: int, precision: str) -> None:
    """Open the model and read the texts; scaled dot product attention is the default."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    _state["pipe"] = pipeline("text-classification", model=model, device="cpu", dtype=dtype)
    _state["texts"] = json.loads(Path(texts).read_text())
    _state["length"] = length


def predict(batch: int | None, output: str | None = None, limit: int | None = None) -> float:
    """Seconds for the probabilities of the texts, which go to `output`.

    Args:
        batch: texts of a batch, of texts sorted by length; None for one at a time, as they come.
        output: a file for float32 [N, X].
        limit: only so many texts, spread over all of them.
    """
    texts = _state["texts"]
    if limit:
        texts = texts[:: max(1, len(texts) // limit)]
    settings = {
        "top_k": None,
        "function_to_apply": "sigmoid",
        "truncation": True,
        "max_length": _state["length"],
    }
    started = time.perf_counter()
    if batch is None:
        results = _state["pipe"](texts, **settings)
    else:
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        found = _state["pipe"]([texts[i] for i in order], batch_size=batch, **settings)
        results = [None] * len(texts)
        for index, result in zip(order, found, strict=True):
            results[index] = result
    seconds = time.perf_counter() - started
    if output:
        names = _state["pipe"].model.config.label2id
        probabilities = np.zeros((len(texts), len(names)), np.float32)
        for row, result in zip(probabilities, results, strict=True):
            for entry in result:
                row[names[entry["label"]]] = entry["score"]
        np.save(output, probabilities)
    return seconds


if __name__ == "__main__":
    answer({"load": load, "predict": predict})
