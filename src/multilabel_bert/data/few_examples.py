"""A few examples of each label from a larger dataset, to try what little data would give."""

# N = texts, X = labels

from __future__ import annotations

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.duplicates import text_groups
from multilabel_bert.errors import SettingsError


def draw_examples(dataset: Dataset, per_label: int, seed: int = 0) -> Dataset:
    """Draw different texts until each label has as many, rows in their old order.

    The rarest label is served first. A text counts for all its labels, so frequent ones may get
    more; a label with fewer texts gives all. Texts without a label are not drawn, so the labels
    are more frequent than in the dataset.

    Args:
        dataset: with labels.
        per_label: texts wanted of each label, 1 or more.
        seed: the same seed draws the same.

    Raises:
        LabelError: if the dataset has no labels.
        SettingsError: if `per_label` is no such number.

    Example:
        >>> data = Dataset.from_arrays(["a", "b", "c", "d"], [[1, 0], [1, 0], [0, 1], [1, 0]])
        >>> draw_examples(data, 1).label_counts()[0].tolist()
        [1, 1]
    """
    if isinstance(per_label, bool) or not hasattr(per_label, "__index__") or per_label < 1:
        raise SettingsError(
            f"per_label={per_label!r}: expected how many texts of each label, 1 or more."
        )
    positives = dataset.require_labels() == 1
    by_label = positives.tocsc()
    groups = text_groups(dataset)
    order = np.random.default_rng(seed).permutation(len(dataset))
    place = np.empty(len(dataset), np.int64)
    place[order] = np.arange(len(dataset))
    have = np.zeros(positives.shape[1], np.int64)
    drawn: set[int] = set()
    rows = []
    for label in np.argsort(np.diff(by_label.indptr), kind="stable"):
        members = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        for row in members[np.argsort(place[members])]:
            if have[label] >= per_label:
                break
            if groups[row] not in drawn:
                drawn.add(int(groups[row]))
                rows.append(int(row))
                have[positives.indices[positives.indptr[row] : positives.indptr[row + 1]]] += 1
    return dataset.subset(np.sort(np.array(rows, np.int64)))
