"""Training of the head alone, on features that are computed once a text."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from multilabel_bert.data.splitting import stratified_folds
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
from multilabel_bert.text.long_texts import pool_windows
from multilabel_bert.training.batches import FeatureInputs, TrainingInputs, WindowedInputs
from multilabel_bert.training.examples import Examples, TrainedWeights
from multilabel_bert.training.few_examples import train_few_examples_head
from multilabel_bert.training.frozen_layers import FrozenLayers
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.head_start import Standardizer
from multilabel_bert.training.history import DEFAULT_MONITOR, History
from multilabel_bert.training.quick_head import quick_scores
from multilabel_bert.training.run import TrainingRun
from multilabel_bert.training.run_checks import positive_weights
from multilabel_bert.training.search_result import SearchResult
from multilabel_bert.training.search_space import Search, combinations
from multilabel_bert.training.settings import TrainingSettings

# How far Adam must be able to move the weights of a new head, so that they tell texts apart.
_SMALLEST_WAY = 0.05


# The layers, and parts of representations of the training and the development texts.
Encoded = tuple[FrozenLayers, dict[str, np.ndarray], dict[str, np.ndarray] | None]

# Of the lower layers, kept though nobody asked: 256 MB in half precision.
_FEW_VALUES = 2**27


@dataclass(frozen=True)
class HeadRun(TrainingRun):
    """A run that trains the head alone, on features of the frozen encoder.

    Attributes:
        folds: of the thresholds' cross-validation; 0 for none.
        encoded: what `_encoded` has, so that a search and what follows it encode once even without
            a cache.
    """

    folds: int = 0
    encoded: dict[frozenset[str], Encoded] = field(default_factory=dict)

    def head_alone(self) -> TrainedWeights:
        """Train the head on one representation, or on several to keep the best."""
        self._warn_of_small_steps()
        chosen = self.settings.pooling
        poolings = self._usual_poolings() if chosen == "auto" else [chosen]
        frozen, train_parts, dev_parts = self._encoded(poolings)
        runs = {}
        for pooling in poolings:
            if len(poolings) > 1:
                self.progress.say(f"Head on {pooling}:")
            dev_features = None if dev_parts is None else combine(dev_parts, pooling)
            run = self
            if self.log is not None and chosen == "auto":
                run = replace(self, log=self.log.within(pooling))
            runs[pooling] = run._head_on(combine(train_parts, pooling), dev_features, pooling)
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
            texts = self.train.texts.subset(_rows(inside, offsets))
            examples = replace(
                self.train,
                texts=replace(texts, window_offsets=_offsets_of(inside, offsets)),
                targets=self.train.targets.subset(inside),
                weights=None if self.train.weights is None else self.train.weights[inside],
                groups=None,
            )
            run = replace(self, train=examples, dev=None, callbacks=(), log=None)
            head = run._head_on(features[_rows(inside, offsets)], None, pooling)
            if head.history.interrupted:
                return None, True
            values = features[_rows(outside, offsets)] @ head.kernel + head.bias
            starts = _offsets_of(outside, offsets)
            logits[outside] = pool_windows(values, starts, self.settings.windows)
        return logits, False

    def few_examples_head(self) -> TrainedWeights:
        """Fit a head for few examples, its regularisation chosen by cross-validation."""
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
        if self.log is not None:
            self.log.write_few_examples(head, epoch)
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
            positive_weights=lambda settings, targets: positive_weights(
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

    @property
    def _compares(self) -> bool:
        """Whether it is said what other representations would score."""
        shown = (self.progress.bars or self.progress.lines) and self.start is None
        chosen = self.settings.pooling
        wanted = self.settings.compare_poolings and chosen != "auto" and self.dev is not None
        return shown and wanted

    def _kept_poolings(self) -> list[str]:
        """Whose parts a run computes though it does not need them.

        Those of the last layer cost nothing. Lower layers cost some per cent of the time, and as
        much disk again: they are for the comparison alone, where texts are not too many.
        """
        rows, hidden_size = len(self.train.texts), self.checkpoint.config.hidden_size
        few = rows * hidden_size * len(LOWER_MEAN_PARTS) <= _FEW_VALUES
        lower = self._compares and few
        return [name for name in self._usual_poolings() if lower or not lowest_layer([name])]

    def _say_what_others_score(
        self, train_parts: dict[str, np.ndarray], dev_parts: dict[str, np.ndarray]
    ) -> None:
        if not self._compares or self.dev is None:
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


def _offsets_of(texts: np.ndarray, offsets: np.ndarray | None) -> np.ndarray | None:
    """Where the rows of some texts start, once those of others are left out."""
    if offsets is None:
        return None
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[texts])])


def _rows(texts: np.ndarray, offsets: np.ndarray | None) -> np.ndarray:
    """The rows of texts, which has several of each where `offsets` say so."""
    if offsets is None:
        return texts
    return np.concatenate([np.arange(offsets[text], offsets[text + 1]) for text in texts])
