"""The directory that `log_dir` names: where logs of a training are, and whether they may go there.

It holds `training.csv` and event files; with several representations, a directory for each.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.errors import SettingsError
from multilabel_bert.files import atomic_file, explain_os_errors

if TYPE_CHECKING:
    from multilabel_bert.training.few_examples import FewExamplesHead

CSV_NAME = "training.csv"
FOLDS_NAME = "cross_validation.csv"
_EVENTS = "events.out.tfevents.*"


@dataclass(frozen=True)
class RunLog:
    """Where a training is logged."""

    directory: Path

    def within(self, name: str) -> RunLog:
        """The log of a part, a run of its own for TensorBoard."""
        return RunLog(self.directory / name)

    def callbacks(self, *, updates: bool) -> list[Any]:
        """Keras callbacks that write the log.

        Args:
            updates: whether each update's loss is a point in TensorBoard. Where an update takes
                less than a millisecond that would cost more than the training.
        """
        from multilabel_bert.training.log_callbacks import EpochLogCallback, UpdateLogCallback

        return [(UpdateLogCallback if updates else EpochLogCallback)(self.directory)]

    def write_few_examples(self, head: FewExamplesHead, epoch: dict[str, float]) -> None:
        """Log a head for few examples, which has no epochs: its end, and what was tried.

        Args:
            head: that was fitted.
            epoch: its loss and seconds.

        Raises:
            WriteError: if the file system refuses.
        """
        from multilabel_bert.training.csv_log import CsvLog
        from multilabel_bert.training.event_log import EventLog

        CsvLog(self.directory / CSV_NAME).add({"epoch": 1, "step": 1, **epoch})
        with (
            atomic_file(self.directory / FOLDS_NAME) as path,
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["pooling", "l2", "loss"])
            writer.writerows([*tried, f"{loss:.6g}"] for tried, loss in head.loss.items())
        events = EventLog(self.directory, first_step=0)
        events.add({"epoch/loss": epoch["loss"]}, step=1)
        tried_by_pooling: dict[str, int] = {}
        for (pooling, _), loss in head.loss.items():
            step = tried_by_pooling.get(pooling, 0)
            tried_by_pooling[pooling] = step + 1
            events.add({f"cross_validation_loss/{pooling}": loss}, step)
        events.close()


def prepare_log(log_dir: Any, *, going_on: bool) -> RunLog | None:
    """The log at `log_dir`, made if it is not there; None for None.

    Args:
        log_dir: a path, or None.
        going_on: whether a stopped training goes on, whose log may be there.

    Raises:
        SettingsError: if it is no path, or holds another training's log.
        WriteError: if it cannot be made.
    """
    if log_dir is None:
        return None
    if not isinstance(log_dir, str | Path) or not str(log_dir):
        raise SettingsError(f"log_dir={log_dir!r}: expected the path of a directory, or None.")
    directory = Path(log_dir)
    if not going_on:
        check_no_log(directory)
    with explain_os_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    return RunLog(directory)


def check_no_log(directory: Path, *, option: str = "log_dir", mend: str = "remove it") -> None:
    """Refuse a directory that holds the log of a training.

    Args:
        directory: where a log is to go.
        option: what the user named it by.
        mend: what else than another directory helps.

    Raises:
        SettingsError: if it does.
    """
    if _files(directory):
        raise SettingsError(
            f"{option}: {directory} holds the log of another training. Name another directory for "
            f"this one, or {mend}."
        )


def remove_log(directory: Path) -> None:
    """Remove the log of a training, if there is one, and nothing else.

    Raises:
        WriteError: if the file system refuses.
    """
    with explain_os_errors(directory):
        for path in _files(directory):
            path.unlink()


def _files(directory: Path) -> list[Path]:
    return [
        path
        for place in (directory, *(directory / pooling for pooling in POOLINGS))
        for name in (CSV_NAME, FOLDS_NAME, _EVENTS)
        for path in place.glob(name)
    ]
