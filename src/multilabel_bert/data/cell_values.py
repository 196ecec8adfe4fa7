"""What single cells mean: yes, no or unknown; a list of names written as text."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

YES, NO, UNKNOWN, BAD = 1, 0, -1, 9

# An empty cell is null in a table, and unknown like these.
UNKNOWN_WORDS = ("none", "nan", "null", "-1", "-1.0", "?", "n/a", "na", "<na>")
_PLAIN = {"1": YES, "1.0": YES, "true": YES, "0": NO, "0.0": NO, "false": NO}
_WORDS = {"yes": YES, "no": NO, "": UNKNOWN, **dict.fromkeys(UNKNOWN_WORDS, UNKNOWN)}

# Enough that the work outweighs what a query costs, and few enough that they take little memory.
_COLUMNS_AT_ONCE = 64

INDICATOR_VALUES = "1 or true (yes), 0 or false (no), or empty, NaN, -1, ? or NONE (unknown)"


def indicator_values(column: pl.Series) -> pl.Series:
    """Return Int8: YES, NO, UNKNOWN, or BAD for every other value.

    >>> import polars as pl
    >>> indicator_values(pl.Series(["1", "0", None, "NONE", "2"])).to_list()
    [1, 0, -1, -1, 9]
    """
    return column.to_frame().select(_indicator_codes(column.name, column.dtype)).to_series()


def indicator_columns(
    frame: pl.DataFrame, names: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.int8]]]:
    """Yield each column's name and its `indicator_values`.

    Many columns at once: one by one, a thousand take as many seconds as a million cells do.
    """
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        part = frame.select(names[start : start + _COLUMNS_AT_ONCE])
        dtypes = zip(part.columns, part.dtypes, strict=True)
        coded = part.select([_indicator_codes(name, dtype) for name, dtype in dtypes])
        for column in coded:
            yield column.name, column.to_numpy()


def _indicator_codes(name: str, dtype: pl.DataType) -> pl.Expr:
    import polars as pl

    cells = pl.col(name)
    if dtype == pl.Boolean:
        return cells.cast(pl.Int8).fill_null(UNKNOWN)
    if dtype.is_numeric():
        numbers = cells.cast(pl.Float64).fill_nan(UNKNOWN).fill_null(UNKNOWN)
        good = numbers.is_in([1.0, 0.0, -1.0])
        return (
            pl.when(good).then(numbers.clip(-1, 1)).otherwise(float(BAD)).cast(pl.Int8).alias(name)
        )
    if dtype == pl.Null:
        return cells.cast(pl.Int8).fill_null(UNKNOWN)
    if dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    elif dtype != pl.String:
        return cells.is_null().cast(pl.Int8).clip(BAD, BAD)
    words = {**_PLAIN, **_WORDS}
    return (
        cells.fill_null("")
        .str.strip_chars()
        .str.to_lowercase()
        .replace_strict(list(words), list(words.values()), default=BAD, return_dtype=pl.Int8)
    )


def parse_list(cell: str) -> list[Any] | None:
    """Return a list written as JSON, or as Python writes it; None if it is neither.

    pandas writes a column of lists to CSV as Python does: ``['joy', 'love']``.

    >>> parse_list('["joy", "love"]'), parse_list("['joy']"), parse_list("joy")
    (['joy', 'love'], ['joy'], None)
    """
    try:
        value = json.loads(cell)
    except json.JSONDecodeError:
        try:
            value = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return list(value) if isinstance(value, (list, tuple, set)) else None


def name_of_item(item: object) -> str | None:
    """Return the label name in one item of a list; None if there is none.

    An object holds it under "name" or "label". A number is its own name. A blank name is "".

    >>> name_of_item({"id": 28, "name": "Action"}), name_of_item(5), name_of_item(" joy ")
    ('Action', '5', 'joy')
    """
    if isinstance(item, dict):
        item = item.get("name", item.get("label"))
    if isinstance(item, bool) or item is None:
        return None
    if isinstance(item, float) and item.is_integer():
        item = int(item)
    if isinstance(item, (int, float, str)):
        return str(item).strip()
    return None
