"""Rates by layer, gradual unfreezing and averaged weights, against their formulas."""

import itertools
import re

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from multilabel_bert.encoder.config import BertConfig  # noqa: E402
from multilabel_bert.errors import SettingsError  # noqa: E402
from multilabel_bert.training.losses import SigmoidCrossEntropy  # noqa: E402
from multilabel_bert.training.network import ClassifierNetwork  # noqa: E402
from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay  # noqa: E402
from multilabel_bert.training.settings import TrainingSettings  # noqa: E402
from multilabel_bert.training.steps import make_step  # noqa: E402

CONFIG = BertConfig(
    30, 8, 2, 2, 16,
    max_position_embeddings=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
UPDATES = 12


def new_network(first_layer=None):
    keras.utils.set_random_seed(0)
    return ClassifierNetwork(
        CONFIG, first_layer=first_layer, pooling="pooled", labels=2, dropout=0.0, seed=3
    )


def batches(count):
    rng = np.random.default_rng(5)
    for _ in range(count):
        ids = rng.integers(0, 30, (4, 5)).astype(np.int32)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        yield inputs, rng.integers(0, 2, (4, 2)).astype(np.float32)


def trained(*, lazy=False, updates=UPDATES, total=UPDATES, warmup=0, on_update=None, **options):
    network = new_network()
    network.compile(
        optimizer=AdamWeightDecay(WarmupDecay(1e-2, total, warmup, "constant"), **options),
        loss=SigmoidCrossEntropy(),
        jit_compile=False,
    )
    step = make_step(network, total, lazy_embeddings=lazy)
    for number, batch in enumerate(batches(updates)):
        step([batch])
        if on_update is not None:
            on_update(number, network)
    step.finish()
    return network


def name_of(variable):
    # Keras counts the encoders of a process.
    return re.sub(r"^bert_encoder_\d+/", "bert_encoder/", variable.path)


def weights(network):
    return {name_of(v): v.numpy() for v in network.weights if v.dtype == "float32"}


def group(path):
    if "embeddings" in path:
        return "embeddings"
    return next((part for part in path.split("/") if part.startswith("layer_")), "head")


def moved(before, after):
    """Whether any weight of each group has moved."""
    found = {}
    for path, value in before.items():
        found[group(path)] = found.get(group(path), False) or bool((value != after[path]).any())
    return found


def test_each_layer_learns_slower_than_the_one_above_it():
    start = weights(new_network())
    # Without bias correction, clipping and decay the first update is proportional to the rate.
    options = {"bias_correction": False, "clip_norm": None, "weight_decay_rate": 0.0}
    plain = weights(trained(updates=1, **options))
    decayed = weights(trained(updates=1, layer_decay=0.5, **options))
    wanted = {"head": 1, "layer_1": 1, "layer_0": 0.5, "embeddings": 0.25}
    for path, value in start.items():
        np.testing.assert_allclose(
            decayed[path] - value,
            wanted[group(path)] * (plain[path] - value),
            atol=1e-6,
            err_msg=path,
        )
        # Gradients of attention are next to nothing in a network that is new.
        assert "output_dense" not in path or np.abs(plain[path] - value).max() > 1e-3


@pytest.mark.parametrize("lazy", [False, True])
def test_layers_are_unfrozen_one_after_another_from_the_top(lazy):
    states = [weights(new_network())]

    def keep(number, network):
        states.append(weights(network))

    # Three groups below the head: one more every second update.
    options = {"unfreezing_updates": 6, "weight_decay_rate": 0.0, "lazy": lazy}
    trained(updates=7, on_update=keep, **options)
    for update, (before, after) in enumerate(itertools.pairwise(states)):
        changed = moved(before, after)
        for place, name in enumerate(["head", "layer_1", "layer_0", "embeddings"]):
            assert changed[name] == (update >= 2 * place), (update, name)
    # Its first update is that of a new Adam with bias correction: the rate, for any gradient.
    path = next(path for path in before if "position_embeddings" in path)
    assert np.abs(after[path] - before[path]).max() == pytest.approx(1e-2, rel=1e-2)


def test_lazy_words_follow_rates_by_layer_and_unfreezing():
    options = {
        "layer_decay": 0.8,
        "unfreezing_updates": 9,
        "updates": 40,
        "total": 40,
        "warmup": 4,
    }
    dense, lazy = (weights(trained(lazy=lazy, **options)) for lazy in (False, True))
    start = weights(new_network())
    words = next(path for path in start if "word_embeddings" in path)
    way = np.abs(dense[words] - start[words]).max()
    assert way > 0.02
    # The stated approximation of epsilon.
    assert np.abs(dense[words] - lazy[words]).max() < 0.02 * way


def test_the_step_without_gradients_of_frozen_layers_is_the_masked_one():
    from multilabel_bert.training.steps import KerasStep

    graphs = weights(trained(unfreezing_updates=6, updates=8))
    network = new_network()
    network.compile(
        optimizer=AdamWeightDecay(WarmupDecay(1e-2, UPDATES, 0, "constant"), unfreezing_updates=6),
        loss=SigmoidCrossEntropy(),
        jit_compile=False,
    )
    step = KerasStep(network)
    for batch in batches(8):
        step([batch])
    for path, value in weights(network).items():
        np.testing.assert_allclose(value, graphs[path], atol=2e-5, err_msg=path)


def test_averages_follow_the_formula():
    paths = {}

    def keep(number, network):
        paths[number] = weights(network)

    network = trained(ema_decay=0.7, on_update=keep)
    expected = weights(new_network())
    for number in range(UPDATES):
        kept = min(0.7, (number + 1) / (number + 10))
        expected = {
            path: kept * value + (1 - kept) * paths[number][path]
            for path, value in expected.items()
        }
    pairs = network.optimizer.averages()
    assert len(pairs) == len(network.trainable_variables)
    for variable, average in pairs:
        np.testing.assert_allclose(average.numpy(), expected[name_of(variable)], atol=1e-6)


def test_the_optimizer_is_saved_with_a_model():
    optimizer = AdamWeightDecay(0.1, layer_decay=0.9, unfreezing_updates=3, ema_decay=0.99)
    again = AdamWeightDecay.from_config(optimizer.get_config())
    assert (again.layer_decay, again.unfreezing_updates, again.ema_decay) == (0.9, 3, 0.99)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layer_decay": 0.0}, "layer_decay=0.0 must be above 0 and at most 1."),
        ({"gradual_unfreezing": 1.5}, "gradual_unfreezing=1.5 must be at least 0 and at most 1."),
        ({"ema_decay": 1.0}, "ema_decay=1.0 must be above 0 and at most 0.999999."),
        (
            {"train_layers": 0, "layer_decay": 0.9},
            "layer_decay=0.9 is about layers, but train_layers=0 trains the head alone.",
        ),
        ({"train_layers": 0, "gradual_unfreezing": 0.3}, "gradual_unfreezing=0.3 is about layers"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(given, message):
    with pytest.raises(SettingsError) as error:
        TrainingSettings(**{"train_layers": 2, **given})
    assert message in str(error.value)
