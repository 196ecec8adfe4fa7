"""The quick end of the program keeps what the slow one keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _run(code: str) -> subprocess.CompletedProcess[str]:
    program = f"from multilabel_bert.cli.quick_exit import exit_at_once\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


def test_code_output_and_exit_functions_are_kept():
    done = _run(
        "import atexit, sys\n"
        "atexit.register(lambda: print('last words'))\n"
        "print('out'); print('err', file=sys.stderr)\n"
        "exit_at_once(7)\n"
        "print('never')"
    )
    assert done.returncode == 7
    assert done.stdout.split("\n") == ["out", "last words", ""]
    assert done.stderr == "err\n"


def test_objects_are_not_taken_apart():
    done = _run(
        "class Slow:\n"
        "    def __del__(self): print('taken apart', flush=True)\n"
        "slow = Slow()\n"
        "exit_at_once(0)"
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_thread_at_work_is_waited_for():
    done = _run(
        "import threading, time\n"
        "def work():\n"
        "    time.sleep(0.2); print('worked')\n"
        "threading.Thread(target=work).start()\n"
        "exit_at_once(3)\n"
        "raise SystemExit(4)"
    )
    assert (done.returncode, done.stdout) == (4, "worked\n")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux'")
def test_a_full_disk_shows():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from multilabel_bert.cli.quick_exit import exit_at_once\n"
                "print('x')\nexit_at_once(0)",
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "No space left" in done.stderr
