"""A dataset to train and development parts, or to folds. N = texts, X = labels, G = groups.

Rows with identical texts form a group, and a group stays together: otherwise the development
part would measure what the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.duplicates import text_groups
from multilabel_bert.data.stratification import deal_rows
from multilabel_bert.errors import DataError, SettingsError


def split_dataset(
    dataset: Dataset, fraction: float = 0.1, seed: int = 0
) -> tuple[Dataset, Dataset]:
    """Split into (train, dev) by iterative stratification, rows in their old order.

    Identical texts are on the same side. A label with examples has at least one in train; where
    all its examples are one text, that is in train. Unknown cells are spread like a label.

    Args:
        dataset: with labels.
        fraction: part of the rows for dev, between 0 and 1.
        seed: the same seed gives the same split.

    Raises:
        DataError: if there are fewer than two different texts.
        LabelError: if the dataset has no labels.
        SettingsError: if `fraction` is not between 0 and 1.
    """
    train, dev = split_indices(
        dataset.require_labels(),
        text_groups(dataset),
        fraction=fraction,
        seed=seed,
        source=dataset.source,
    )
    return dataset.subset(train), dataset.subset(dev)


def split_indices(
    labels: csr_array,
    groups: np.ndarray | None = None,
    *,
    fraction: float = 0.1,
    seed: int = 0,
    source: str = "the data",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions for train and dev, each int64 and ascending.

    Args:
        labels: int8 [N, X], as `Dataset.labels`.
        groups: int64 [N], rows with the same number stay together; None: every row alone.
        fraction: part of the rows for dev.
        seed: the same seed gives the same split.
        source: for messages.
    """
    if not 0 < fraction < 1:
        raise SettingsError(
            f"fraction of the development split: expected a number between 0 and 1, such as 0.1, "
            f"got {fraction!r}."
        )
    group_of, marks, positives, sizes = _grouped(labels, groups)
    if sizes.size < 2:
        raise DataError(
            f"{source} has {labels.shape[0]} row{'' if labels.shape[0] == 1 else 's'} and "
            f"{sizes.size} different text{'' if sizes.size == 1 else 's'}; a split needs at least "
            "two. Give more texts, a development file with --dev (in Python validation_data), or "
            "--dev-fraction 0 (in Python dev_fraction=0)."
        )
    of_label = np.diff(positives.tocsc().indptr)  # groups that have each label
    only = np.zeros(sizes.size, dtype=bool)
    only[positives[:, of_label == 1].nonzero()[0]] = True
    free = np.flatnonzero(~only)
    wanted = fraction * sizes.sum() / max(1, sizes[free].sum())
    in_dev = np.zeros(sizes.size, dtype=bool)
    if free.size:
        share = min(1.0, wanted)
        sides = deal_rows(marks[free], np.asarray([1 - share, share]), seed)
        in_dev[free[sides == 1]] = True
    _mend(in_dev, positives, only)
    dev_rows = in_dev[group_of]
    return np.flatnonzero(~dev_rows), np.flatnonzero(dev_rows)


def _mend(in_dev: np.ndarray, positives: csr_array, only: np.ndarray) -> None:
    """Give train an example of each label, and dev at least one text, in place."""
    train_counts = positives.T @ (~in_dev).astype(np.int64)
    all_counts = positives.T @ np.ones(in_dev.size, dtype=np.int64)
    by_label = positives.tocsc()
    for label in np.flatnonzero((train_counts == 0) & (all_counts > 0)):
        members = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        if in_dev[members].all():
            in_dev[members[0]] = False
    if not in_dev.any():
        candidates = np.flatnonzero(~only)
        in_dev[candidates[-1] if candidates.size else -1] = True
    if in_dev.all():
        in_dev[0] = False


def fold_indices(
    dataset: Dataset, n_folds: int = 5, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (train, test) positions of `n_folds` stratified folds of a dataset.

    Identical texts are in the same fold.

    Raises:
        LabelError: if the dataset has no labels.
        SettingsError: if there are fewer different texts than folds.
    """
    return stratified_folds(
        dataset.require_labels(), n_folds=n_folds, seed=seed, groups=text_groups(dataset)
    )


def stratified_folds(
    labels: Any, n_folds: int = 5, seed: int = 0, groups: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (train, test) positions, each int64 and ascending; every row is in one test part.

    Args:
        labels: [N, X], whatever `label_matrix` takes; unknown cells are spread like a label.
        n_folds: 2 or more.
        seed: the same seed gives the same folds.
        groups: int64 [N], rows with the same number stay together; None: every row alone.

    Raises:
        LabelError: if the labels cannot be read.
        SettingsError: if `n_folds` is less than 2, or there are fewer groups than folds.

    Example:
        >>> folds = list(stratified_folds([[1], [0], [1], [0]], n_folds=2))
        >>> [(len(train), len(test)) for train, test in folds]
        [(2, 2), (2, 2)]
    """
    if not isinstance(labels, csr_array):
        from multilabel_bert.data.label_arrays import label_matrix

        labels = label_matrix(labels)[0]
    group_of, marks, _, sizes = _grouped(labels, groups)
    if isinstance(n_folds, bool) or not isinstance(n_folds, int) or n_folds < 2:
        raise SettingsError(f"n_folds: expected a whole number of 2 or more, got {n_folds!r}.")
    if sizes.size < n_folds:
        raise SettingsError(
            f"n_folds: {n_folds} folds need as many different texts, and there are {sizes.size}. "
            "Ask for fewer folds."
        )
    sides = deal_rows(marks, np.full(n_folds, 1 / n_folds), seed)
    for fold in range(n_folds):  # with few, uneven rows a fold can come out empty
        if not (sides == fold).any():
            largest = np.bincount(sides, minlength=n_folds).argmax()
            sides[np.flatnonzero(sides == largest)[0]] = fold
    fold_of_row = sides[group_of]

    def folds() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for fold in range(n_folds):
            yield np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)

    return folds()


def _grouped(
    labels: csr_array, groups: np.ndarray | None
) -> tuple[np.ndarray, csr_array, csr_array, np.ndarray]:
    """Put the rows of a group together.

    Returns:
        group of each row, int64 [N]; what is to be spread, int8 [G, X or more]: positives, and
        unknown cells of labels that have any; the positives alone, int8 [G, X]; rows of each
        group, int64 [G].
    """
    count = labels.shape[0]
    if groups is None:
        group_of = np.arange(count)
    else:
        _, group_of = np.unique(groups, return_inverse=True)
    number = int(group_of.max()) + 1 if count else 0
    sizes = np.bincount(group_of, minlength=number)
    rows = np.repeat(np.arange(count), np.diff(labels.indptr))
    parts = []
    for value in (1, -1):
        here = labels.data == value
        cells = np.unique(group_of[rows[here]] * labels.shape[1] + labels.indices[here])
        at, columns = np.divmod(cells, labels.shape[1])
        part = csr_array((np.ones(cells.size, np.int8), (at, columns)), (number, labels.shape[1]))
        parts.append(part)
    positives, unknown = parts
    some_unknown = np.diff(unknown.tocsc().indptr) > 0
    marks = positives
    if some_unknown.any():
        marks = csr_array(hstack([positives, unknown[:, some_unknown]], format="csr"))
    return group_of, marks, positives, sizes
