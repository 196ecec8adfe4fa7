"""Prediction against Hugging Face's pipeline, sentence-transformers on OpenVINO, ONNX Runtime.

The same model directory for all: MiniLM, or BERT-base's shape with random weights, with a random
head on the pooled output. The outputs must agree before anything is timed. Loading is not timed,
tokenization is. Ours and the peer take turns; batch sizes of the peer are tuned by a probe.

Run: make peers && .venv/bin/python benchmarks/prediction_peers.py [--only TEXT] [--small]
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table
from programs import BENCHMARKS, Program, alternate, environment

from multilabel_bert.encoder.cpu_features import choose_precision, has_bfloat16

ROUNDS = 5
BEST = choose_precision("auto")
# How far probabilities may be apart, by the coarser precision of the two.
TOLERANCES = {"float32": 1e-3, "bfloat16": 0.03}
BATCHES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Work:
    """What is predicted: with which shape, cut to how many tokens, and how many texts."""

    shape: str
    length: int
    source: str
    count: int


@dataclass(frozen=True)
class Peer:
    """One way to predict.

    Attributes:
        script: below ``benchmarks/peers``.
        environment: of the peer.
        precision: what its program is told.
        batches: that are probed; none for the program's default.
        goal: how many times faster ours is to be.
    """

    script: str
    environment: str
    precision: str
    batches: tuple[int, ...]
    goal: float


WORKS = {
    "MiniLM, GoEmotions test": Work("minilm", 128, "goemotions/test.tsv", 5427),
    "MiniLM, long texts, 256 tokens": Work("minilm", 256, "complaints", 500),
    "MiniLM, long texts, 512 tokens": Work("minilm", 512, "complaints", 300),
    "BERT-base shape, GoEmotions test": Work("bert-base", 128, "goemotions/test.tsv", 1000),
    "BERT-base shape, long texts, 512 tokens": Work("bert-base", 512, "complaints", 32),
}
PEERS = {
    "pipeline, default settings": Peer("hf_pipeline", "transformers", "float32", (), 5),
    "pipeline, sorted, float32": Peer("hf_pipeline", "transformers", "float32", BATCHES, 1.5),
    "sentence-transformers OpenVINO, default": Peer(
        "st_openvino", "st-openvino", "default", (32,), 1.1
    ),
    "sentence-transformers OpenVINO, float32": Peer(
        "st_openvino", "st-openvino", "float32", BATCHES, 1.1
    ),
    # Above 256 it is token slots of a batch, not texts.
    "ONNX Runtime, sorted, float32": Peer(
        "onnx_runtime", "onnxruntime", "float32", (*BATCHES, 1024, 2048, 4096), 1.1
    ),
}
if has_bfloat16():
    PEERS["pipeline, sorted, bfloat16"] = Peer(
        "hf_pipeline", "transformers", "bfloat16", BATCHES, 1.5
    )
    PEERS["sentence-transformers OpenVINO, bfloat16"] = Peer(
        "st_openvino", "st-openvino", "bfloat16", BATCHES, 1.1
    )


def texts_of(work: Work) -> list[str]:
    """The texts, in the order of the file; of complaints those that fill the length."""
    if work.source != "complaints":
        file = DATA / work.source
        lines = file.read_text(encoding="utf-8").splitlines()
        return [line.split("\t")[0] for line in lines[: work.count]]
    path = DATA / "consumer-complaints" / "complaints_sample.csv"
    with path.open(encoding="utf-8", newline="") as file_of_complaints:
        told = [row["Consumer complaint narrative"] for row in csv.DictReader(file_of_complaints)]
    # About five characters a token: half of the texts are cut, the others are shorter.
    long = [text for text in told if len(text) > 2.5 * work.length]
    return long[: work.count]


def measure(work: Work, peer: Peer, given: Namespace) -> dict[str, Any]:
    """Ours in its best precision and in float32, and the peer, in turn."""
    precisions = sorted({"float32", BEST})
    peer_precision = BEST if peer.precision == "default" else peer.precision
    with tempfile.TemporaryDirectory() as folder:
        model, texts_file = str(Path(folder, "model")), str(Path(folder, "texts.json"))
        texts = texts_of(work)[: 12 if given.small else None]
        Path(texts_file).write_text(json.dumps(texts))
        subprocess.run(
            [
                *(sys.executable, str(BENCHMARKS / "ours" / "make_model.py")),
                *(work.shape, str(work.length), model),
            ],
            check=True,
            env=environment(),
        )
        loading = {"model": model, "texts": texts_file, "length": work.length}
        with (
            Program("ours/predictor.py") as us,
            Program(f"peers/{peer.script}.py", peer=peer.environment) as them,
        ):
            us.ask("load", **loading, precisions=precisions)
            them.ask("load", **loading, precision=peer.precision)
            batch = tuned_batch(them, peer, len(texts))
            furthest = differences(folder, us, them, batch, precisions)
            tolerance = TOLERANCES[peer_precision]
            if furthest["float32"] > tolerance or furthest[BEST] > TOLERANCES[BEST]:
                raise RuntimeError(f"the probabilities differ by {furthest}: nothing to compare")
            measures: dict[str, Callable[[], float]] = {
                precision: lambda precision=precision: us.ask("predict", precision=precision)
                for precision in precisions
            }
            measures["peer"] = lambda: them.ask("predict", batch=batch)
            found = alternate(measures, 2 if given.small else ROUNDS)
            extra = them.ask("fusions") if peer.script == "onnx_runtime" else {}
    seconds = {name: found[name]["median"] for name in found}
    return {
        "texts": len(texts),
        "peer_precision": peer.precision,
        "peer_batch": batch or 1,
        "peer_seconds": seconds["peer"],
        "ours_seconds": seconds[BEST],
        "ours_f32_seconds": seconds["float32"],
        "ratio": seconds["peer"] / seconds[BEST],
        "ratio_f32": seconds["peer"] / seconds["float32"],
        "goal": f">= {peer.goal:g}",
        "differences": furthest,
        "fusions": extra,
        "spread": found,
    }


def tuned_batch(them: Program, peer: Peer, texts: int) -> int | None:
    """The batch size with which the peer is fastest on an eighth of the texts."""
    if len(peer.batches) < 2:
        return peer.batches[0] if peer.batches else None
    limit = max(min(texts, 24), texts // 8)
    them.ask("predict", batch=peer.batches[0], limit=limit)
    times = {batch: them.ask("predict", batch=batch, limit=limit) for batch in peer.batches}
    return min(times, key=lambda batch: times[batch])


def differences(
    folder: str, us: Program, them: Program, batch: int | None, precisions: list[str]
) -> dict[str, float]:
    """The largest difference of a probability to the peer's, for each of our precisions."""
    output = str(Path(folder, "probabilities.npy"))
    them.ask("predict", batch=batch, output=output)
    expected = np.load(output)
    found = {}
    for precision in precisions:
        us.ask("predict", precision=precision, output=output)
        found[precision] = float(np.abs(np.load(output) - expected).max())
    return found


def main() -> None:
    """Run and print the table."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("prediction_peers: ../shared/data is not on this machine: nothing to run")
    cells: dict[str, Callable[[], dict[str, Any]]] = {
        f"{name}: {peer_name}": lambda work=work, peer=peer: measure(work, peer, given)
        for name, work in WORKS.items()
        for peer_name, peer in PEERS.items()
    }
    rows = run_cells("prediction_peers", cells, only=given.only, folder=given.folder)
    print(
        f"\nSeconds, medians of {ROUNDS} rounds taken in turn, without loading. Ours: {BEST}, and "
        "float32 beside it. ratio: the peer's seconds by ours; goal: of ratio, and of ratio_f32 "
        "where the peer runs in float32 at its best.\n"
    )
    columns = ("cell", "texts", "peer_precision", "peer_batch", "peer_seconds", "ours_seconds")
    print(table(rows, [*columns, "ours_f32_seconds", "ratio", "ratio_f32", "goal"]))


if __name__ == "__main__":
    main()
