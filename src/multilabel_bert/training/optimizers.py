"""The optimizer, Adam with weight decay as AdamW or as Google has it, and its schedule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.training.layer_groups import depths_of, rate_factors, unfreezing_updates

# google-research/bert, optimization.py: exclude_from_weight_decay. Variables are matched by
# path; ours say beta and gamma where Google's path says LayerNorm.
_NO_DECAY = ("bias", "LayerNorm", "layer_norm", "beta", "gamma")

# A head alone is updated in no time, and need not be compiled for it.
_FEW_VARIABLES = 4


@keras.saving.register_keras_serializable("multilabel_bert")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0, then linear or cosine decay to 0.

    As in Google's code the decay counts from step 0, not from the end of the warm-up:
    at step s of S the linear rate is ``peak * (1 - s / S)`` once s reaches the warm-up steps,
    before that ``peak * s / warmup_steps``.

    Args:
        peak: the highest learning rate.
        total_steps: S, optimizer updates of the whole training.
        warmup_steps: updates until `peak`.
        decay: ``"linear"``, ``"cosine"`` or ``"constant"``.

    Source: google-research/bert, optimization.py, create_optimizer.
    """

    def __init__(
        self, peak: float, total_steps: int, warmup_steps: int = 0, decay: str = "linear"
    ) -> None:
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        """The learning rate of update `step`, counted from 0."""
        step = ops.cast(step, "float32")
        done = ops.minimum(step / max(1, self.total_steps), 1.0)
        if self.decay == "linear":
            rate = self.peak * (1.0 - done)
        elif self.decay == "cosine":
            rate = self.peak * 0.5 * (1.0 + ops.cos(done * 3.141592653589793))
        else:
            rate = self.peak * ops.ones_like(done)
        if self.warmup_steps == 0:
            return rate
        return ops.where(step < self.warmup_steps, self.peak * step / self.warmup_steps, rate)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "decay": self.decay,
        }


