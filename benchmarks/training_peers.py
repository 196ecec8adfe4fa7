"""Training against Hugging Face Trainer and embeddings with logistic regression.

GoEmotions, MiniLM; each whole command from texts to a tuned, saved model, and the steps of full
fine-tuning, in turn with the peer's. Each cell is independent; finished ones are skipped.

Run: make peers && .venv/bin/python benchmarks/training_peers.py [--only TEXT] [--small]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cells import DATA, options, run_cells, table
from goemotions import ENCODER, measure_command
from programs import BENCHMARKS, Program, alternate, environment, run_once

from multilabel_bert.encoder.cpu_features import choose_precision, has_bfloat16
from multilabel_bert.encoder.source import find_source

GOEMOTIONS = DATA / "goemotions"
FROZEN_EPOCHS, EPOCHS = 10, 3
PEER_PRECISIONS = ("bf16", "float32") if has_bfloat16() else ("float32",)
HEAD = ("ours, head alone, 10 epochs", ["--num-train-epochs", str(FROZEN_EPOCHS)])
TOP = ("ours, top 2 layers, 3 epochs", ["--train-layers", "2", "--num-train-epochs", str(EPOCHS)])
ALL = ("ours, all layers, 3 epochs", ["--train-layers", "all", "--num-train-epochs", str(EPOCHS)])
ENCODING = "ours, encoding alone"
TRAINER_FROZEN = "Trainer, encoder frozen, 10 epochs"
TRAINER_FULL = "Trainer, all layers, 3 epochs"
LOGISTIC = "sentence-transformers and logistic regression"
STEPS = {
    "steps, MiniLM, 32 texts of GoEmotions": {
        "shape": "minilm",
        "batch_size": 32,
        "epochs": 3,
        "warm_steps": 100,
        "steps": 200,
    },
    "steps, BERT-base shape, 16 x 128 tokens": {
        "shape": "bert-base",
        "batch_size": 16,
        "epochs": 1,
        "warm_steps": 4,
        "steps": 8,
        "texts": 16 * 50,
        "tokens": 128,
    },
}


def encoder_folder() -> str:
    """Where the files of MiniLM are, for the peers."""
    return str(find_source(ENCODER).directory)


def goemotions_folder(given: Namespace) -> Path:
    """The data set; with ``--small`` its first 400 texts of each split."""
    if not given.small:
        return GOEMOTIONS
    folder = given.folder / "goemotions"
    folder.mkdir(exist_ok=True)
    for split in ("train", "dev", "test"):
        lines = (GOEMOTIONS / f"{split}.tsv").read_text(encoding="utf-8").splitlines(True)
        (folder / f"{split}.tsv").write_text("".join(lines[:400]), encoding="utf-8")
    (folder / "labels.txt").write_text((GOEMOTIONS / "labels.txt").read_text(encoding="utf-8"))
    return folder


def ours(data: Path, arguments: list[str]) -> dict[str, Any]:
    """The command line, with an empty cache, and its scores on the test split.

    Without the TF-IDF baseline and what other representations would score: no peer has them.
    """
    alone = ["--no-baseline", "--no-compare-poolings"]
    figures = measure_command(data, [*arguments, *alone], again=False)
    return {
        "seconds": figures["train_seconds"],
        "macro_f1_at_0.5": figures["macro_f1_at_0.5"],
        "macro_f1": figures["macro_f1"],
        "ran_in": choose_precision("auto"),
        "n": 1,
    }


def encoding_and_head(data: Path, rounds: int) -> dict[str, Any]:
    """The command for a head alone and the encoding of the same texts, in turn."""

    def encoding() -> float:
        started = time.perf_counter()
        command = [sys.executable, str(BENCHMARKS / "ours" / "encode.py"), str(data)]
        subprocess.run(command, check=True, capture_output=True, env=environment())
        return time.perf_counter() - started

    runs = []

    def head() -> float:
        runs.append(ours(data, HEAD[1]))
        return float(runs[-1]["seconds"])

    seconds = alternate({"encoding": encoding, "head": head}, rounds)
    return {
        "seconds": seconds["head"]["median"],
        "encoding_seconds": seconds["encoding"]["median"],
        "spread": seconds,
        "macro_f1_at_0.5": runs[-1]["macro_f1_at_0.5"],
        "macro_f1": runs[-1]["macro_f1"],
        "ran_in": choose_precision("auto"),
        "n": rounds,
    }


def trainer(data: Path, *, frozen: bool) -> dict[str, Any]:
    """Hugging Face Trainer with the precision and batch size that a short probe finds best."""
    with tempfile.TemporaryDirectory() as folder:
        base = ["--data", str(data), "--encoder", encoder_folder(), "--output", folder]
        base += ["--frozen"] * frozen
        probing = ["--probe", *["--bf16"] * has_bfloat16()]
        probe = run_once("peers/hf_trainer.py", *base, *probing, peer="transformers")
        figures = run_once(
            "peers/hf_trainer.py",
            *base,
            *("--precision", probe["precision"], "--batch-size", str(probe["batch_size"])),
            *("--epochs", str(FROZEN_EPOCHS if frozen else EPOCHS)),
            *("--learning-rate", "1e-3" if frozen else "1e-4"),
            *("--started", str(time.time())),
            peer="transformers",
        )
    return {**figures, "ran_in": probe["precision"], "probe": probe, "n": 1}


def logistic(data: Path, *, bf16: bool) -> dict[str, Any]:
    """Embeddings and logistic regression, with the defaults of both."""
    with tempfile.TemporaryDirectory() as folder:
        figures = run_once(
            "peers/st_embeddings.py",
            *("--data", str(data), "--encoder", encoder_folder(), "--output", folder),
            *("--started", str(time.time())),
            *["--bf16"] * bf16,
            peer="sentence-transformers",
        )
    return {**figures, "ran_in": "bfloat16" if bf16 else "float32", "n": 1}


def steps(plan: dict[str, Any], precision: str, data: Path, rounds: int) -> dict[str, Any]:
    """Steps of full fine-tuning, ours as it comes and Trainer's in `precision`, in turn."""
    start = {key: value for key, value in plan.items() if key != "steps"} | {"data": str(data)}
    peer_start = {"encoder": encoder_folder(), "precision": precision}
    with (
        Program("ours/train_steps.py") as us,
        Program("peers/hf_steps.py", peer="transformers") as peer,
    ):
        us.ask("start", **start, precision="auto")
        peer.ask("start", **start, **peer_start)
        answers: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}

        def round_of(name: str, program: Program) -> Callable[[], float]:
            def measure() -> float:
                answers[name].append(program.ask("steps", steps=plan["steps"]))
                return float(answers[name][-1]["tokens_per_second"])

            return measure

        speeds = alternate({"ours": round_of("ours", us), "peer": round_of("peer", peer)}, rounds)

    def median_step(name: str) -> float:
        times = sorted(answer["milliseconds_a_step"] for answer in answers[name])
        return times[len(times) // 2]

    return {
        "ours_ms": median_step("ours"),
        "peer_ms": median_step("peer"),
        "ours_tokens_s": speeds["ours"]["median"],
        "peer_tokens_s": speeds["peer"]["median"],
        "ratio": speeds["ours"]["median"] / speeds["peer"]["median"],
        "spread": speeds,
        "ours_loss": answers["ours"][-1]["loss"],
        "peer_loss": answers["peer"][-1]["loss"],
        "peer_precision": peer_start["precision"],
        "n": rounds,
    }


def all_cells(given: Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every cell by its name; the quickest first."""
    data = goemotions_folder(given)
    rounds = 2 if given.small else 5
    cells: dict[str, Callable[[], dict[str, Any]]] = {
        HEAD[0]: lambda: encoding_and_head(data, 1 if given.small else 3),
        f"{LOGISTIC}, float32": lambda: logistic(data, bf16=False),
    }
    if has_bfloat16():
        cells[f"{LOGISTIC}, bfloat16"] = lambda: logistic(data, bf16=True)
    for name, plan in STEPS.items():
        small = {"warm_steps": 2, "steps": 2, "batch_size": 8, "epochs": 20, "texts": 100}
        used = plan | {key: small[key] for key in small if given.small and key in plan}
        for precision in PEER_PRECISIONS:
            cells[f"{name}, Trainer {precision}"] = lambda used=used, precision=precision: steps(
                used, precision, data, rounds
            )
    cells[TOP[0]] = lambda: ours(data, TOP[1])
    cells[ALL[0]] = lambda: ours(data, ALL[1])
    cells[TRAINER_FROZEN] = lambda: trainer(data, frozen=True)
    cells[TRAINER_FULL] = lambda: trainer(data, frozen=False)
    return cells


def goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was to be reached, and what was."""
    found = {row["cell"]: row for row in rows if "error" not in row}
    frozen_goal = 15.0 if has_bfloat16() else 7.0
    lines: list[dict[str, Any]] = []

    def compare(what: str, peer: str, mine: str, goal: float) -> None:
        if peer in found and mine in found:
            ratio = found[peer]["seconds"] / found[mine]["seconds"]
            lines.append({"cell": what, "figure": ratio, "goal": f">= {goal:g}"})

    compare("head alone, times faster than Trainer, frozen", TRAINER_FROZEN, HEAD[0], frozen_goal)
    compare("top 2 layers, times faster than Trainer, all layers", TRAINER_FULL, TOP[0], 3)
    compare("all layers, times faster than Trainer, all layers", TRAINER_FULL, ALL[0], 1)
    for precision in ("float32", "bfloat16"):
        peer = f"{LOGISTIC}, {precision}"
        compare(f"head alone, times faster than {peer}", peer, HEAD[0], 1)
    if HEAD[0] in found:
        row = found[HEAD[0]]
        share = row["seconds"] / row["encoding_seconds"]
        lines.append({"cell": "head alone / encoding alone", "figure": share, "goal": "<= 1.3"})
    for name, row in found.items():
        if name.startswith("steps"):
            line = {"cell": f"{name}: times its tokens a second", "goal": ">= 1"}
            lines.append({**line, "figure": row["ratio"]})
    return lines


def main() -> None:
    """Run and print the tables."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("training_peers: ../shared/data is not on this machine: there is nothing to run")
    rows = run_cells("training_peers", all_cells(given), only=given.only, folder=given.folder)
    whole = [row for row in rows if not row["cell"].startswith("steps")]
    print("\nWhole commands, texts to tuned, saved model; F1 on the test split.\n")
    columns = ("cell", "seconds", "encoding_seconds", "macro_f1_at_0.5", "macro_f1")
    print(table(whole, [*columns, "ran_in", "n"]))
    print("\nSteps of full fine-tuning; medians of rounds taken in turn; real tokens.\n")
    columns = ("cell", "ours_ms", "peer_ms", "ours_tokens_s", "peer_tokens_s", "ratio")
    print(
        table([r for r in rows if r["cell"].startswith("steps")], [*columns, "peer_precision", "n"])
    )
    print("\nGoals\n")
    print(table(goals(rows), ["cell", "figure", "goal"]))


if __name__ == "__main__":
    main()
