"""A few examples of each label: as many as asked for, no text twice, the same for a seed."""

import numpy as np
import pytest

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.few_examples import draw_examples
from multilabel_bert.errors import SettingsError


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 4)) < [0.5, 0.2, 0.1, 0.01]).astype(np.int8)
    labels[:3, 3] = 1
    texts = [f"text {number % 290}" for number in range(300)]  # ten of them twice
    labels[290:] = labels[:10]
    return Dataset.from_arrays(texts, labels)


def test_each_label_has_as_many_or_all_there_are(dataset):
    drawn = draw_examples(dataset, 8)
    everywhere = len(set(map(str, np.asarray(dataset.texts)[dataset.labels.toarray()[:, 3] == 1])))
    counts = drawn.label_counts()[0]
    assert (counts[:3] >= 8).all()
    assert counts[3] == min(8, everywhere)
    assert len(set(drawn.texts)) == len(drawn)
    assert (drawn.labels.toarray().sum(axis=1) > 0).all()
    assert len(drawn) <= 32


def test_a_seed_says_which(dataset):
    assert draw_examples(dataset, 5, seed=1).texts == draw_examples(dataset, 5, seed=1).texts
    assert draw_examples(dataset, 5, seed=1).texts != draw_examples(dataset, 5, seed=2).texts


def test_no_number_is_told(dataset):
    with pytest.raises(SettingsError, match="per_label=0: expected how many texts of each label"):
        draw_examples(dataset, 0)
