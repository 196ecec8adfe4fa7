"""Some models on the same texts: all at once, or each by itself; heads and weights are random."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from answering import answer
from shapes import load_shape

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.pooling import representation_size
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import save_model
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor
from multilabel_bert.text.tokenizer import BertTokenizer

LABELS = 28
_texts: list[str] = []
_models: list[SharedPredictor | Predictor] = []


def write_models(folder: str, count: int, pooling: str, trained_layers: int) -> None:
    """Write models that differ in their heads, and in the top layers if some are trained."""
    checkpoint = load_shape("minilm")
    config = checkpoint.config
    size = representation_size(pooling, config.hidden_size)
    first = config.num_hidden_layers - trained_layers
    trained = tuple(f"encoder/layer_{index}/" for index in range(first, config.num_hidden_layers))
    model = ClassifierModel(
        config=config,
        tensors=checkpoint.tensors,
        kernel=np.zeros((size, LABELS), np.float32),
        bias=np.zeros(LABELS, np.float32),
        pooling=pooling,
        label_names=tuple(f"label_{index}" for index in range(LABELS)),
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=128,
        rule=DecisionRule.fixed(LABELS),
    )
    for number in range(count):
        rng = np.random.default_rng(number)
        tensors = {
            name: value + rng.normal(0, 1e-3, value.shape).astype(np.float32)
            if name.startswith(trained)
            else value
            for name, value in checkpoint.tensors.items()
        }
        kernel = rng.normal(0, size**-0.5, (size, LABELS)).astype(np.float32)
        changed = replace(model, kernel=kernel, tensors=tensors if trained else model.tensors)
        save_model(changed, Path(folder, f"m{number}"))


def load(texts: str, models: list[str], precision: str) -> dict[str, float]:
    """Read the texts and open the models: seconds, and MB of memory that is no file's."""
    _texts.extend(json.loads(Path(texts).read_text()))
    started = time.perf_counter()
    if len(models) == 1:
        _models.append(Predictor.load(models[0], precision=precision))
    else:
        paths = {Path(path).name: path for path in models}
        _models.append(SharedPredictor.load(paths, precision=precision))
    return {"seconds": time.perf_counter() - started, "mb": _memory_mb()}


def predict(output: str | None = None) -> float:
    """Seconds for the probabilities of all texts by all models, which go to `output`."""
    started = time.perf_counter()
    found = _models[0].predict_proba(_texts)
    seconds = time.perf_counter() - started
    if output:
        every = list(found.values()) if isinstance(found, dict) else [found]
        np.save(output, np.stack(every))
    return seconds


def _memory_mb() -> float:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    if len(sys.argv) > 1:
        folder, count, pooling, trained_layers = sys.argv[1:]
        write_models(folder, int(count), pooling, int(trained_layers))
    else:
        answer({"load": load, "predict": predict})
