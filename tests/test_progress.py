"""Progress: what is shown on a terminal, and what elsewhere."""

import io
import re
import time

import pytest

from multilabel_bert import progress as progress_module
from multilabel_bert.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal of 80 columns."""

    def isatty(self):
        return True


class Clock:
    """Time that goes on by a quarter of a second with each look at it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.25
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def shown(stream):
    """What stands on the terminal at the end of each of its redrawings, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


def test_a_terminal_shows_rate_remaining_time_and_loss(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress(stream=stream).task("Training", 123_456, "updates") as task:
        task.advance(1, "epoch 1, loss 0.9999")
        time.sleep(0.02)
        task.advance(120_000, "epoch 12, loss 0.1234")
        task.advance(3_000)
        task.advance(455)
    last = shown(stream)[-1]
    assert last.startswith("Training ")
    assert "123456/123456" in last
    assert re.search(r"\d+(\.\d+)?[kM]?/s ", last), last
    # Whole, at 80 columns.
    assert last.endswith("epoch 12, loss 0.1234")
    assert len(last) <= 80


def test_elsewhere_a_line_is_written_now_and_then(clock):
    stream = io.StringIO()
    with Progress(stream=stream, seconds_between_lines=10).task("Training", 100, "updates") as task:
        for update in range(100):
            task.advance(1, f"loss {1 / (update + 1):.3f}")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Training: 12 of 100 updates, 22 s left, loss 0.083"
    assert lines[-1] == "Training: 100 of 100 updates, 25 s, loss 0.010"
    assert len(lines) == 4
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_silence_is_silent(stream):
    progress = Progress("silent", stream=stream)
    progress.say("hello")
    with progress.task("Training", 3) as task:
        task.advance(3, "loss 1")
    assert stream.getvalue() == ""


def test_rates_take_a_few_characters():
    rates = [progress_module.rate(value) for value in (0.001, 0.5, 9.94, 99.6, 1e3, 123_456, 2e6)]
    assert rates == ["0.00", "0.50", "9.9", "100", "1.0k", "123k", "2.0M"]
