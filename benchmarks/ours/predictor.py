"""Our Predictor, in each precision, for the comparison of predictions."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from answering import answer

from multilabel_bert.model.predictor import Predictor

_predictors: dict[str, Predictor] = {}
_texts: list[str] = []


def load(model: str, texts: str, length: int, precisions: list[str]) -> None:
    """Open the model and read the texts; `length` is the model's own."""
    del length
    _texts.extend(json.loads(Path(texts).read_text()))
    for precision in precisions:
        _predictors[precision] = Predictor.load(model, precision=precision)


def predict(precision: str, output: str | None = None, limit: int | None = None) -> float:
    """Seconds for the probabilities of the texts, which go to `output`."""
    started = time.perf_counter()
    probabilities = _predictors[precision].predict_proba(_texts[:limit])
    seconds = time.perf_counter() - started
    if output:
        np.save(output, probabilities)
    return seconds


if __name__ == "__main__":
    answer({"load": load, "predict": predict})
