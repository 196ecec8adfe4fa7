"""Independent measurements ("cells") whose results are kept and skipped when run again."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.files import atomic_file

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"
FIXTURES = ROOT.parent / "shared" / "fixtures"
_PACKAGES = ("keras", "tensorflow_cpu", "openvino", "tokenizers", "numpy")


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
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def run_cells(
    name: str,
    cells: dict[str, Callable[[], dict[str, Any]]],
    *,
    only: str = "",
    folder: Path = RESULTS,
    timed: bool = True,
) -> list[dict[str, Any]]:
    """Run the cells that have no result yet, write each result at once, return all.

    An error of a cell does not stop the others: it is kept in the cell's row under ``"error"``,
    and the cell runs again the next time.

    Args:
        name: of the file in `folder`, without ``.jsonl``.
        cells: name to function; each returns its figures.
        only: run only the cells whose names contain this.
        folder: where results are kept.
        timed: whether the figures depend on the processor: rows of another one are then kept in
            the file, and neither used nor returned here.

    Returns:
        The rows of the cells that have one, in the order of `cells`.
    """
    path = folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    here = _processor(machine())

    def belongs(row: dict[str, Any]) -> bool:
        return not timed or _processor(row) == here

    def split() -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        kept = read_rows(path)
        others = [row for row in kept if not belongs(row)]
        return others, {row["cell"]: row for row in kept if belongs(row)}

    _, rows = split()
    for cell, function in cells.items():
        if only not in cell:
            continue
        if cell in rows and "error" not in rows[cell]:
            print(f"{cell}: kept from {rows[cell]['date']}", file=sys.stderr)
            continue
        print(f"{cell}: running", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            figures = function()
        except Exception as error:
            traceback.print_exc()
            figures = {"error": f"{type(error).__name__}: {error}"}
        took = {"cell_seconds": round(time.perf_counter() - started, 1)}
        # Another process may have added rows meanwhile.
        others, rows = split()
        # At the end of the file, even in place of an older row with an error.
        rows.pop(cell, None)
        rows[cell] = {"cell": cell, **figures, **took, **machine()}
        lines = [json.dumps(row) + "\n" for row in (*others, *rows.values())]
        with atomic_file(path) as temporary:
            temporary.write_text("".join(lines))
    return [rows[cell] for cell in cells if cell in rows]


def _processor(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["cpu"], row["cpu_features"], row["cores"]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of results, those of every processor; none if there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def options(description: str | None) -> argparse.Namespace:
    """The options that all benchmarks of cells have; `folder` is where results are kept."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="cells with TEXT in their name")
    parser.add_argument(
        "--small",
        action="store_true",
        help="few texts and repeats, to try the script; results go to a temporary folder",
    )
    given = parser.parse_args()
    given.folder = Path(tempfile.mkdtemp(prefix="cells-")) if given.small else RESULTS
    return given


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """The figures as a Markdown table, and below it the errors of the cells that failed."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += [
        "| " + " | ".join(_cell(row.get(name)) for name in columns) + " |"
        for row in rows
        if "error" not in row
    ]
    lines += [f"\n{row['cell']}: no result. {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.3f}"
