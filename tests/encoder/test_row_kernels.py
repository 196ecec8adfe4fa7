"""The fused steps of a training layer, against Keras' own operations and automatic gradients."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from multilabel_bert.encoder import row_kernels  # noqa: E402
from multilabel_bert.encoder.config import BertConfig  # noqa: E402
from multilabel_bert.encoder.keras_encoder import BertStack  # noqa: E402

CONFIG = {
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "hidden_act": "gelu",
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def value_and_gradients(function, *inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(*inputs)
        total = tf.reduce_sum(tf.cast(value, tf.float32) * normal(*value.shape, seed=9))
    return [value, *tape.gradient(total, inputs)]


def assert_same(ours, theirs, tolerance):
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_allclose(a, b, atol=tolerance, err_msg=str(index))


@pytest.mark.parametrize("approximate", [True, False])
def test_gelu_and_its_gradients(approximate):
    x, bias = 3 * normal(8, 16), normal(16, seed=1)
    assert_same(
        value_and_gradients(lambda x, b: row_kernels.bias_gelu(x, b, approximate), x, bias),
        value_and_gradients(lambda x, b: tf.nn.gelu(x + b, approximate), x, bias),
        1e-5,
    )


def test_bias_and_its_gradients():
    x, bias = normal(8, 16), normal(16, seed=1)
    ours = value_and_gradients(row_kernels.add_bias, x, bias)
    assert_same(ours, value_and_gradients(lambda x, b: x + b, x, bias), 1e-5)


def test_norm_and_its_gradients_without_dropout():
    def theirs(x, bias, residual, gamma, beta):
        hidden = x + bias + residual
        mean, variance = tf.nn.moments(hidden, [-1], keepdims=True)
        return (hidden - mean) * tf.math.rsqrt(variance + 1e-12) * gamma + beta

    def ours(*inputs):
        return row_kernels.bias_dropout_add_norm(*inputs, epsilon=1e-12, rate=0.0, seed=None)

    vectors = [normal(16, seed=s) for s in (1, 2, 3)]
    inputs = (normal(8, 16), vectors[0], normal(8, 16, seed=4), *vectors[1:])
    assert_same(value_and_gradients(ours, *inputs), value_and_gradients(theirs, *inputs), 1e-5)


class TestDropout:
    def test_forward_and_backward_drop_the_same(self):
        x, zeros, ones = normal(256, 16), tf.zeros(16), tf.ones(16)

        def kernel(x):
            return row_kernels.bias_dropout_add_norm(
                x, zeros, tf.zeros_like(x), ones, zeros, epsilon=1e-12, rate=0.5, seed=[1, 2]
            )

        _, gradient = value_and_gradients(kernel, x)
        kept = row_kernels.keep_mask(x, tf.constant([1, 2]), 0.5).numpy()
        assert (np.asarray(gradient)[~kept] == 0).all()
        assert (np.asarray(gradient)[kept] != 0).mean() > 0.99
        # The kernel is LayerNorm of what the mask left, at twice its value.
        left = np.where(kept, 2 * x.numpy(), 0)
        expected = (left - left.mean(1, keepdims=True)) / left.std(1, keepdims=True)
        np.testing.assert_allclose(kernel(x), expected, atol=1e-5)

    def test_the_mask_has_the_rate_and_no_pattern(self):
        x = tf.zeros((4096, 64))
        masks = [
            row_kernels.keep_mask(x, tf.constant(seed), 0.1).numpy()
            for seed in ([1, 1], [1, 2], [2, 1])
        ]
        for mask in masks:
            assert mask.mean() == pytest.approx(0.9, abs=0.003)
            assert mask.mean(0).std() < 0.01
            assert mask.mean(1).std() < 0.06
            # Neighbours are independent, along a row and between rows.
            assert (mask[:, 1:] & mask[:, :-1]).mean() == pytest.approx(0.81, abs=0.005)
            assert (mask[1:] & mask[:-1]).mean() == pytest.approx(0.81, abs=0.005)
        assert (masks[0] & masks[1]).mean() == pytest.approx(0.81, abs=0.005)
        assert (masks[0] & masks[2]).mean() == pytest.approx(0.81, abs=0.005)

    def test_alone_it_drops_the_same_forward_and_backward(self):
        x = normal(64, 16)
        value, gradient = value_and_gradients(
            lambda x: row_kernels.dropout(x, 0.25, tf.constant([5, 6])), x
        )
        kept = row_kernels.keep_mask(x, tf.constant([5, 6]), 0.25).numpy()
        np.testing.assert_allclose(value, np.where(kept, x / 0.75, 0), rtol=1e-6)
        np.testing.assert_allclose(
            gradient, np.where(kept, normal(64, 16, seed=9) / 0.75, 0), rtol=1e-6
        )

    def test_attention_probabilities_keep_their_mean(self):
        kept = row_kernels.attention_dropout(tf.ones((3, 5, 33, 33)), 0.1, tf.constant([3, 4]))
        values = np.unique(kept)
        np.testing.assert_allclose(values, [0, 1 / 0.9], rtol=1e-6)
        assert np.mean(kept) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("act", ["gelu", "gelu_new", "relu"])
def test_a_stack_in_training_is_the_stack_in_prediction_where_nothing_is_dropped(act):
    stack = BertStack(BertConfig.from_dict(CONFIG | {"hidden_act": act}), seed=1)
    stack.build()
    hidden, mask = normal(5, 7, 24), tf.constant([[1] * 7, [1] * 3 + [0] * 4] + [[1] * 7] * 3)
    results = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            outputs = stack(hidden, mask, training=training)
            loss = tf.reduce_sum(outputs["pooled_output"] * normal(5, 24, seed=5))
            loss += tf.reduce_sum(outputs["sequence_output"][1, :3] * normal(3, 24, seed=6))
        variables = [v.value for v in stack.trainable_variables]
        results.append([outputs["sequence_output"], *tape.gradient(loss, variables)])
    for plain, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, atol=3e-5)


def test_bfloat16_stays_near_float32():
    tensors = None
    outputs = []
    for dtype in ("float32", "mixed_bfloat16"):
        stack = BertStack(BertConfig.from_dict(CONFIG), seed=1, dtype=dtype)
        stack.build()
        tensors = tensors or [v.numpy() for v in stack.variables]
        for variable, value in zip(stack.variables, tensors, strict=True):
            variable.assign(value)
        result = stack(normal(5, 7, 24), tf.ones((5, 7)), training=True)["sequence_output"]
        outputs.append(tf.cast(result, tf.float32).numpy())
    assert 0 < np.abs(outputs[0] - outputs[1]).max() < 0.1


def test_padding_is_taken_off_again():
    hidden = normal(3, 5, 4)
    rows = row_kernels.to_rows(hidden)
    assert rows.shape[0] == row_kernels.ROW_MULTIPLE
    np.testing.assert_array_equal(row_kernels.from_rows(rows, 3, 5), hidden)
