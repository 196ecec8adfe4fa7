"""What users hand to the classifier, understood or refused before the training."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.errors import DataError, LabelError, SettingsError, did_you_mean
from multilabel_bert.progress import Progress

_EXPECTED_GROUPS = (
    "Expected lists of label names, such as [['red', 'green'], ['small', 'large']], or 'columns'."
)


def as_dataset(texts: Any, labels: Any = None, label_names: Sequence[str] | None = None) -> Dataset:
    """Texts and labels as one dataset.

    Args:
        texts: N texts, or a `Dataset` with labels.
        labels: as in `MultiLabelClassifier.fit`; None with a `Dataset`.
        label_names: the columns wanted, matched by name; None for those that are there.

    Raises:
        DataError: if there are no labels, or they are given twice.
    """
    if isinstance(texts, Dataset):
        if labels is not None:
            raise DataError("Give labels inside the Dataset or beside the texts, not both.")
        if texts.labels is None:
            raise DataError(f"{texts.source} has no labels.")
        return texts if label_names is None else texts.with_label_names(label_names)
    if labels is None:
        raise DataError("There are no labels. Call it with texts and labels.")
    return Dataset.from_arrays(texts, labels, label_names=label_names)


def hard_labels(soft_labels: Any) -> np.ndarray:
    """Labels that are probabilities as yes (at least 0.5), no and unknown: int8 [N, X].

    Raises:
        LabelError: if they are no numbers.
    """
    try:
        soft = np.asarray(soft_labels, np.float32)
    except (TypeError, ValueError):
        raise LabelError(
            f"soft_labels: expected numbers from 0 to 1, [n, X], got {soft_labels!r}."
        ) from None
    return np.where(soft >= 0, soft >= 0.5, -1).astype(np.int8)


def threshold_numbers(given: Any) -> np.ndarray:
    """Thresholds as float32, of any shape.

    Raises:
        SettingsError: if they are no numbers.
    """
    try:
        return np.asarray(given, np.float32)
    except (TypeError, ValueError):
        raise SettingsError(f"thresholds: expected numbers from 0 to 1, got {given!r}.") from None


def validation_dataset(given: Any, label_names: Sequence[str]) -> Dataset:
    """``(texts, labels)`` or a `Dataset`, with the columns of the training data.

    Raises:
        DataError: if it is neither, or holds no texts.
    """
    if isinstance(given, Dataset):
        dataset = as_dataset(given, None, label_names)
    elif isinstance(given, (tuple, list)) and len(given) == 2:
        texts, labels = given
        dataset = as_dataset(texts, labels, label_names)
    else:
        raise DataError(
            f"validation_data: expected (texts, labels) or a Dataset, got {type(given).__name__}."
        )
    if not len(dataset):
        raise DataError(
            "validation_data holds no texts. Leave it out, and dev_fraction of the training texts "
            "is held out."
        )
    return dataset


def check_positives(train: Dataset, progress: Progress) -> None:
    """Refuse data without any positive, and name the labels that have none.

    Raises:
        LabelError: if there is nothing to learn.
    """
    positive, _, _ = train.label_counts()
    if not positive.any():
        raise LabelError(
            f"{train.source}: no text has any of the {len(positive)} labels, so there is nothing "
            "to learn. Check which columns are the labels."
        )
    without = [train.label_names[i] for i in np.flatnonzero(positive == 0)]
    if without:
        shown = ", ".join(without[:5]) + (" …" if len(without) > 5 else "")
        progress.say(f"{len(without)} labels have no example and cannot be learned: {shown}")


def exclusive_groups(groups: Any, dataset: Dataset) -> tuple[tuple[int, ...], ...]:
    """Columns of each group of labels that exclude each other.

    Args:
        groups: None, ``"columns"`` for one group a categorical column, or lists of label names.
        dataset: of the training.

    Raises:
        SettingsError: if a name is no label, or the data have no categorical columns.
    """
    names = dataset.label_names
    if groups is None:
        return ()
    if groups == "columns":
        layout = dataset.layout
        if layout is None or layout.label_format != "categorical":
            raise SettingsError(
                "exclusive_groups='columns' needs data with categorical label columns, each value "
                f"a label. {dataset.source} has none. Name the labels of each group instead."
            )
        groups = [
            [name for name in names if name.startswith(f"{column}=")]
            for column in layout.label_columns
        ]
    columns = []
    column_of = {name: column for column, name in enumerate(names)}
    if isinstance(groups, str) or not isinstance(groups, Iterable):
        raise SettingsError(f"exclusive_groups={groups!r} cannot be used. {_EXPECTED_GROUPS}")
    for group in groups:
        if isinstance(group, str) or not isinstance(group, Iterable):
            raise SettingsError(f"exclusive_groups holds {group!r}. {_EXPECTED_GROUPS}")
        group = list(group)
        unknown = [n for n in group if not isinstance(n, str) or n not in column_of]
        if unknown:
            raise SettingsError(
                f"exclusive_groups names {unknown[0]!r}, which is no label."
                f"{did_you_mean(str(unknown[0]), names)}"
            )
        if len(group) > 1:
            columns.append(tuple(column_of[name] for name in group))
    return tuple(columns)
