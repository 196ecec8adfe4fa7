"""A whole training run: tokenized texts to the weights of a classifier."""

# N = texts, D = size of the representation, H = hidden size, X = labels, L = layers

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.data.splitting import stratified_folds
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.encoder.engines import choose_engine
from multilabel_bert.encoder.pooling import (
    AUTO_POOLINGS,
    LOWER_MEAN_PARTS,
    PARTS,
    check_pooling,
    combine,
    lowest_layer,
    pooling_parts,
    possible_poolings,
)
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.text.long_texts import pool_windows
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.batches import (
    FeatureInputs,
    TokenInputs,
    TrainingInputs,
    WindowedInputs,
)
from multilabel_bert.training.feature_cache import FeatureCache
from multilabel_bert.training.few_examples import train_few_examples_head
from multilabel_bert.training.frozen_layers import FrozenLayers
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.head_start import HeadStart, Standardizer, prior_bias
from multilabel_bert.training.losses import balanced_positive_weights
from multilabel_bert.training.network import ClassifierNetwork, boundary_of
from multilabel_bert.training.quick_head import quick_scores
from multilabel_bert.training.saved_state import SavedState, digest_of
from multilabel_bert.training.search_result import SearchResult
from multilabel_bert.training.search_space import Search, combinations, settings_found
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets
from multilabel_bert.training.trainer import (
    DEFAULT_MONITOR,
    History,
    LabelledInputs,
    check_callbacks,
    train_network,
)

# How far Adam must be able to move the weights of a new head, so that they tell texts apart.
_SMALLEST_WAY = 0.05


# The layers, and parts of representations of the training and the development texts.
Encoded = tuple[FrozenLayers, dict[str, np.ndarray], dict[str, np.ndarray] | None]

# Of the lower layers, kept though nobody asked: 256 MB in half precision.
_FEW_VALUES = 2**27


