"""Independent measurements ("cells") whose results are kept and skipped when run again."""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from multilabel_bert.encoder.cpu_features import choose_precision

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"
FIXTURES = ROOT.parent / "shared" / "fixtures"


def machine() -> dict[str, Any]:
    """What a figure depends on: commit, processor, versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    found = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = set(found.get("flags", "").split())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "cpu": found.get("model name", "unknown"),
        "cores": sum(line.startswith("processor") for line in lines),
        "cpu_features": sorted(flags & {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}),
        "precision": choose_precision("auto"),
        "versions": {name: version(name) for name in ("keras", "openvino", "tokenizers", "numpy")},
    }


def run_cells(name: str, cells: dict[str, Callable[[], dict[str, Any]]]) -> list[dict[str, Any]]:
    """Run the cells that have no result yet, append each result at once, return all.

    Args:
        name: of the file under ``benchmarks/results``, without ``.jsonl``.
        cells: name to function; each returns its figures.
    """
    path = RESULTS / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    done = {}
    if path.exists():
        done = {row["cell"]: row for row in map(json.loads, path.read_text().splitlines())}
    for cell, function in cells.items():
        if cell in done:
            print(f"{cell}: kept from {done[cell]['date']}")
            continue
        print(f"{cell}: running", flush=True)
        done[cell] = {"cell": cell, **function(), **machine()}
        with path.open("a") as file:
            file.write(json.dumps(done[cell]) + "\n")
    return [done[cell] for cell in cells]


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """The figures as a Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.3f}"
