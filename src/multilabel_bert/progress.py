"""Progress of long work: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

# Soon enough to see that it works, and how long it will take.
_FIRST_LINE_SECONDS = 3.0


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
        seconds_between_lines: how often a plain line is printed; the first comes earlier.
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
        self._task: Task | None = None

    def say(self, text: str) -> None:
        """Print one line."""
        if self.bars or self.lines:
            print(text, file=self.stream, flush=True)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "") -> Iterator[Task]:
        """Announce a piece of work of `total` steps; None where nobody knows how many."""
        if self._task is not None:
            yield self._task
        elif self.bars:
            with _bar(title, total, self.stream) as task:
                yield task
        else:
            lines = _Lines(self, title, total, unit)
            yield lines
            lines.finish()

    def within(self, task: Task) -> Progress:
        """The same, but whatever is announced advances `task`: for work that comes in parts."""
        part = copy.copy(self)
        part._task = task
        return part


class _Lines:
    def __init__(self, progress: Progress, title: str, total: int | None, unit: str) -> None:
        self.progress, self.title, self.total = progress, title, total
        self.unit = f" {unit}" if unit else ""
        self.done = 0
        self.note = ""
        self.started = self.printed = time.monotonic()
        self.interval = min(_FIRST_LINE_SECONDS, progress.seconds_between_lines)
        self.finished = False

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        self.note = note or self.note
        now = time.monotonic()
        if self.total is not None and self.done >= self.total:
            self.finish()
        elif now - self.printed >= self.interval:
            self.printed, self.interval = now, self.progress.seconds_between_lines
            elapsed = now - self.started
            if self.total is None or not self.done:
                self._print(f"{elapsed:.0f} s")
            else:
                self._print(f"{elapsed / self.done * (self.total - self.done):.0f} s left")

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            self._print(f"{time.monotonic() - self.started:.0f} s")

    def _print(self, time_note: str) -> None:
        of = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{self.title}: {self.done:,}{of}{self.unit}", time_note, self.note]
        if self.progress.lines:
            print(", ".join(part for part in parts if part), file=self.progress.stream, flush=True)


def _rate_column() -> Any:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps a second, of the last half minute."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{rate(speed)}/s", style="progress.data.speed")

    return Rate()


def rate(per_second: float) -> str:
    """A number of steps a second, in a few characters.

    >>> rate(0.1234), rate(12.34), rate(1234.5), rate(23_456)
    ('0.12', '12', '1.2k', '23k')
    """
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if per_second >= size:
            return f"{rate(per_second / size)}{unit}"
    digits = 2 if per_second < 1 else 1 if per_second < 10 else 0
    return f"{per_second:.{digits}f}"


@contextmanager
def _bar(title: str, total: int | None, stream: TextIO) -> Iterator[Task]:
    # Rich takes 0.1 s to import, which a prediction of one line should not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        # Short, so that the note fits beside it on a terminal of 80 columns.
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        _rate_column(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
    ]
    with RichProgress(*columns, console=Console(file=stream)) as rich:
        identifier = rich.add_task(title, total=total, note="")

        class Bar:
            def advance(self, steps: int = 1, note: str = "") -> None:
                more: dict[str, Any] = {"note": note} if note else {}
                rich.update(identifier, advance=steps, **more)

        yield Bar()
        if total is None:
            # Now it is known, and the bar is full.
            rich.update(identifier, total=rich.tasks[0].completed)
