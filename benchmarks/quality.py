"""Quality on real data sets: what each setting is worth, on several seeds, and the goals.

Each cell is one run: a data set, settings, a seed. MiniLM; thresholds are tuned on the
development split. Settings that this version does not have are left out.

Run: make peers && .venv/bin/python benchmarks/quality.py [--only TEXT] [--small]
     .venv/bin/python benchmarks/quality.py --list             names of the cells
     .venv/bin/python benchmarks/quality.py --tables FILE      writes what is there into a page
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cells import DATA, RESULTS, read_rows, run_cells
from quality_runs import exists, ours, peer
from quality_settings import GROUPS, PEER_RATES, describe
from quality_tables import all_tables

from multilabel_bert.files import atomic_file

NAME = "quality"
PEER_DATA = ("goemotions", "semeval")


def cell_name(data: str, parameters: dict[str, Any], seed: int) -> str:
    """The name of a run of ours."""
    return f"{data}: {describe(parameters)}, seed {seed}"


def peer_name(data: str, rate: float) -> str:
    """The name of a run of Trainer."""
    return f"{data}: Trainer, all layers, learning_rate={rate:g}"


def all_cells(*, small: bool) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every cell by its name, the first seed of all first."""
    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    runs = [
        (seed, data, parameters)
        for group in GROUPS.values()
        for data in group.data
        for parameters in group.settings
        for seed in group.seeds
    ]
    for seed, data, parameters in sorted(runs, key=lambda run: run[0]):
        if exists(parameters):
            cells[cell_name(data, parameters, seed)] = (
                lambda data=data, parameters=parameters, seed=seed: ours(
                    data, parameters, seed, small=small
                )
            )
    for data in PEER_DATA:
        for rate in PEER_RATES:
            cells[peer_name(data, rate)] = lambda data=data, rate=rate: peer(
                data, rate, small=small
            )
    return cells


def write_tables(page: Path, tables: dict[str, str]) -> None:
    """Put each table between its marks, ``<!-- table NAME -->`` and ``<!-- end -->``.

    Raises:
        SystemExit: if the page has a mark of a table that no data set and group make.
    """
    known = {f"{data} {name}" for name, group in GROUPS.items() for data in group.data}
    known |= {f"{data} trainer" for data in PEER_DATA} | {"goals", "thresholds"}

    def filled(match: re.Match[str]) -> str:
        if match[1] not in known:
            sys.exit(f"{page} wants the table {match[1]!r}. Known: {', '.join(sorted(known))}")
        table = tables.get(match[1], "Not measured yet.")
        return f"<!-- table {match[1]} -->\n\n{table}\n\n<!-- end -->"

    text = page.read_text(encoding="utf-8")
    text = re.sub(r"<!-- table ([^>]+?) -->.*?<!-- end -->", filled, text, flags=re.DOTALL)
    with atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> None:
    """Run and print the tables."""
    given = _options()
    folder = Path(tempfile.mkdtemp(prefix="cells-")) if given.small else given.results
    if given.tables is None:
        if not DATA.is_dir():
            sys.exit("quality: ../shared/data is not on this machine, so there is nothing to run")
        cells = all_cells(small=given.small)
        if given.list:
            print("\n".join(name for name in cells if given.only in name))
            return
        if given.without:
            cells = {name: cell for name, cell in cells.items() if given.without not in name}
        run_cells(NAME, cells, only=given.only, folder=folder, timed=False)
    tables = all_tables(read_rows(folder / f"{NAME}.jsonl"))
    if given.tables is None:
        for name, table in tables.items():
            print(f"\n{name}\n\n{table}")
    else:
        write_tables(given.tables, tables)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="cells with TEXT in their name")
    parser.add_argument("--without", metavar="TEXT", help="cells without TEXT in their name")
    parser.add_argument("--small", action="store_true", help="few texts, to try the script")
    parser.add_argument("--list", action="store_true", help="print the names of the cells")
    parser.add_argument("--tables", type=Path, metavar="FILE", help="write the tables into a page")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FOLDER", help="where results are kept"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
