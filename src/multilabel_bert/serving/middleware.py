"""Around every request: the key, the access log, the metrics."""

from __future__ import annotations

import hmac
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multilabel_bert.serving.access_log import AccessLog
from multilabel_bert.serving.answers import json_bytes
from multilabel_bert.serving.metrics import Metrics
from multilabel_bert.serving.problems import Problem
from multilabel_bert.serving.routes import FACTS

# Needed before somebody can have a key: the page asks for one, and says nothing of the models.
_OPEN = ("/", "/health", "/docs", "/openapi.json")
_OPEN_FOLDER = "/page/"


class RequestRecorder:
    """Counts and logs each request.

    Args:
        app: answers.
        metrics: count.
        log: gets a line a request; None for no log.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: AccessLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        sent_bytes = 0

        async def noting(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            # Of paths that are none there could be any number.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            if self._log is not None:
                self._log.write(_line(scope, status, seconds, sent_bytes))


def _line(scope: Scope, status: int, seconds: float, sent_bytes: int) -> dict[str, Any]:
    client = scope.get("client")
    return {
        "client": client[0] if client else None,
        "method": scope["method"],
        # Without the query: nobody should put a text there, but somebody will.
        "path": scope["path"][:200],
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes": sent_bytes,
        **scope.get(FACTS, {}),
    }


class KeyCheck:
    """Refuses requests without the key.

    Args:
        app: answers the others.
        key: the key, as ``Authorization: Bearer KEY`` has it.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or self._may(scope):
            await self._app(scope, receive, send)
            return
        problem = Problem(
            401,
            "unauthorized",
            "This server needs a key: send it as the header Authorization: Bearer KEY.",
            {"WWW-Authenticate": "Bearer"},
        )
        await send_problem(problem, send)

    def _may(self, scope: Scope) -> bool:
        path = scope["path"]
        if path in _OPEN or path.startswith(_OPEN_FOLDER):
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        # Takes as long whatever the first wrong character is.
        return hmac.compare_digest(given, self._expected)


async def send_problem(problem: Problem, send: Send) -> None:
    """Answer with what is wrong."""
    headers = {"Content-Type": "application/json", **problem.headers}
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": json_bytes(problem.to_dict())})
