"""Many heads trained at once on the same features: one matrix multiply for all of them."""

# N = texts, B = texts of a batch, S = batches of a call, D = size of the representation,
# X = labels, C = heads

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import tensorflow as tf

from multilabel_bert.training.batches import FeatureInputs, batches_of_calls
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets
from multilabel_bert.training.trainer import epoch_groups

# What heads must have in common to be trained on the same batches.
SHARED_SETTINGS = (
    "pooling",
    "standardize",
    "dropout",
    "num_train_epochs",
    "train_batch_size",
    "gradient_accumulation_steps",
    "optimizer",
    "prior_bias",
    "seed",
)


@dataclass(frozen=True)
class HeadPlan:
    """How one head is trained.

    Attributes:
        settings: resolved, of a head alone.
        loss: of targets and logits [B, X], a mean over texts, or over texts and labels.
        loss_name: plans with equal names have equal losses.
    """

    settings: TrainingSettings
    loss: Callable[[Any, Any], Any]
    loss_name: str


class HeadBank:
    """Trains C heads, each as `trainer.train_network` would train it alone.

    Batches, dropout, schedule, clipping and optimizer are the same, so the weights are too, up to
    the order of float32 sums. What differs is the work: the kernels lie side by side, and a step
    is a few operations on all of them. The state of early stopping and averages of weights are
    not kept: heads are those of the last update.

    Args:
        network: of a head alone, as it starts: all heads start as its head does, and drop what
            its dropout drops.
        plans: C plans that agree in `SHARED_SETTINGS`.
    """

    def __init__(self, network: ClassifierNetwork, plans: Sequence[HeadPlan]) -> None:
        # Heads of one loss lie side by side.
        self.order = sorted(range(len(plans)), key=lambda index: plans[index].loss_name)
        self.plans = [plans[index] for index in self.order]
        self.settings = self.plans[0].settings
        self.network = network
        kernel, _ = network.head_tensors()
        self.shape = (kernel.shape[0], len(plans), kernel.shape[1])  # D, C, X
        self.start = kernel
        self.optimizer = AdamWeightDecay(bias_correction=self.settings.optimizer == "adamw")
        self.decay = tf.constant([plan.settings.weight_decay for plan in self.plans], tf.float32)
        self.loss_groups = [
            (group[0].loss, len(group))
            for _, found in groupby(self.plans, key=lambda plan: plan.loss_name)
            for group in [list(found)]
        ]
        bias_shape = (len(plans), kernel.shape[1])
        shapes = [self.shape, bias_shape] * 3
        self.state = [tf.Variable(tf.zeros(shape), trainable=False) for shape in shapes]
        generator = getattr(network.dropout, "seed_generator", None)
        self.seed = None if generator is None else np.array(generator.state)
        # Each in one pass over its numbers instead of some twenty.
        self._slope = tf.function(
            self._slope_of_losses, autograph=False, jit_compile=True, reduce_retracing=False
        )
        self._changed = tf.function(self._changed_state, autograph=False, jit_compile=True)
        # Of any number of texts and batches: the graph is made once for all folds.
        self._updates = tf.function(
            self._update_from_each,
            autograph=False,
            input_signature=[
                tf.TensorSpec((None, kernel.shape[0]), tf.float32),
                tf.TensorSpec((None, None), tf.int32),
                tf.TensorSpec((None, None, kernel.shape[1]), tf.float32),
                tf.TensorSpec((None, len(plans)), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
        )

    def train(
        self,
        features: np.ndarray,
        targets: Targets,
        bias: np.ndarray,
        on_update: Callable[[int], None] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train all heads from the start on some texts.

        Args:
            features: float32 [N, D], standardised if the settings say so.
            targets: [N, X].
            bias: float32 [X], where each head's starts.
            on_update: told how many updates were made.

        Returns:
            Kernels float32 [C, D, X] and biases [C, X], in the order of the plans. A head that
            diverged is not finite.
        """
        self._begin(bias)
        inputs = FeatureInputs(features)
        epochs = self.settings.num_train_epochs or 1
        per_epoch = len(epoch_groups(inputs, self.settings, 0))
        rates = self._rates(epochs * per_epoch)
        placed, done = tf.constant(features), 0
        for epoch in range(epochs):
            batches = [np.concatenate(g) for g in epoch_groups(inputs, self.settings, epoch)]
            for part in batches_of_calls(batches, targets.shape[1]):
                rows = np.stack(part)
                wanted = targets[rows.ravel()].reshape((*rows.shape, -1))
                self._updates(
                    placed, rows.astype(np.int32), wanted, rates[done : done + len(rows)], done
                )
                done += len(rows)
                if on_update is not None:
                    on_update(len(rows))
        kernels = np.empty((self.shape[1], self.shape[0], self.shape[2]), np.float32)
        biases = np.empty((self.shape[1], self.shape[2]), np.float32)
        kernels[self.order] = self.state[0].numpy().transpose(1, 0, 2)
        biases[self.order] = self.state[1].numpy()
        return kernels, biases

    def _begin(self, bias: np.ndarray) -> None:
        for variable in self.state:
            variable.assign(tf.zeros_like(variable))
        self.state[0].assign(np.broadcast_to(self.start[:, None, :], self.shape))
        self.state[1].assign(np.broadcast_to(bias, self.state[1].shape))
        if self.seed is not None:  # each training drops the same, as a new network would
            self.network.dropout.seed_generator.state.assign(self.seed)

    def _rates(self, updates: int) -> np.ndarray:
        """The learning rate of each update and head, float32 [updates, C]."""
        columns = []
        for plan in self.plans:
            settings = plan.settings
            assert settings.learning_rate is not None
            warmup = int(updates * settings.warmup_proportion)
            schedule = WarmupDecay(settings.learning_rate, updates, warmup, settings.schedule)
            columns.append(np.asarray(schedule(np.arange(updates)), np.float32))
        return np.stack(columns, axis=1)

    def _update_from_each(
        self, features: Any, rows: Any, targets: Any, rates: Any, done: Any
    ) -> Any:
        def update(batch: Any) -> Any:
            places, wanted, rate, step = batch
            self._update(tf.gather(features, places), wanted, rate, step)
            return step

        steps = tf.cast(done, tf.float32) + 1.0 + tf.range(tf.shape(rows)[0], dtype=tf.float32)
        return tf.map_fn(
            update,
            (rows, targets, rates, steps),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )

    def _update(self, features: Any, targets: Any, rate: Any, step: Any) -> None:
        size, heads, labels = self.shape
        dropped = self.network.drop(features, training=True)
        kernel, bias = (variable.read_value() for variable in self.state[:2])
        logits = tf.matmul(dropped, tf.reshape(kernel, (size, heads * labels)))
        logits = tf.reshape(logits, (-1, heads, labels)) + bias
        slope = self._slope(targets, logits)
        kernel_gradient = tf.matmul(
            dropped, tf.reshape(slope, (-1, heads * labels)), transpose_a=True
        )
        gradients = (tf.reshape(kernel_gradient, self.shape), tf.reduce_sum(slope, 0))
        changed = self._changed(gradients, [v.read_value() for v in self.state], rate, step)
        for variable, new in zip(self.state, changed, strict=True):
            variable.assign(new)

    def _slope_of_losses(self, targets: Any, logits: Any) -> Any:
        """The gradient of the losses of all heads at their logits, [B, C, X]."""
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = self._losses(targets, tf.transpose(logits, (1, 0, 2)))
        return tape.gradient(loss, logits)

    def _losses(self, targets: Any, logits: Any) -> Any:
        """The sum of the losses of all heads: none moves another's weights."""
        total, first = 0.0, 0
        for loss, count in self.loss_groups:
            # As one batch of count * B texts, whose loss is the mean over the heads.
            own = tf.reshape(logits[first : first + count], (-1, self.shape[2]))
            total += count * loss(tf.tile(targets, (count, 1)), own)
            first += count
        return total

    def _changed_state(self, gradients: Any, state: Any, rate: Any, step: Any) -> Any:
        """What `state` becomes: kernels and biases, their momentum, and their velocity."""
        squares = tf.reduce_sum(tf.square(gradients[0]), (0, 2))
        squares += tf.reduce_sum(tf.square(gradients[1]), 1)
        limit = self.optimizer.global_clipnorm
        scale = tf.minimum(1.0, limit / tf.maximum(tf.sqrt(squares), 1e-30))[:, None]
        rate = rate[:, None]
        changed = []
        for index, decay in enumerate((self.decay[:, None], 0.0)):
            weights, momentum, velocity = state[index::2]
            gradient = gradients[index] * scale
            changed.append(self._new(gradient, weights, momentum, velocity, rate, decay, step))
        kernels, biases = changed
        return [new for pair in zip(kernels, biases, strict=True) for new in pair]

    def _new(
        self,
        gradient: Any,
        weights: Any,
        momentum: Any,
        velocity: Any,
        rate: Any,
        decay: Any,
        step: Any,
    ) -> tuple[Any, Any, Any]:
        """`AdamWeightDecay.update_step`, each head with its own rate and decay, both [C, 1]."""
        optimizer = self.optimizer
        momentum = optimizer.beta_1 * momentum + (1 - optimizer.beta_1) * gradient
        velocity = optimizer.beta_2 * velocity + (1 - optimizer.beta_2) * tf.square(gradient)
        m, v = momentum, velocity
        if optimizer.bias_correction:
            m = m / (1 - tf.pow(optimizer.beta_1, step))
            v = v / (1 - tf.pow(optimizer.beta_2, step))
        update = m / (tf.sqrt(v) + optimizer.epsilon) + decay * weights
        return weights - rate * update, momentum, velocity
