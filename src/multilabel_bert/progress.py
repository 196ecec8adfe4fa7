"""Progress of long work: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO


class Task(Protocol):
    """One piece of long work."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Report `steps` done, and what there is to say, such as the current loss."""


class Progress:
    """Reports progress to standard error.

    Args:
        mode: ``"auto"`` for a bar on a terminal and plain lines elsewhere, ``"terminal"`` for
            a bar on a terminal and nothing elsewhere, ``"silent"`` for nothing at all.
        stream: standard error unless given.
        seconds_between_lines: how often a plain line is printed.
    """

    def __init__(
        self,
        mode: str = "auto",
        stream: TextIO | None = None,
        seconds_between_lines: float = 15.0,
    ) -> None:
        self.stream = stream or sys.stderr
        on_terminal = self.stream.isatty()
        self.bars = on_terminal and mode != "silent"
        self.lines = not on_terminal and mode == "auto"
        self.seconds_between_lines = seconds_between_lines

    def say(self, text: str) -> None:
        """Print one line."""
        if self.bars or self.lines:
            print(text, file=self.stream, flush=True)

    @contextmanager
    def task(self, title: str, total: int, unit: str = "") -> Iterator[Task]:
        """Announce a piece of work of `total` steps."""
        if self.bars:
            with _bar(title, total, self.stream) as task:
                yield task
        else:
            yield _Lines(self, title, total, unit)


class _Lines:
    def __init__(self, progress: Progress, title: str, total: int, unit: str) -> None:
        self.progress, self.title, self.total = progress, title, total
        self.unit = f" {unit}" if unit else ""
        self.done = 0
        self.started = self.printed = time.monotonic()

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        now = time.monotonic()
        finished = self.done >= self.total
        if not self.progress.lines or (
            now - self.printed < self.progress.seconds_between_lines and not finished
        ):
            return
        self.printed = now
        elapsed = now - self.started
        rest = elapsed / self.done * (self.total - self.done) if self.done else 0.0
        time_note = f"{elapsed:.0f} s" if finished else f"{rest:.0f} s left"
        parts = [f"{self.title}: {self.done:,} of {self.total:,}{self.unit}", time_note, note]
        print(", ".join(part for part in parts if part), file=self.progress.stream, flush=True)


@contextmanager
def _bar(title: str, total: int, stream: TextIO) -> Iterator[Task]:
    # Rich takes 0.1 s to import, which a prediction of one line should not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    with RichProgress(*columns, console=Console(file=stream)) as rich:
        identifier = rich.add_task(title, total=total, note="")

        class Bar:
            def advance(self, steps: int = 1, note: str = "") -> None:
                more: dict[str, Any] = {"note": note} if note else {}
                rich.update(identifier, advance=steps, **more)

        yield Bar()
