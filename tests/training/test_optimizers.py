"""The optimizer against its formula, and the learning-rate schedule."""

import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay  # noqa: E402


def run_formula(start, gradients, *, correct, rate=0.1, decay=0.01):
    w, m, v = start.astype(np.float64), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        mh, vh = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if correct else (m, v)
        w = w - rate * (mh / (np.sqrt(vh) + 1e-6) + decay * w)
    return w


@pytest.mark.parametrize("correct", [True, False])
def test_updates_follow_the_formula(correct):
    rng = np.random.default_rng(0)
    start = rng.normal(size=5).astype(np.float32)
    gradients = [rng.normal(size=5).astype(np.float32) * 0.1 for _ in range(4)]
    variable = keras.Variable(start, name="kernel")
    optimizer = AdamWeightDecay(0.1, 0.01, bias_correction=correct, clip_norm=None)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    expected = run_formula(start, gradients, correct=correct)
    np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5)


def test_adamw_equals_keras_own():
    rng = np.random.default_rng(1)
    start = rng.normal(size=5).astype(np.float32)
    ours, theirs = keras.Variable(start, name="kernel"), keras.Variable(start, name="kernel")
    optimizers = (
        AdamWeightDecay(0.01, 0.01, epsilon=1e-12, clip_norm=1.0),
        keras.optimizers.AdamW(0.01, 0.01, epsilon=1e-12, global_clipnorm=1.0),
    )
    for _ in range(5):
        gradient = keras.ops.convert_to_tensor(rng.normal(size=5).astype(np.float32))
        for optimizer, variable in zip(optimizers, (ours, theirs), strict=True):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-5)


def test_biases_and_layer_norm_do_not_decay():
    variables = [keras.Variable(np.ones(2, "f4"), name=n) for n in ("kernel", "bias", "gamma")]
    optimizer = AdamWeightDecay(0.1, 0.5)
    optimizer.apply([keras.ops.zeros(2) for _ in variables], variables)
    assert [float(v.numpy()[0]) for v in variables] == pytest.approx([0.95, 1.0, 1.0])


def test_the_head_can_learn_faster():
    dense = keras.layers.Dense(1, name="head", kernel_initializer="ones")
    dense.build((None, 1))
    body = keras.Variable(np.ones((1, 1), "f4"), name="kernel")
    optimizer = AdamWeightDecay(0.1, 0.0, head_multiplier=3.0)
    optimizer.apply([keras.ops.ones((1, 1)) for _ in range(2)], [dense.kernel, body])
    moved = [1 - float(v.numpy()[0, 0]) for v in (dense.kernel, body)]
    assert moved[0] == pytest.approx(3 * moved[1], rel=1e-4)


def test_embedding_rows_in_several_tokens_are_clipped_by_their_dense_gradient():
    table = keras.Variable(np.zeros((3, 1), "f4"), name="kernel")
    tf = pytest.importorskip("tensorflow")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 1, 1, 1]))
    gradient = tape.gradient(loss, table.value)
    assert hasattr(gradient, "indices")
    optimizer = AdamWeightDecay(0.1, 0.0, bias_correction=False, clip_norm=1.0)
    optimizer.apply([gradient], [table])
    # The dense gradient is 4 in row 1, so it is clipped to 1; as four slices it would be 2.
    assert float(optimizer._momentums[0].numpy()[1, 0]) == pytest.approx(0.1)


MEMORY = """
import gc
from pathlib import Path
import keras, numpy as np
from multilabel_bert.training.optimizers import AdamWeightDecay

def train_once():
    model = keras.Sequential([keras.layers.Dense(2000)])
    model.build((None, 2000))
    model.compile(AdamWeightDecay(1e-3), "mse", jit_compile=False)
    for _ in range(2):
        model.train_on_batch(np.ones((2, 2000), "f4"), np.ones((2, 2000), "f4"))

def mebibytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

used = []
for _ in range(6):
    train_once()
    gc.collect()
    used.append(mebibytes())
print(used[-1] - used[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_a_trained_model_is_freed():
    result = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    # A model with its two moments takes 46 MiB; four more of them were trained.
    assert float(result.stdout.split()[-1]) < 40


@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
def test_schedules(decay):
    schedule = WarmupDecay(1.0, 10, 2, decay)
    rates = [float(schedule(step)) for step in range(11)]
    assert rates[:2] == [0.0, 0.5]
    if decay == "linear":
        np.testing.assert_allclose(rates[2:], [1 - s / 10 for s in range(2, 11)], atol=1e-6)
    elif decay == "cosine":
        np.testing.assert_allclose(
            rates[2:], [0.5 * (1 + np.cos(np.pi * s / 10)) for s in range(2, 11)], atol=1e-6
        )
    else:
        assert rates[2:] == [1.0] * 9


def test_the_optimizer_is_saved_with_a_model():
    optimizer = AdamWeightDecay(WarmupDecay(0.1, 10, 1), bias_correction=False, head_multiplier=2.0)
    again = AdamWeightDecay.from_config(optimizer.get_config())
    assert again.bias_correction is False
    assert again.head_multiplier == 2.0
    assert again.global_clipnorm == 1.0
