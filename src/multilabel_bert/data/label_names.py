"""Label names: read from a file with one name a line, and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from multilabel_bert.data.file_bytes import read_unpacked, to_utf8
from multilabel_bert.data.option_hints import option
from multilabel_bert.errors import DataError, LabelError

# What is looked for beside the data.
FOUND_NAMES = ("labels.txt", "label_names.txt", "classes.txt")


@dataclasses.dataclass(frozen=True)
class LabelNames:
    """Label names that are known before the labels are read.

    Attributes:
        names: in the order of the label columns.
        origin: where they are from, for messages: a file, or "the model".
        found: whether the file was found beside the data, not named by the user.
    """

    names: tuple[str, ...]
    origin: str
    found: bool = False


def check_label_names(names: Sequence[str], origin: str) -> tuple[str, ...]:
    """Return the names as a tuple.

    Raises:
        LabelError: if there are none, one is empty or not a string, or one occurs twice.
    """
    if isinstance(names, str):
        raise LabelError(f"{origin}: expected a list of label names, got the string {names!r}.")
    if not isinstance(names, Iterable):
        raise LabelError(f"{origin}: expected a list of label names, got {names!r}.")
    checked: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not isinstance(name, str) or not name.strip():
            raise LabelError(
                f"{origin}: label {number} is {name!r}; expected a name, a string with at least "
                "one letter. Give it one."
            )
        if name in checked:
            raise LabelError(
                f"{origin}: the label name {name!r} occurs twice (number {checked[name]} and "
                f"{number}). Rename or remove one of them."
            )
        checked[name] = number
    if not checked:
        raise LabelError(f"{origin}: no label names. Expected at least one.")
    return tuple(checked)


def check_storable(names: Iterable[str]) -> None:
    r"""Refuse a name that no file of a model can hold: one with half of a surrogate pair.

    JSON can bring them in, as ``"\ud83d"`` without its other half.

    Raises:
        LabelError: if there is one.
    """
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise LabelError(
                f"The label name {name!a} holds half of a surrogate pair, which cannot be "
                "saved. Rename the label."
            ) from None


def read_label_names(path: Path, encoding: str | None = None) -> tuple[str, ...]:
    """Read label names, one a line; the last line may lack its end, blank last lines are ignored.

    Args:
        path: the file.
        encoding: None means UTF-8.

    Raises:
        DataError: if it cannot be read or is empty.
        LabelError: if a name occurs twice, or a line between others is blank: with indexes, every
            line counts.
    """
    source = str(path)
    text = to_utf8(read_unpacked(path), source, encoding).decode("utf-8")
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if not any(lines):
        raise DataError(f"{source} is empty. Expected label names, one a line.")
    first_lines: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            raise LabelError(
                f"{source} line {number} is blank. Expected a label name in every line, since "
                "the line is the label's index. Remove the line, or name the label."
            )
        if line in first_lines:
            raise LabelError(
                f"{source}: the label name {line!r} occurs twice (lines "
                f"{first_lines[line]} and {number}). Rename or remove one of them."
            )
        first_lines[line] = number
    return tuple(lines)


def names_before_reading(
    data_path: Path,
    label_names: Iterable[str] | None,
    labels_file: str | Path | None,
    origin: str = "label_names",
) -> LabelNames | None:
    """Return the label names that were given, or stand in a file beside the data.

    Args:
        data_path: the data file.
        label_names: the names that were given.
        labels_file: the file that was given.
        origin: where `label_names` are from, for messages.

    Raises:
        DataError: if the names cannot be read, or were given in two ways.
    """
    if label_names is not None and labels_file is not None:
        raise LabelError(
            f"Label names were given twice: as label_names and by {option('labels_file')}. "
            "Give one of them."
        )
    if isinstance(label_names, (str, Path)):
        raise LabelError(
            f"label_names: expected a list of label names, got {label_names!r}. A file of names is "
            f"named by {option('labels_file')}."
        )
    if label_names is not None:
        return LabelNames(check_label_names(tuple(label_names), origin), origin)
    if labels_file is not None:
        return LabelNames(read_label_names(Path(labels_file)), str(labels_file))
    for name in FOUND_NAMES:
        beside = data_path.parent / name
        if beside.is_file() and beside != data_path:
            return LabelNames(read_label_names(beside), str(beside), found=True)
    return None
