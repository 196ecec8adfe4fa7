"""What a set of splits holds, in numbers: the facts that `describe` shows. X = labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.duplicates import Duplicates, Leak, find_duplicates, find_leaks


@dataclasses.dataclass(frozen=True)
class LabelCount:
    """One label in one split.

    Attributes:
        name: of the label.
        positive: texts that have it.
        negative: texts that have it not.
        unknown: texts where that is not known.
        rate: positive / (positive + negative); None where nothing is known.
    """

    name: str
    positive: int
    negative: int
    unknown: int
    rate: float | None


@dataclasses.dataclass(frozen=True)
class LengthSummary:
    """Lengths of the texts of one split, in tokens or characters.

    Attributes:
        mean: average.
        median: half of the texts are at most as long.
        p95: 95% of the texts are at most as long.
        longest: the longest.
        over_limit: texts longer than `limit`; None without a limit.
        limit: what they were compared with.
    """

    mean: float
    median: int
    p95: int
    longest: int
    over_limit: int | None = None
    limit: int | None = None

    @classmethod
    def of(cls, lengths: np.ndarray, limit: int | None = None) -> LengthSummary:
        """Summarise int lengths [N]; of no texts, all is 0."""
        if not len(lengths):
            return cls(0.0, 0, 0, 0, None if limit is None else 0, limit)
        median, p95 = np.percentile(lengths, [50, 95], method="inverted_cdf")
        over = None if limit is None else int((np.asarray(lengths) > limit).sum())
        longest = int(np.max(lengths))
        return cls(float(np.mean(lengths)), int(median), int(p95), longest, over, limit)


@dataclasses.dataclass(frozen=True)
class SplitSummary:
    """One split.

    Attributes:
        source: the file.
        rows: texts.
        labelled: whether it has labels.
        label_counts: one entry a label; empty without labels.
        labels_per_text: texts by their number of labels, from 0 on (unknown cells not counted).
        mean_labels_per_text: average number of labels.
        texts_without_label: texts with no label and no unknown cell.
        unknown_cells: cells of the label matrix that are unknown.
        rows_all_unknown: texts where no label is known.
        empty_texts: texts without any character but spaces.
        duplicates: identical texts.
        characters: lengths in characters.
        tokens: lengths in tokens, if the caller gave them.
        notes: what happened while the file was read.
    """

    source: str
    rows: int
    labelled: bool
    label_counts: tuple[LabelCount, ...]
    labels_per_text: tuple[int, ...]
    mean_labels_per_text: float
    texts_without_label: int
    unknown_cells: int
    rows_all_unknown: int
    empty_texts: int
    duplicates: Duplicates
    characters: LengthSummary
    tokens: LengthSummary | None
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class LabelPair:
    """Two labels that occur together.

    Attributes:
        first: name of the one.
        second: name of the other.
        together: texts with both, over all splits.
        share: together / texts with the rarer of the two.
    """

    first: str
    second: str
    together: int
    share: float


@dataclasses.dataclass(frozen=True)
class DatasetSummary:
    """A set of splits.

    Attributes:
        splits: by name.
        label_names: X names.
        layout: how the files were read, in words.
        top_pairs: labels that occur together most often.
        leaks: texts that occur in two splits.
        labels_without_example: labels that no text of the first split has.
    """

    splits: dict[str, SplitSummary]
    label_names: tuple[str, ...]
    layout: tuple[str, ...]
    top_pairs: tuple[LabelPair, ...]
    leaks: tuple[Leak, ...]
    labels_without_example: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return dataclasses.asdict(self)


def summarise(
    splits: Mapping[str, Dataset],
    *,
    token_lengths: Mapping[str, np.ndarray] | None = None,
    max_seq_length: int | None = None,
    max_pairs: int = 10,
) -> DatasetSummary:
    """Count what is in a set of splits.

    Args:
        splits: datasets by name, such as train, dev and test, with the same labels.
        token_lengths: int [N] for each split, the tokens of each text, special ones counted.
        max_seq_length: tokens that a model takes; texts over it are counted.
        max_pairs: how many pairs of labels to give.
    """
    summaries = {}
    for name, dataset in splits.items():
        lengths = None if token_lengths is None else token_lengths.get(name)
        tokens = None if lengths is None else LengthSummary.of(lengths, max_seq_length)
        summaries[name] = _summarise_split(dataset, tokens)
    first = next(iter(splits.values()))
    without: tuple[str, ...] = ()
    if first.labels is not None:
        positive, _, _ = first.label_counts()
        without = tuple(first.label_names[x] for x in np.flatnonzero(positive == 0))
    layout: tuple[str, ...] = () if first.layout is None else tuple(first.layout.describe())
    return DatasetSummary(
        splits=summaries,
        label_names=first.label_names,
        layout=layout,
        top_pairs=top_label_pairs(splits, max_pairs),
        leaks=tuple(find_leaks(splits)),
        labels_without_example=without,
    )


def _summarise_split(dataset: Dataset, tokens: LengthSummary | None) -> SplitSummary:
    counts: tuple[LabelCount, ...] = ()
    per_text = np.zeros(len(dataset), dtype=np.int64)
    unknown_per_text = np.zeros(len(dataset), dtype=np.int64)
    labels = dataset.labels
    if labels is not None:
        positive, negative, unknown = (part.tolist() for part in dataset.label_counts())
        counts = tuple(
            LabelCount(name, p, n, u, p / (p + n) if p + n else None)
            for name, p, n, u in zip(dataset.label_names, positive, negative, unknown, strict=True)
        )
        rows = np.repeat(np.arange(len(dataset)), np.diff(labels.indptr))
        per_text = np.bincount(rows[labels.data == 1], minlength=len(dataset))
        unknown_per_text = np.bincount(rows[labels.data == -1], minlength=len(dataset))
    characters = np.fromiter((len(text) for text in dataset.texts), np.int64, len(dataset))
    labelled = labels is not None
    return SplitSummary(
        source=dataset.source,
        rows=len(dataset),
        labelled=labelled,
        label_counts=counts,
        labels_per_text=tuple(np.bincount(per_text).tolist()) if labelled else (),
        mean_labels_per_text=float(per_text.mean()) if labelled and len(dataset) else 0.0,
        texts_without_label=int(((per_text == 0) & (unknown_per_text == 0)).sum()) * labelled,
        unknown_cells=int(unknown_per_text.sum()),
        rows_all_unknown=int((unknown_per_text == len(dataset.label_names)).sum()) * labelled,
        empty_texts=sum(not text.strip() for text in dataset.texts),
        duplicates=find_duplicates(dataset),
        characters=LengthSummary.of(characters),
        tokens=tokens,
        notes=() if dataset.report is None else tuple(dataset.report.lines()),
    )


def top_label_pairs(splits: Mapping[str, Dataset], count: int) -> tuple[LabelPair, ...]:
    """Return the pairs of labels that occur together most often, over all splits."""
    from scipy.sparse import csr_array, triu

    total, positive = None, None
    names: tuple[str, ...] = ()
    for dataset in splits.values():
        if dataset.labels is None:
            continue
        names = dataset.label_names
        marks = csr_array(dataset.labels == 1).astype(np.int64)
        together = marks.T @ marks  # [X, X]
        here = marks.sum(axis=0)
        total = together if total is None else total + together
        positive = here if positive is None else positive + here
    if total is None or positive is None:
        return ()
    pairs = triu(total, k=1).tocoo()
    # By count, then in the order of the labels, so that the answer is the same every time.
    order = np.lexsort((pairs.col, pairs.row, -pairs.data))[:count]
    return tuple(
        LabelPair(
            names[pairs.row[i]],
            names[pairs.col[i]],
            int(pairs.data[i]),
            float(pairs.data[i] / min(positive[pairs.row[i]], positive[pairs.col[i]])),
        )
        for i in order
    )
