"""Columns of a table beside texts and labels, for the rows of a dataset that was read from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.read_table import read_table


def read_extra_columns(
    path: str | Path, dataset: Dataset, columns: Sequence[str], option: str = "columns"
) -> dict[str, list[object]]:
    """Read columns of the file that a dataset was read from.

    Args:
        path: the file.
        dataset: N texts of it.
        columns: names.
        option: what the user typed before them, for messages.

    Returns:
        N values each, by name; None where a cell is empty.

    Raises:
        DataError: if the file has no such column.
    """
    layout = dataset.layout
    table = (
        read_table(Path(path))
        if layout is None
        else read_table(
            Path(path),
            encoding=layout.encoding,
            delimiter=layout.delimiter,
            quoting=layout.quoting,
            header=layout.header,
        )
    )
    for column in columns:
        table.require(column, option, f"Check {option}.")
    # Rows without a text may have been left out of the dataset.
    places = np.searchsorted(table.rows, dataset.rows).tolist()
    found: dict[str, list[object]] = {}
    for column in columns:
        values = table.frame[column].to_list()
        found[column] = [values[place] for place in places]
    return found
