"""From datasets and an encoder to a trained model: what `MultiLabelClassifier.fit` runs."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.duplicates import text_groups
from multilabel_bert.data.label_names import check_storable
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.label_changes import layout_for_labels
from multilabel_bert.optional import check_optional
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.training.search_space import Search, settings_found
from multilabel_bert.training.settings import TrainingSettings

if TYPE_CHECKING:
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.head_start import HeadStart
    from multilabel_bert.training.history import History
    from multilabel_bert.training.run_log import RunLog
    from multilabel_bert.training.search_result import SearchResult


@dataclass(frozen=True)
class TrainedModel:
    """What a training gave.

    Attributes:
        model: decides at 0.5 as yet.
        history: what happened.
        representation_scores: with ``pooling="auto"``, the development score of each.
        dev_logits: float32 [N, X] of the development texts, or None where prediction must tell.
        out_of_fold_logits: float32 [N, X] of the training texts, each from a head that was not
            trained on it; or None.
        search: what was searched; None without a search.
    """

    model: ClassifierModel
    history: History
    representation_scores: dict[str, float]
    dev_logits: np.ndarray | None
    out_of_fold_logits: np.ndarray | None = None
    search: SearchResult | None = None


def train_model(
    checkpoint: Checkpoint,
    train: Dataset,
    settings: TrainingSettings,
    *,
    dev: Dataset | None = None,
    rule: DecisionRule | None = None,
    start: ClassifierModel | None = None,
    do_lower_case: bool | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress | None = None,
    cache: FeatureCache | None = None,
    state_directory: Path | None = None,
    search: Search | None = None,
    folds: int = 0,
    log: RunLog | None = None,
    import_keras: Callable[[], object] | None = None,
) -> TrainedModel:
    """Tokenize, train, and put together what turns texts into labels.

    Args:
        checkpoint: the encoder.
        train: texts to learn from, with labels.
        settings: need not be resolved.
        dev: texts to follow the training on.
        rule: from probabilities to labels; 0.5 for all unless given.
        start: a trained model whose encoder `checkpoint` is, to go on from its head; labels are
            matched by name.
        do_lower_case: only where the encoder does not say.
        callbacks: Keras callbacks.
        progress: where progress is shown.
        cache: where the values of the frozen layers are kept, or None.
        state_directory: see `train_classifier`.
        search: settings of the head to try first; the training takes the best of them.
        folds: see `train_classifier`.
        log: see `train_classifier`.
        import_keras: called before Keras is needed, which a head for few examples does without,
            unless it is logged.

    Raises:
        SettingsError: if a setting does not fit the encoder or the data.
        LabelError: if the name of a label could not be saved.
        MissingExtraError: if Keras is not installed.
    """
    check_optional("keras", extra="train", purpose="training")
    check_storable(train.label_names)
    from multilabel_bert.training.examples import Examples
    from multilabel_bert.training.pipeline import train_classifier
    from multilabel_bert.training.provenance import provenance_of
    from multilabel_bert.training.targets import Targets

    progress = progress or Progress("silent")
    tokenizer = (
        BertTokenizer.from_files(checkpoint.tokenizer_files, do_lower_case=do_lower_case)
        if start is None
        else start.tokenizer
    )
    settings = _lowered_to_fit(settings, checkpoint, progress)

    def examples(dataset: Dataset) -> Examples:
        tokenized = tokenizer.encode(
            dataset.texts,
            dataset.text_pairs,
            max_seq_length=settings.max_seq_length,
            long_texts=settings.long_texts,
        )
        return Examples(tokenized, Targets(dataset.require_labels()))

    train_examples = replace(examples(train), weights=train.weights)
    if search is not None or settings.few_examples or folds:
        train_examples = replace(train_examples, groups=text_groups(train))
    if train.soft_labels is not None:
        soft = np.nan_to_num(train.soft_labels, nan=-1.0)
        train_examples = replace(train_examples, targets=Targets(soft))
    case = "lower-cased" if tokenizer.do_lower_case else "cased"
    progress.say(f"Texts: {len(train):,}, {case} (by {tokenizer.case_source})")
    if cut := train_examples.texts.truncation_summary():
        progress.say(cut)
    dev_examples = None if dev is None else examples(dev)
    if import_keras is not None and (log is not None or not settings.few_examples):
        import_keras()
    weights = train_classifier(
        checkpoint,
        train_examples,
        settings,
        dev=dev_examples,
        label_names=train.label_names,
        callbacks=callbacks,
        progress=progress,
        cache=cache,
        state_directory=state_directory,
        start=None if start is None else _head_start(start, train),
        search=search,
        folds=folds,
        log=log,
    )
    provenance = provenance_of(checkpoint, train, dev, start) | {
        "precision": weights.precision,
        "history": weights.history.to_dict(),
    }
    given = settings
    if weights.search is not None:
        # As if they had been given: a training that goes on from this model goes on with them.
        given = settings_found(settings, weights.search.best)
        provenance["search"] = weights.search.to_dict()
    model = ClassifierModel(
        config=checkpoint.config,
        tensors=weights.tensors,
        kernel=weights.kernel,
        bias=weights.bias,
        pooling=weights.pooling,
        label_names=train.label_names,
        tokenizer=tokenizer,
        max_seq_length=settings.max_seq_length,
        long_texts=settings.long_texts,
        rule=rule or DecisionRule.fixed(len(train.label_names)),
        # Not what "auto" became here: the model may be run on another processor.
        precision=settings.precision,
        layout=_layout(train, start),
        settings={"given": given.to_dict(), "used": weights.settings.to_dict()},
        provenance=provenance,
    )
    return TrainedModel(
        model,
        weights.history,
        weights.representation_scores,
        weights.dev_logits,
        weights.out_of_fold_logits,
        weights.search,
    )


def _lowered_to_fit(
    settings: TrainingSettings, checkpoint: Checkpoint, progress: Progress
) -> TrainingSettings:
    """The settings with a default `max_seq_length` that the encoder has positions for."""
    limit = checkpoint.config.max_position_embeddings
    is_default = settings.max_seq_length == TrainingSettings.max_seq_length
    if not is_default or limit >= settings.max_seq_length:
        return settings
    progress.say(
        f"max_seq_length: {limit}, not {settings.max_seq_length}: {checkpoint.origin} has position "
        f"embeddings for {limit} tokens"
    )
    return replace(settings, max_seq_length=limit)


def _head_start(start: ClassifierModel, train: Dataset) -> HeadStart:
    """The head of a model with the columns of a dataset.

    A label that `add_labels` gave the same probability for every text, and that no training has
    touched, starts as a new one does, if the texts say anything about it.
    """
    from multilabel_bert.training.head_start import HeadStart

    kernel = np.zeros((len(start.kernel), len(train.label_names)), np.float32)
    bias = np.zeros(len(train.label_names), np.float32)
    trained = np.zeros(len(train.label_names), bool)
    _, _, unknown = train.label_counts()
    column_of = {name: column for column, name in enumerate(start.label_names)}
    for new, name in enumerate(train.label_names):
        if (old := column_of.get(name)) is not None:
            kernel[:, new], bias[new] = start.kernel[:, old], start.bias[old]
            trained[new] = start.kernel[:, old].any() or unknown[new] == len(train)
    return HeadStart(kernel, bias, trained)


def _layout(train: Dataset, start: ClassifierModel | None) -> dict[str, Any] | None:
    """How tables like the training data are read; a model's own one is kept for texts in memory."""
    if train.layout is not None:
        return train.layout.to_dict()
    if start is None:
        return None
    return layout_for_labels(start.layout, start.label_names, train.label_names)
