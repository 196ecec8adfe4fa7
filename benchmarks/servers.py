"""The servers that are compared: how each is started, asked, and loaded by locust."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from programs import BENCHMARKS, PEERS, environment, peer_python

_START_SECONDS = 180
_CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Kind:
    """A kind of server.

    Attributes:
        command: of a model directory, its length in tokens, the precision and the port.
        path: of the route that predicts.
        body: what it takes for some texts.
        answers: its answer for each text, from the whole one: score and label of each label.
    """

    command: Callable[[str, int, str, int], list[str]]
    path: str
    body: Callable[[Sequence[str]], Any]
    answers: Callable[[Any], list[list[dict[str, Any]]]]


def _ours(model: str, length: int, precision: str, port: int) -> list[str]:
    del length  # it is stored in the model
    program = str(Path(sys.executable).with_name("multilabel"))
    return [program, "serve", model, "--precision", precision, "--port", str(port)]


def _plain(model: str, length: int, precision: str, port: int) -> list[str]:
    script = str(BENCHMARKS / "peers" / "plain_server.py")
    return [str(peer_python("fastapi")), script, model, str(length), precision, str(port)]


def _infinity(model: str, length: int, precision: str, port: int) -> list[str]:
    del length  # it takes that of the tokenizer, which the model stores
    peer_python("infinity")  # says why it is not installed, if it is not
    return [
        *(str(PEERS / "infinity" / "bin" / "infinity_emb"), "v2", "--model-id", model),
        *("--served-model-name", "model", "--engine", "torch", "--device", "cpu"),
        *("--dtype", precision, "--no-bettertransformer", "--host", "127.0.0.1"),
        *("--port", str(port), "--log-level", "warning"),
    ]


KINDS = {
    "multilabel serve": Kind(
        _ours,
        "/predict",
        lambda texts: {"inputs": [[text] for text in texts], "truncate": True},
        lambda answer: answer,
    ),
    "plain": Kind(_plain, "/predict", lambda texts: {"inputs": list(texts)}, lambda answer: answer),
    "infinity": Kind(
        _infinity,
        "/classify",
        lambda texts: {"model": "model", "input": list(texts)},
        lambda answer: answer["data"],
    ),
}


class RunningServer:
    """A server that was started and answers; use it in a ``with`` block.

    Args:
        kind: one of `KINDS`.
        model: directory.
        length: tokens at which texts are cut.
        precision: ``"float32"`` or ``"bfloat16"``.

    Raises:
        RuntimeError: if it ends or does not answer.
    """

    def __init__(self, kind: str, model: str, length: int, precision: str) -> None:
        self.name, self.kind = kind, KINDS[kind]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = tempfile.NamedTemporaryFile("w+")  # noqa: SIM115, closed with the server
        started = time.perf_counter()
        self._process = subprocess.Popen(
            self.kind.command(model, length, precision, port),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment() | {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"},
        )
        try:
            self._wait(started + _START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.start_seconds = time.perf_counter() - started

    def _wait(self, until: float) -> None:
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError as error:
                if self._process.poll() is not None or time.perf_counter() > until:
                    raise RuntimeError(
                        f"{self.name} did not start ({error}): {self._last_words()}"
                    ) from None
            time.sleep(0.02)

    def _last_words(self) -> str:
        self._log.seek(0)
        return " | ".join(self._log.read().strip().splitlines()[-4:])

    def ask(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """The probabilities of each text, by label."""
        request = urllib.request.Request(
            self.url + self.kind.path,
            json.dumps(self.kind.body(texts)).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = self.kind.answers(json.load(answer))
        return [{entry["label"]: entry["score"] for entry in row} for row in found]

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@dataclass(frozen=True)
class Load:
    """How a server is loaded.

    Attributes:
        texts: all that are sent, in requests of `texts_a_request`.
        texts_a_request: in one request.
        seconds: that are measured.
        warmup_seconds: before them.
    """

    texts: Sequence[str]
    texts_a_request: int
    seconds: float
    warmup_seconds: float

    def run(self, server: RunningServer, users: int, rate: float = 0.0) -> dict[str, Any]:
        """Load a server.

        Args:
            server: that answers.
            users: who ask at the same time.
            rate: requests a second; 0: each user asks again as soon as there is an answer.

        Returns:
            Requests and texts a second, p50 and p99 in ms, and what share of all cores the
            generator and the server took.

        Raises:
            RuntimeError: if a request failed, or none was answered.
        """
        step = self.texts_a_request
        starts = range(0, len(self.texts) - step + 1, step)
        bodies = [
            json.dumps(server.kind.body(self.texts[start : start + step])) for start in starts
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(bodies))
            file.flush()
            found = _locust(
                url=server.url,
                path=server.kind.path,
                server=server.process,
                bodies=file.name,
                users=users,
                rate=rate,
                seconds=self.seconds,
                warmup_seconds=self.warmup_seconds,
            )
        latencies = found["latencies_ms"]
        if found["failed"] or len(latencies) < 2:
            raise RuntimeError(
                f"{server.name}: {found['failed']} of {len(latencies)} requests failed: "
                f"{found['first_failure']}"
            )
        cuts = statistics.quantiles(latencies, n=100, method="inclusive")
        requests_a_second = len(latencies) / found["seconds"]
        return {
            "users": users,
            "requests_a_s": requests_a_second,
            "texts_a_s": requests_a_second * step,
            "p50_ms": cuts[49],
            "p99_ms": cuts[98],
            "generator_share": found["cpu_seconds"] / (found["seconds"] * _CORES),
            "server_share": found["server_cpu_seconds"] / (found["seconds"] * _CORES),
        }


def _locust(**options: Any) -> dict[str, Any]:
    script = str(BENCHMARKS / "peers" / "locust_load.py")
    command = [str(peer_python("locust")), script]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        words = " | ".join(done.stderr.strip().splitlines()[-4:])
        raise RuntimeError(f"locust failed with {done.returncode}: {words}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))
