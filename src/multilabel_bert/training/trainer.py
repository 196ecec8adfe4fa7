"""The training loop: batches, epochs, callbacks, the development split, early stopping."""

# N = texts, X = labels

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import numpy as np

from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import check_metric, score
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.text.batching import fixed_size_batches, token_budget_batches
from multilabel_bert.training.batches import FeatureInputs, TrainingInputs, batches_of_calls
from multilabel_bert.training.history import DEFAULT_MONITOR, History
from multilabel_bert.training.losses import MultiLabelLoss, make_loss
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.optimizers import AdamWeightDecay, WarmupDecay
from multilabel_bert.training.saved_state import SavedState
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.steps import Step, SteppingInOneCall, make_step
from multilabel_bert.training.targets import Targets

# Token slots of a forward batch: large enough for the matrix multiplies, small enough for the
# caches of a CPU.
_EVALUATION_TOKENS = 4096


@dataclass(frozen=True)
class LabelledInputs:
    """Inputs of N texts, what is true of them, [N, X], and their weights in the loss, [N]."""

    inputs: TrainingInputs
    targets: Targets
    weights: np.ndarray | None = None

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
    saved_state: SavedState | None = None,
) -> History:
    """Train, in place.

    With ``early_stopping``, the weights of the epoch that is best on the development split are
    kept, else those of the last epoch. With ``ema_decay`` the weights that are kept, and that are
    judged on the development split, are averages; callbacks see those of the last update. Ctrl-C
    ends the training: the best epoch so far by the development split is kept (without one, the
    weights as they are).

    Args:
        network: with the pre-trained weights and the head's start.
        train: texts to learn from.
        settings: resolved.
        dev: texts to follow the training on.
        positive_weights: float32 [X] or None.
        callbacks: Keras callbacks; they see ``loss``, ``val_loss`` and ``val_<metric>``, and
            may set ``model.stop_training``.
        progress: where progress is shown.
        saved_state: where the state is kept after each epoch, and from where a stopped training
            goes on. What callbacks remember is not part of it.

    Raises:
        SettingsError: if the training diverges, or `saved_state` is of another one.
    """
    progress = progress or Progress("silent")
    epochs = settings.num_train_epochs
    if epochs is None:
        raise ValueError("settings are not resolved")
    # As many in every epoch: a seed changes which texts are together, not how long they are.
    updates = len(epoch_groups(train.inputs, settings, epoch=0))
    total_updates = epochs * updates
    loss = make_loss(
        settings, counts=train.targets.known_counts(), positive_weights=positive_weights
    )
    step = _compile(network, settings, total_updates, loss)
    run = _Run(network, step, train, dev, settings, progress, _Best(settings.early_stopping))
    done = 0 if saved_state is None else run.go_on(saved_state)
    callback_list = keras.callbacks.CallbackList(
        list(callbacks), model=network, epochs=epochs, steps=updates, verbose=0
    )
    run.follows_batches = any(map(_follows_batches, callbacks))
    network.stop_training = False
    callback_list.on_train_begin()
    try:
        with progress.task("Training", total_updates, "updates") as task:
            task.advance(done * updates)
            for epoch in range(done, 0 if run.history.stopped_early else epochs):
                run.epoch(epoch, callback_list, task)
                if network.stop_training or run.patience_is_over():
                    run.history.stopped_early = epoch + 1 < epochs
                if saved_state is not None:
                    run.save(saved_state)
                if run.history.stopped_early:
                    break
    except KeyboardInterrupt:
        run.history.interrupted = True
        step.finish()
        kept = f"epoch {run.best.epoch}" if run.best.weights else "the weights as they are"
        progress.say(f"Interrupted: keeping {kept}.")
    if run.best.weights and (settings.early_stopping or run.history.interrupted):
        network.set_weights(run.best.weights)
        run.history.best_epoch = run.best.epoch
    else:
        for variable, average in network.optimizer.averages():
            variable.assign(average)
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
    step: Step
    train: LabelledInputs
    dev: LabelledInputs | None
    settings: TrainingSettings
    progress: Progress
    best: _Best
    history: History = field(default_factory=History)
    follows_batches: bool = False

    @functools.cached_property
    def relative_weights(self) -> np.ndarray | None:
        """Weights of the texts whose mean is 1, so that they do not change the size of the loss."""
        weights = self.train.weights
        return None if weights is None else (weights / weights.mean()).astype(np.float32)

    def epoch(self, epoch: int, callbacks: Any, task: Any) -> None:
        callbacks.on_epoch_begin(epoch)
        started = time.monotonic()
        total, seen, number = 0.0, 0, 0
        for groups in self._calls(epoch_groups(self.train.inputs, self.settings, epoch)):
            if self.follows_batches:
                callbacks.on_train_batch_begin(number)
            losses = self._update(groups)
            for loss, group in zip(losses, groups, strict=True):
                self._check_finite(loss, epoch)
                texts = sum(map(len, group))
                total, seen, number = total + loss * texts, seen + texts, number + 1
            if self.follows_batches:
                callbacks.on_train_batch_end(number - 1, {"loss": losses[-1]})
            task.advance(len(groups), f"epoch {epoch + 1}, loss {total / seen:.4f}")
        self.step.finish()
        logs = {"loss": total / seen}
        if self.dev is not None:
            with _averaged(self.network.optimizer):
                logs |= self._dev_logs(self.dev)
                self.best.offer(epoch + 1, logs[f"val_{self.best.name}"], self.network)
        callbacks.on_epoch_end(epoch, dict(logs))
        self.history.epochs.append(logs | {"seconds": time.monotonic() - started})

    def _calls(self, groups: list[list[np.ndarray]]) -> Iterator[list[list[np.ndarray]]]:
        """The updates of an epoch, several at a time where one call can make them."""
        inputs = self.train.inputs
        if (
            self.follows_batches
            or self.settings.gradient_accumulation_steps > 1
            or not isinstance(inputs, FeatureInputs)
            or not isinstance(self.step, SteppingInOneCall)
        ):
            yield from ([group] for group in groups)
            return
        batches = [batch for (batch,) in groups]
        for call in batches_of_calls(batches, self.train.targets.shape[1]):
            yield [[batch] for batch in call]

    def _update(self, groups: list[list[np.ndarray]]) -> list[float]:
        """Make one update for each group of batches; their losses."""
        inputs, targets = self.train.inputs, self.train.targets
        weights = self.relative_weights
        if len(groups) == 1:
            return [
                self.step(
                    [
                        (
                            inputs.batch(part),
                            targets[part],
                            None if weights is None else weights[part],
                        )
                        for part in groups[0]
                    ]
                )
            ]
        assert isinstance(self.step, SteppingInOneCall)
        assert isinstance(inputs, FeatureInputs)
        rows = np.stack([part for (part,) in groups])
        wanted = targets[rows.ravel()].reshape((*rows.shape, -1))
        shares = None if weights is None else weights[rows]
        return list(map(float, self.step.many(inputs.features, rows, wanted, shares)))

    def _check_finite(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise SettingsError(
                f"The loss became {loss} in epoch {epoch + 1}: the training diverged. Use a "
                f"learning_rate below {self.settings.learning_rate:g}, or a longer warm-up."
            )

    def save(self, saved_state: SavedState) -> None:
        """Keep what the coming epochs depend on."""
        arrays = {name: np.asarray(value) for name, value in self.step.state().items()}
        for index, weights in enumerate(self.best.weights or ()):
            arrays[f"best/{index}"] = np.asarray(weights)
        best = asdict(replace(self.best, weights=None))
        facts = {
            "epochs": self.history.epochs,
            "stopped_early": self.history.stopped_early,
            "best": best,
        }
        saved_state.save(arrays, facts)

    def go_on(self, saved_state: SavedState) -> int:
        """Take up a stopped training; the number of its epochs."""
        found = saved_state.load()
        if found is None:
            return 0
        arrays, facts = found
        for name, variable in self.step.state().items():
            variable.assign(arrays[name])
        self.history.epochs = facts["epochs"]
        self.history.stopped_early = facts["stopped_early"]
        weights = [arrays[f"best/{i}"] for i in range(sum(n.startswith("best/") for n in arrays))]
        self.best = _Best(**{**facts["best"], "weights": weights or None})
        done = len(self.history.epochs)
        self.progress.say(f"Going on after epoch {done}: {saved_state.directory}")
        return done

    def _dev_logs(self, dev: LabelledInputs) -> dict[str, float]:
        logits = predict_logits(self.network, dev.inputs)
        names = dict.fromkeys(["loss", self.best.name, "macro_f1", "micro_f1"])
        targets = dev.targets.dense()
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
    total_updates: int,
    loss: MultiLabelLoss,
) -> Step:
    rate, head_rate = settings.learning_rate, settings.head_learning_rate
    if rate is None or head_rate is None:
        raise ValueError("settings are not resolved")
    warmup = int(total_updates * settings.warmup_proportion)
    schedule = WarmupDecay(rate, total_updates, warmup, settings.schedule)
    network.compile(
        optimizer=AdamWeightDecay(
            schedule,
            weight_decay_rate=settings.weight_decay,
            bias_correction=settings.optimizer == "adamw",
            head_multiplier=head_rate / rate,
            layer_decay=settings.layer_decay,
            unfreezing_updates=int(total_updates * settings.gradual_unfreezing),
            ema_decay=settings.ema_decay,
        ),
        loss=loss,
        # By TensorFlow each batch would be compiled anew, and slower: batches differ in length.
        jit_compile=keras.config.backend() != "tensorflow",
    )
    # The average of a row that waits could not be read off the schedule.
    lazy = settings.lazy_embeddings and settings.ema_decay is None
    return make_step(network, total_updates, lazy_embeddings=lazy)


