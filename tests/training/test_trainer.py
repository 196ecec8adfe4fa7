"""The loop: which epoch is kept by which metric, averaged weights, weights of texts."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from multilabel_bert.decision.logistic import sigmoid  # noqa: E402
from multilabel_bert.decision.metrics import METRICS, score  # noqa: E402
from multilabel_bert.encoder.config import BertConfig  # noqa: E402
from multilabel_bert.progress import Progress  # noqa: E402
from multilabel_bert.training import trainer  # noqa: E402
from multilabel_bert.training.batches import FeatureInputs  # noqa: E402
from multilabel_bert.training.network import ClassifierNetwork  # noqa: E402
from multilabel_bert.training.settings import TrainingSettings  # noqa: E402
from multilabel_bert.training.targets import Targets  # noqa: E402
from multilabel_bert.training.trainer import LabelledInputs, train_network  # noqa: E402

SIZE, LABELS, TEXTS = 8, 3, 48


def features_and_targets(seed=0, texts=TEXTS):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(texts, SIZE)).astype(np.float32)
    scores = features @ rng.normal(size=(SIZE, LABELS)) + rng.normal(size=(texts, LABELS))
    return features, (scores > 0.5).astype(np.float32)


def labelled(features, targets, weights=None):
    return LabelledInputs(FeatureInputs(features), Targets(targets), weights)


def new_network():
    config = BertConfig(10, SIZE, 1, 2, 16)
    return ClassifierNetwork(config, first_layer=1, pooling="cls", labels=LABELS, dropout=0.0)


def trained(train, *, dev=None, callbacks=(), **given):
    network = new_network()
    settings = TrainingSettings(**{"num_train_epochs": 3, "train_batch_size": 8} | given)
    history = train_network(
        network, train, settings.resolved(SIZE, len(train)), dev=dev, callbacks=callbacks
    )
    return network, history


def trained_weights(network):
    return [variable.numpy() for variable in network.trainable_variables]


class FollowsBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


class NoStep:
    def __call__(self, batches):
        return 0.5

    def finish(self):
        pass


class NoOptimizer:
    def averages(self):
        return []


class EpochAsWeights:
    optimizer = NoOptimizer()
    epoch = 0

    def get_weights(self):
        return [np.array(self.epoch)]


class NoCallbacks:
    def __getattr__(self, name):
        return lambda *_: None


@pytest.mark.parametrize("metric", METRICS)
def test_the_best_epoch_by_any_metric_is_kept(metric, monkeypatch):
    features, targets = features_and_targets()
    rng = np.random.default_rng(1)
    # Noise that falls, and rises again: neither the first epoch is the best nor the last.
    logits = [
        (4 * targets - 2 + noise * rng.normal(size=targets.shape)).astype(np.float32)
        for noise in (9.0, 3.0, 1.2, 2.5, 5.0)
    ]
    network = EpochAsWeights()
    monkeypatch.setattr(trainer, "predict_logits", lambda *_: logits[network.epoch - 1])
    settings = TrainingSettings(early_stopping=metric, early_stopping_patience=2)
    settings = settings.resolved(SIZE, TEXTS)
    data = labelled(features, targets)
    run = trainer._Run(
        network, NoStep(), data, data, settings, Progress("silent"), trainer._Best(metric)
    )
    with Progress("silent").task("Training", 1, "updates") as task:
        for epoch in range(len(logits)):
            network.epoch = epoch + 1
            run.epoch(epoch, NoCallbacks(), task)
            if run.patience_is_over():
                break
    values = [score(metric, targets, sigmoid(part), logits=part) for part in logits]
    np.testing.assert_allclose(
        [epoch[f"val_{metric}"] for epoch in run.history.epochs], values[: epoch + 1], rtol=1e-6
    )
    best = int(np.argmax(values) if METRICS[metric].greater_is_better else np.argmin(values))
    assert 0 < best < 4
    assert run.best.epoch == best + 1
    assert int(run.best.weights[0]) == best + 1
    assert epoch == best + 2  # two epochs later


def test_averaged_weights_are_judged_and_kept():
    train, dev = (labelled(*features_and_targets(seed)) for seed in (0, 1))
    raw = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: raw.append(trained_weights(keep.model))
    )
    settings = {"ema_decay": 0.9, "learning_rate": 0.05}
    network, history = trained(train, dev=dev, callbacks=[keep], **settings)
    averages = [np.asarray(average) for _, average in network.optimizer.averages()]
    for weights, average, last in zip(trained_weights(network), averages, raw[-1], strict=True):
        np.testing.assert_array_equal(weights, average)
        assert np.abs(weights - last).max() > 1e-3
    logits = trainer.predict_logits(network, dev.inputs)
    loss = score("loss", dev.targets.dense(), sigmoid(logits), logits=logits)
    assert history.epochs[-1]["val_loss"] == pytest.approx(loss, rel=1e-6)
    # Following them does not change the training itself.
    plain, _ = trained(train, dev=dev, learning_rate=0.05)
    for weights, last in zip(trained_weights(plain), raw[-1], strict=True):
        np.testing.assert_allclose(weights, last, atol=1e-6)


def test_early_stopping_keeps_the_averages_of_the_best_epoch():
    train, dev = (labelled(*features_and_targets(seed)) for seed in (0, 1))
    network, history = trained(
        train, dev=dev, ema_decay=0.5, learning_rate=1.0, early_stopping="loss", num_train_epochs=8
    )
    best = min(history.epochs, key=lambda epoch: epoch["val_loss"])
    assert history.epochs[history.best_epoch - 1] is best
    logits = trainer.predict_logits(network, dev.inputs)
    loss = score("loss", dev.targets.dense(), sigmoid(logits), logits=logits)
    assert best["val_loss"] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "zlpr"])
def test_a_text_of_weight_two_is_trained_on_as_two_texts(loss):
    features, targets = features_and_targets()
    weights = np.ones(TEXTS, np.float32)
    weights[:5], weights[5:8] = 2, 0
    copies = np.repeat(np.arange(TEXTS), weights.astype(int))
    # One batch of all: in small batches the copies would come with other texts.
    given = {"train_batch_size": 100, "num_train_epochs": 20, "loss": loss, "learning_rate": 0.02}
    weighted, _ = trained(labelled(features, targets, 7 * weights), **given)
    doubled, _ = trained(labelled(features[copies], targets[copies]), **given)
    for one, other in zip(weighted.get_weights(), doubled.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_many_updates_in_one_call_heed_the_weights(weighted):
    features, targets = features_and_targets()
    weights = np.linspace(0, 3, TEXTS).astype(np.float32) if weighted else None
    data = labelled(features, targets, weights)
    # With a callback that follows batches they are made one by one.
    one, history = trained(data, callbacks=[FollowsBatches()])
    many, history_of_many = trained(data)
    for a, b in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    losses = [[epoch["loss"] for epoch in h.epochs] for h in (history, history_of_many)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "zlpr"])
def test_accumulated_batches_are_one_batch_for_any_loss(loss):
    features, targets = features_and_targets()
    targets[::3, 1] = -1
    targets[4] = -1
    data = labelled(features, targets, np.linspace(0.5, 2, TEXTS))
    given = {"loss": loss, "num_train_epochs": 5}
    whole, _ = trained(data, train_batch_size=48, **given)
    parts, _ = trained(data, train_batch_size=12, gradient_accumulation_steps=4, **given)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_soft_labels_are_learned():
    features, _ = features_and_targets()
    soft = np.full((TEXTS, LABELS), 0.3, np.float32)
    soft[:, 1] = 0.8
    soft[::2, 2] = -1
    network, _ = trained(
        labelled(features, soft), num_train_epochs=200, learning_rate=0.05, weight_decay=0.0
    )
    probabilities = sigmoid(trainer.predict_logits(network, FeatureInputs(features)))
    np.testing.assert_allclose(probabilities[:, :2], soft[:, :2], atol=0.02)
