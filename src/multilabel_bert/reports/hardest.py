"""The texts that a model is most wrong about."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.judgement import Judgement

# No probability of float32 is further from 0 or 1 without being it.
_SMALLEST = 1e-7


@dataclass(frozen=True)
class LabelSaid:
    """A label of a text and its probability."""

    name: str
    probability: float


@dataclass(frozen=True)
class HardText:
    """A text with at least one wrong label.

    Attributes:
        row: in its file, or its position, counted from 1.
        id: of the text, or None.
        text: the text.
        pair: the second text, or None.
        loss: cross-entropy of its known labels, summed.
        missed: labels that apply and were not given.
        wrong: labels that were given and do not apply.
        right: labels that apply and were given.
    """

    row: int
    id: str | None
    text: str
    pair: str | None
    loss: float
    missed: tuple[LabelSaid, ...]
    wrong: tuple[LabelSaid, ...]
    right: tuple[LabelSaid, ...]


def hardest_texts(judgement: Judgement, dataset: Dataset, most: int) -> list[HardText]:
    """The texts with a wrong label of the highest loss, the worst first.

    Args:
        judgement: of N texts.
        dataset: these texts.
        most: how many.
    """
    truth, said = judgement.targets.truth, judgement.known_predictions
    chosen = np.where(truth, judgement.probabilities, 1 - judgement.probabilities)
    losses = -np.log(np.maximum(chosen, _SMALLEST))
    if judgement.targets.known is not None:
        losses[~judgement.targets.known] = 0
    total = losses.sum(axis=1)
    wrong = np.flatnonzero((truth != said).any(axis=1))
    order = wrong[np.argsort(-total[wrong], kind="stable")][:most]

    def labels(row: int, chosen: np.ndarray) -> tuple[LabelSaid, ...]:
        columns = sorted(
            np.flatnonzero(chosen).tolist(), key=lambda x: -judgement.probabilities[row, x]
        )
        return tuple(
            LabelSaid(dataset.label_names[x], float(judgement.probabilities[row, x]))
            for x in columns
        )

    return [
        HardText(
            row=int(dataset.rows[row]),
            id=None if dataset.ids is None else dataset.ids[row],
            text=dataset.texts[row],
            pair=None if dataset.text_pairs is None else dataset.text_pairs[row],
            loss=float(total[row]),
            missed=labels(row, truth[row] & ~said[row]),
            wrong=labels(row, said[row] & ~truth[row]),
            right=labels(row, said[row] & truth[row]),
        )
        for row in order.tolist()
    ]
