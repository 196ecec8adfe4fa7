"""The end of the program, without the second that TensorFlow and OpenVINO take to be undone."""

from __future__ import annotations

import atexit
import os
import sys
import threading


def exit_at_once(code: int) -> None:
    """End the process with `code`; what is registered for its end and what is printed is kept.

    Python would take apart every object first: half a second after TensorFlow was imported, and
    more once OpenVINO has compiled a graph. The operating system frees all of that at once. Does
    nothing where threads are still at work, or standard output or error do not take what is left:
    then Python's own way must be gone.

    Args:
        code: 0 to 255.
    """
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(code)
