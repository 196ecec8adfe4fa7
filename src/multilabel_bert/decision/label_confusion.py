"""What was said instead of a label that was missed."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from multilabel_bert.decision.judgement import Judgement


@dataclass(frozen=True)
class Confusion:
    """One pair of labels.

    Attributes:
        missed: column of the label that applied and was not given.
        said: column of the label that did not apply and was given to the same text.
        texts: in which both happened.
        share: of the texts in which the first was missed.
    """

    missed: int
    said: int
    texts: int
    share: float


def label_confusion(judgement: Judgement) -> csr_array:
    """Count for each pair of labels the texts that lack the one and wrongly have the other.

    With several labels a text there is no confusion matrix: an error has no partner that is surely
    its cause. A label that is missed while another is wrongly given to the same text is the
    nearest thing.

    Args:
        judgement: of N texts.

    Returns:
        int64 [X, X]: in the row of the missed label the column of the said one.

    Example:
        >>> from multilabel_bert.decision.judgement import judge
        >>> label_confusion(judge([[1, 0], [1, 1]], [[0.1, 0.9], [0.2, 0.9]])).toarray().tolist()
        [[0, 1], [0, 0]]
    """
    truth, said = judgement.targets.truth, judgement.known_predictions
    missed, wrong = csr_array(truth & ~said), csr_array(said & ~truth)
    return csr_array(missed.astype(np.int64).T @ wrong.astype(np.int64))


def strongest_confusions(judgement: Judgement, counts: csr_array, most: int) -> list[Confusion]:
    """The pairs of the most texts first, then in the order of the columns."""
    label_counts = judgement.label_counts
    missed = label_counts.support - label_counts.true_positives
    pairs = counts.tocoo()
    order = np.lexsort((pairs.col, pairs.row, -pairs.data))[:most]
    return [
        Confusion(
            int(pairs.row[i]),
            int(pairs.col[i]),
            int(pairs.data[i]),
            float(pairs.data[i] / missed[pairs.row[i]]),
        )
        for i in order
    ]
