"""A request on its way: its body within limits, its jobs, and who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request

from multilabel_bert.serving.batcher import MicroBatcher
from multilabel_bert.serving.jobs import Job
from multilabel_bert.serving.limits import Limits, RequestBytes
from multilabel_bert.serving.problems import client_left, too_large


async def read_body(request: Request, limits: Limits, held: RequestBytes) -> bytes:
    """The body of a request.

    Raises:
        Problem: 413 if it is too long, 429 if all requests hold too much, 499 if the client left.
    """
    most = limits.max_body_bytes
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_long(most)
    parts: list[bytes] = []
    count = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise client_left()
        part = message.get("body", b"")
        count += len(part)
        if count > most:
            raise _too_long(most)
        held.add(len(part))
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_long(most: int) -> Exception:
    return too_large(f"The body is above {most} bytes. Send the texts in several requests.")


async def run_jobs(request: Request, batcher: MicroBatcher, jobs: Sequence[Job]) -> None:
    """Have jobs computed; what is not done when the client leaves is given up.

    Raises:
        Problem: 429, 499, or what went wrong with a job.
    """
    loop = asyncio.get_running_loop()
    accepted: list[tuple[Job, asyncio.Future[None]]] = []
    try:
        for job in jobs:
            future = loop.create_future()
            batcher.submit(job, _setter(loop, future))
            accepted.append((job, future))
        await wait_unless_left(request, [future for _, future in accepted])
        for job in jobs:
            if job.error is not None:
                raise job.error
    finally:
        for job, _ in accepted:
            batcher.cancel(job)


def _setter(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> Callable[[], None]:
    def set_result() -> None:
        if not future.done():
            future.set_result(None)

    return lambda: _call(loop, set_result)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


async def wait_unless_left(request: Request, futures: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for all of them.

    Raises:
        Problem: 499 if the client leaves first.
    """
    left = asyncio.ensure_future(_left(request))
    try:
        for future in futures:
            await asyncio.wait((future, left), return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise client_left()
    finally:
        left.cancel()


async def _left(request: Request) -> None:
    # After the body, the next thing that comes is that the client left.
    while (await request.receive())["type"] != "http.disconnect":
        pass
