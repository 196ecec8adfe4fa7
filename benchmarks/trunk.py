"""The frozen trunk's useful GFLOP/s against the matrix-multiply peak of the same machine.

Useful: 2 x multiply-adds of the projections, QKᵀ and AV over real tokens only, summed per text.
Peak: the best of OpenVINO, torch and NumPy (float32 only) on 2048³ in the same precision, with
all cores, measured in turn with the engine. Tokenization is timed apart.
Then: which batches and streams are best.

Run: make peers && .venv/bin/python benchmarks/trunk.py [--only TEXT] [--small]
"""

from __future__ import annotations

import contextlib
import os
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table
from flops import useful_flops
from ours.shapes import load_shape, random_texts
from programs import Program, alternate

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.encoder.encoding import BATCH_TOKENS, Engine, encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_graph import build_graph
from multilabel_bert.encoder.pooling import BASE_PARTS
from multilabel_bert.text.batching import fill_rate, token_budget_batches
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer

PRECISIONS = ("float32", "bfloat16") if has_bfloat16() else ("float32",)
BUDGETS = (512, 1024, 2048, 4096)
ROUNDS, GRID_ROUNDS = 5, 3

# What is encoded: name to shape, number of texts, and the goal in per cent of the peak.
BASE_128 = "BERT-base shape, 128 tokens"
MINILM_128 = "MiniLM, 128 tokens"
GOEMOTIONS_8000 = "MiniLM, 8,000 texts of GoEmotions"
GOEMOTIONS_ALL = "MiniLM, GoEmotions"
WORK: dict[str, tuple[str, int, str]] = {
    BASE_128: ("bert-base", 128, ">= 70"),
    MINILM_128: ("minilm", 1000, ""),
    GOEMOTIONS_8000: ("minilm", 8000, ">= 60"),
    GOEMOTIONS_ALL: ("minilm", 43410, ">= 60"),
}


def texts_of(work: str, checkpoint: Checkpoint, count: int) -> tuple[TokenizedTexts, float]:
    """The texts of a line of `WORK`, and how many seconds their tokenization takes."""
    if "GoEmotions" not in work:
        return random_texts(count, 128), 0.0
    from multilabel_bert.data import read_splits

    texts = read_splits(DATA / "goemotions")["train"].texts[:count]
    tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
    started = time.perf_counter()
    tokenized = tokenizer.encode(texts, None, max_seq_length=128)
    return tokenized, time.perf_counter() - started


def gflops(engine: Engine, texts: TokenizedTexts, useful: float, budget: int) -> float:
    """Useful GFLOP/s of one pass over the texts."""
    started = time.perf_counter()
    encode_parts(engine, texts, max_batch_tokens=budget)
    return useful / (time.perf_counter() - started) / 1e9


def against_peak(work: str, precision: str, given: Namespace) -> dict[str, Any]:
    """The engine as it is chosen by default, in turn with the peaks."""
    shape, count, _ = WORK[work]
    count = min(count, 40) if given.small else count
    checkpoint = load_shape(shape)
    texts, tokenization = texts_of(work, checkpoint, count)
    engine = make_engine(checkpoint.config, checkpoint.tensors, BASE_PARTS, precision=precision)
    useful = useful_flops(checkpoint.config, texts.lengths)
    with contextlib.ExitStack() as stack:
        peaks: dict[str, Callable[[], float]] = {}
        failed = {}

        def add(name: str, script: str, peer: str | None = None, **arguments: str) -> None:
            try:
                program = stack.enter_context(Program(script, peer=peer))
                program.ask("peak", **arguments)
            except RuntimeError as error:
                failed[name] = str(error)
            else:
                peaks[name] = lambda: program.ask("peak", **arguments)

        add("openvino", "ours/openvino_peak.py", precision=precision)
        add("torch", "peers/torch_peak.py", peer="transformers", precision=precision)
        if precision == "float32":
            add("numpy", "ours/numpy_peak.py")
        gflops(engine, texts.subset(np.arange(min(count, 64))), useful, BATCH_TOKENS)
        measures = peaks | {"engine": lambda: gflops(engine, texts, useful, BATCH_TOKENS)}
        found = alternate(measures, 2 if given.small else ROUNDS)
    peak = max(found[name]["median"] for name in peaks)
    speed = found["engine"]["median"]
    batches = token_budget_batches(texts.lengths, BATCH_TOKENS)
    return {
        "texts": len(texts),
        "mean_tokens": float(texts.lengths.mean()),
        "ran_in": precision,
        "useful_gflops": speed,
        "peak": peak,
        "peaks": {name: found[name]["median"] for name in peaks},
        "no_peak": failed,
        "per_cent": 100 * speed / peak,
        "goal": WORK[work][2],
        "encode_seconds": useful / speed / 1e9,
        "tokenize_seconds": tokenization,
        "fill": fill_rate(texts.lengths, batches),
        "spread": found,
    }


def grid(work: str, precision: str, given: Namespace) -> dict[str, Any]:
    """Batch tokens x streams, all in turn; threads are all cores, shared out to the streams."""
    shape, count, _ = WORK[work]
    count = 24 if given.small else min(count, 64 if shape == "bert-base" else 4000)
    checkpoint = load_shape(shape)
    texts, _ = texts_of(work, checkpoint, count)
    useful = useful_flops(checkpoint.config, texts.lengths)
    graph = build_graph(checkpoint.config, checkpoint.tensors, outputs=BASE_PARTS)
    cores = os.cpu_count() or 1
    engines = {
        streams: OpenVINOEngine(graph, precision=precision, streams=streams, threads=cores)
        for streams in sorted({1, 2, cores})
    }
    measures: dict[str, Callable[[], float]] = {}
    for streams, engine in engines.items():
        for budget in BUDGETS:
            gflops(engine, texts.subset(np.arange(min(count, 64))), useful, budget)
            measures[f"{budget} tokens, {streams} streams"] = lambda engine=engine, budget=budget: (
                gflops(engine, texts, useful, budget)
            )
    found = alternate(measures, 2 if given.small else GRID_ROUNDS)
    speeds = {name: round(found[name]["median"], 1) for name in found}
    best = max(speeds, key=lambda name: speeds[name])
    return {"ran_in": precision, "texts": count, "best": best, "threads": cores, **speeds}


def main() -> None:
    """Run and print the tables."""
    given = options(__doc__)
    works = [work for work in WORK if "GoEmotions" not in work or DATA.is_dir()]
    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    grids: dict[str, Callable[[], dict[str, Any]]] = {}
    for precision in PRECISIONS:
        for work in works:
            cells[f"{work}, {precision}"] = lambda work=work, precision=precision: against_peak(
                work, precision, given
            )
            if work != GOEMOTIONS_ALL:
                grids[f"grid, {work}, {precision}"] = lambda work=work, precision=precision: grid(
                    work, precision, given
                )
    rows = run_cells("trunk", cells | grids, only=given.only, folder=given.folder)
    print("\nMedians of rounds taken in turn; per_cent: of the peak. Seconds of one pass.\n")
    columns = ("cell", "texts", "useful_gflops", "peak", "per_cent", "goal")
    timed = [row for row in rows if row["cell"] in cells]
    print(table(timed, [*columns, "encode_seconds", "tokenize_seconds", "fill"]))
    print("\nUseful GFLOP/s by token slots of a batch and streams\n")
    chosen = [row for row in rows if row["cell"] in grids]
    names = [name for row in chosen for name in row if name.endswith(" streams")]
    print(table(chosen, ["cell", "best", *dict.fromkeys(names)]))


if __name__ == "__main__":
    main()
