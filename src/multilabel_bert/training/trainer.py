"""The training loop: batches, epochs, callbacks, the development split, early stopping."""

# N = texts, X = labels

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from multilabel_bert.decision.metrics import check_metric, score
from multilabel_bert.errors import SettingsError
from multilabel_bert.model.predictor import sigmoid
from multilabel_bert.progress import Progress
from multilabel_bert.text.batching import fixed_size_batches, token_budget_batches
from multilabel_bert.training.batches import TrainingInputs
from multilabel_bert.training.losses import SigmoidCrossEntropy
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets

# Followed on the development split where no metric is named: it needs no threshold.
DEFAULT_MONITOR = "macro_average_precision"

# Token slots of a forward batch: large enough for the matrix multiplies, small enough for the
# caches of a CPU.
_EVALUATION_TOKENS = 4096


@dataclass
class History:
    """What happened in training.

    Attributes:
        epochs: one dictionary an epoch: ``loss``, ``seconds`` and, with a development split,
            ``val_loss`` and ``val_<metric>``.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        interrupted: whether Ctrl-C ended the training.
        stopped_early: whether the metric stopped getting better.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False
    stopped_early: bool = False


@dataclass(frozen=True)
class LabelledInputs:
    """Inputs of N texts and what is true of them, [N, X]."""

    inputs: TrainingInputs
    targets: Targets

    def __len__(self) -> int:
        return len(self.targets)


def train_network(
    network: ClassifierNetwork,
    train: LabelledInputs,
    settings: TrainingSettings,
    *,
    dev: LabelledInputs | None = None,
    positive_weights: np.ndarray | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress | None = None,
) -> History:
    """Train, in place.

    With ``early_stopping``, the weights of the epoch that is best on the development split are
    kept, else those of the last epoch. Ctrl-C ends the training: the best epoch so far by the
    development split is kept (without one, the weights as they are).

    Args:
        network: with the pre-trained weights and the head's start.
        train: texts to learn from.
        settings: resolved.
        dev: texts to follow the training on.
        positive_weights: float32 [X] or None.
        callbacks: Keras callbacks; they see ``loss``, ``val_loss`` and ``val_<metric>``, and
            may set ``model.stop_training``.
        progress: where progress is shown.
    """
    progress = progress or Progress("silent")
    epochs = settings.num_train_epochs
    if epochs is None:
        raise ValueError("settings are not resolved")
    steps_per_epoch = len(_epoch_batches(train.inputs, settings, epoch=0))
    _compile(network, settings, steps_per_epoch * epochs, positive_weights)
    run = _Run(network, train, dev, settings, progress, _Best(settings.early_stopping))
    callback_list = keras.callbacks.CallbackList(
        list(callbacks), model=network, epochs=epochs, steps=steps_per_epoch, verbose=0
    )
    network.stop_training = False
    callback_list.on_train_begin()
    try:
        # The number of batches may differ a little from epoch to epoch.
        with progress.task("Training", epochs * steps_per_epoch, "batches") as task:
            for epoch in range(epochs):
                run.epoch(epoch, callback_list, task)
                if network.stop_training or run.patience_is_over():
                    run.history.stopped_early = epoch + 1 < epochs
                    break
    except KeyboardInterrupt:
        run.history.interrupted = True
        kept = f"epoch {run.best.epoch}" if run.best.weights else "the weights as they are"
        progress.say(f"Interrupted: keeping {kept}.")
    if run.best.weights and (settings.early_stopping or run.history.interrupted):
        network.set_weights(run.best.weights)
        run.history.best_epoch = run.best.epoch
    else:
        run.history.best_epoch = len(run.history.epochs)
    callback_list.on_train_end()
    return run.history


def check_callbacks(callbacks: Any) -> None:
    """Refuse what is no list of Keras callbacks, before the long work.

    Raises:
        SettingsError: for another kind of thing, or a callback that sets the learning rate.
    """
    given = callbacks if isinstance(callbacks, Sequence) else [callbacks]
    for callback in given:
        if not isinstance(callback, keras.callbacks.Callback) or given is not callbacks:
            raise SettingsError(
                f"callbacks: expected a list of Keras callbacks, got {callback!r}. Write "
                "callbacks=[keras.callbacks.CSVLogger('log.csv')], for example."
            )
        if isinstance(
            callback, (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
        ):
            raise SettingsError(
                f"callbacks: {type(callback).__name__} cannot change the learning rate, which "
                "follows a schedule. Use schedule, learning_rate and warmup_proportion."
            )


def predict_logits(network: ClassifierNetwork, inputs: TrainingInputs) -> np.ndarray:
    """The logits of N texts, float32 [N, X], in the order given."""
    lengths = inputs.lengths
    logits = np.empty((len(lengths), network.head.units), np.float32)
    for indices in token_budget_batches(lengths, _EVALUATION_TOKENS):
        logits[indices] = np.asarray(network.predict_on_batch(inputs.batch(indices)))
    return logits


@dataclass
class _Best:
    """The weights of the epoch that was best by one metric of the development split."""

    metric: str | None
    epoch: int = 0
    value: float = math.nan
    weights: list[np.ndarray] | None = None
    epochs_since: int = 0

    @property
    def name(self) -> str:
        return self.metric or DEFAULT_MONITOR

    def offer(self, epoch: int, value: float, network: Any) -> None:
        sign = 1.0 if check_metric(self.name).greater_is_better else -1.0
        if self.weights is None or math.isnan(self.value) or sign * value > sign * self.value:
            self.epoch, self.value, self.epochs_since = epoch, value, 0
            self.weights = network.get_weights()
        else:
            self.epochs_since += 1


@dataclass
class _Run:
    network: ClassifierNetwork
    train: LabelledInputs
    dev: LabelledInputs | None
    settings: TrainingSettings
    progress: Progress
    best: _Best
    history: History = field(default_factory=History)

    def epoch(self, epoch: int, callbacks: Any, task: Any) -> None:
        callbacks.on_epoch_begin(epoch)
        started = time.monotonic()
        total, seen = 0.0, 0
        for step, indices in enumerate(_epoch_batches(self.train.inputs, self.settings, epoch)):
            callbacks.on_train_batch_begin(step)
            self.network.reset_metrics()
            batch, targets = self.train.inputs.batch(indices), self.train.targets[indices]
            loss = float(self.network.train_on_batch(batch, targets))
            if not math.isfinite(loss):
                raise SettingsError(
                    f"The loss became {loss} in epoch {epoch + 1}: the training diverged. Use a "
                    f"learning_rate below {self.settings.learning_rate:g}, or a longer warm-up."
                )
            callbacks.on_train_batch_end(step, {"loss": loss})
            total, seen = total + loss * len(indices), seen + len(indices)
            task.advance(1, f"epoch {epoch + 1}, loss {total / seen:.4f}")
        logs = {"loss": total / seen} | self._dev_logs()
        if self.dev is not None:
            self.best.offer(epoch + 1, logs[f"val_{self.best.name}"], self.network)
        callbacks.on_epoch_end(epoch, dict(logs))
        self.history.epochs.append(logs | {"seconds": time.monotonic() - started})

    def _dev_logs(self) -> dict[str, float]:
        if self.dev is None:
            return {}
        logits = predict_logits(self.network, self.dev.inputs)
        names = dict.fromkeys(["loss", self.best.name, "macro_f1", "micro_f1"])
        targets = self.dev.targets.dense()
        return {
            f"val_{name}": score(name, targets, sigmoid(logits), logits=logits) for name in names
        }

    def patience_is_over(self) -> bool:
        return (
            self.settings.early_stopping is not None
            and self.best.epochs_since >= self.settings.early_stopping_patience
        )


def _compile(
    network: ClassifierNetwork,
    settings: TrainingSettings,
    total_steps: int,
    positive_weights: np.ndarray | None,
) -> None:
    rate, head_rate = settings.learning_rate, settings.head_learning_rate
    if rate is None or head_rate is None:
        raise ValueError("settings are not resolved")
    schedule = WarmupDecay(
        rate, total_steps, int(total_steps * settings.warmup_proportion), settings.schedule
    )
    network.compile(
        optimizer=AdamWeightDecay(
            schedule,
            weight_decay_rate=settings.weight_decay,
            bias_correction=settings.optimizer == "adamw",
            head_multiplier=head_rate / rate,
        ),
        loss=SigmoidCrossEntropy(positive_weights),
        # Each new batch shape would be compiled anew by XLA, and batches differ in length.
        jit_compile=False,
    )


def _epoch_batches(
    inputs: TrainingInputs, settings: TrainingSettings, epoch: int
) -> list[np.ndarray]:
    # A large odd factor keeps the epochs of neighbouring seeds apart.
    seed = settings.seed * 1_000_003 + epoch
    lengths = inputs.lengths
    if settings.train_batch_size is not None:
        return fixed_size_batches(len(lengths), settings.train_batch_size, seed=seed)
    return token_budget_batches(lengths, settings.max_batch_tokens, seed=seed)
