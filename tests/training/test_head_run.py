"""A head alone: what is said of small steps, and how a representation is chosen."""

import math

import numpy as np
import pytest

pytest.importorskip("keras")

from multilabel_bert import MultiLabelClassifier
from multilabel_bert.progress import Progress


@pytest.fixture
def make(tiny_encoder):
    def classifier(**more):
        settings = {"max_seq_length": 16, "precision": "float32", "few_examples": False}
        return MultiLabelClassifier(str(tiny_encoder), **settings | {"num_train_epochs": 3} | more)

    return classifier


@pytest.mark.parametrize(("rate", "said"), [(2e-5, True), (None, False)])
def test_steps_that_teach_nothing_are_said(make, labelled_texts, capsys, rate, said):
    make(learning_rate=rate).fit(*labelled_texts, progress=Progress("auto"))
    assert ("it learns next to nothing" in " ".join(capsys.readouterr().err.split())) == said


def test_pooling_is_chosen_by_the_loss_where_nothing_else_can_be_measured(
    make, labelled_texts, capsys
):
    texts, labels = labelled_texts
    none = np.flatnonzero(labels.sum(1) == 0)[:3]
    dev = [texts[i] for i in none], labels[none]
    model = make(pooling="auto").fit(texts, labels, validation_data=dev, progress=Progress("auto"))
    assert "by the loss" in capsys.readouterr().err
    assert model.representation_scores_ == {}
    assert not any(math.isnan(epoch["val_loss"]) for epoch in model.history_.epochs)
