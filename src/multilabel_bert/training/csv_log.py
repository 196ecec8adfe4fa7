"""`training.csv`: what happened in each epoch of a training, a row an epoch."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from multilabel_bert.errors import SettingsError
from multilabel_bert.files import atomic_file


class CsvLog:
    """A table that grows by a row an epoch, and is whole on disk after each.

    Columns: ``epoch`` and ``step`` counted from 1, then what the first row has. What is no number,
    such as the average precision of texts without a positive, is an empty cell.

    Args:
        path: of the file.
        epochs: of a training that goes on: their rows are kept, and later ones, which a stopped
            training wrote before its state, are dropped. 0: nothing is kept.

    Raises:
        SettingsError: if the file there is no such table.
    """

    def __init__(self, path: Path, epochs: int = 0) -> None:
        self.path = path
        self._rows = _read(path, epochs) if epochs and path.exists() else []

    def add(self, values: Mapping[str, float]) -> None:
        """Add the row of one more epoch.

        Raises:
            WriteError: if the file system refuses.
        """
        self._rows.append({name: _cell(value) for name, value in values.items()})
        with (
            atomic_file(self.path) as path,
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            names = dict.fromkeys(name for row in self._rows for name in row)
            writer = csv.DictWriter(file, list(names), restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)


def _read(path: Path, epochs: int) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, strict=True)
            if "epoch" not in (table.fieldnames or ()):
                raise ValueError("it has no column epoch")
            return [row for row in table if int(row["epoch"]) <= epochs]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise SettingsError(
            f"{path} is not the log of a training ({error}), so the training cannot go on in it. "
            "Move it away, or name another log directory."
        ) from None


def _cell(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
