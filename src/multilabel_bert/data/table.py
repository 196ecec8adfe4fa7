"""A table as read from a file, before anybody knows which columns are texts or labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from multilabel_bert.data.option_hints import listed
from multilabel_bert.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: cells of delimited files are strings, with null for an empty cell.

    Attributes:
        frame: the cells.
        rows: int64 [N], the number of each row in its file: counted from 1, with the header row
            as row 1, as a spreadsheet counts; lines for JSONL.
        source: the file, as the user named it.
        header: whether the first row named the columns; None where the format names them.
    """

    frame: pl.DataFrame
    rows: np.ndarray
    source: str
    header: bool | None

    def keep(self, rows: np.ndarray) -> Table:
        """Return the rows where a boolean mask [N] is true."""
        import polars as pl

        return dataclasses.replace(
            self, frame=self.frame.filter(pl.Series(rows)), rows=self.rows[rows]
        )

    def require(self, column: str, role: str, mend: str) -> None:
        """Check that a column exists.

        Args:
            column: its name.
            role: what it is for, such as ``"text column"``.
            mend: what the user can say instead.

        Raises:
            DataError: if it does not, with near matches.
        """
        require_column(column, role, mend, self.frame.columns, self.source, self.header)

    def place(self, index: int, column: str | None = None) -> str:
        """Return where a cell stands, for an error message.

        Args:
            index: position in the table, counted from 0.
            column: its column.
        """
        at = f"{self.source} row {self.rows[index]}"
        return at if column is None else f"{at}, column {column!r}"


def require_column(
    column: str, role: str, mend: str, columns: Sequence[str], source: str, header: bool | None
) -> None:
    """Check that `column` is one of `columns`; arguments as for `Table.require`.

    Raises:
        DataError: if it is not, with near matches.
    """
    if column in columns:
        return
    no_header = " The first row was read as column names." if header else ""
    raise DataError(
        f"{source} has no column {column!r} (the {role}).{did_you_mean(column, columns)} "
        f"Its columns: {listed(columns)}.{no_header} {mend}"
    )
