"""How a program of `peers` or `ours` answers: a request a line on stdin, JSON a line on stdout.

It needs only the standard library, since every peer has an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any


class Requests:
    """The requests of the benchmark that started this program.

    What libraries print to stdout goes to stderr from here on.
    """

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in sys.stdin:
            request = json.loads(line)
            yield request["ask"], request["with"]

    def wait(self) -> dict[str, Any]:
        """The arguments of the next request; the program ends where there is none."""
        for _, arguments in self:
            return arguments
        # From within a training loop, which would otherwise go on.
        os._exit(0)

    def reply(self, result: Any) -> None:
        """Answer a request."""
        self._send({"result": result})

    def reply_error(self, error: BaseException) -> None:
        """Say that a request failed."""
        traceback.print_exception(error)
        self._send({"error": f"{type(error).__name__}: {error}"})

    def _send(self, answer: dict[str, Any]) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()


def answer(functions: dict[str, Callable[..., Any]]) -> None:
    """Answer each request with what the function of that name returns, until stdin ends."""
    requests = Requests()
    for name, arguments in requests:
        try:
            requests.reply(functions[name](**arguments))
        except Exception as error:
            requests.reply_error(error)
