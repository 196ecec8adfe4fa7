"""The layout of a table: which columns hold texts and labels, and how labels are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from multilabel_bert.errors import SettingsError, did_you_mean

LabelFormat = Literal["indicator", "delimited", "list", "index", "vector", "categorical"]
LABEL_FORMATS: tuple[str, ...] = get_args(LabelFormat)

EmptyText = Literal["error", "drop", "keep"]
EmptyLabels = Literal["none", "unknown"]

_FORMAT_IN_WORDS = {
    "indicator": "one column of 0/1 a label",
    "delimited": "one column of names",
    "list": "one column of lists",
    "index": "one column of label indexes, counted from 0",
    "vector": "one column of lists of 0/1, one value a label",
    "categorical": "columns of values, each value a label `column=value`",
}


@dataclasses.dataclass(frozen=True)
class DataLayout:
    """Everything needed to read another file the same way.

    It is found by `read_dataset`, shown to the user, stored in the model, and used again for
    every file that the model meets. Columns are matched by name, so their order may differ.

    Attributes:
        text_column: column with the text. A file without a header row has the columns
            ``column_1``, ``column_2``, …
        pair_column: column with the second text of a pair.
        label_columns: the columns with labels; empty if the file has none.
        label_format: how they are written, one of `LABEL_FORMATS`; None without labels.
        label_separator: what stands between the labels of one cell ("delimited", "index").
        empty_labels: what an empty cell of a "delimited", "list", "index" or "categorical" column
            means: "none", the text has no label; "unknown", nobody looked. An empty cell of a
            0/1 column is always unknown.
        id_column: column with an identifier of each text.
        header: whether the first row names the columns; None for formats that name them anyway.
        delimiter: what separates columns, where the user said so; None: found for each file.
        quoting: whether fields may be quoted, where the user said so; None: found for each file.
        encoding: of the file, where the user said so; None means UTF-8 (or what a BOM says).
        empty_text: what to do with a row without text when labels are read; None means "error".
        clean_html: whether HTML is removed from the texts.
    """

    text_column: str
    pair_column: str | None = None
    label_columns: tuple[str, ...] = ()
    label_format: LabelFormat | None = None
    label_separator: str | None = None
    empty_labels: EmptyLabels = "none"
    id_column: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    quoting: bool | None = None
    encoding: str | None = None
    empty_text: EmptyText | None = None
    clean_html: bool = False

    @property
    def names_in_cells(self) -> bool:
        """Whether labels stand in the cells, so that a table may name some that no other has."""
        return self.label_format in {"delimited", "list", "categorical"}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**dataclasses.asdict(self), "label_columns": list(self.label_columns)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DataLayout:
        """Make a layout from what `to_dict` returned.

        Raises:
            SettingsError: if a key is not known, or the text column is missing.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                raise SettingsError(
                    f"Data layout: unknown key {key!r}.{did_you_mean(key, known)} "
                    f"Known keys: {', '.join(known)}."
                )
        if "text_column" not in values:
            raise SettingsError("Data layout: the key 'text_column' is missing.")
        return cls(**{**values, "label_columns": tuple(values.get("label_columns", ()))})

    def with_labels(self, label_names: Sequence[str]) -> DataLayout | None:
        """Return the layout of tables for other labels; None where that cannot be known.

        Labels by their name in one column stay as they are; columns of 0/1 are named like their
        labels; the values of a categorical column may be others, but no column is made up; and
        what is known by its position is lost.

        >>> layout = DataLayout("text", label_columns=("a", "b"), label_format="indicator")
        >>> layout.with_labels(["b", "c"]).label_columns
        ('b', 'c')
        """
        if self.label_format in {"index", "vector"}:
            return None
        if self.label_format == "indicator":
            return dataclasses.replace(self, label_columns=tuple(label_names))
        if self.label_format == "categorical":
            columns = tuple(
                column
                for column in self.label_columns
                if any(name.startswith(f"{column}=") for name in label_names)
            )
            named = sum(any(n.startswith(f"{c}=") for c in columns) for n in label_names)
            if named < len(label_names):
                return None
            return dataclasses.replace(self, label_columns=columns)
        return self

    def describe(self) -> list[str]:
        """Return the layout in words, one line a fact, for the user to check.

        >>> for line in DataLayout("text", label_columns=("a", "b"),
        ...                        label_format="indicator").describe():
        ...     print(line)
        text: column 'text'
        labels: one column of 0/1 a label: 'a', 'b'
        """
        lines = [f"text: column {self.text_column!r}"]
        if self.pair_column is not None:
            lines.append(f"second text: column {self.pair_column!r}")
        if self.label_format is None:
            lines.append("labels: none")
        else:
            shown = ", ".join(repr(name) for name in self.label_columns[:12])
            more = len(self.label_columns) - 12
            lines.append(
                f"labels: {_FORMAT_IN_WORDS[self.label_format]}: {shown}"
                + (f" and {more} more" if more > 0 else "")
            )
            if self.label_separator is not None:
                lines.append(f"labels of one cell are separated by {self.label_separator!r}")
            if self.label_format not in {"indicator", "vector"}:
                meaning = "no label" if self.empty_labels == "none" else "unknown"
                lines.append(f"an empty label cell means: {meaning}")
        if self.id_column is not None:
            lines.append(f"id: column {self.id_column!r}")
        if self.header is False:
            lines.append("no header row: columns are column_1, column_2, …")
        if self.clean_html:
            lines.append("HTML is removed from the texts")
        return lines
