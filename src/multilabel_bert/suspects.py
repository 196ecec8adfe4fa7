"""Likely label errors of a dataset: cross-validated probabilities, then confident learning."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.cross_validation import cross_validate
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.label_errors import LabelErrors, find_label_errors
from multilabel_bert.progress import Progress


@dataclass(frozen=True)
class Suspect:
    """One label of one text that is likely wrong.

    Attributes:
        row: of the text in its file, or its position, counted from 1.
        id: of the text, or None.
        text: the text; of a pair, the first one.
        label: name of the label.
        given: 1 or 0, what the data say.
        probability: of the label, by a model that was not trained on the text.
        score: probability of what is given; low is suspicious.
        text_score: of all labels of the text together, the worst first.
    """

    row: int
    id: str | None
    text: str
    label: str
    given: int
    probability: float
    score: float
    text_score: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def find_suspects(
    classifier: MultiLabelClassifier,
    texts: Any,
    labels: Any = None,
    *,
    folds: int = 5,
    label_names: Any = None,
    progress: Progress | None = None,
) -> list[Suspect]:
    """List the labels of texts that are likely wrong, the most suspicious first.

    Each text's probabilities come from the model of the other folds; see `cross_validate`. With a
    head alone the encoder runs over each text once for all trainings, and once to judge it,
    whatever the folds.

    Args:
        classifier: not changed.
        texts: N texts, or a `Dataset`.
        labels: as in `MultiLabelClassifier.fit`.
        folds: models that are trained.
        label_names: X names.
        progress: where progress is shown.

    Raises:
        DataError: if texts or labels cannot be used.
        SettingsError: if there are fewer different texts than folds.
    """
    dataset = (
        texts
        if isinstance(texts, Dataset)
        else Dataset.from_arrays(texts, labels, label_names=label_names)
    )
    found = cross_validate(classifier, dataset, folds=folds, progress=progress)
    return suspects_of(dataset, found.probabilities)


def suspects_of(dataset: Dataset, probabilities: Any) -> list[Suspect]:
    """List the suspect labels of a dataset by probabilities that are there already.

    Args:
        dataset: with labels.
        probabilities: float [N, X], out of sample.

    Raises:
        DataError: if the probabilities do not fit the labels.
    """
    errors = find_label_errors(dataset.require_labels(), probabilities)
    return [
        _suspect(dataset, errors, int(row), int(column))
        for row, column in zip(errors.rows, errors.columns, strict=True)
    ]


def _suspect(dataset: Dataset, errors: LabelErrors, row: int, column: int) -> Suspect:
    score = float(errors.cell_scores[row, column])
    given = int(dataset.require_labels()[row, column])
    return Suspect(
        row=int(dataset.rows[row]),
        id=None if dataset.ids is None else dataset.ids[row],
        text=dataset.texts[row],
        label=dataset.label_names[column],
        given=given,
        probability=round(score if given else 1 - score, 4),
        score=round(score, 4),
        text_score=round(float(errors.row_scores[row]), 4),
    )
