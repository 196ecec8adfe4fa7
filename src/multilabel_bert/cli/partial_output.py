"""A result that grows beside its place, outlives a kill, and takes its place when complete."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from multilabel_bert.errors import WriteError
from multilabel_bert.files import explain_os_errors

_STATE = "state.json"
_LOCK = "lock"
# Waiting for the disk takes some milliseconds; this much work at most is done again.
_COMMIT_SECONDS = 1.0


class PartialOutput:
    """Files that are appended to in a hidden directory beside the result.

    After each commit ``state.json`` says how many rows are done and how long each file was
    then. What a killed process wrote after it is cut off when the work goes on.

    Args:
        output: the place of the result; the directory is ``.NAME.partial`` beside it.
        run: everything that the result depends on, by what it is called; a directory of another
            run is not gone on with. None: this run cannot be repeated, so nothing is kept.
        resume: whether an earlier run is gone on with.

    Attributes:
        rows: how many are done and safe.
        discarded: what has changed since an earlier run that was not gone on with, and how many
            rows it had done; or None.

    Raises:
        WriteError: if the file system refuses, or another process writes the same result.
    """

    def __init__(self, output: Path, run: Mapping[str, Any] | None, *, resume: bool = True) -> None:
        self.output = output
        self.directory = output.parent / f".{output.name}.partial"
        self.run: dict[str, Any] | None = None if run is None else json.loads(json.dumps(run))
        self.rows = 0
        self.discarded: tuple[str, int] | None = None
        self._files: dict[str, Any] = {}
        self._written_rows = 0
        # How long each file was when its last row was finished: what comes after is no whole row.
        self._finished: dict[str, int] = {}
        with explain_os_errors(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
            state = self._read_state()
            if state is not None and resume:
                wanted = {"the table": None} if self.run is None else self.run
                changed = [name for name in wanted if state["run"].get(name) != wanted[name]]
                if changed or self.run is None:
                    self.discarded = (" and ".join(changed), state["rows"])
                else:
                    self.rows = self._written_rows = state["rows"]
                    self._finished = dict(state["bytes"])
            self._remove_all_but(state["bytes"] if state is not None and self.rows else {})
        self._committed_at = time.monotonic()

    def _take_lock(self) -> Any:
        lock = (self.directory / _LOCK).open("w")
        with contextlib.suppress(ImportError):  # Windows has none
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                raise WriteError(
                    f"Another process is writing {self.output}. Wait for it, or choose another "
                    "place."
                ) from None
        return lock

    def _read_state(self) -> dict[str, Any] | None:
        try:
            state = json.loads((self.directory / _STATE).read_bytes())
            sizes = {name: (self.directory / name).stat().st_size for name in state["bytes"]}
            whole = all(size >= state["bytes"][name] for name, size in sizes.items())
            return state if whole and isinstance(state["run"], dict) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _remove_all_but(self, sizes: Mapping[str, int]) -> None:
        for path in self.directory.iterdir():
            if path.name in sizes:
                os.truncate(path, sizes[path.name])
            elif path.name != _LOCK and not (sizes and path.name == _STATE):
                path.unlink()

    def append(self, name: str, text: str) -> None:
        """Append to the file `name`."""
        with self._refusals():
            if name not in self._files:
                self._files[name] = (self.directory / name).open("ab")
            self._files[name].write(text.encode("utf-8"))

    def add_part(self, name: str, write: Callable[[Path], Any]) -> None:
        """Write a whole file by `write`, to be there from the next commit on."""
        with self._refusals():
            write(self.directory / name)
            part = (self.directory / name).open("rb+")
            part.seek(0, os.SEEK_END)
            self._files[name] = part

    def finish_rows(self, count: int) -> None:
        """Tell that `count` more rows are written; now and then this makes them safe."""
        self._written_rows += count
        for name, file in self._files.items():
            self._finished[name] = file.tell()
        if time.monotonic() - self._committed_at >= _COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Make all finished rows safe against a kill and a power failure."""
        with self._refusals():
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
            for name in [name for name, file in self._files.items() if file.mode == "rb+"]:
                self._files.pop(name).close()
            state = {"run": self.run, "rows": self._written_rows, "bytes": self._finished}
            new = self.directory / f"{_STATE}.new"
            with new.open("w", encoding="utf-8") as file:
                json.dump(state, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.directory / _STATE)
        self.rows, self._committed_at = self._written_rows, time.monotonic()

    def finish(self) -> None:
        """Make all rows safe, and close the files, so that they can be moved."""
        self.commit()
        self._close_files()

    def _close_files(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._files.clear()

    def close(self, *, complete: bool) -> None:
        """Close the files; the directory goes, unless a later run can go on from it."""
        self._close_files()
        if sys.platform == "win32":
            # Not a lock there, and an open file could not be removed.
            self._lock.close()
        if complete or self.run is None or not self.rows:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._lock.close()

    @contextlib.contextmanager
    def _refusals(self) -> Any:
        try:
            with explain_os_errors(self.output):
                yield
        except WriteError as error:
            if not self.rows or self.run is None:
                raise
            message = str(error).removesuffix(" Nothing was changed.")
            raise WriteError(
                f"{message} {self.rows:,} finished rows are kept in {self.directory}: mend it and "
                "run the same command again, which goes on from there."
            ) from error
