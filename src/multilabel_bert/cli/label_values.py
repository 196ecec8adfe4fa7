"""Files that give numbers to labels: thresholds, costs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from multilabel_bert.errors import DataError, SettingsError
from multilabel_bert.files import explain_os_errors

_THRESHOLD, _COSTS = ("threshold",), ("false_positive", "false_negative")


def read_thresholds(path: Path) -> dict[str, float]:
    """Thresholds by label, from JSON ``{"late": 0.3}`` or CSV ``late,0.3``.

    Raises:
        DataError: if the file cannot be read so.
    """
    return {name: values[0] for name, values in _read(path, _THRESHOLD).items()}


def parse_costs(text: str | None) -> Any:
    """The value of --costs: two numbers for all labels, or a file with two of some labels.

    Raises:
        SettingsError: if it is neither.
        DataError: if the file cannot be read so.

    >>> parse_costs("1,5"), parse_costs(None)
    ((1.0, 5.0), None)
    """
    if text is None:
        return None
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        path = Path(text)
        if not path.is_file():
            raise SettingsError(
                f"--costs {text}: expected what a false positive and a false negative cost, such "
                "as 1,5, or a file that says it by label."
            ) from None
        return {name: tuple(values) for name, values in _read(path, _COSTS).items()}
    if len(numbers) != 2:
        raise SettingsError(
            f"--costs {text}: expected two numbers, what a false positive and a false negative "
            "cost, such as 1,5."
        )
    return numbers


def _read(path: Path, columns: tuple[str, ...]) -> dict[str, list[float]]:
    with explain_os_errors(path):
        text = path.read_text(encoding="utf-8-sig")
    read = _json_values if text.lstrip().startswith("{") else _csv_values
    values = read(path, text, columns)
    if not values:
        raise DataError(f"{path} names no label. {_expected(columns)}")
    return values


def _json_values(path: Path, text: str, columns: tuple[str, ...]) -> dict[str, list[float]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}). {_expected(columns)}") from None
    values = {}
    for name, given in content.items():
        if isinstance(given, dict) and set(given) == set(columns):
            given = [given[column] for column in columns]
        several = given if isinstance(given, list) else [given]
        values[name] = _numbers(f"{path}, label {name!r}", several, columns)
    return values


def _csv_values(path: Path, text: str, columns: tuple[str, ...]) -> dict[str, list[float]]:
    rows = list(csv.reader(text.splitlines()))
    values: dict[str, list[float]] = {}
    for number, row in enumerate(rows, 1):
        if not row or (number == 1 and row[1:] == list(columns)):
            continue
        name, *cells = row
        if name in values:
            raise DataError(f"{path}, row {number}: {name!r} is there twice. Remove one of them.")
        values[name] = _numbers(f"{path}, row {number}, label {name!r}", cells, columns)
    return values


def _numbers(place: str, cells: list[Any], columns: tuple[str, ...]) -> list[float]:
    try:
        numbers = [float(cell) for cell in cells if not isinstance(cell, bool)]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != len(columns):
        shown = ", ".join(map(str, cells))
        raise DataError(f"{place}: found {shown or 'nothing'}. {_expected(columns)}")
    return numbers


def _expected(columns: tuple[str, ...]) -> str:
    example = ["0.3"] if columns == _THRESHOLD else ["1", "5"]
    as_json = example[0] if len(example) == 1 else f"[{', '.join(example)}]"
    return (
        f"Expected CSV, a row label,{','.join(columns)} each, such as late,{','.join(example)}; or "
        f'JSON, such as {{"late": {as_json}}}.'
    )
