"""Training steps that work on each row alone, fused: one kernel forward and one backward.

TensorFlow runs LayerNorm, GELU and dropout as dozens of small operations, which together take
longer than the matrix multiplies. XLA fuses each of them into one loop, but its own matrix
multiplies are several times slower in bfloat16 than TensorFlow's. So only these steps are compiled
by XLA, and a layer calls them between TensorFlow's matrix multiplies.

A kernel is compiled anew for each shape, so rows are padded to a multiple of `ROW_MULTIPLE`.
"""

# R = rows (tokens of all texts of a batch), H = size of a row, F = size of the next row

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

ROW_MULTIPLE = 256
_GOLDEN_RATIO = 0x9E3779B9  # 2**32 / golden ratio: spreads counters over all bits


def available() -> bool:
    """Whether the backend is TensorFlow; the others fuse by themselves."""
    return bool(keras.config.backend() == "tensorflow")


def to_rows(hidden: Any) -> Any:
    """[B, T, H] to [R, H], with rows of zeros up to a multiple of `ROW_MULTIPLE`."""
    import tensorflow as tf

    shape = tf.shape(hidden)
    rows = tf.reshape(hidden, (shape[0] * shape[1], hidden.shape[-1]))
    return pad_rows(rows)


def pad_rows(rows: Any) -> Any:
    """[B x T, H] to [R, H], as `to_rows`."""
    import tensorflow as tf

    return tf.pad(rows, [[0, -tf.shape(rows)[0] % ROW_MULTIPLE], [0, 0]])


def from_rows(rows: Any, batch: Any, length: Any) -> Any:
    """[R, H] back to [B, T, H]."""
    import tensorflow as tf

    return tf.reshape(drop_padding(rows, batch * length), (batch, length, rows.shape[-1]))


def drop_padding(rows: Any, count: Any) -> Any:
    """The first `count` rows of [R, H]."""
    import tensorflow as tf

    # Not rows[:count]: the gradient of a slice is a mere padding, that of [] is slow.
    return tf.slice(rows, (0, 0), (count, rows.shape[-1]))


def add_bias(x: Any, bias: Any) -> Any:
    """``x + bias``, [R, F]; the gradient of the bias is summed in float32."""
    import tensorflow as tf

    value, slope = _bias_kernels()

    @tf.custom_gradient
    def forward(x: Any, bias: Any) -> Any:
        return value(x, bias), lambda upstream: (upstream, slope(upstream))

    return forward(x, bias)


def bias_gelu(x: Any, bias: Any, approximate: bool) -> Any:
    """GELU of ``x + bias``, [R, F], with erf or by its tanh approximation; in float32.

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """
    import tensorflow as tf

    value, slope = _gelu_kernels(approximate)

    @tf.custom_gradient
    def forward(x: Any, bias: Any) -> Any:
        return value(x, bias), lambda upstream: slope(x, bias, upstream)

    return forward(x, bias)


def bias_dropout_add_norm(
    x: Any,
    bias: Any,
    residual: Any,
    gamma: Any,
    beta: Any,
    *,
    epsilon: float,
    rate: float,
    seed: Any,
) -> Any:
    """``LayerNorm(dropout(x + bias) + residual)``, [R, H]; computed in float32.

    Args:
        x: [R, H], what leaves a matrix multiply.
        bias: float32 [H].
        residual: [R, H], what is added.
        gamma: float32 [H].
        beta: float32 [H].
        epsilon: added to the variance.
        rate: share of ``x + bias`` that is dropped; 0 for none.
        seed: integers [2]; another one drops others. None without dropout.

    Source: Ba et al. 2016, arXiv:1607.06450; Srivastava et al. 2014.
    """
    import tensorflow as tf

    value, slope = _norm_kernels(epsilon, rate)
    if seed is None:
        seed = tf.zeros(2, tf.int32)

    @tf.custom_gradient
    def forward(x: Any, bias: Any, residual: Any, gamma: Any, beta: Any) -> Any:
        def backward(upstream: Any) -> Any:
            return slope(x, bias, residual, gamma, seed, upstream)

        return value(x, bias, residual, gamma, beta, seed), backward

    return forward(x, bias, residual, gamma, beta)


def dropout(x: Any, rate: float, seed: Any) -> Any:
    """Dropout of rows [R, H], for an R that stays the same from batch to batch."""
    import tensorflow as tf

    drop = _dropout_kernel(rate)

    @tf.custom_gradient
    def forward(x: Any) -> Any:
        return drop(x, seed), lambda upstream: drop(upstream, seed)

    return forward(x)


def attention_dropout(probabilities: Any, rate: float, seed: Any) -> Any:
    """Dropout of attention probabilities [B, N, T, T].

    Their shape changes with each batch, so nothing is compiled for it. 16 random bits an element
    take half the time of the 32 that a uniform number needs; the rate is met to 2^-16.
    """
    import tensorflow as tf

    count = tf.size(probabilities)
    words = tf.random.stateless_uniform(
        [(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32
    )
    bits = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count]
    keep = tf.reshape(bits, tf.shape(probabilities)) >= tf.constant(int(rate * 2**16), tf.uint16)
    return tf.where(keep, probabilities * (1.0 / (1.0 - rate)), tf.zeros_like(probabilities))


def _compiled(function: Callable[..., Any]) -> Any:
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)


