"""The access log: one JSON object a line for each request, and never a text."""

from __future__ import annotations

import contextlib
import json
import queue
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

# A reader that is slower than the requests loses lines, not the server its memory.
_MOST_WAITING = 10_000


class AccessLog:
    """Writes lines in a thread of its own: a slow reader must not slow the answers.

    Args:
        stream: where to; standard output unless given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._lost = 0
        self._thread = threading.Thread(target=self._work, name="access-log", daemon=True)
        self._thread.start()

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add a line: the time, and what `entry` says."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, **entry}
        if self._lost:
            line["lines_lost"] = self._lost
        try:
            # Escaped, so that no path of a request can make a second line.
            self._lines.put_nowait(json.dumps(line))
            self._lost = 0
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what waits, and end."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=1)
        self._thread.join(1)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            lines = [line]
            ended = False
            while not self._lines.empty():
                line = self._lines.get()
                if line is None:
                    ended = True
                    break
                lines.append(line)
            # Whoever read them may be gone; requests are answered all the same.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            if ended:
                return
