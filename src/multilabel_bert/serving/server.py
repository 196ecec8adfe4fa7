"""One server process: a socket, and uvicorn with a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from multilabel_bert.errors import SettingsError
from multilabel_bert.serving.limits import Limits

# Python lets a thread compute for 5 ms while others wait. A batch that is through would wait as
# long before the next one starts, with a core idle.
_SWITCH_SECONDS = 0.0005
_KEEP_ALIVE_SECONDS = 30
_BACKLOG = 2048
_LAST_PORT = 65_535
# What is on its way on open connections when the server is told to end is still answered.
_GRACE_SECONDS = 0.2


def open_socket(host: str, port: int) -> socket.socket:
    """Listen at an address.

    Args:
        host: a name or an address of this machine.
        port: 0 for any that is free.

    Raises:
        SettingsError: if it cannot be listened at.
    """
    listening = None
    if not 0 <= port <= _LAST_PORT:
        # The system would silently take another one.
        raise SettingsError(f"port={port} is none: use 0 to {_LAST_PORT}.")
    try:
        # With its protocol named, or asyncio would leave the delay of small packets on: 40 ms.
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":
            # Without it a server could not be started again for a minute.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
        return listening
    except (OSError, OverflowError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        raise SettingsError(
            f"Cannot listen at {host}, port {port}: {_reason(error)}. Choose another host or port; "
            "port=0 takes any that is free."
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        # Python adds the address to the system's own words.
        return os.strerror(error.errno)
    return str(getattr(error, "strerror", None) or error)


def address(listening: socket.socket) -> str:
    """The URL of what listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class Server(uvicorn.Server):
    """Ends by SIGINT or SIGTERM, after it has answered everything that it accepted.

    Args:
        app: the application.
        limits: of connections and time.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # The application has an access log of its own.
                access_log=False,
                log_level="warning",
                # No header that names the software.
                server_header=False,
                limit_concurrency=limits.max_connections,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                # What was accepted may take its time, and no longer.
                timeout_graceful_shutdown=int(limits.timeout_seconds) + 1,
                lifespan="on",
                ws="none",
            )
        )

    def serve_socket(self, listening: socket.socket) -> None:
        """Answer requests until a signal, or `should_exit`."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            asyncio.run(self.serve(sockets=[listening]))
        finally:
            sys.setswitchinterval(before)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, and then, after a moment, no new requests."""
        # Connections that the system has accepted already are taken over in these rounds.
        for _ in range(2):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        # uvicorn closes connections on which it has read no request yet.
        await asyncio.sleep(_GRACE_SECONDS)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a signal that was obeyed is not raised again: the end is a good one."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
