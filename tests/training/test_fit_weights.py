"""Weights of texts and soft labels, from `fit` to the trained head."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from multilabel_bert import MultiLabelClassifier  # noqa: E402
from multilabel_bert.errors import DataError  # noqa: E402

SETTINGS = {
    "num_train_epochs": 4,
    "learning_rate": 0.02,
    "max_seq_length": 16,
    "dropout": 0.0,
    "dev_fraction": 0,
    "precision": "float32",
    "standardize": False,
    "prior_bias": False,
    "verbose": False,
    "few_examples": False,
}


def fit(encoder, texts, labels, **given):
    options = {name: given.pop(name) for name in ("sample_weight", "soft_labels") if name in given}
    model = MultiLabelClassifier(str(encoder), **SETTINGS | given)
    return model.fit(texts, labels, **options)


def test_texts_of_weight_zero_are_not_learned(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    wrong = labels.copy()
    wrong[::3] = 1 - wrong[::3]
    weights = np.where(np.arange(len(texts)) % 3 == 0, 0.0, 5.0)
    given = {"train_batch_size": len(texts)}
    heeded = fit(tiny_encoder, texts, wrong, sample_weight=weights, **given)
    right = fit(tiny_encoder, texts, labels, sample_weight=weights, **given)
    np.testing.assert_array_equal(heeded.model_.kernel, right.model_.kernel)
    plain = fit(tiny_encoder, texts, wrong, **given)
    assert np.abs(plain.model_.kernel - heeded.model_.kernel).max() > 1e-3


def test_equal_weights_change_nothing(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    plain = fit(tiny_encoder, texts, labels)
    weighted = fit(tiny_encoder, texts, labels, sample_weight=np.full(len(texts), 3.0))
    np.testing.assert_allclose(weighted.model_.kernel, plain.model_.kernel, atol=1e-6)


def test_weights_reach_trained_layers(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    weights = np.linspace(0, 2, len(texts))
    models = [
        fit(tiny_encoder, texts, labels, train_layers=1, num_train_epochs=1, **more)
        for more in ({}, {"sample_weight": weights})
    ]
    assert np.abs(models[0].model_.kernel - models[1].model_.kernel).max() > 1e-4


def test_a_split_keeps_each_text_with_its_weight(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    wrong, weights = labels.copy(), np.ones(len(texts))
    for place in range(0, len(texts), 4):
        same = [i for i, text in enumerate(texts) if text == texts[place]]
        wrong[same], weights[same] = 1 - wrong[same], 0
    given = {"train_batch_size": 200, "dev_fraction": 0.2, "num_train_epochs": 2}
    model = fit(tiny_encoder, texts, wrong, sample_weight=weights, **given)
    assert np.isfinite(model.model_.kernel).all()
    with pytest.raises(DataError, match="sample_weight has the shape"):
        fit(tiny_encoder, texts, labels, sample_weight=weights[1:])


def test_soft_labels_without_hard_ones(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    soft = np.where(labels == 1, 0.8, 0.1).astype(np.float32)
    given = {"train_batch_size": 200}
    ours = fit(tiny_encoder, texts, None, soft_labels=soft, **given)
    both = fit(tiny_encoder, texts, labels, soft_labels=soft, **given)
    np.testing.assert_array_equal(ours.model_.kernel, both.model_.kernel)
    hard = fit(tiny_encoder, texts, labels, **given)
    assert np.abs(hard.model_.kernel - ours.model_.kernel).max() > 1e-3
