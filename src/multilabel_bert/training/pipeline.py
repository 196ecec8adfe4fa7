"""A whole training run: tokenized texts to the weights of a classifier."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from multilabel_bert.encoder.boundary import checked_train_layers
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.progress import Progress
from multilabel_bert.training.examples import Examples, TrainedWeights
from multilabel_bert.training.feature_cache import FeatureCache
from multilabel_bert.training.head_run import HeadRun
from multilabel_bert.training.head_start import HeadStart
from multilabel_bert.training.layer_run import LayerRun
from multilabel_bert.training.run_checks import check_fit, positive_weights
from multilabel_bert.training.run_log import RunLog
from multilabel_bert.training.search_space import Search, settings_found
from multilabel_bert.training.settings import TrainingSettings


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
    log: RunLog | None = None,
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
        log: where the training is logged, or None.

    Raises:
        SettingsError: if a setting does not fit the encoder or the data, or the state is of
            another training.
    """
    config = checkpoint.config
    progress = progress or Progress("silent")
    given, settings = settings, settings.resolved(config.hidden_size, len(train.targets))
    check_fit(settings, checkpoint, dev, searched=search is not None)
    if callbacks:
        # Keras is imported only where it is needed.
        from multilabel_bert.training.trainer import check_callbacks

        check_callbacks(callbacks)
    trained_layers = checked_train_layers(settings.train_layers, config.num_hidden_layers)
    told = (
        checkpoint,
        settings,
        train,
        dev,
        positive_weights(settings, train.targets, label_names),
        callbacks,
        progress,
        cache,
        state_directory,
        start,
        log,
    )
    head = HeadRun(*told, folds)
    layers = LayerRun(*told)
    found = None
    if search is not None:
        found = head.searched(search, given, label_names)
        settings = settings_found(given, found.best).resolved(
            config.hidden_size, len(train.targets)
        )
        weights = positive_weights(settings, train.targets, label_names)
        head = replace(head, settings=settings, positive_weights=weights)
        layers = replace(layers, settings=settings, positive_weights=weights)
    if settings.few_examples:
        trained = head.few_examples_head()
    elif settings.train_layers == 0:
        trained = head.head_alone()
    elif settings.train_layers == "all":
        trained = layers.everything()
    else:
        trained = layers.top_layers(config.num_hidden_layers - trained_layers)
    if found is None:
        return trained
    interrupted = trained.history.interrupted or found.interrupted
    return replace(trained, search=found, history=replace(trained.history, interrupted=interrupted))
