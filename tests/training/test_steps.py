"""Updates: lazily updated words, several batches as one, many in one call."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from multilabel_bert.encoder.config import BertConfig  # noqa: E402
from multilabel_bert.training.losses import SigmoidCrossEntropy  # noqa: E402
from multilabel_bert.training.network import ClassifierNetwork  # noqa: E402
from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay  # noqa: E402
from multilabel_bert.training.steps import make_step  # noqa: E402

CONFIG = BertConfig.from_dict(
    {
        "vocab_size": 40,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "hidden_act": "gelu",
        "max_position_embeddings": 16,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
)
LABELS = 3
UPDATES = 60


def trained(batches, *, lazy=False, first_layer=None, google=False, updates=UPDATES, many=False):
    keras.utils.set_random_seed(0)
    network = ClassifierNetwork(
        CONFIG, first_layer=first_layer, pooling="pooled", labels=LABELS, dropout=0.0, seed=3
    )
    network.compile(
        optimizer=AdamWeightDecay(
            WarmupDecay(1e-2, updates, updates // 10), bias_correction=not google
        ),
        loss=SigmoidCrossEntropy(),
        jit_compile=False,
    )
    step = make_step(network, updates, lazy_embeddings=lazy)
    if many:
        features = np.concatenate([inputs["features"] for ((inputs, _),) in batches])
        losses = step.many(
            features,
            np.arange(len(features)).reshape(len(batches), -1),
            np.stack([targets for ((_, targets),) in batches]),
        )
    else:
        losses = [step(group) for group in batches]
    step.finish()
    return network, np.array(losses)


def token_batch(rng, texts=4, length=5):
    ids = rng.integers(0, 40, (texts, length))
    # Some words are in nearly every batch, most in few.
    ids = np.where(rng.random(ids.shape) < 0.5, ids % 4, ids).astype(np.int32)
    inputs = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    return inputs, (rng.random((texts, LABELS)) < 0.4).astype(np.float32)


@pytest.mark.parametrize("google", [False, True])
def test_lazy_words_end_where_the_dense_update_takes_them(google):
    rng = np.random.default_rng(1)
    batches = [[token_batch(rng)] for _ in range(UPDATES)]
    networks = [trained(batches, lazy=lazy, google=google) for lazy in (False, True)]
    tables = [n.body.embeddings.word_embeddings.numpy() for n, _ in networks]
    start = trained([], lazy=True)[0].body.embeddings.word_embeddings.numpy()
    moved = np.abs(tables[0] - start).max()
    assert moved > 0.05
    # The stated approximation of epsilon, far below what the training moved.
    assert np.abs(tables[0] - tables[1]).max() < 0.02 * moved
    np.testing.assert_allclose(networks[1][1], networks[0][1], atol=2e-3)


def test_a_row_that_waits_is_moved_by_its_momentum_and_decay():
    rng = np.random.default_rng(2)
    first = token_batch(rng)
    others = [token_batch(rng) for _ in range(20)]
    for inputs, _ in others:
        inputs["input_ids"] %= 4
    word = int(first[0]["input_ids"].max())
    assert word >= 4
    batches = [[first], *([batch] for batch in others)]
    dense, lazy = (trained(batches, lazy=value)[0] for value in (False, True))
    after_one = trained([[first]], lazy=False)[0]
    # The worst case of the approximation: a gradient near epsilon, in the first update of all.
    rows = [n.body.embeddings.word_embeddings.numpy()[word] for n in (dense, lazy, after_one)]
    assert np.abs(rows[0] - rows[2]).max() > 1e-3
    np.testing.assert_allclose(rows[1], rows[0], atol=0.05 * np.abs(rows[0] - rows[2]).max())


@pytest.mark.parametrize("lazy", [False, True])
def test_accumulated_batches_are_one_batch(lazy):
    rng = np.random.default_rng(3)
    whole = [token_batch(rng, texts=6) for _ in range(5)]
    for _, targets in whole:
        targets[0, 0] = -1  # unknown: the parts do not have the same number of known cells

    def part(batch, rows):
        inputs, targets = batch
        return {name: value[rows] for name, value in inputs.items()}, targets[rows]

    split = [[part(batch, slice(0, 2)), part(batch, slice(2, 6))] for batch in whole]
    one, losses = trained([[batch] for batch in whole], lazy=lazy)
    two, losses_of_parts = trained(split, lazy=lazy)
    np.testing.assert_allclose(losses_of_parts, losses, atol=1e-5)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-4, err_msg=a.path)


def test_many_updates_in_one_call_are_the_same_updates():
    rng = np.random.default_rng(4)
    batches = [
        [
            (
                {"features": rng.normal(size=(6, 8)).astype(np.float32)},
                (rng.random((6, LABELS)) < 0.4).astype(np.float32),
            )
        ]
        for _ in range(12)
    ]
    one, losses = trained(batches, first_layer=1)
    many, losses_of_many = trained(batches, first_layer=1, many=True)
    np.testing.assert_allclose(losses_of_many, losses, rtol=1e-6)
    for a, b in zip(one.weights, many.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6)


def test_the_words_gradient_counts_in_the_norm_that_is_clipped():
    rng = np.random.default_rng(5)
    inputs, targets = token_batch(rng)
    networks = [trained([[(inputs, targets)]], lazy=lazy)[0] for lazy in (False, True)]
    momentum = [
        next(
            v.numpy()
            for v in n.optimizer.variables
            if "momentum" in v.path and "pooler" in v.path and "kernel" in v.path
        )
        for n in networks
    ]
    np.testing.assert_allclose(momentum[1], momentum[0], rtol=1e-4, atol=1e-8)
