"""What does a server make of the engine's speed, and how does it compare with others?

MiniLM with a random head of 28 labels on the pooled output, GoEmotions' texts cut to 128 tokens or
complaints cut to 256, in requests of one text or of 16. The load comes from locust on the same
machine, so its own CPU time is reported: it is missing to the server.

"against offline": requests at saturation against `Predictor.predict_proba` on the same texts, in
turn; what the server would do with the generator's CPU time too is the adjusted figure. Then the
latencies at 70% of the saturated rate, at random moments, against those of one user alone.
"against" a peer: both servers, in turn, each with as many users as it does best with.

    make peers && .venv/bin/python benchmarks/serving.py [--only TEXT] [--small]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cells import DATA, options, run_cells, table
from prediction_peers import TOLERANCES, Work, texts_of
from programs import BENCHMARKS, Program, alternate, environment
from servers import Load, RunningServer

from multilabel_bert.encoder.cpu_features import choose_precision

OURS = "multilabel serve"
BEST = choose_precision("auto")
WORKS = {
    "short texts": Work("minilm", 128, "goemotions/train.tsv", 8192),
    "long texts, 256 tokens": Work("minilm", 256, "complaints", 512),
}
TEXTS_A_REQUEST = (16, 1)
# Kind of server, and precision: as it comes, and where the processor has bfloat16 in that too.
PEERS = {
    f"{kind}, {precision}": (kind, precision)
    for kind in ("plain", "infinity")
    for precision in sorted({"float32", BEST}, reverse=True)
}
GOALS = {"plain": ">= 3"}
# Who ask at the same time.
USERS = {16: (1, 2, 4, 8, 16, 32, 64), 1: (1, 4, 16, 64, 128)}
LOADED_USERS = 64
LOADED_SHARE = 0.7


@dataclass(frozen=True)
class Times:
    """How long everything is measured."""

    seconds: float
    warmup_seconds: float
    loaded_seconds: float
    rounds: int


FULL = Times(seconds=10, warmup_seconds=3, loaded_seconds=60, rounds=5)
SMALL = Times(seconds=2, warmup_seconds=1, loaded_seconds=4, rounds=1)


@contextmanager
def written_model(work: Work) -> Iterator[str]:
    """A model directory."""
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder, "model"))
        script = str(BENCHMARKS / "ours" / "make_model.py")
        command = [sys.executable, script, work.shape, str(work.length), model]
        subprocess.run(command, check=True, env=environment())
        yield model


def against_offline(work: Work, texts_a_request: int, given: Namespace) -> dict[str, Any]:
    """Our server against the same engine on the same texts, and its latencies."""
    times = SMALL if given.small else FULL
    texts = texts_of(work)[: 256 if given.small else None]
    load = Load(texts, texts_a_request, times.seconds, times.warmup_seconds)
    with (
        written_model(work) as model,
        tempfile.TemporaryDirectory() as folder,
        Program("ours/predictor.py") as offline,
        RunningServer(OURS, model, work.length, BEST) as server,
    ):
        file = Path(folder, "texts.json")
        file.write_text(json.dumps(texts))
        offline.ask("load", model=model, texts=str(file), length=0, precisions=[BEST])
        levels = sweep(load, server, given)
        best = busiest(levels)
        runs: list[dict[str, Any]] = []

        def saturated() -> float:
            runs.append(load.run(server, best["users"]))
            return runs[-1]["texts_a_s"]

        found = alternate(
            {
                "offline": lambda: len(texts) / offline.ask("predict", precision=BEST),
                "served": saturated,
                "adjusted": lambda: adjusted(runs[-1]),
            },
            times.rounds,
        )
        loaded = latencies_at_load(
            Load(texts, texts_a_request, times.loaded_seconds, times.warmup_seconds), server, runs
        )
    alone = levels[0]
    share = found["adjusted"]["median"] / found["offline"]["median"]
    return {
        "precision_used": BEST,
        "start_s": server.start_seconds,
        "offline_texts_s": found["offline"]["median"],
        "texts_s": found["served"]["median"],
        "users": best["users"],
        "generator_share": median_of(runs, "generator_share"),
        "adjusted_texts_s": found["adjusted"]["median"],
        "share": share,
        "goal": ">= 0.85" if texts_a_request > 1 else "",
        "alone_p50_ms": alone["p50_ms"],
        "loaded_p50_ms": loaded["p50_ms"],
        "loaded_p99_ms": loaded["p99_ms"],
        # Nothing waits for a fuller batch, so the wait is 0.
        "p50_ratio": loaded["p50_ms"] / alone["p50_ms"],
        "p99_ratio": loaded["p99_ms"] / alone["p50_ms"],
        "levels": levels,
        "loaded": loaded,
        "spread": found,
    }


def latencies_at_load(
    load: Load, server: RunningServer, saturated: list[dict[str, Any]]
) -> dict[str, Any]:
    """The latencies at `LOADED_SHARE` of the requests a second at saturation."""
    rate = LOADED_SHARE * median_of(saturated, "requests_a_s")
    return {**load.run(server, LOADED_USERS, rate), "rate": rate}


def against_peer(work: Work, texts_a_request: int, peer: str, given: Namespace) -> dict[str, Any]:
    """Our server and another one, in turn."""
    kind, precision = PEERS[peer]
    times = SMALL if given.small else FULL
    texts = texts_of(work)[: 256 if given.small else None]
    load = Load(texts, texts_a_request, times.seconds, times.warmup_seconds)
    with (
        written_model(work) as model,
        RunningServer(OURS, model, work.length, BEST) as us,
        RunningServer(kind, model, work.length, precision) as them,
    ):
        difference = furthest(us.ask(texts[:16]), them.ask(texts[:16]))
        if difference > TOLERANCES[BEST]:
            raise RuntimeError(f"the probabilities differ by {difference}: nothing to compare")
        levels = {server.name: sweep(load, server, given) for server in (us, them)}
        best = {name: busiest(found) for name, found in levels.items()}
        runs: dict[str, list[dict[str, Any]]] = {us.name: [], them.name: []}

        def saturated(server: RunningServer) -> float:
            runs[server.name].append(load.run(server, best[server.name]["users"]))
            return runs[server.name][-1]["texts_a_s"]

        found = alternate(
            {server.name: partial(saturated, server) for server in (us, them)}, times.rounds
        )
    ours, theirs = (found[server.name]["median"] for server in (us, them))
    return {
        "precision_used": BEST,
        "peer_precision": precision,
        "texts_s": ours,
        "users": best[us.name]["users"],
        "peer_texts_s": theirs,
        "peer_users": best[them.name]["users"],
        "ratio": ours / theirs,
        "goal": GOALS.get(kind, ""),
        "alone_p50_ms": levels[us.name][0]["p50_ms"],
        "peer_alone_p50_ms": levels[them.name][0]["p50_ms"],
        "p99_ms": median_of(runs[us.name], "p99_ms"),
        "peer_p99_ms": median_of(runs[them.name], "p99_ms"),
        "start_s": us.start_seconds,
        "peer_start_s": them.start_seconds,
        "difference": difference,
        "levels": levels,
        "spread": found,
    }


def sweep(load: Load, server: RunningServer, given: Namespace) -> list[dict[str, Any]]:
    """A server under the load of more and more users."""
    users = USERS[load.texts_a_request]
    return [load.run(server, count) for count in ((1, 8) if given.small else users)]


def busiest(levels: list[dict[str, Any]]) -> dict[str, Any]:
    """The level with most texts a second."""
    return max(levels, key=lambda level: float(level["texts_a_s"]))


def adjusted(run: dict[str, Any]) -> float:
    """Texts a second, had the server the CPU time of the generator too."""
    return float(run["texts_a_s"] / (1 - run["generator_share"]))


def median_of(runs: list[dict[str, Any]], name: str) -> float:
    """The median of a figure."""
    ordered = sorted(run[name] for run in runs)
    return float(ordered[len(ordered) // 2])


def furthest(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """The largest difference of a probability."""
    return max(
        abs(row[label] - other[label])
        for row, other in zip(ours, theirs, strict=True)
        for label in row
    )


def main() -> None:
    """Run and print the tables."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("serving: ../shared/data is not on this machine: nothing to run")
    offline: dict[str, Callable[[], dict[str, Any]]] = {}
    peers: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, work in WORKS.items():
        for count in TEXTS_A_REQUEST:
            what = f"{name}, {count} a request"
            offline[f"{what}, against offline"] = partial(against_offline, work, count, given)
            for peer in PEERS:
                peers[f"{what}, against {peer}"] = partial(against_peer, work, count, peer, given)
    rows = run_cells("serving", offline | peers, only=given.only, folder=given.folder)
    print(
        f"\nTexts a second, medians of {FULL.rounds} rounds taken in turn; share: of offline, with "
        "the generator's CPU time given back; ratios: of p50 and p99 at 70% load by p50 alone "
        "(goals 2 and 6).\n"
    )
    columns = ["cell", "offline_texts_s", "texts_s", "users", "generator_share", "share", "goal"]
    columns += ["alone_p50_ms", "loaded_p50_ms", "loaded_p99_ms", "p50_ratio", "p99_ratio"]
    print(table([row for row in rows if row["cell"] in offline], [*columns, "start_s"]))
    columns = ["cell", "texts_s", "users", "peer_texts_s", "peer_users", "ratio", "goal"]
    columns += ["alone_p50_ms", "peer_alone_p50_ms", "p99_ms", "peer_p99_ms"]
    print()
    print(table([row for row in rows if row["cell"] in peers], [*columns, "peer_start_s"]))


if __name__ == "__main__":
    main()