@contextlib.contextmanager
def _averaged(optimizer: AdamWeightDecay) -> Iterator[None]:
    """The averages in the place of the weights, where there are any."""
    pairs = optimizer.averages()
    kept = [np.array(variable) for variable, _ in pairs]
    for variable, average in pairs:
        variable.assign(average)
    try:
        yield
    finally:
        for (variable, _), weights in zip(pairs, kept, strict=True):
            variable.assign(weights)


def epoch_groups(
    inputs: TrainingInputs, settings: TrainingSettings, epoch: int
) -> list[list[np.ndarray]]:
    """The batches of an epoch, those of one update together."""
    # A large odd factor keeps the epochs of neighbouring seeds apart.
    seed = settings.seed * 1_000_003 + epoch
    lengths = inputs.lengths
    if settings.train_batch_size is not None:
        batches = fixed_size_batches(len(lengths), settings.train_batch_size, seed=seed)
    else:
        batches = token_budget_batches(lengths, settings.max_batch_tokens, seed=seed)
    size = settings.gradient_accumulation_steps
    return [batches[start : start + size] for start in range(0, len(batches), size)]


def _follows_batches(callback: Any) -> bool:
    """Whether a callback wants to be told of each batch."""
    base = keras.callbacks.Callback
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    return any(getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks)
