"""BERT-base's shape on a GPU: Keras on JAX against Hugging Face in bfloat16, and the card's peak.

Random weights, batches without padding. Utilisation: useful operations (a training step counts
three times the forward pass) by the card's dense bfloat16 peak.

Run: python benchmarks/gpu.py --jax-python PATH --torch-python PATH     (on the GPU machine)
     .venv/bin/python benchmarks/gpu.py --small                         (try it on a CPU)
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cells import RESULTS, run_cells, table
from flops import useful_flops
from programs import Program, alternate

from multilabel_bert.encoder.config import BertConfig

# NVIDIA's data sheets, without sparsity. The PCIe card of the same name has 756.
DENSE_BFLOAT16_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
BASE = BertConfig(30522, 768, 12, 12, 3072)
TINY = BertConfig(100, 16, 2, 2, 32, max_position_embeddings=512)
ROUNDS = 5


def measure(
    tokens: int, slots: int, *, compiled: bool, given: argparse.Namespace
) -> dict[str, Any]:
    """Training and encoding of batches of `slots` tokens, ours and the peer's in turn."""
    config = TINY if given.small else BASE
    texts = max(1, slots // tokens)
    steps, rounds = (2, 2) if given.small else (30, ROUNDS)
    sizes = {
        name: getattr(config, name)
        for name in (
            *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
            *("intermediate_size", "max_position_embeddings"),
        )
    }
    shape = {"sizes": sizes, "texts": texts, "tokens": tokens}
    with (
        Program("ours/jax_steps.py", peer="jax", python=given.jax_python) as us,
        Program("peers/torch_steps.py", peer="transformers", python=given.torch_python) as them,
    ):
        ours = us.ask("load", **shape)
        theirs = them.ask("load", **shape, compiled=compiled)

        def timed(program: Program, what: str) -> Callable[[], float]:
            return lambda: program.ask(what, steps=steps)["seconds"] / steps

        found = alternate(
            {
                "train": timed(us, "train"),
                "peer_train": timed(them, "train"),
                "encode": timed(us, "encode"),
                "peer_encode": timed(them, "encode"),
            },
            rounds,
        )
    seconds = {name: found[name]["median"] for name in found}
    forward = useful_flops(config, np.full(texts, tokens))
    figures: dict[str, Any] = {"device": ours["device"], "texts": texts, "tokens": tokens}
    peaks = [peak for card, peak in DENSE_BFLOAT16_TFLOPS.items() if card in ours["device"]]
    figures["peak_tflops"] = peaks[0] if peaks else None
    for name, times in (("train", 3), ("peer_train", 3), ("encode", 1), ("peer_encode", 1)):
        figures[f"{name}_texts_s"] = texts / seconds[name]
        if peaks:
            reached = times * forward / seconds[name] / 1e12
            figures[f"{name}_per_cent"] = 100 * reached / peaks[0]
    figures["ratio_train"] = seconds["peer_train"] / seconds["train"]
    figures["ratio_encode"] = seconds["peer_encode"] / seconds["encode"]
    return {**figures, "ours": ours, "peer": theirs, "spread": found, "goal": ">= 45 per cent"}


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="cells with TEXT in their name")
    parser.add_argument("--small", action="store_true", help="a tiny encoder, two steps")
    parser.add_argument("--jax-python", help="interpreter with jax and keras")
    parser.add_argument("--torch-python", help="interpreter with torch and transformers")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cells-")) if given.small else RESULTS
    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    for tokens in (128, 512):
        for slots in (512,) if given.small else (16384, 65536):
            for compiled in (False,) if given.small else (False, True):
                peer = "compiled" if compiled else "as it is"
                cells[f"{tokens} tokens, batches of {slots}, peer {peer}"] = (
                    lambda tokens=tokens, slots=slots, compiled=compiled: measure(
                        tokens, slots, compiled=compiled, given=given
                    )
                )
    rows = run_cells("gpu", cells, only=given.only, folder=folder, timed=False)
    columns = ("cell", "device", "peak_tflops", "train_texts_s", "train_per_cent", "goal")
    more = ("peer_train_texts_s", "ratio_train", "encode_texts_s", "encode_per_cent")
    print(table(rows, [*columns, *more, "peer_encode_texts_s", "ratio_encode"]))


if __name__ == "__main__":
    main()
