"""A whole training run: tokenized texts to the weights of a classifier."""

# N = texts, D = size of the representation, H = hidden size, X = labels, L = layers

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.encoder.engines import choose_engine
from multilabel_bert.encoder.pooling import (
    AUTO_POOLINGS,
    PARTS,
    check_pooling,
    combine,
    pooling_parts,
)
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.batches import FeatureInputs, TokenInputs, TrainingInputs
from multilabel_bert.training.feature_cache import FeatureCache
from multilabel_bert.training.frozen_layers import FrozenLayers
from multilabel_bert.training.head_start import Standardizer, prior_bias
from multilabel_bert.training.losses import balanced_positive_weights
from multilabel_bert.training.network import ClassifierNetwork, boundary_of
from multilabel_bert.training.quick_head import quick_scores
from multilabel_bert.training.saved_state import SavedState, digest_of
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets
from multilabel_bert.training.trainer import (
    DEFAULT_MONITOR,
    History,
    LabelledInputs,
    check_callbacks,
    train_network,
)


@dataclass(frozen=True)
class Examples:
    """N tokenized texts and what is true of them, [N, X]."""

    texts: TokenizedTexts
    targets: Targets


@dataclass(frozen=True)
class TrainedWeights:
    """What a run learned.

    Attributes:
        tensors: of the encoder, the frozen ones as they were.
        kernel: float32 [D, X], of the head, for features as the encoder gives them.
        bias: float32 [X].
        pooling: what represents a text.
        settings: resolved.
        history: of the training.
        representation_scores: with ``pooling="auto"``, the macro average precision of each
            representation on the development split.
        precision: in which the frozen layers ran, or with ``"all"`` the trained ones.
        dev_logits: float32 [N, X] of the development split, where the run has them as good as
            prediction would give them; else None.
    """

    tensors: dict[str, np.ndarray]
    kernel: np.ndarray
    bias: np.ndarray
    pooling: str
    settings: TrainingSettings
    history: History
    representation_scores: dict[str, float] = field(default_factory=dict)
    precision: str = "float32"
    dev_logits: np.ndarray | None = None


def train_classifier(
    checkpoint: Checkpoint,
    train: Examples,
    settings: TrainingSettings,
    *,
    dev: Examples | None = None,
    label_names: Sequence[str] | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress | None = None,
    cache: FeatureCache | None = None,
    state_directory: Path | None = None,
) -> TrainedWeights:
    """Train what ``settings.train_layers`` says; all below runs once a text.

    Args:
        checkpoint: the pre-trained encoder.
        train: texts to learn from.
        settings: need not be resolved.
        dev: texts to follow the training on; ``early_stopping`` and ``pooling="auto"`` need it.
        label_names: X names, for `class_weight` as a dictionary.
        callbacks: Keras callbacks.
        progress: where progress is shown.
        cache: where the values of the frozen layers are kept, or None.
        state_directory: where the state is kept after each epoch in which layers are trained,
            and from where the same training goes on if it was stopped; or None.

    Raises:
        SettingsError: if a setting does not fit the encoder or the data, or the state is of
            another training.
    """
    config = checkpoint.config
    progress = progress or Progress("silent")
    settings = settings.resolved(config.hidden_size, len(train.texts))
    _check_fit(settings, checkpoint, dev)
    check_callbacks(callbacks)
    from multilabel_bert.encoder.keras_encoder import checked_train_layers

    trained_layers = checked_train_layers(settings.train_layers, config.num_hidden_layers)
    run = _TrainingRun(
        checkpoint,
        settings,
        train,
        dev,
        _positive_weights(settings, train.targets, label_names),
        callbacks,
        progress,
        cache,
        state_directory,
    )
    if settings.train_layers == 0:
        return run.head_alone()
    if settings.train_layers == "all":
        return run.everything()
    return run.top_layers(config.num_hidden_layers - trained_layers)


