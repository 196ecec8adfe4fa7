"""A plain server, as most are written: FastAPI around a transformers model, a batch a request."""

from __future__ import annotations

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

app = FastAPI()
served: dict[str, Any] = {}


class Inputs(BaseModel):
    """The texts of one request."""

    inputs: list[str]


@app.get("/health")
def health() -> dict[str, str]:
    """Whether it answers."""
    return {"status": "ok"}


@app.post("/predict")
def predict(asked: Inputs) -> list[list[dict[str, Any]]]:
    """The probability of each label, highest first."""
    tokens = served["tokenizer"](
        asked.inputs, padding=True, truncation=True, max_length=served["length"],
        return_tensors="pt",
    )  # fmt: skip
    with torch.inference_mode():
        probabilities = torch.sigmoid(served["model"](**tokens).logits.float())
    names = served["model"].config.id2label
    return [
        [
            {"score": score, "label": names[column]}
            for score, column in sorted(
                ((score, column) for column, score in enumerate(row)), reverse=True
            )
        ]
        for row in probabilities.tolist()
    ]


def main() -> None:
    """Arguments: model directory, maximum length in tokens, precision, port."""
    directory, length, precision, port = sys.argv[1:]
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    served["tokenizer"] = AutoTokenizer.from_pretrained(directory)
    served["model"] = AutoModelForSequenceClassification.from_pretrained(directory, dtype=dtype)
    served["model"].eval()
    served["length"] = int(length)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
