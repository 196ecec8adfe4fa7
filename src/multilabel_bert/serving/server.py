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


def open_socket(host: str, port: int) -> socket.socket:
    """Listen at an address.

    Args:
        host: a name or an address of this machine.
        port: 0 for any that is free.

    Raises:
        SettingsError: if it cannot be listened at.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
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