@keras.saving.register_keras_serializable("multilabel_bert")
class AdamWeightDecay(keras.optimizers.Optimizer):
    """Adam with decoupled weight decay, with or without bias correction.

    ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g²``,
    ``w = w - rate (m' / (sqrt(v') + epsilon) + decay w)``, without decay for biases and
    LayerNorm. With bias correction (AdamW) m' = m / (1 - b1^t), v' = v / (1 - b2^t); without
    it (Google's BERT) m' = m, v' = v. Gradients are clipped to a global norm first.

    Args:
        learning_rate: a number or a schedule.
        weight_decay_rate: decay of all weights but biases and LayerNorm.
        bias_correction: False for Google's AdamWeightDecayOptimizer.
        head_multiplier: factor on the learning rate of variables whose path has a part
            ``head``: a new layer can learn faster than a pre-trained one.
        layer_decay: d: the rate of each transformer layer is d times that of the layer above it,
            that of the embeddings d times that of the lowest; the top layer, the pooler and the
            head keep theirs. As in ELECTRA (Clark et al. 2020, arXiv:2003.10555, appendix B;
            Howard and Ruder 2018, arXiv:1801.06146, section 3.2: discriminative fine-tuning).
        unfreezing_updates: the head and the pooler alone are trained at first, then the layers
            from the top down are added at equal distances; from this update on everything is
            trained. A variable's m, v and bias corrections begin with its first update. Howard and
            Ruder 2018, section 3.3: gradual unfreezing.
        ema_decay: b, for an average of each variable, ``average = b average + (1 - b) w`` after
            each update, or None for no averages. In update t b is at most ``t / (9 + t)``, so that
            the start is soon forgotten: the rule of TensorFlow's ExponentialMovingAverage with
            ``num_updates``. Polyak and Juditsky 1992 on why averages are better.
        beta_1: b1.
        beta_2: b2.
        epsilon: outside the root.
        clip_norm: global norm to which gradients are clipped, or None.

    Source: google-research/bert, optimization.py, AdamWeightDecayOptimizer; Loshchilov and
    Hutter 2017, arXiv:1711.05101.
    """

    def __init__(
        self,
        learning_rate: Any = 5e-5,
        weight_decay_rate: float = 0.01,
        bias_correction: bool = True,
        head_multiplier: float = 1.0,
        layer_decay: float = 1.0,
        unfreezing_updates: int = 0,
        ema_decay: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        clip_norm: float | None = 1.0,
        name: str = "AdamWeightDecay",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("global_clipnorm", clip_norm)
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.weight_decay_rate = weight_decay_rate
        self.bias_correction = bias_correction
        self.head_multiplier = head_multiplier
        self.layer_decay = layer_decay
        self.unfreezing_updates = unfreezing_updates
        self.ema_decay = ema_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._update_all: dict[int, Any] = {}

    def build(self, variables: Any) -> None:
        """Create m and v of each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums = [
            self.add_variable_from_reference(variable, name="momentum") for variable in variables
        ]
        self._velocities = [
            self.add_variable_from_reference(variable, name="velocity") for variable in variables
        ]
        depths = depths_of([variable.path for variable in variables])
        self._factors = rate_factors(depths, self.layer_decay)
        self._starts = unfreezing_updates(depths, self.unfreezing_updates)
        averaged = [] if self.ema_decay is None else list(variables)
        self._averages = [
            self.add_variable_from_reference(variable, name="average") for variable in averaged
        ]
        for variable, average in zip(averaged, self._averages, strict=True):
            average.assign(ops.copy(variable))  # JAX would share the memory

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        """Clip and apply the gradients."""
        # TensorFlow gives the gradient of an embedding table as slices that repeat rows; their
        # norm is not that of the dense gradient, which Google's code clips.
        grads = [densify(grad) for grad in grads]
        if self.unfreezing_updates:
            # Gradients of what is frozen yet are no part of the norm, and of m and v.
            variables = trainable_variables or self._trainable_variables
            grads = [
                grad if grad is None else grad * self._is_trained(variable, grad.dtype)
                for grad, variable in zip(grads, variables, strict=True)
            ]
        return super().apply(grads, trainable_variables)

    def _backend_update_step(
        self, grads: Any, trainable_variables: Any, learning_rate: Any
    ) -> None:
        # Keras on TensorFlow updates through tf.distribute, after which the memory of a model is
        # never freed: cross-validation would run out of it. Nothing is distributed here.
        if keras.config.backend() == "tensorflow" and len(trainable_variables) > _FEW_VARIABLES:
            self._compiled_update(trainable_variables)(grads, learning_rate)
            return
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def _compiled_update(self, variables: Any) -> Any:
        """`update_step` of all variables as one kernel: a third of the time."""
        # There are fewer of them while layers are frozen.
        number = len(variables)
        if number not in self._update_all:
            import tensorflow as tf

            def update_all(grads: Any, learning_rate: Any) -> None:
                for gradient, variable in zip(grads, variables, strict=True):
                    self.update_step(gradient, variable, learning_rate)

            self._update_all[number] = tf.function(update_all, jit_compile=True, autograph=False)
        return self._update_all[number]

    def embeddings_group(self) -> tuple[float, int]:
        """Of the embeddings: the factor on their rate, and the first update that trains them."""
        return min(self._factors), max(self._starts)

    def averages(self) -> list[tuple[Any, Any]]:
        """Each trained variable with its average; empty without `ema_decay`."""
        return list(zip(self._trainable_variables, self._averages, strict=False))

    def trained_at(self, update: int, variables: Sequence[Any]) -> list[Any]:
        """Those of `variables` that update `update`, counted from 0, moves."""
        return [v for v in variables if update >= self._starts[self._get_variable_index(v)]]

    def _is_trained(self, variable: Any, dtype: Any) -> Any:
        start = self._starts[self._get_variable_index(variable)]
        return 1.0 if start == 0 else ops.cast(self.iterations >= start, dtype)

    def rates(self, updates: int) -> np.ndarray:
        """The learning rate of each of the first `updates` updates, float64 [`updates`]."""
        schedule = self._learning_rate
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return np.full(updates, float(ops.convert_to_numpy(schedule)))
        return ops.convert_to_numpy(schedule(np.arange(updates))).astype(np.float64)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        rate = ops.cast(learning_rate, variable.dtype)
        if is_head(variable.path):
            rate = rate * self.head_multiplier
        elif self._factors[index] != 1:
            rate = rate * self._factors[index]
        start = self._starts[index]
        if start:
            rate = rate * self._is_trained(variable, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        m = self.beta_1 * momentum + (1 - self.beta_1) * gradient
        v = self.beta_2 * velocity + (1 - self.beta_2) * ops.square(gradient)
        self.assign(momentum, m)
        self.assign(velocity, v)
        if self.bias_correction:
            step = ops.cast(self.iterations + 1, variable.dtype)
            if start:
                step = ops.maximum(step - start, 1.0)
            m = m / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), step))
            v = v / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        update = m / (ops.sqrt(v) + self.epsilon)
        if decays(variable.path):
            update = update + self.weight_decay_rate * variable
        if self.ema_decay is None:
            self.assign_sub(variable, rate * update)
            return
        new = variable - rate * update
        self.assign(variable, new)
        number = ops.cast(self.iterations + 1, variable.dtype)
        kept = ops.minimum(self.ema_decay, number / (9.0 + number))
        average = self._averages[index]
        self.assign(average, kept * average + (1.0 - kept) * new)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        config = super().get_config()
        config.pop("weight_decay", None)
        return {
            **config,
            "weight_decay_rate": self.weight_decay_rate,
            "bias_correction": self.bias_correction,
            "head_multiplier": self.head_multiplier,
            "layer_decay": self.layer_decay,
            "unfreezing_updates": self.unfreezing_updates,
            "ema_decay": self.ema_decay,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def densify(gradient: Any) -> Any:
    """A sparse gradient as a dense tensor; anything else as it is."""
    if not hasattr(gradient, "indices"):
        return gradient
    # Only TensorFlow has sparse gradients, and keras.ops.convert_to_tensor leaves them sparse.
    import tensorflow as tf

    return tf.convert_to_tensor(gradient)


def decays(path: str) -> bool:
    """Whether weight decay applies to the variable at `path`.

    >>> decays("encoder/layer_0/intermediate/kernel"), decays("head/bias")
    (True, False)
    >>> decays("encoder/layer_0/attention_LayerNorm/gamma")
    False
    """
    return not any(re.search(name, path) for name in _NO_DECAY)


def is_head(path: str) -> bool:
    """Whether the variable at `path` is of the new classification head.

    >>> is_head("classifier_network/head/kernel"), is_head("encoder/layer_0/query/kernel")
    (True, False)
    """
    return "head" in path.split("/")
