"""The Dataset: texts, labels and their names, as every later part takes them.

N = texts, X = labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from scipy.sparse import csr_array, hstack

from multilabel_bert.data.label_arrays import label_matrix
from multilabel_bert.data.label_names import check_label_names
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.option_hints import listed
from multilabel_bert.data.text_pairs import first_and_second_texts
from multilabel_bert.data.text_weights import soft_label_matrix, text_weights
from multilabel_bert.errors import DataError, LabelError


@dataclasses.dataclass(frozen=True)
class ReadReport:
    """What happened to a file while it was read, beyond taking it as it is.

    Attributes:
        empty_texts: rows without text, whether they were kept or dropped.
        dropped_rows: rows left out because they have no text.
        ignored_labels: labels that are not among the known names, with their counts.
        blank_labels: items of label lists that were passed over because their name is blank.
        cleaned_texts: texts that HTML was removed from.
        no_labels_because: why no labels were found where none were required.
    """

    empty_texts: int = 0
    dropped_rows: int = 0
    ignored_labels: dict[str, int] = dataclasses.field(default_factory=dict)
    blank_labels: int = 0
    cleaned_texts: int = 0
    no_labels_because: str = ""

    def lines(self) -> list[str]:
        """Return what the user should be told, one line a fact."""
        lines = []
        if self.dropped_rows:
            lines.append(f"{_count(self.dropped_rows, 'row')} without text left out")
        elif self.empty_texts:
            lines.append(f"{_count(self.empty_texts, 'row')} without text kept")
        if self.ignored_labels:
            names = sorted(self.ignored_labels, key=lambda name: -self.ignored_labels[name])
            total = sum(self.ignored_labels.values())
            shown = ", ".join(f"{name!r} ({self.ignored_labels[name]})" for name in names[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            lines.append(f"{_count(total, 'label')} outside the known names ignored: {shown}{more}")
        if self.blank_labels:
            lines.append(f"{_count(self.blank_labels, 'label')} with a blank name passed over")
        if self.cleaned_texts:
            lines.append(f"HTML removed from {_count(self.cleaned_texts, 'text')}")
        if self.no_labels_because:
            lines.append(f"no labels were read: {self.no_labels_because}")
        return lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@dataclasses.dataclass(frozen=True)
class Example:
    """One text with its labels, as the InputExample of `run_classifier.py`, for many labels.

    Attributes:
        guid: an identifier, for messages and output.
        text_a: the text.
        text_b: the second text of a pair.
        labels: the names of its labels; None: unknown.
    """

    guid: str | None
    text_a: str
    text_b: str | None = None
    labels: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Texts with their labels.

    Attributes:
        texts: N texts.
        text_pairs: N second texts, or None.
        labels: int8 [N, X]: 1 yes, -1 unknown, both explicit; 0 no, implicit. None without
            labels.
        label_names: X names; empty without labels, unless they are known from elsewhere.
        ids: N identifiers, or None.
        rows: int64 [N], the row of each text in its file, for messages.
        source: where it is from, as the user named it.
        layout: how to read another file the same way; None if it was not read from a file.
        report: what happened while it was read; None if it was not read from a file.
        weights: float32 [N], how much each text counts in training; None: all the same.
        soft_labels: float32 [N, X], probabilities that are learned in place of `labels`, NaN
            where unknown; None: `labels` are learned.
    """

    texts: list[str]
    text_pairs: list[str] | None
    labels: csr_array | None
    label_names: tuple[str, ...]
    ids: list[str] | None
    rows: np.ndarray
    source: str
    layout: DataLayout | None = None
    report: ReadReport | None = None
    weights: np.ndarray | None = None
    soft_labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> Dataset: ...

    def __getitem__(self, index: Any) -> Example | Dataset:
        """One text with its labels, or those of a slice, of positions or of a boolean mask.

        The labels of an example are those that are known to apply; None where none is known.

        Raises:
            IndexError: if there is no such text.
            DataError: for a name.

        Example:
            >>> data = Dataset.from_arrays(["late again", "thanks"], [["delay"], []])
            >>> data[0], len(data[1:])
            (Example(guid=None, text_a='late again', text_b=None, labels=('delay',)), 1)
        """
        if isinstance(index, str):
            raise DataError(
                f"{self.source}: expected a position, a slice, positions or a mask, got {index!r}. "
                "Columns are attributes, such as dataset.texts."
            )
        if isinstance(index, slice):
            return self.subset(np.arange(len(self))[index])
        if np.ndim(index) > 0:
            return self.subset(index)
        position = range(len(self))[index]
        labels = None
        if self.labels is not None:
            row = self.labels[[position]]
            if len(row.data) < row.shape[1] or (row.data == 1).any():
                labels = tuple(self.label_names[x] for x in row.indices[row.data == 1])
        return Example(
            guid=None if self.ids is None else self.ids[position],
            text_a=self.texts[position],
            text_b=None if self.text_pairs is None else self.text_pairs[position],
            labels=labels,
        )

    @classmethod
    def from_arrays(
        cls,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        labels: Any = None,
        *,
        label_names: Sequence[str] | None = None,
        text_pairs: Iterable[str] | None = None,
        ids: Iterable[object] | None = None,
        source: str = "texts",
    ) -> Dataset:
        """Make a dataset of what is in memory.

        Args:
            texts: N strings, or N pairs of strings.
            labels: whatever `label_matrix` takes: [N, X] of 0/1 with NaN, None or -1 for unknown,
                or N lists of label names. None: no labels.
            label_names: X names, in the order of the columns.
            text_pairs: N second texts, where `texts` are not pairs already.
            ids: N identifiers.
            source: how messages name it.

        Raises:
            DataError: if a text is not a string, or the numbers of rows differ.
            LabelError: as `label_matrix`.

        Example:
            >>> data = Dataset.from_arrays(["late again", "thanks"], [["delay"], []])
            >>> data.label_names, data.dense_labels().tolist()
            (('delay',), [[1.0], [0.0]])
        """
        first, pairs = first_and_second_texts(texts, text_pairs, source)
        matrix: csr_array | None = None
        names: tuple[str, ...] = ()
        if labels is not None:
            matrix, names = label_matrix(labels, label_names)
        elif label_names is not None:
            names = check_label_names(label_names, "label_names")
        identifiers = None if ids is None else [str(identifier) for identifier in ids]
        counts = {
            "text_pairs": pairs,
            "ids": identifiers,
            "labels": None if matrix is None else range(matrix.shape[0]),
        }
        for argument, values in counts.items():
            if values is not None and len(values) != len(first):
                raise DataError(
                    f"{len(first)} texts, but {len(values)} {argument}. Expected as many "
                    f"{argument} as texts."
                )
        rows = np.arange(1, len(first) + 1)
        return cls(first, pairs, matrix, names, identifiers, rows, source)

    @classmethod
    def from_examples(
        cls,
        examples: Iterable[Any],
        *,
        label_names: Sequence[str] | None = None,
        source: str = "examples",
    ) -> Dataset:
        """Make a dataset of `Example` objects, or of a DataProcessor's own objects.

        Args:
            examples: objects with the attributes guid, text_a, text_b and labels, as
                `run_classifier.py` has them; `label` (one name, or a list of names) is taken
                where there is no `labels`. A label of None is unknown.
            label_names: all names in order (what get_labels() returns); None: those that occur,
                sorted.
            source: how messages name it.

        Raises:
            DataError: if an example has no text.
            LabelError: if a label is not among the names.

        Example:
            >>> data = Dataset.from_examples(
            ...     [Example("train-1", "late again", labels=["delay", "service"])],
            ...     label_names=["service", "delay", "price"])
            >>> data.dense_labels().tolist(), data.ids
            ([[1.0, 1.0, 0.0]], ['train-1'])
        """
        examples = list(examples)
        texts: list[Any] = []
        seconds: list[Any] = []
        label_sets: list[Any] = []
        ids: list[Any] = []
        for number, example in enumerate(examples, start=1):
            if not hasattr(example, "text_a"):
                raise DataError(
                    f"{source}: example {number} is {type(example).__name__}; expected an object "
                    "with guid, text_a, text_b and labels, such as multilabel_bert.data.Example."
                )
            texts.append(example.text_a)
            seconds.append(getattr(example, "text_b", None))
            ids.append(getattr(example, "guid", None))
            names = getattr(example, "labels", None)
            if names is None:
                names = getattr(example, "label", None)
            label_sets.append([names] if isinstance(names, str) else names)
        if any(second is not None for second in seconds) and None in seconds:
            raise DataError(
                f"{source}: example {seconds.index(None) + 1} has no text_b, others have. Give "
                "all of them a text_b, or none; an empty one is ''."
            )
        labelled = any(labels is not None for labels in label_sets)
        return cls.from_arrays(
            texts,
            label_sets if labelled else None,
            label_names=label_names,
            text_pairs=None if not seconds or seconds[0] is None else seconds,
            ids=None if all(i is None for i in ids) else ["" if i is None else i for i in ids],
            source=source,
        )

    def subset(self, indices: Any) -> Dataset:
        """Return the texts at the given positions (or where a boolean mask is true), in order."""
        indices = np.asarray(indices)
        if indices.dtype == bool:
            indices = np.flatnonzero(indices)
        indices = indices.astype(np.int64)  # an empty list makes floats
        positions = indices.tolist()
        return dataclasses.replace(
            self,
            texts=[self.texts[i] for i in positions],
            text_pairs=None if self.text_pairs is None else [self.text_pairs[i] for i in positions],
            labels=None if self.labels is None else self.labels[indices],
            ids=None if self.ids is None else [self.ids[i] for i in positions],
            rows=self.rows[indices],
            weights=None if self.weights is None else self.weights[indices],
            soft_labels=None if self.soft_labels is None else self.soft_labels[indices],
        )

    def with_weights(self, sample_weight: Any = None, soft_labels: Any = None) -> Dataset:
        """Return it with weights of the texts, and labels that are probabilities; None: as it is.

        Args:
            sample_weight: N numbers of 0 or more: a text of weight 2 counts as two texts.
            soft_labels: [N, X] from 0 to 1, NaN or -1 unknown, in the order of `label_names`.

        Raises:
            DataError: if there is another number of weights, or one is no weight.
            LabelError: if the soft labels have another shape, or one is no probability.
        """
        weights, soft = self.weights, self.soft_labels
        if sample_weight is not None:
            weights = text_weights(sample_weight, len(self))
        if soft_labels is not None:
            soft = soft_label_matrix(soft_labels, self.require_labels().shape)
        return dataclasses.replace(self, weights=weights, soft_labels=soft)

    def with_label_names(self, label_names: Sequence[str]) -> Dataset:
        """Return it with the label columns in the order of `label_names`.

        Raises:
            LabelError: if these are not the names of its labels.
        """
        wanted = tuple(label_names)
        if wanted == self.label_names:
            return self
        position = {name: x for x, name in enumerate(self.label_names)}
        missing = [name for name in wanted if name not in position]
        known = set(wanted)
        unknown = [name for name in self.label_names if name not in known]
        if missing or unknown or len(wanted) != len(position):
            raise LabelError(
                f"{self.source} has the labels {listed(self.label_names)}; expected "
                f"{listed(wanted)}. Make the Dataset with label_names={list(wanted[:3])!r}"
                f"{' and so on' if len(wanted) > 3 else ''}."
            )
        columns = [position[name] for name in wanted]
        return dataclasses.replace(
            self,
            labels=csr_array(self.require_labels()[:, columns]),
            label_names=wanted,
            soft_labels=None if self.soft_labels is None else self.soft_labels[:, columns],
        )

    def with_unknown_labels(self, label_names: Sequence[str]) -> Dataset:
        """Return it with more labels, each unknown for all texts.

        Args:
            label_names: the names of its labels, in any order, and others.
        """
        wanted = tuple(label_names)
        here = set(self.label_names)
        more = tuple(name for name in wanted if name not in here)
        if more:
            unknown = csr_array(np.full((len(self), len(more)), -1, np.int8))
            labels = csr_array(hstack([self.require_labels(), unknown], format="csr"))
            names = (*self.label_names, *more)
            soft = self.soft_labels
            if soft is not None:
                soft = np.pad(soft, ((0, 0), (0, len(more))), constant_values=np.nan)
            self = dataclasses.replace(self, labels=labels, label_names=names, soft_labels=soft)
        return self.with_label_names(wanted)

    def dense_labels(self) -> np.ndarray:
        """Return float32 [N, X]: 1 yes, 0 no, NaN unknown.

        Raises:
            LabelError: if there are no labels.
        """
        dense = self.require_labels().toarray().astype(np.float32)
        dense[dense < 0] = np.nan
        return dense

    def require_labels(self) -> csr_array:
        """Return the label matrix, int8 [N, X].

        Raises:
            LabelError: if there are no labels.
        """
        if self.labels is None:
            raise LabelError(f"{self.source} has no labels, and they are needed here.")
        return self.labels

    def label_counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return int64 [X] each: how many texts have the label, have it not, are unknown."""
        labels = self.require_labels()
        count = labels.shape[1]
        positive = np.bincount(labels.indices[labels.data == 1], minlength=count)
        unknown = np.bincount(labels.indices[labels.data == -1], minlength=count)
        return positive, len(self) - positive - unknown, unknown
