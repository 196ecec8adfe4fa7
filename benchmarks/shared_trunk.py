"""What do ten models cost that share a frozen encoder, against one?

GoEmotions' test split through MiniLM, cut to 128 tokens; heads of 28 labels with random weights.
One program has one model, another all of them, and they take turns; the answers of the first model
must agree. Loading is not timed with predicting, tokenization is. The memory is what each program
has of its own after loading (RssAnon; weights that are mapped from files are not counted). The
last cell runs the command, from its start to the written file.

    .venv/bin/python benchmarks/shared_trunk.py [--only TEXT] [--small]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table
from programs import BENCHMARKS, Program, alternate, environment

from multilabel_bert.encoder.cpu_features import choose_precision

ROUNDS = 5
GOAL = "<= 1.2"
BEST = choose_precision("auto")
TOLERANCES = {"float32": 1e-5, "bfloat16": 0.03}


def write_models(folder: str, count: int, pooling: str, trained_layers: int) -> list[str]:
    """Model directories, and their paths."""
    script = str(BENCHMARKS / "ours" / "shared_models.py")
    command = [sys.executable, script, folder, str(count), pooling, str(trained_layers)]
    subprocess.run(command, check=True, env=environment())
    return [str(Path(folder, f"m{number}")) for number in range(count)]


def texts_of(small: bool) -> list[str]:
    """GoEmotions' test split."""
    lines = (DATA / "goemotions" / "test.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines[: 200 if small else None]]


def measure(
    count: int, pooling: str, trained_layers: int, precision: str, given: Namespace
) -> dict[str, Any]:
    """One model, and all of them, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(folder, count, pooling, trained_layers)
        texts = Path(folder, "texts.json")
        texts.write_text(json.dumps(texts_of(given.small)))
        loading = {"texts": str(texts), "precision": precision}
        with Program("ours/shared_models.py") as one, Program("ours/shared_models.py") as all_:
            loaded_one = one.ask("load", models=models[:1], **loading)
            loaded_all = all_.ask("load", models=models, **loading)
            difference = _difference(one, all_, folder)
            if difference > TOLERANCES[precision]:
                raise RuntimeError(f"the probabilities differ by {difference}")
            found = alternate(
                {"one": lambda: one.ask("predict"), "all": lambda: all_.ask("predict")},
                2 if given.small else ROUNDS,
            )
    return {
        "models": count,
        "precision_used": precision,
        "one_s": found["one"]["median"],
        "all_s": found["all"]["median"],
        "ratio": found["all"]["median"] / found["one"]["median"],
        "goal": GOAL if trained_layers == 0 else "",
        "load_one_s": loaded_one["seconds"],
        "load_all_s": loaded_all["seconds"],
        "memory_one_mb": round(loaded_one["mb"]),
        "memory_all_mb": round(loaded_all["mb"]),
        "difference": difference,
        "spread": found,
    }


def _difference(one: Program, all_: Program, folder: str) -> float:
    arrays = []
    for program in (one, all_):
        output = str(Path(folder, "found.npy"))
        program.ask("predict", output=output)
        arrays.append(np.load(output)[0])
    return float(np.abs(arrays[0] - arrays[1]).max())


def measure_command(count: int, pooling: str, given: Namespace) -> dict[str, Any]:
    """`multilabel predict` with one model and with all, from the start to the file."""
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(folder, count, pooling, 0)
        texts = Path(folder, "texts.txt")
        texts.write_text("\n".join(texts_of(given.small)) + "\n", encoding="utf-8")

        def seconds(paths: list[str]) -> float:
            output = Path(folder, "labels.csv")
            program = str(Path(sys.executable).with_name("multilabel"))
            command = [program, "predict", *paths, str(texts), "--output", str(output), "--quiet"]
            started = time.perf_counter()
            subprocess.run([*command, "--overwrite"], check=True, env=environment())
            return time.perf_counter() - started

        seconds(models)  # brings the files into memory
        found = alternate(
            {"one": lambda: seconds(models[:1]), "all": lambda: seconds(models)},
            2 if given.small else ROUNDS,
        )
    return {
        "models": count,
        "precision_used": BEST,
        "one_s": found["one"]["median"],
        "all_s": found["all"]["median"],
        "ratio": found["all"]["median"] / found["one"]["median"],
        "spread": found,
    }


def main() -> None:
    """Run and print the table."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("shared_trunk: ../shared/data is not on this machine: nothing to run")
    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    for precision in sorted({"float32", BEST}):
        for pooling in ("pooled", "cls+mean"):
            cells[f"10 heads, {pooling}, {precision}"] = partial(
                measure, 10, pooling, 0, precision, given
            )
        cells[f"4 models, 2 layers trained, mean, {precision}"] = partial(
            measure, 4, "mean", 2, precision, given
        )
    cells["10 heads, cls+mean, the command"] = partial(measure_command, 10, "cls+mean", given)
    rows = run_cells("shared_trunk", cells, only=given.only, folder=given.folder)
    print(f"\nSeconds, medians of {ROUNDS} rounds taken in turn; memory in MB; goal: of ratio.\n")
    columns = ["cell", "one_s", "all_s", "ratio", "goal", "load_one_s", "load_all_s"]
    print(table(rows, [*columns, "memory_one_mb", "memory_all_mb", "difference"]))


if __name__ == "__main__":
    main()
