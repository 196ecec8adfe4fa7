"""Event files, as TensorBoard reads them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multilabel_bert.optional import import_optional

# A run that is killed loses no more than these of its updates.
_FLUSH_SECONDS = 10


class EventLog:
    """Writes numbers by step to an event file in a directory.

    Needs TensorFlow, and not the package tensorboard, which ``tf.summary.scalar`` does.

    Args:
        directory: where the file goes; TensorBoard shows it as one run.
        first_step: of this file. Points at it and after it, that a training which was stopped has
            written to an older file there, are no longer shown.

    Raises:
        MissingExtraError: if TensorFlow is not installed.
    """

    def __init__(self, directory: Path, first_step: int) -> None:
        tensorflow = import_optional(
            "tensorflow", extra="train", purpose="writing event files for TensorBoard"
        )
        self._v1: Any = tensorflow.compat.v1
        with tensorflow.Graph().as_default():  # outside of one it refuses to be made
            self._writer = self._v1.summary.FileWriter(
                str(directory),
                flush_secs=_FLUSH_SECONDS,
                # Its own names are by the second: the same for two files within one. TensorBoard
                # reads files in the order of their names.
                filename_suffix=f".{time.time_ns()}",
            )
        start = self._v1.SessionLog(status=self._v1.SessionLog.START)
        self._writer.add_session_log(start, first_step)

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each of some curves; what is no number is left out."""
        points = [
            self._v1.Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
            if math.isfinite(value)
        ]
        self._writer.add_summary(self._v1.Summary(value=points), step)

    def flush(self) -> None:
        """Put on disk what was added."""
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
