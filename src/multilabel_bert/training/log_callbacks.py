"""Keras callbacks that write the log of a training: `training.csv`, and events for TensorBoard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras

from multilabel_bert.training.csv_log import CsvLog
from multilabel_bert.training.event_log import EventLog
from multilabel_bert.training.run_log import CSV_NAME


class EpochLogCallback(keras.callbacks.Callback):
    """Writes a row and points of TensorBoard's curves after each epoch.

    A training that begins with a later epoch than the first goes on in the table that is there.

    Args:
        directory: where they go.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self._csv: CsvLog | None = None
        self._events: EventLog | None = None
        self._updates = 0
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Open the files, when it is the first epoch of this process."""
        self._started = time.monotonic()
        if self._csv is None:
            self._updates = epoch * self.params["steps"]
            self._csv = CsvLog(self.directory / CSV_NAME, epochs=epoch)
            self._events = EventLog(self.directory, first_step=self._updates + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write what the epoch gave."""
        assert self._csv is not None
        assert self._events is not None
        self._updates = (epoch + 1) * self.params["steps"]
        # Of the last update of the epoch, which is known from the schedule.
        rate = float(self.model.optimizer.rates(self._updates)[-1])
        seconds = time.monotonic() - self._started
        logs = dict(logs or {})
        values = {"loss": logs.pop("loss"), "learning_rate": rate, **logs, "seconds": seconds}
        self._csv.add({"epoch": epoch + 1, "step": self._updates, **values})
        self._events.add({f"epoch/{name}": v for name, v in values.items()}, self._updates)
        self._events.flush()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Close the files."""
        if self._events is not None:
            self._events.close()


class UpdateLogCallback(EpochLogCallback):
    """The same, with the loss of each update."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Add a point."""
        assert self._events is not None
        self._updates += 1
        self._events.add({"update/loss": (logs or {})["loss"]}, self._updates)
