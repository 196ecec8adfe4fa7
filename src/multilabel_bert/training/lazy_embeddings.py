"""Adam on an embedding table that touches only the rows of a batch, with the dense result."""

# V = rows of the table, H = hidden size, U = rows of a batch, S = updates of the training

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from multilabel_bert.training.optimizers import AdamWeightDecay


class LazyTable:
    """The word embeddings, with Adam's m and v, where each row is brought up to date when used.

    A dense update moves all V rows in every step: those without a gradient too, by what is left
    of their momentum and by weight decay. Most of a small BERT's weights are word embeddings, so
    most of the time of an update goes there. Here a row waits until a batch needs it and then
    makes up for the k updates that it missed, in one go.

    For a row left at update s with m and v, the k missed updates subtract

        m * sum over j = s+1 ... s+k of a(j) / (sqrt(v) d(j) + epsilon)

    from what weight decay leaves of it, with ``a(j) = rate(j) b1^(j-s) / (1 - b1^j)`` and
    ``d(j) = b2^((j-s)/2) / sqrt(1 - b2^j)``, and that is taken as

        m * S / (sqrt(v) + epsilon W / S),   S = sum of a(j) / d(j),   W = sum of a(j) / d(j)^2

    which is equal to first order in epsilon. S and W depend on the schedule alone: each is the
    difference of two sums without end, which are tabulated once. That is the one approximation.
    It concerns weights whose gradients are not far above epsilon, while d still changes much:
    in the first updates of a training.

    This is not the "lazy Adam" that leaves rows without a gradient where they are.

    Args:
        table: float32 variable [V, H].
        optimizer: whose constants and learning-rate schedule are used.
        rates: float64 [S], the learning rate of each update of the training.
        factor: on that rate, for this table.
        start: the first update that moves the table: no update before it counts.
    """

    def __init__(
        self,
        table: tf.Variable,
        optimizer: AdamWeightDecay,
        rates: np.ndarray,
        *,
        factor: float = 1.0,
        start: int = 0,
    ) -> None:
        self.table = table
        self.factor, self.start = factor, start
        self.momentum = tf.Variable(tf.zeros_like(table), trainable=False)
        self.velocity = tf.Variable(tf.zeros_like(table), trainable=False)
        # int32 variables live on the GPU's host; the updates made so far of each row.
        self.updates = tf.Variable(tf.zeros(table.shape[0], tf.int32), trainable=False)
        self.beta_1, self.beta_2 = optimizer.beta_1, optimizer.beta_2
        self.epsilon = optimizer.epsilon
        self.decay = optimizer.weight_decay_rate
        update = np.arange(len(rates), dtype=np.float64)
        rates = np.where(update < start, 0.0, rates * factor)
        number = np.maximum(update + 1 - start, 1.0)  # of the updates that count
        self.corrects = optimizer.bias_correction
        # The bias corrections 1 / (1 - b1^j) and sqrt(1 - b2^j).
        first, second = np.ones(len(rates)), np.ones(len(rates))
        if self.corrects:
            first, second = 1 / (1 - self.beta_1**number), np.sqrt(1 - self.beta_2**number)
        kept = 1.0 - rates * self.decay
        self.tails = [
            _Tail(ratio, rates * first * second**power, kept)
            for power, ratio in (
                (1, self.beta_1 / self.beta_2**0.5),
                (2, self.beta_1 / self.beta_2),
            )
        ]
        self.log_kept = tf.constant(np.concatenate([[0.0], np.cumsum(np.log(kept))]), tf.float64)

    def catch_up(self, rows: Any, update: Any) -> Any:
        """Bring rows to where `update` updates have left them.

        Args:
            rows: int32 [U], each once.
            update: int32, updates made so far.

        Returns:
            The rows, float32 [U, H].
        """
        momentum, velocity = tf.gather(self.momentum, rows), tf.gather(self.velocity, rows)
        last = tf.gather(self.updates, rows)
        missed = tf.cast(update - last, tf.float32)[:, None]
        kept = tf.gather(self.log_kept, update) - tf.gather(self.log_kept, last)
        kept = tf.cast(tf.exp(kept), tf.float32)[:, None]
        sums, by_epsilon = (tail.between(last, update, missed, kept) for tail in self.tails)
        epsilon = self.epsilon * tf.math.divide_no_nan(by_epsilon, sums)
        moved = momentum * tf.math.divide_no_nan(sums, tf.sqrt(velocity) + epsilon)
        words = tf.gather(self.table, rows) * kept - moved
        _put(self.table, rows, words)
        _put(self.momentum, rows, momentum * tf.pow(self.beta_1, missed))
        _put(self.velocity, rows, velocity * tf.pow(self.beta_2, missed))
        _put(self.updates, rows, tf.fill(tf.shape(rows), update))
        return words

    def apply(self, rows: Any, gradient: Any, update: Any, rate: Any) -> None:
        """Make one update of rows that are up to date.

        Args:
            rows: int32 [U], each once.
            gradient: float32 [U, H], clipped.
            update: int32, updates made before this one.
            rate: its learning rate.
        """
        number = tf.cast(update + 1 - self.start, tf.float32)
        rate = rate * self.factor
        momentum = self.beta_1 * tf.gather(self.momentum, rows) + (1 - self.beta_1) * gradient
        velocity = self.beta_2 * tf.gather(self.velocity, rows)
        velocity += (1 - self.beta_2) * tf.square(gradient)
        step, epsilon = rate, self.epsilon
        if self.corrects:
            # It corrects the step instead of v, so epsilon is corrected too.
            second = tf.sqrt(1 - tf.pow(self.beta_2, number))
            step, epsilon = step * second / (1 - tf.pow(self.beta_1, number)), epsilon * second
        moved = step * momentum / (tf.sqrt(velocity) + epsilon)
        _put(self.table, rows, tf.gather(self.table, rows) * (1.0 - rate * self.decay) - moved)
        _put(self.momentum, rows, momentum)
        _put(self.velocity, rows, velocity)
        _put(self.updates, rows, tf.fill(tf.shape(rows), update + 1))

    def finish(self, update: Any) -> None:
        """Bring all rows up to date, so that the table can be read."""
        self.catch_up(tf.range(self.table.shape[0]), tf.cast(update, tf.int32))


class _Tail:
    """Sums over missed updates of ``weight(j) ratio^(j-s)``, each decayed by what follows it.

    Args:
        ratio: below 1.
        weights: float64 [S], of each update.
        kept: float64 [S], what weight decay leaves in each update.
    """

    def __init__(self, ratio: float, weights: np.ndarray, kept: np.ndarray) -> None:
        self.ratio = float(ratio)
        # without_end[s]: the sum from update s+1 on, divided by all the decay up to there.
        without_end = np.zeros(len(weights) + 1)
        for s in range(len(weights) - 1, -1, -1):
            without_end[s] = ratio / kept[s] * (weights[s] + without_end[s + 1])
        self.without_end = tf.constant(without_end, tf.float32)

    def between(self, last: Any, update: Any, missed: Any, kept: Any) -> Any:
        """The sum over the updates after `last` up to `update`, float32 [U, 1]."""
        from_last = tf.gather(self.without_end, last)[:, None] * kept
        return from_last - tf.pow(self.ratio, missed) * tf.gather(self.without_end, update)


def _put(variable: tf.Variable, rows: Any, values: Any) -> None:
    tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=values)
