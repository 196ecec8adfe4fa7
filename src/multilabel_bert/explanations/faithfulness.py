"""Whether an explanation is true of the model: what happens when the words it names are hidden."""

# W = words

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multilabel_bert.explanations.explaining import Explainable
from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.explanations.occlusion import REPLACEMENT
from multilabel_bert.explanations.word_tokens import split_into_words

# Shares of the words, as in the paper.
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
_MOST_POINTS = 20


@dataclass(frozen=True)
class Faithfulness:
    """What hiding words does to the probability of one label.

    Attributes:
        deletion_area: area under the probability while the words are hidden one after the other,
            the strongest for the label first, over the share that is hidden: low is faithful.
        comprehensiveness: how much of the probability is lost without the strongest words, mean
            of 1, 5, 10, 20 and 50% of them (at least one): high is faithful.
        sufficiency: how much is lost with these words alone: low is faithful.
    """

    deletion_area: float
    comprehensiveness: float
    sufficiency: float


def measure_faithfulness(
    classifier: Explainable,
    explanation: Explanation,
    *,
    replacement: str = REPLACEMENT,
    seed: int | None = None,
) -> dict[str, Faithfulness]:
    """Hide the words of a text in the order in which an explanation names them.

    Args:
        classifier: the `Predictor` that was explained.
        explanation: of one text.
        replacement: what stands in place of a hidden word; see `WordTokens.without`.
        seed: for a random order in place of the explanation's, to compare with.

    Returns:
        For each label of the explanation. A text of which nothing is seen has no figures.

    Source: DeYoung et al. 2020, ERASER, arXiv:1911.03429, section 4.2 (comprehensiveness and
    sufficiency, here the mean of the five shares); Petsiuk et al. 2018, RISE, arXiv:1806.07421,
    section 4.2 (the deletion curve).
    """
    words = split_into_words(classifier, explanation.text, explanation.pair, explanation.unit)
    seen = words.seen
    if not len(seen):
        return {}
    count = len(seen)
    points = np.unique(np.linspace(0, count, min(count, _MOST_POINTS) + 1).round().astype(int))
    tops = [max(1, int(np.ceil(share * count))) for share in _SHARES]
    column_of = {name: column for column, name in enumerate(classifier.label_names)}
    removed: list[np.ndarray] = []
    for column in range(len(explanation.labels)):
        if seed is None:
            order = seen[np.argsort(-explanation.attributions[seen, column], kind="stable")]
        else:
            order = np.random.default_rng([seed, column]).permutation(seen)
        removed += [order[:point] for point in points]
        removed += [order[:top] for top in tops]
        removed += [order[top:] for top in tops]
    texts = words.without(removed, replacement, classifier.tokenizer)
    probabilities, _ = classifier.decide(classifier.logits_of_ids(*texts))
    rows = probabilities.reshape(len(explanation.labels), -1, probabilities.shape[1])
    measured = {}
    for label, values in zip(explanation.labels, rows, strict=True):
        curve, without, alone = np.split(
            values[:, column_of[label]], [len(points), len(points) + len(tops)]
        )
        measured[label] = Faithfulness(
            float(((curve[1:] + curve[:-1]) / 2 * np.diff(points)).sum() / count),
            float((curve[0] - without).mean()),
            float((curve[0] - alone).mean()),
        )
    return measured
