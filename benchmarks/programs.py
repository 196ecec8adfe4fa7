"""Starts the programs of `peers` and `ours`, each in its environment, and asks them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cells import ROOT

BENCHMARKS = ROOT / "benchmarks"
PEERS = Path(os.environ.get("MULTILABEL_PEERS", ROOT / ".venv-peers"))

# setup.sh of a machine may set these for old OpenBLAS builds; they slow a current NumPy.
_SLOW_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment.

    Raises:
        RuntimeError: if it is not installed, with the reason where `make peers` found one.
    """
    python = PEERS / name / "bin" / "python"
    if python.exists():
        return python
    error = PEERS / f"{name}.error"
    if error.exists():
        lines = error.read_text().strip().splitlines()
        raise RuntimeError(f"{name} cannot be installed: {lines[-1] if lines else 'unknown'}")
    raise RuntimeError(f"{name} is not installed. Run make peers.")


def environment() -> dict[str, str]:
    """The environment variables of every program: no downloads, no telemetry, our modules."""
    variables = {name: value for name, value in os.environ.items() if name not in _SLOW_BLAS}
    return variables | {
        "PYTHONPATH": os.pathsep.join([str(BENCHMARKS), str(ROOT / "src")]),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "true",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


class Program:
    """A program that was started and waits for requests; use it in a ``with`` block.

    Args:
        script: path below ``benchmarks``.
        arguments: of the command line.
        peer: name of the peer's environment; None for this project's own.
        python: an interpreter in place of both.
    """

    def __init__(
        self, script: str, *arguments: str, peer: str | None = None, python: str | None = None
    ) -> None:
        python = python or (sys.executable if peer is None else str(peer_python(peer)))
        self.script = script
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed with the program
        self._process = subprocess.Popen(
            [python, str(BENCHMARKS / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment(),
        )

    def ask(self, name: str, **arguments: Any) -> Any:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: if the program fails or ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"ask": name, "with": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"{self.script} ended: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.script}: {answer['error']}")
        return answer["result"]

    def _last_words(self) -> str:
        self._process.wait(10)
        self._log.seek(0)
        return " | ".join(self._log.read().strip().splitlines()[-4:])

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        self._log.close()


def run_once(script: str, *arguments: str, peer: str | None = None) -> dict[str, Any]:
    """Run a program to its end and read the JSON on the last line of its stdout.

    Raises:
        RuntimeError: if it fails, with the end of its stderr.
    """
    python = sys.executable if peer is None else peer_python(peer)
    result = subprocess.run(
        [str(python), str(BENCHMARKS / script), *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    if result.returncode:
        words = " | ".join(result.stderr.strip().splitlines()[-4:])
        raise RuntimeError(f"{script} failed with {result.returncode}: {words}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def alternate(
    measures: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, dict[str, float]]:
    """Take each measure once a round, so that a slow spell of the machine meets all alike.

    Args:
        measures: name to a function that returns a figure.
        rounds: how often each is taken.

    Returns:
        Name to ``median``, ``lowest`` and ``highest``.
    """
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {
        name: {
            "median": statistics.median(values),
            "lowest": min(values),
            "highest": max(values),
        }
        for name, values in taken.items()
    }
