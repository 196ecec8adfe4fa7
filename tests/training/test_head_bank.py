"""Heads trained side by side: the weights that each would get alone."""

import numpy as np
import pytest

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.training.batches import FeatureInputs
from multilabel_bert.training.head_bank import HeadBank, HeadPlan
from multilabel_bert.training.losses import make_loss
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets
from multilabel_bert.training.trainer import LabelledInputs, train_network

CONFIG = BertConfig(20, 8, 2, 2, 16, max_position_embeddings=16)
BIAS = np.array([-1.0, 0.5, 0.0], np.float32)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(70, 8)).astype(np.float32)
    logits = 2 * features @ rng.normal(size=(8, 3)) + rng.normal(size=(70, 3))
    targets = (logits > 0.5).astype(np.int8)
    targets[rng.random(targets.shape) < 0.1] = -1
    return features, Targets(targets)


def new_network(settings):
    network = ClassifierNetwork(
        CONFIG, first_layer=2, pooling="cls", labels=3, dropout=settings.dropout, seed=settings.seed
    )
    network.set_head(None, BIAS)
    return network


def settings_of(**values):
    return TrainingSettings(num_train_epochs=4, pooling="cls", **values).resolved(8, 70)


def plan(settings, weights, data):
    loss = make_loss(settings, counts=data[1].known_counts(), positive_weights=weights)
    return HeadPlan(settings, loss, f"{settings.loss} {weights}")


def alone(settings, weights, data):
    features, targets = data
    network = new_network(settings)
    train_network(
        network,
        LabelledInputs(FeatureInputs(features), targets),
        settings,
        positive_weights=weights,
    )
    return network.head_tensors()


@pytest.mark.parametrize("shared", [{}, {"dropout": 0.0, "optimizer": "google"}], ids=str)
def test_heads_side_by_side_are_those_trained_alone(data, shared):
    heavy = np.array([3.0, 1.0, 0.5], np.float32)
    wanted = [
        (settings_of(**shared), None),
        (settings_of(learning_rate=0.05, weight_decay=1.0, **shared), heavy),
        (settings_of(schedule="cosine", warmup_proportion=0.5, **shared), None),
        (settings_of(loss="asymmetric", learning_rate=0.02, **shared), None),
        (settings_of(loss="zlpr", **shared), None),
        (settings_of(weight_decay=3.0, **shared), heavy),
    ]
    plans = [plan(settings, weights, data) for settings, weights in wanted]
    bank = HeadBank(new_network(plans[0].settings), plans)
    kernels, biases = bank.train(*data, BIAS)
    again = bank.train(*data, BIAS)
    for index, (settings, weights) in enumerate(wanted):
        kernel, bias = alone(settings, weights, data)
        np.testing.assert_allclose(kernels[index], kernel, atol=2e-5)
        np.testing.assert_allclose(biases[index], bias, atol=2e-5)
    np.testing.assert_array_equal(again[0], kernels)
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01


def test_a_head_that_diverges_does_not_touch_the_others(data):
    calm, wild = settings_of(), settings_of(learning_rate=10.0, weight_decay=10.0)
    plans = [plan(s, None, data) for s in (wild, calm)]
    kernels, _ = HeadBank(new_network(calm), plans).train(*data, BIAS)
    assert np.abs(kernels[0]).max() > 1e3 or not np.isfinite(kernels[0]).all()
    np.testing.assert_allclose(kernels[1], alone(calm, None, data)[0], atol=2e-5)
