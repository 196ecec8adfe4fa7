"""Hugging Face's BERT in bfloat16: training steps and encoding of one fixed batch."""

from __future__ import annotations

import time
from typing import Any

import torch
from answering import answer
from transformers import BertConfig, BertForSequenceClassification

LABELS = 28
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
_state: dict[str, Any] = {}


def load(sizes: dict[str, int], texts: int, tokens: int, *, compiled: bool) -> dict[str, Any]:
    """Build and warm up for one shape of batch; autocast to bfloat16, float32 weights."""
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    config = BertConfig(
        **sizes,
        num_labels=LABELS,
        problem_type="multi_label_classification",
        attn_implementation="sdpa",
    )
    model = BertForSequenceClassification(config).to(DEVICE)
    encoder = BertForSequenceClassification(config).to(DEVICE, torch.bfloat16).eval()
    _state["model"] = torch.compile(model) if compiled else model
    _state["encoder"] = torch.compile(encoder) if compiled else encoder
    _state["optimizer"] = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    _state["batch"] = {
        "input_ids": torch.randint(0, config.vocab_size, (texts, tokens), device=DEVICE),
        "token_type_ids": torch.zeros((texts, tokens), dtype=torch.long, device=DEVICE),
    }
    _state["targets"] = (torch.rand((texts, LABELS), device=DEVICE) < 0.1).float()
    losses = [train(1)["loss"], train(1)["loss"]]
    encode_texts(1)
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    return {"device": name, "torch": torch.__version__, "first_losses": losses}


def _wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def train(steps: int) -> dict[str, float]:
    """Seconds of so many training steps, and the last loss."""
    _state["model"].train()
    started = time.perf_counter()
    for _ in range(steps):
        with torch.autocast(DEVICE, torch.bfloat16):
            loss = _state["model"](**_state["batch"], labels=_state["targets"]).loss
        loss.backward()
        _state["optimizer"].step()
        _state["optimizer"].zero_grad()
    _wait()
    return {"seconds": time.perf_counter() - started, "loss": float(loss)}


def encode_texts(steps: int) -> dict[str, float]:
    """Seconds of so many forward passes, with weights in bfloat16."""
    started = time.perf_counter()
    with torch.inference_mode():
        for _ in range(steps):
            _state["encoder"](**_state["batch"])
    _wait()
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    answer({"load": load, "train": train, "encode": encode_texts})
