"""Loads a server by locust: some users who ask again at once, or requests at a mean rate.

Prints JSON: the latency of each request in the measured seconds, and the CPU time that this program
and the server took meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, events, task  # isort: skip - it patches the standard library
import gevent
from locust.env import Environment

HEADERS = {"Content-Type": "application/json"}


def user_class(url: str, path: str, bodies: list[str], rate_of_a_user: float) -> type[FastHttpUser]:
    """A user who sends the bodies in turn.

    Args:
        url: of the server.
        path: of the route.
        bodies: JSON.
        rate_of_a_user: requests a second, at random moments (a Poisson process); 0: the next
            request follows each answer at once.
    """
    turn = itertools.cycle(body.encode() for body in bodies)

    class Caller(FastHttpUser):
        host = url
        next_request: float

        def on_start(self) -> None:
            self.next_request = time.monotonic()

        def wait_time(self) -> float:
            if not rate_of_a_user:
                return 0.0
            self.next_request += random.expovariate(rate_of_a_user)
            return max(0.0, self.next_request - time.monotonic())

        @task
        def ask(self) -> None:
            self.client.post(path, data=next(turn), headers=HEADERS)

    return Caller


def cpu_seconds() -> float:
    """CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cpu_seconds_of(process: int) -> float:
    """CPU time of another process, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Warm up, measure, print."""
    parser = argparse.ArgumentParser()
    for name in ("url", "path", "bodies"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--server", type=int, required=True, help="its process")
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second of all users")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warmup-seconds", type=float, required=True)
    given = parser.parse_args()
    random.seed(0)
    bodies = json.loads(Path(given.bodies).read_text())
    seen: list[tuple[float, Exception | None]] = []

    def done(response_time: float, exception: Exception | None, **_: Any) -> None:
        seen.append((response_time, exception))

    events.request.add_listener(done)
    caller = user_class(given.url, given.path, bodies, given.rate / given.users)
    runner = Environment(user_classes=[caller], events=events).create_local_runner()
    runner.start(given.users, spawn_rate=given.users)
    gevent.sleep(given.warmup_seconds)
    seen.clear()
    started, cpu_before = time.perf_counter(), cpu_seconds()
    server_before = cpu_seconds_of(given.server)
    gevent.sleep(given.seconds)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu_before
    server_cpu = cpu_seconds_of(given.server) - server_before
    found = list(seen)
    runner.quit()
    failed = [str(exception) for _, exception in found if exception is not None]
    print(
        json.dumps(
            {
                "seconds": seconds,
                "latencies_ms": [round(latency, 3) for latency, _ in found],
                "cpu_seconds": cpu,
                "server_cpu_seconds": server_cpu,
                "failed": len(failed),
                "first_failure": failed[0] if failed else None,
            }
        )
    )


if __name__ == "__main__":
    main()
