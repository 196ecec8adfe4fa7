"""Faithfulness: by hand, and better for a true explanation than for a false one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from multilabel_bert.explanations import measure_faithfulness

TEXT = "parcel late login slow"


def test_figures_by_hand(planted):
    found = planted.explain(TEXT, labels="delay")
    order = np.argsort(-found.attributions[:, 0], kind="stable")
    ids = planted.tokenizer.encode([TEXT]).text_ids(0)[1:-1].tolist()
    mask = planted.tokenizer.mask_token_id

    def probability(hidden):
        logits = planted.logits_of_ids([[mask if i in hidden else n for i, n in enumerate(ids)]])
        return 1 / (1 + np.exp(-float(logits[0, 0])))

    curve = [probability(set(order[:count])) for count in range(5)]
    # 1, 5, 10 and 20% of four words are one word, 50% are two.
    tops = [1, 1, 1, 1, 2]
    measured = measure_faithfulness(planted, found, replacement="mask")["delay"]
    assert measured.deletion_area == pytest.approx(
        sum((a + b) / 2 for a, b in pairwise(curve)) / 4, abs=1e-5
    )
    assert measured.comprehensiveness == pytest.approx(
        np.mean([curve[0] - curve[top] for top in tops]), abs=1e-5
    )
    assert measured.sufficiency == pytest.approx(
        np.mean([curve[0] - probability(set(order[top:])) for top in tops]), abs=1e-5
    )


def test_a_true_explanation_beats_its_reverse_and_a_random_one(planted):
    texts = ["parcel late login slow", "price kind thanks parcel broken", "login refund slow price"]
    explanations = [planted.explain(text) for text in texts]

    def mean(found, **options):
        values = [
            figures.deletion_area
            for explanation in found
            for figures in measure_faithfulness(planted, explanation, **options).values()
        ]
        return np.mean(values)

    true = mean(explanations)
    assert true < mean([replace(e, attributions=-e.attributions) for e in explanations])
    assert true < np.mean([mean(explanations, seed=seed) for seed in range(5)])


def test_a_text_without_words_has_no_figures(planted):
    assert measure_faithfulness(planted, planted.explain("")) == {}