@functools.cache
def _dropout_kernel(rate: float) -> Any:
    import tensorflow as tf

    def drop(x: Any, seed: Any) -> Any:
        return tf.where(keep_mask(x, seed, rate), x * (1.0 / (1.0 - rate)), tf.zeros_like(x))

    return _compiled(drop)


@functools.cache
def _bias_kernels() -> tuple[Any, Any]:
    import tensorflow as tf

    def value(x: Any, bias: Any) -> Any:
        return tf.cast(tf.cast(x, tf.float32) + bias, x.dtype)

    def slope(upstream: Any) -> Any:
        return tf.reduce_sum(tf.cast(upstream, tf.float32), 0)

    return _compiled(value), _compiled(slope)


@functools.cache
def _gelu_kernels(approximate: bool) -> tuple[Any, Any]:
    import tensorflow as tf

    def distribution(x: Any) -> tuple[Any, Any]:
        """The factor of x in GELU, and its derivative."""
        if approximate:
            inner = 0.7978845608028654 * (x + 0.044715 * x * x * x)  # sqrt(2 / pi)
            tanh = tf.tanh(inner)
            growth = 0.7978845608028654 * (1.0 + 3 * 0.044715 * x * x)
            return 0.5 * (1.0 + tanh), 0.5 * (1.0 - tanh * tanh) * growth
        # sqrt(1 / 2) and 1 / sqrt(2 pi): distribution and density of the standard normal
        return (
            0.5 * tf.math.erfc(-0.7071067811865476 * x),
            0.3989422804014327 * tf.exp(-0.5 * x * x),
        )

    def value(x: Any, bias: Any) -> Any:
        wide = tf.cast(x, tf.float32) + bias
        return tf.cast(wide * distribution(wide)[0], x.dtype)

    def slope(x: Any, bias: Any, upstream: Any) -> Any:
        wide = tf.cast(x, tf.float32) + bias
        factor, growth = distribution(wide)
        gradient = tf.cast(upstream, tf.float32) * (factor + wide * growth)
        return tf.cast(gradient, x.dtype), tf.reduce_sum(gradient, 0)

    return _compiled(value), _compiled(slope)


@functools.cache
def _norm_kernels(epsilon: float, rate: float) -> tuple[Any, Any]:
    import tensorflow as tf

    def normalised(x: Any, bias: Any, residual: Any, seed: Any) -> tuple[Any, Any, Any]:
        kept = tf.cast(x, tf.float32) + bias
        mask = None
        if rate:
            mask = keep_mask(x, seed, rate)
            kept = tf.where(mask, kept * (1.0 / (1.0 - rate)), 0.0)
        hidden = kept + tf.cast(residual, tf.float32)
        centred = hidden - tf.reduce_mean(hidden, -1, keepdims=True)
        inverse = tf.math.rsqrt(tf.reduce_mean(centred * centred, -1, keepdims=True) + epsilon)
        return centred * inverse, inverse, mask

    def value(x: Any, bias: Any, residual: Any, gamma: Any, beta: Any, seed: Any) -> Any:
        unit, _, _ = normalised(x, bias, residual, seed)
        return tf.cast(unit * gamma + beta, x.dtype)

    def slope(x: Any, bias: Any, residual: Any, gamma: Any, seed: Any, upstream: Any) -> Any:
        # The mask is drawn again rather than kept: that costs less than its memory.
        unit, inverse, mask = normalised(x, bias, residual, seed)
        upstream = tf.cast(upstream, tf.float32)
        by_unit = upstream * gamma
        gradient = inverse * (
            by_unit
            - tf.reduce_mean(by_unit, -1, keepdims=True)
            - unit * tf.reduce_mean(by_unit * unit, -1, keepdims=True)
        )
        through = gradient
        if mask is not None:
            through = tf.where(mask, gradient * (1.0 / (1.0 - rate)), 0.0)
        return (
            tf.cast(through, x.dtype),
            tf.reduce_sum(through, 0),
            tf.cast(gradient, residual.dtype),
            tf.reduce_sum(upstream * unit, 0),
            tf.reduce_sum(upstream, 0),
        )

    return _compiled(value), _compiled(slope)


def keep_mask(x: Any, seed: Any, rate: float) -> Any:
    """Which elements dropout keeps: bool of the shape of `x` [R, H], each with 1 - `rate`.

    A hash of the element's index and the seed, where a random generator would take most of the
    kernel's time.

    Source: the finaliser of MurmurHash3 (Appleby, 2011).
    """
    import tensorflow as tf

    index = tf.reshape(tf.range(tf.size(x)), tf.shape(x))
    seed = tf.cast(seed, tf.uint32)
    key = _mixed(_mixed(seed[0]) + seed[1] * tf.constant(_GOLDEN_RATIO, tf.uint32))
    spread = tf.cast(index, tf.uint32) * tf.constant(_GOLDEN_RATIO, tf.uint32)
    return _mixed(spread ^ key) >= tf.constant(int(rate * 2**32), tf.uint32)


def _mixed(bits: Any) -> Any:
    import tensorflow as tf

    def shifted(bits: Any, by: int) -> Any:
        return bits ^ tf.bitwise.right_shift(bits, tf.constant(by, tf.uint32))

    bits = shifted(bits, 16) * tf.constant(0x85EBCA6B, tf.uint32)
    bits = shifted(bits, 13) * tf.constant(0xC2B2AE35, tf.uint32)
    return shifted(bits, 16)
