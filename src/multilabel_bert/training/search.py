"""Many settings of a head, tried on features that are there: successive halving by folds."""

# N = texts, D = size of a representation, X = labels, C = configurations

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from multilabel_bert.decision.bootstrap import bootstrap_interval
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.metrics import check_metric, score
from multilabel_bert.decision.objectives import TUNABLE_METRICS
from multilabel_bert.decision.thresholds import (
    DEFAULT_METRIC,
    DEFAULT_STRATEGY,
    tune_thresholds,
)
from multilabel_bert.encoder.pooling import combine
from multilabel_bert.progress import Progress, Task
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.head_bank import SHARED_SETTINGS, HeadBank, HeadPlan
from multilabel_bert.training.head_start import Standardizer, prior_bias
from multilabel_bert.training.losses import make_loss
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.search_result import Estimate, SearchResult, Tried
from multilabel_bert.training.search_space import Search
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets

# Weights of the heads that are trained side by side; with what Adam keeps of them and the
# gradients six times as many numbers.
_BANK_WEIGHTS = 2**24
# Where no development split is there, one text in so many is kept out of the search.
_OUTER_FOLDS = 5
# Steps of the progress bar.
_STEPS = 100


def search_heads(
    texts: FrozenTexts,
    settings: TrainingSettings,
    search: Search,
    configurations: Sequence[dict[str, Any]],
    *,
    new_network: Callable[[TrainingSettings], ClassifierNetwork],
    positive_weights: Callable[[TrainingSettings, Targets], np.ndarray | None],
    hidden_size: int,
    held_out: FrozenTexts | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Try many configurations and say which is best, and how good it is.

    In each round every configuration that is left is trained and judged by cross-validation on
    the texts of the round; the best of them go on to the next, with more texts. Thresholds for
    the texts of a fold are chosen on those of the others. The settings of the run itself take
    part in every round, so that they can be compared with.

    Ctrl-C ends it; the best of the last complete round is the result then (of the first, the best
    so far).

    Args:
        texts: to search on.
        settings: of the run, as given.
        search: how it is tried.
        configurations: from `combinations`; the first is the run's own.
        new_network: a network for a head alone with settings that are resolved; all heads that
            are trained side by side start as its head does.
        positive_weights: what `class_weight` comes to on some texts.
        hidden_size: H.
        held_out: texts for the estimate; None: a fifth of `texts` is kept out of the search.
        progress: where progress is shown.

    Raises:
        SettingsError: if no configuration can be used, or there are fewer texts than folds.

    Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and
    hyperparameter optimization", arXiv:1502.07943, with texts as the resource.
    """
    progress = progress or Progress("silent")
    started = time.monotonic()
    if held_out is None:
        outer = texts.folds(_OUTER_FOLDS, settings.seed)
        held_out = texts.subset(np.flatnonzero(outer == 0))
        texts = texts.subset(np.flatnonzero(outer != 0))
    run = _SearchRun(
        texts,
        settings,
        search,
        configurations,
        new_network,
        positive_weights,
        hidden_size,
        search.metric or DEFAULT_METRIC,
        search.threshold_strategy or DEFAULT_STRATEGY,
    )
    rounds = run.plan()
    shown = ", ".join(f"{count} on {size:,} texts" for count, size in rounds)
    progress.say(f"Search: {len(configurations)} configurations; {shown}; {search.folds} folds")
    interrupted = False
    estimate = None
    try:
        with progress.task("Search", _STEPS, "%") as task:
            work = _Work(task, sum(count * size for count, size in rounds) * search.folds)
            for number, (_, size) in enumerate(rounds, start=1):
                run.play(number, size, last=number == len(rounds), work=work)
        estimate = run.estimate(held_out)
    except KeyboardInterrupt:
        interrupted = True
        progress.say("Interrupted: the search ends, and the best so far is taken.")
    return SearchResult(
        run.metric,
        run.ranked(),
        estimate,
        rounds,
        search.folds,
        time.monotonic() - started,
        interrupted,
    )


def out_of_fold_score(
    targets: np.ndarray, logits: np.ndarray, fold_of: np.ndarray, metric: str, strategy: str
) -> float:
    """A metric of logits each of which comes from a head that has not seen its text.

    Where the metric needs decisions, the thresholds for a fold are chosen on the others.

    Args:
        targets: [N, X], -1 unknown.
        logits: float32 [N, X].
        fold_of: int [N].
        metric: a name of `METRICS`.
        strategy: of `tune_thresholds`.

    Returns:
        NaN if a logit is not finite.
    """
    if not np.isfinite(logits).all():
        return math.nan
    probabilities = sigmoid(logits)
    if metric not in TUNABLE_METRICS:
        return float(score(metric, targets, probabilities, logits=logits))
    decided = np.zeros(targets.shape, np.int8)
    for fold in np.unique(fold_of):
        own = fold_of == fold
        thresholds = tune_thresholds(
            targets[~own], probabilities[~own], strategy=strategy, metric=metric
        )
        decided[own] = probabilities[own] >= thresholds
    return float(score(metric, targets, probabilities, decided))


def head_settings(settings: TrainingSettings, values: Mapping[str, Any]) -> TrainingSettings:
    """The settings of a head alone with a configuration, for a run that may train layers.

    What the run says about its layers (rates, epochs, batches) says nothing about a head.
    """
    if settings.train_layers != 0:
        settings = replace(
            settings,
            train_layers=0,
            layer_decay=1.0,
            gradual_unfreezing=0.0,
            num_train_epochs=None,
            train_batch_size=None,
            learning_rate=None,
            head_learning_rate=None,
            gradient_accumulation_steps=1,
        )
    return replace(settings, **{"early_stopping": None, **values})


@dataclass
class _Work:
    """The bar of a search: how much of all the work is done."""

    task: Task
    total: int
    done: int = 0
    note: str = ""

    def advance(self, amount: int) -> None:
        before = self.done * _STEPS // self.total
        self.done = min(self.total, self.done + amount)
        if steps := self.done * _STEPS // self.total - before:
            self.task.advance(steps, self.note)


@dataclass
class _SearchRun:
    texts: FrozenTexts
    settings: TrainingSettings
    search: Search
    configurations: Sequence[dict[str, Any]]
    new_network: Callable[[TrainingSettings], ClassifierNetwork]
    positive_weights: Callable[[TrainingSettings, Targets], np.ndarray | None]
    hidden_size: int
    metric: str
    strategy: str
    # Configuration to what it reached; those of the round that is being played apart, since the
    # scores of an incomplete round cannot be compared with others.
    tried: dict[int, Tried] = field(default_factory=dict)
    playing: dict[int, Tried] = field(default_factory=dict)
    # Of the last round, for the thresholds.
    logits: dict[int, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray | None = None

    def plan(self) -> list[tuple[int, int]]:
        """Configurations and texts of each round."""
        reduction, texts, count = self.search.reduction, len(self.texts), len(self.configurations)
        later = 0
        while texts // reduction ** (later + 1) >= self.search.min_texts and count > reduction ** (
            later + 1
        ):
            later += 1
        rounds = []
        for left in range(later, -1, -1):
            rounds.append((count, texts // reduction**left))
            # The settings of the run are there beside the best.
            count = max(2, math.ceil(count / reduction))
        return rounds

    def play(self, number: int, size: int, *, last: bool, work: _Work) -> None:
        """Judge all configurations that are left on `size` texts."""
        left = list(range(len(self.configurations)))
        if number > 1:
            wanted = self.plan()[number - 1][0]
            ranks = sorted(left, key=lambda index: self._rank(self.tried, index))
            left = sorted({0, *[index for index in ranks if index != 0][: wanted - 1]})
        rng = np.random.default_rng(self.settings.seed)
        self.rows = np.sort(rng.permutation(len(self.texts))[:size])
        texts = self.texts if size == len(self.texts) else self.texts.subset(self.rows)
        folds = texts.folds(self.search.folds, self.settings.seed)
        truth = texts.targets.dense()
        for members, bank in self._banks(left, texts):
            best = max((one.score for one in self.playing.values()), default=math.nan)
            work.note = f"round {number}" + ("" if math.isnan(best) else f", best {best:.4f}")
            logits = self._out_of_fold(bank, texts, folds, work)
            for index, own in zip(members, logits, strict=True):
                value = out_of_fold_score(truth, own, folds, self.metric, self.strategy)
                self.playing[index] = Tried(
                    self.configurations[index], value, number, size, own=index == 0
                )
                if last:
                    self._keep(index, own)
        self.tried |= self.playing
        self.playing = {}

    def _keep(self, index: int, logits: np.ndarray) -> None:
        """Keep the logits that the estimate may need: of the best, and of the run's settings."""
        self.logits[index] = logits
        best = min(self.playing, key=lambda other: self._rank(self.playing, other))
        self.logits = {at: values for at, values in self.logits.items() if at in (0, best)}

    def _out_of_fold(
        self, bank: HeadBank, texts: FrozenTexts, folds: np.ndarray, work: _Work
    ) -> np.ndarray:
        """The logits of each head for the texts that it was not trained on, [C, N, X]."""
        features = combine(dict(texts.parts), bank.settings.pooling)
        labels = texts.targets.shape[1]
        logits = np.empty((len(bank.plans), len(texts), labels), np.float32)
        for fold in range(self.search.folds):
            inside = np.flatnonzero(folds == fold)
            outside = np.flatnonzero(folds != fold)
            predicted = self._fit_and_predict(
                bank,
                features[outside],
                texts.targets.subset(outside),
                features[inside],
            )
            logits[:, inside] = predicted
            work.advance(len(bank.plans) * len(texts))
        return logits

    def _fit_and_predict(
        self, bank: HeadBank, features: np.ndarray, targets: Targets, others: np.ndarray
    ) -> np.ndarray:
        if bank.settings.standardize:
            standardizer = Standardizer.of(features)
            features, others = standardizer.apply(features), standardizer.apply(others)
        bias = np.zeros(targets.shape[1], np.float32)
        if bank.settings.prior_bias:
            bias = prior_bias(*targets.known_counts())
        kernels, biases = bank.train(features, targets, bias)
        return np.stack([others @ k + b for k, b in zip(kernels, biases, strict=True)])

    def _banks(
        self, configurations: Sequence[int], texts: FrozenTexts, trained_on: int | None = None
    ) -> Iterator[tuple[list[int], HeadBank]]:
        """The configurations that can be trained side by side."""
        folds = self.search.folds
        trained_on = trained_on or len(texts) * (folds - 1) // folds
        groups: dict[str, list[tuple[int, HeadPlan]]] = {}
        for index in configurations:
            settings = head_settings(self.settings, self.configurations[index])
            if settings.pooling == "auto":
                raise ValueError("a configuration has a representation")
            settings = settings.resolved(self.hidden_size, trained_on)
            weights = self.positive_weights(settings, texts.targets)
            counts = texts.targets.known_counts()
            loss = make_loss(settings, counts=counts, positive_weights=weights)
            plan = HeadPlan(settings, loss, json.dumps(loss.get_config(), sort_keys=True))
            shared = json.dumps([getattr(settings, name) for name in SHARED_SETTINGS])
            groups.setdefault(shared, []).append((index, plan))
        for members in groups.values():
            network = self.new_network(members[0][1].settings)
            weights_of_one = network.head_tensors()[0].size
            at_once = max(1, _BANK_WEIGHTS // weights_of_one)
            for start in range(0, len(members), at_once):
                part = members[start : start + at_once]
                yield [index for index, _ in part], HeadBank(network, [plan for _, plan in part])

    def ranked(self) -> list[Tried]:
        """What was tried, the best first."""
        # Before the end of the first round there is nothing better than what it has so far.
        tried = self.tried or self.playing
        if not tried:
            return [Tried(self.configurations[0], math.nan, 0, 0, own=True)]
        return [tried[index] for index in self._order(tried)]

    def _order(self, tried: Mapping[int, Tried]) -> list[int]:
        return sorted(tried, key=lambda index: self._rank(tried, index))

    def _rank(self, tried: Mapping[int, Tried], index: int) -> tuple[int, bool, float, int]:
        one = tried[index]
        sign = -1.0 if check_metric(self.metric).greater_is_better else 1.0
        undefined = math.isnan(one.score)
        return -one.round, undefined, 0.0 if undefined else sign * one.score, index

    def estimate(self, held_out: FrozenTexts) -> Estimate | None:
        """How good the best is on texts that had no say, and how good the run's own settings."""
        best = self._order(self.tried)[0]
        truth = held_out.targets.dense()
        if not (truth > 0).any() or math.isnan(self.tried[best].score):
            return None
        intervals = {}
        for index in {0, best}:
            ((_, bank),) = self._banks([index], self.texts, len(self.texts))
            ((logits),) = self._fit_and_predict(
                bank,
                combine(dict(self.texts.parts), bank.settings.pooling),
                self.texts.targets,
                combine(dict(held_out.parts), bank.settings.pooling),
            )
            if not np.isfinite(logits).all():
                continue
            thresholds: Any = None
            if self.metric in TUNABLE_METRICS:
                thresholds = tune_thresholds(
                    self.texts.targets.dense()[self.rows],
                    sigmoid(self.logits[index]),
                    strategy=self.strategy,
                    metric=self.metric,
                )
            intervals[index] = bootstrap_interval(
                self.metric,
                truth,
                sigmoid(logits),
                thresholds=thresholds,
                seed=self.settings.seed,
                rounds=300,
            )
        if best not in intervals:
            return None
        found = intervals[best]
        own = intervals[0].value if 0 in intervals else None
        return Estimate(found.value, found.low, found.high, own, len(held_out))