@dataclass(frozen=True)
class _TrainingRun:
    checkpoint: Checkpoint
    settings: TrainingSettings
    train: Examples
    dev: Examples | None
    positive_weights: np.ndarray | None
    callbacks: Sequence[Any]
    progress: Progress
    cache: FeatureCache | None
    state_directory: Path | None

    def head_alone(self) -> TrainedWeights:
        chosen = self.settings.pooling
        poolings = self._usual_poolings() if chosen == "auto" else [chosen]
        # What every run computes, so that another run on the same texts finds it.
        usual = {part for name in self._usual_poolings() for part in pooling_parts(name)}
        wanted = usual | {part for name in poolings for part in pooling_parts(name)}
        frozen = self._frozen([part for part in PARTS if part in wanted])
        train_parts = frozen.representations(self.train.texts, "Encoding")
        dev_parts = (
            frozen.representations(self.dev.texts, "Encoding the development split")
            if self.dev is not None
            else None
        )
        runs = {}
        for pooling in poolings:
            if len(poolings) > 1:
                self.progress.say(f"Head on {pooling}:")
            dev_features = None if dev_parts is None else combine(dev_parts, pooling)
            runs[pooling] = self._head_on(combine(train_parts, pooling), dev_features, pooling)
            if runs[pooling].history.interrupted:
                break
        scores = {
            pooling: run.history.epochs[run.history.best_epoch - 1][f"val_{DEFAULT_MONITOR}"]
            for pooling, run in runs.items()
            if len(poolings) > 1 and run.history.epochs
        }
        best = max(runs, key=lambda pooling: scores.get(pooling, 0.0))
        # A run that Ctrl-C ended early counts as the end of all.
        interrupted = any(run.history.interrupted for run in runs.values())
        history = replace(runs[best].history, interrupted=interrupted)
        dev_logits = None
        if dev_parts is not None and frozen.keeps_precision:
            dev_logits = combine(dev_parts, best) @ runs[best].kernel + runs[best].bias
        if dev_parts is not None and chosen != "auto" and not interrupted:
            self._say_what_others_score(train_parts, dev_parts)
        return replace(
            runs[best],
            history=history,
            dev_logits=dev_logits,
            representation_scores=scores,
            precision=frozen.precision,
        )

    def _usual_poolings(self) -> list[str]:
        pooler = self.checkpoint.has_pooler
        return [name for name in AUTO_POOLINGS if pooler or name != "pooled"]

    def _say_what_others_score(
        self, train_parts: dict[str, np.ndarray], dev_parts: dict[str, np.ndarray]
    ) -> None:
        shown = self.progress.bars or self.progress.lines
        if not (self.settings.compare_poolings and shown and self.dev is not None):
            return
        own = self.settings.pooling
        scores = quick_scores(
            train_parts,
            self.train.targets,
            dev_parts,
            self.dev.targets,
            list(dict.fromkeys([own, *self._usual_poolings()])),
        )
        others = sorted((name for name in scores if name != own), key=lambda name: -scores[name])
        told = ", ".join(f"{name} {scores[name]:.3f}" for name in others)
        self.progress.say(
            f"Representations by a quick head (development macro average precision): {own} "
            f"{scores[own]:.3f}; {told}. pooling='auto' trains each and keeps the best."
        )

    def _head_on(
        self, features: np.ndarray, dev_features: np.ndarray | None, pooling: str
    ) -> TrainedWeights:
        standardizer = Standardizer.of(features) if self.settings.standardize else None

        def inputs(values: np.ndarray) -> FeatureInputs:
            return FeatureInputs(standardizer.apply(values) if standardizer else values)

        network = self._network(self.checkpoint.config.num_hidden_layers, pooling)
        history = self._fit(
            network, inputs(features), None if dev_features is None else inputs(dev_features)
        )
        kernel, bias = network.head_tensors()
        if standardizer:
            kernel, bias = standardizer.fold(kernel, bias)
        return TrainedWeights(
            self.checkpoint.tensors, kernel, bias, pooling, self.settings, history
        )

    def top_layers(self, first_layer: int) -> TrainedWeights:
        layers = self.checkpoint.config.num_hidden_layers
        boundary = boundary_of(first_layer, self.settings.pooling, layers)
        frozen = self._frozen(("sequence_output",), boundary)
        title = f"Encoding {boundary} frozen layers"
        train = frozen.hidden_inputs(self.train.texts, title)
        dev = None
        if self.dev is not None:
            dev = frozen.hidden_inputs(self.dev.texts, f"{title}, development split")
        return self._fit_layers(first_layer, train, dev, frozen.precision)

    def everything(self) -> TrainedWeights:
        dev = TokenInputs(self.dev.texts) if self.dev is not None else None
        # Prediction needs an engine of this precision: better to know it now than at the end.
        _, precision = choose_engine("auto", self.settings.precision)
        return self._fit_layers(None, TokenInputs(self.train.texts), dev, precision)

    def _fit_layers(
        self,
        first_layer: int | None,
        train: TrainingInputs,
        dev: TrainingInputs | None,
        precision: str,
    ) -> TrainedWeights:
        trained_in = _training_precision(self.settings.precision)
        self.progress.say(f"Training: {trained_in}, weights in float32")
        network = self._network(
            first_layer,
            self.settings.pooling,
            "mixed_bfloat16" if trained_in == "bfloat16" else "float32",
        )
        network.set_body_tensors(self.checkpoint.tensors)
        saved_state = self._saved_state()
        history = self._fit(network, train, dev, saved_state)
        kernel, bias = network.head_tensors()
        return TrainedWeights(
            self.checkpoint.tensors | network.body_tensors(),
            kernel,
            bias,
            self.settings.pooling,
            self.settings,
            history,
            precision=precision,
        )

    def _frozen(self, outputs: Sequence[str], last_layer: int | None = None) -> FrozenLayers:
        frozen = FrozenLayers(
            self.checkpoint,
            outputs,
            last_layer=last_layer,
            precision=self.settings.precision,
            cache=self.cache,
            progress=self.progress,
        )
        self.progress.say(f"Encoder: {frozen.engine_name}, {frozen.precision}")
        return frozen

    def _saved_state(self) -> SavedState | None:
        if self.state_directory is None:
            return None
        import keras

        from multilabel_bert import __version__

        engine, precision = choose_engine("auto", self.settings.precision)
        identity: dict[str, Any] = {
            "version of multilabel-bert": __version__,
            "Keras' backend": keras.config.backend(),
            "engine of the frozen layers": engine,
            "processor's precision": precision,
            "labels": self.train.targets.shape[1],
            "encoder weights": digest_of(*self.checkpoint.tensors.values()),
        }
        for name, examples in (("training texts", self.train), ("development texts", self.dev)):
            if examples is not None:
                rows = np.arange(len(examples.targets))
                identity[name] = digest_of(
                    examples.texts.ids,
                    examples.texts.offsets,
                    *(
                        examples.targets[part]
                        for part in np.array_split(rows, len(rows) // 4096 + 1)
                    ),
                )
        return SavedState(self.state_directory, identity | self.settings.to_dict())

    def _network(
        self, first_layer: int | None, pooling: str, dtype: str = "float32"
    ) -> ClassifierNetwork:
        network = ClassifierNetwork(
            self.checkpoint.config,
            first_layer=first_layer,
            pooling=pooling,
            labels=self.train.targets.shape[1],
            dropout=self.settings.dropout,
            pooler=self.checkpoint.has_pooler,
            seed=self.settings.seed,
            dtype=dtype,
        )
        if self.settings.prior_bias:
            network.set_head(None, prior_bias(*self.train.targets.known_counts()))
        return network

    def _fit(
        self,
        network: ClassifierNetwork,
        train: TrainingInputs,
        dev: TrainingInputs | None,
        saved_state: SavedState | None = None,
    ) -> History:
        return train_network(
            network,
            LabelledInputs(train, self.train.targets),
            self.settings,
            dev=None if dev is None or self.dev is None else LabelledInputs(dev, self.dev.targets),
            positive_weights=self.positive_weights,
            callbacks=self.callbacks,
            progress=self.progress,
            saved_state=saved_state,
        )


def _training_precision(wanted: str) -> str:
    """What trained layers compute in: as `choose_precision`, and bfloat16 on any GPU."""
    import keras

    if wanted == "auto" and keras.distribution.list_devices("gpu"):
        return "bfloat16"
    return choose_precision(wanted)


def _check_fit(settings: TrainingSettings, checkpoint: Checkpoint, dev: Examples | None) -> None:
    limit = checkpoint.config.max_position_embeddings
    if settings.max_seq_length > limit:
        raise SettingsError(
            f"max_seq_length={settings.max_seq_length}, but {checkpoint.origin} has position "
            f"embeddings for {limit} tokens. Use at most {limit}."
        )
    if settings.pooling != "auto":
        check_pooling(
            settings.pooling,
            checkpoint.config.num_hidden_layers,
            pooler=checkpoint.has_pooler,
            origin=checkpoint.origin,
        )
    if settings.gradient_accumulation_steps > 1:
        import keras

        if keras.config.backend() != "tensorflow":
            raise SettingsError(
                f"gradient_accumulation_steps={settings.gradient_accumulation_steps} needs Keras "
                f"on TensorFlow, but it runs on {keras.config.backend()}. Use larger batches."
            )
    for option in ("early_stopping", "pooling"):
        value = getattr(settings, option)
        if dev is None and value is not None and (option != "pooling" or value == "auto"):
            raise SettingsError(
                f"{option}={value!r} needs a development split: give one, or a dev_fraction "
                "above 0."
            )


def _positive_weights(
    settings: TrainingSettings, targets: Targets, label_names: Sequence[str] | None
) -> np.ndarray | None:
    class_weight, labels = settings.class_weight, targets.shape[1]
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise SettingsError(
                f"class_weight={class_weight!r} is unknown. Use 'balanced', {labels} numbers, or "
                "a dictionary from label name to number."
            )
        return balanced_positive_weights(*targets.known_counts(), settings.max_class_weight)
    if isinstance(class_weight, dict):
        names = list(label_names or map(str, range(labels)))
        known = set(names)
        unknown = [name for name in class_weight if name not in known]
        if unknown:
            raise SettingsError(
                f"class_weight names {unknown[0]!r}, which is no label. The labels are "
                f"{', '.join(names[:20])}."
            )
        class_weight = [class_weight.get(name, 1.0) for name in names]
    try:
        weights = np.asarray(class_weight, np.float32)
    except (TypeError, ValueError):
        weights = np.empty(0, np.float32)
    if weights.shape != (labels,) or not (weights > 0).all() or not np.isfinite(weights).all():
        raise SettingsError(
            f"class_weight must be {labels} positive numbers, one a label, got {class_weight!r}."
        )
    return weights