@dataclass(frozen=True)
class Examples:
    """N tokenized texts, what is true of them, [N, X], and their weights in the loss, [N]."""

    texts: TokenizedTexts
    targets: Targets
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    """int64 [N], equal for identical texts; None: no two are. For folds."""


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
        out_of_fold_logits: float32 [N, X] of the training texts, each from a head that was not
            trained on it, where the run had such; else None.
        search: what was searched; None without a search.
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
    out_of_fold_logits: np.ndarray | None = None
    search: SearchResult | None = None


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
    start: HeadStart | None = None,
    search: Search | None = None,
    folds: int = 0,
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
        start: the head of a trained classifier, to go on from; None for a new one.
        search: settings of the head to try first; the run takes the best of them.
        folds: K of 2 or more for `out_of_fold_logits` of a head alone, by K more heads.

    Raises:
        SettingsError: if a setting does not fit the encoder or the data, or the state is of
            another training.
    """
    config = checkpoint.config
    progress = progress or Progress("silent")
    given, settings = settings, settings.resolved(config.hidden_size, len(train.targets))
    _check_fit(settings, checkpoint, dev, searched=search is not None)
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
        start,
        folds,
    )
    found = None
    if search is not None:
        found = run.searched(search, given, label_names)
        settings = settings_found(given, found.best)
        run = replace(
            run,
            settings=settings.resolved(config.hidden_size, len(train.targets)),
            positive_weights=_positive_weights(settings, train.targets, label_names),
        )
    weights = run.whole(trained_layers)
    if found is None:
        return weights
    interrupted = weights.history.interrupted or found.interrupted
    return replace(weights, search=found, history=replace(weights.history, interrupted=interrupted))


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
    start: HeadStart | None
    folds: int = 0
    # What `_encoded` has, so that a search and what follows it encode once even without a cache.
    encoded: dict[frozenset[str], Encoded] = field(default_factory=dict)

    def whole(self, trained_layers: int) -> TrainedWeights:
        """All that the settings ask for."""
        if self.settings.few_examples:
            return self.few_examples_head()
        if self.settings.train_layers == 0:
            return self.head_alone()
        if self.settings.train_layers == "all":
            return self.everything()
        return self.top_layers(self.checkpoint.config.num_hidden_layers - trained_layers)

    def head_alone(self) -> TrainedWeights:
        self._warn_of_small_steps()
        chosen = self.settings.pooling
        poolings = self._usual_poolings() if chosen == "auto" else [chosen]
        frozen, train_parts, dev_parts = self._encoded(poolings)
        runs = {}
        for pooling in poolings:
            if len(poolings) > 1:
                self.progress.say(f"Head on {pooling}:")
            dev_features = None if dev_parts is None else combine(dev_parts, pooling)
            runs[pooling] = self._head_on(combine(train_parts, pooling), dev_features, pooling)
            if runs[pooling].history.interrupted:
                break
        scores, best = self._best_of(runs)
        # A run that Ctrl-C ended early counts as the end of all.
        interrupted = any(run.history.interrupted for run in runs.values())
        history = replace(runs[best].history, interrupted=interrupted)
        dev_logits = None
        if dev_parts is not None and frozen.keeps_precision:
            dev_logits = combine(dev_parts, best) @ runs[best].kernel + runs[best].bias
            dev_logits = pool_windows(dev_logits, self._rows_of(self.dev), self.settings.windows)
        if dev_parts is not None and chosen != "auto" and not interrupted:
            self._say_what_others_score(train_parts, dev_parts)
        out_of_fold = None
        if self.folds and not interrupted:
            out_of_fold, interrupted = self._out_of_fold(combine(train_parts, best), best)
            history = replace(history, interrupted=interrupted)
        return replace(
            runs[best],
            history=history,
            dev_logits=dev_logits,
            out_of_fold_logits=out_of_fold,
            representation_scores=scores,
            precision=frozen.precision,
        )

    def _out_of_fold(self, features: np.ndarray, pooling: str) -> tuple[np.ndarray | None, bool]:
        """Logits [N, X] of the training texts, each by a head that was not trained on it.

        Returns:
            The logits, or None and True where Ctrl-C ended it early.
        """
        offsets = self._rows_of(self.train)
        logits = np.empty(self.train.targets.shape, np.float32)
        parts = stratified_folds(
            self.train.targets.sparse(), self.folds, self.settings.seed, self.train.groups
        )
        for number, (inside, outside) in enumerate(parts, 1):
            self.progress.say(f"Head for thresholds, fold {number} of {self.folds}:")
            examples = replace(
                self.train,
                texts=self.train.texts.subset(_rows(inside, offsets)),
                targets=self.train.targets.subset(inside),
                weights=None if self.train.weights is None else self.train.weights[inside],
                groups=None,
            )
            if offsets is not None:
                lengths = np.diff(offsets)[inside]
                examples = replace(
                    examples,
                    texts=replace(
                        examples.texts, window_offsets=np.concatenate([[0], np.cumsum(lengths)])
                    ),
                )
            run = replace(self, train=examples, dev=None, callbacks=())
            head = run._head_on(features[_rows(inside, offsets)], None, pooling)
            if head.history.interrupted:
                return None, True
            values = features[_rows(outside, offsets)] @ head.kernel + head.bias
            if offsets is not None:
                lengths = np.diff(offsets)[outside]
                starts = np.concatenate([[0], np.cumsum(lengths)])
                values = pool_windows(values, starts, self.settings.windows)
            logits[outside] = values
        return logits, False

    def few_examples_head(self) -> TrainedWeights:
        started = time.monotonic()
        chosen = self.settings.pooling
        poolings = self._usual_poolings() if chosen == "auto" else [chosen]
        texts, held_out, frozen = self._frozen_texts(poolings)
        head = train_few_examples_head(
            texts,
            poolings,
            standardize=bool(self.settings.standardize),
            positive_weights=self.positive_weights,
            text_weights=self.train.weights,
            seed=self.settings.seed,
            progress=self.progress,
        )
        self.progress.say(head.summary(len(poolings)))
        dev_logits = None
        # Rows are means of windows; where the maximum is wanted, prediction must tell.
        exact = frozen.keeps_precision and self.settings.windows != "max"
        if held_out is not None and exact:
            dev_logits = combine(dict(held_out.parts), head.pooling) @ head.kernel + head.bias
        epoch = {"loss": head.training_loss, "seconds": time.monotonic() - started}
        return TrainedWeights(
            self.checkpoint.tensors,
            head.kernel,
            head.bias,
            head.pooling,
            self.settings,
            History([epoch], best_epoch=1),
            representation_scores=head.scores() if len(poolings) > 1 else {},
            precision=frozen.precision,
            dev_logits=dev_logits,
            out_of_fold_logits=head.out_of_fold_logits,
        )

    def searched(
        self, search: Search, given: TrainingSettings, label_names: Sequence[str] | None
    ) -> SearchResult:
        """Try settings of a head on the features of the frozen encoder.

        Args:
            search: what is tried.
            given: the settings, not resolved.
            label_names: X names.
        """
        from multilabel_bert.training.search import head_settings, search_heads

        pooler, layers = self.checkpoint.has_pooler, self.checkpoint.config.num_hidden_layers
        tried = combinations(search, given, layers=layers, pooler=pooler)
        poolings = {head_settings(given, values).pooling for values in tried}
        for pooling in poolings:
            check_pooling(pooling, layers, pooler=pooler, origin=self.checkpoint.origin)
        texts, held_out, _ = self._frozen_texts(sorted(poolings))
        found = search_heads(
            texts,
            given,
            search,
            tried,
            new_network=lambda settings: replace(self, settings=settings)._network(
                layers, settings.pooling
            ),
            positive_weights=lambda settings, targets: _positive_weights(
                settings, targets, label_names
            ),
            hidden_size=self.checkpoint.config.hidden_size,
            held_out=held_out,
            progress=self.progress,
        )
        self.progress.say(found.summary())
        return found

    def _frozen_texts(
        self, poolings: Sequence[str]
    ) -> tuple[FrozenTexts, FrozenTexts | None, FrozenLayers]:
        """The texts with parts of representations, a row a text, and those of development."""
        frozen, parts, dev_parts = self._encoded(poolings)

        def as_rows(parts: dict[str, np.ndarray], examples: Examples) -> FrozenTexts:
            offsets, count = self._rows_of(examples), len(examples.targets)
            rows = {name: pool_windows(values, offsets, "mean") for name, values in parts.items()}
            groups = np.arange(count) if examples.groups is None else examples.groups
            return FrozenTexts(rows, examples.targets, groups)

        held_out = None
        if self.dev is not None and dev_parts is not None:
            held_out = as_rows(dev_parts, self.dev)
        return as_rows(parts, self.train), held_out, frozen

    def _encoded(self, poolings: Sequence[str]) -> Encoded:
        """What representations are made of, for the texts and those of development."""
        # What every run computes, so that another run on the same texts finds it.
        wanted = frozenset(
            part for name in (*self._kept_poolings(), *poolings) for part in pooling_parts(name)
        )
        for parts, encoded in self.encoded.items():
            if wanted <= parts:
                return encoded
        frozen = self._frozen([part for part in PARTS if part in wanted])
        train_parts = self._parts(frozen, self.train, "Encoding")
        dev_parts = (
            self._parts(frozen, self.dev, "Encoding the development split")
            if self.dev is not None
            else None
        )
        self.encoded[wanted] = frozen, train_parts, dev_parts
        return self.encoded[wanted]

    def _parts(self, frozen: FrozenLayers, examples: Examples, title: str) -> dict[str, np.ndarray]:
        """Parts of representations, a row a text, or a row a window where logits are maxima."""
        parts = frozen.representations(examples.texts, title)
        if self.settings.windows != "mean":
            return parts
        # The head is linear: on the mean of features it gives the mean of the windows' logits.
        offsets = examples.texts.window_offsets
        return {name: pool_windows(values, offsets, "mean") for name, values in parts.items()}

    def _rows_of(self, examples: Examples | None) -> np.ndarray | None:
        """Where each text's rows of `_parts` start; None where a row is a text."""
        if examples is None or self.settings.windows != "max":
            return None
        return examples.texts.window_offsets

    def _inputs(self, rows: TrainingInputs, examples: Examples) -> TrainingInputs:
        offsets = examples.texts.window_offsets
        return rows if offsets is None else WindowedInputs(rows, offsets)

    def _best_of(self, runs: dict[str, TrainedWeights]) -> tuple[dict[str, float], str]:
        """The development score of each representation of several, and the best one."""

        def of(name: str) -> dict[str, float]:
            return {
                pooling: value
                for pooling, run in runs.items()
                if len(runs) > 1
                and run.history.epochs
                # NaN where no label has both a positive and a negative there.
                and not math.isnan(value := run.history.epochs[run.history.best_epoch - 1][name])
            }

        scores = of(f"val_{DEFAULT_MONITOR}")
        if scores or len(runs) == 1:
            return scores, max(runs, key=lambda pooling: scores.get(pooling, -1.0))
        losses = of("val_loss")
        best = min(runs, key=lambda pooling: losses.get(pooling, math.inf))
        self.progress.say(
            f"Representation: {best}, by the loss; no label has both a yes and a no in the "
            "development split, so nothing else tells them apart. Hold out more texts."
        )
        return {}, best

    def _warn_of_small_steps(self) -> None:
        rate, epochs = self.settings.learning_rate, self.settings.num_train_epochs
        size = self.settings.train_batch_size
        if self.start is not None or rate is None or epochs is None or size is None:
            return
        size *= self.settings.gradient_accumulation_steps
        updates = epochs * math.ceil(len(self.train.targets) / size)
        # Adam moves a weight by the rate at most, and new ones start at 0.02.
        if rate * updates < _SMALLEST_WAY:
            self.progress.say(
                f"Note: a rate of {rate:g} in {updates:,} updates moves no weight of the new "
                f"output layer by more than {rate * updates:.2g}: it learns next to nothing. "
                "Leave learning_rate and num_train_epochs out, or train layers too."
            )

    def _usual_poolings(self) -> list[str]:
        layers, pooler = self.checkpoint.config.num_hidden_layers, self.checkpoint.has_pooler
        return possible_poolings(AUTO_POOLINGS, layers, pooler=pooler)

    def _kept_poolings(self) -> list[str]:
        """Whose parts every run computes: lower layers cost no time, but as much disk again."""
        rows, hidden_size = len(self.train.texts), self.checkpoint.config.hidden_size
        few = rows * hidden_size * len(LOWER_MEAN_PARTS) <= _FEW_VALUES
        return [name for name in self._usual_poolings() if few or not lowest_layer([name])]

    def _say_what_others_score(
        self, train_parts: dict[str, np.ndarray], dev_parts: dict[str, np.ndarray]
    ) -> None:
        shown = (self.progress.bars or self.progress.lines) and self.start is None
        if not (self.settings.compare_poolings and shown and self.dev is not None):
            return
        own = self.settings.pooling
        train_offsets, dev_offsets = self._rows_of(self.train), self._rows_of(self.dev)
        scores = quick_scores(
            {name: pool_windows(rows, train_offsets, "mean") for name, rows in train_parts.items()},
            self.train.targets,
            {name: pool_windows(rows, dev_offsets, "mean") for name, rows in dev_parts.items()},
            self.dev.targets,
            list(dict.fromkeys([own, *self._kept_poolings()])),
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

        def inputs(values: np.ndarray, examples: Examples) -> TrainingInputs:
            rows = FeatureInputs(standardizer.apply(values) if standardizer else values)
            offsets = self._rows_of(examples)
            return rows if offsets is None else WindowedInputs(rows, offsets)

        network = self._network(
            self.checkpoint.config.num_hidden_layers, pooling, standardizer=standardizer
        )
        dev = None
        if self.dev is not None and dev_features is not None:
            dev = inputs(dev_features, self.dev)
        history = self._fit(network, inputs(features, self.train), dev)
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
        train = self._inputs(frozen.hidden_inputs(self.train.texts, title), self.train)
        dev = None
        if self.dev is not None:
            hidden = frozen.hidden_inputs(self.dev.texts, f"{title}, development split")
            dev = self._inputs(hidden, self.dev)
        return self._fit_layers(first_layer, train, dev, frozen.precision)

    def everything(self) -> TrainedWeights:
        train = self._inputs(TokenInputs(self.train.texts), self.train)
        dev = None
        if self.dev is not None:
            dev = self._inputs(TokenInputs(self.dev.texts), self.dev)
        # Prediction needs an engine of this precision: better to know it now than at the end.
        _, precision = choose_engine("auto", self.settings.precision)
        return self._fit_layers(None, train, dev, precision)

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
        if self.start is not None:
            identity["starting head"] = self.start.digest()
        if self.train.weights is not None:
            identity["weights of the texts"] = digest_of(self.train.weights)
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
        self,
        first_layer: int | None,
        pooling: str,
        dtype: str = "float32",
        standardizer: Standardizer | None = None,
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
            windows=self.settings.windows,
        )
        kernel, bias = network.head_tensors()
        if self.settings.prior_bias:
            bias = prior_bias(*self.train.targets.known_counts())
        if self.start is not None:
            kernel, bias = self.start.onto(kernel, bias, standardizer)
        network.set_head(kernel, bias)
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
            LabelledInputs(train, self.train.targets, self.train.weights),
            self.settings,
            dev=None if dev is None or self.dev is None else LabelledInputs(dev, self.dev.targets),
            positive_weights=self.positive_weights,
            callbacks=self.callbacks,
            progress=self.progress,
            saved_state=saved_state,
        )


def _rows(texts: np.ndarray, offsets: np.ndarray | None) -> np.ndarray:
    """The rows of texts, which has several of each where `offsets` say so."""
    if offsets is None:
        return texts
    return np.concatenate([np.arange(offsets[text], offsets[text + 1]) for text in texts])


def _training_precision(wanted: str) -> str:
    """What trained layers compute in: as `choose_precision`, and bfloat16 on any GPU."""
    import keras

    if wanted == "auto" and keras.distribution.list_devices("gpu"):
        return "bfloat16"
    return choose_precision(wanted)


def _check_fit(
    settings: TrainingSettings,
    checkpoint: Checkpoint,
    dev: Examples | None,
    *,
    searched: bool = False,
) -> None:
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
        if option == "pooling" and (searched or settings.few_examples):
            continue  # chosen by cross-validation
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
