"""From datasets and an encoder to a trained model: what `MultiLabelClassifier.fit` runs."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import import_optional
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.training.settings import TrainingSettings

if TYPE_CHECKING:
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.trainer import History


@dataclass(frozen=True)
class TrainedModel:
    """What a training gave.

    Attributes:
        model: decides at 0.5 as yet.
        history: what happened.
        representation_scores: with ``pooling="auto"``, the development score of each.
        dev_logits: float32 [N, X] of the development texts, or None where prediction must tell.
    """

    model: ClassifierModel
    history: History
    representation_scores: dict[str, float]
    dev_logits: np.ndarray | None


def train_model(
    checkpoint: Checkpoint,
    train: Dataset,
    settings: TrainingSettings,
    *,
    dev: Dataset | None = None,
    do_lower_case: bool | None = None,
    rule_options: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress | None = None,
    cache: FeatureCache | None = None,
    state_directory: Path | None = None,
) -> TrainedModel:
    """Tokenize, train, and put together what turns texts into labels.

    Args:
        checkpoint: the encoder.
        train: texts to learn from, with labels.
        settings: need not be resolved.
        dev: texts to follow the training on.
        do_lower_case: only where the encoder does not say.
        rule_options: of `DecisionRule.fixed`.
        callbacks: Keras callbacks.
        progress: where progress is shown.
        cache: where the values of the frozen layers are kept, or None.
        state_directory: see `train_classifier`.

    Raises:
        SettingsError: if a setting does not fit the encoder or the data.
        MissingPackageError: if Keras is not installed.
    """
    import_optional("keras", extra="train", purpose="training")
    from multilabel_bert.training.pipeline import Examples, train_classifier
    from multilabel_bert.training.provenance import provenance_of
    from multilabel_bert.training.targets import Targets

    progress = progress or Progress("silent")
    tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files, do_lower_case=do_lower_case)

    def examples(dataset: Dataset) -> Examples:
        tokenized = tokenizer.encode(
            dataset.texts, dataset.text_pairs, max_seq_length=settings.max_seq_length
        )
        return Examples(tokenized, Targets(dataset.require_labels()))

    train_examples = examples(train)
    case = "lower-cased" if tokenizer.do_lower_case else "cased"
    progress.say(f"Texts: {len(train):,}, {case} (by {tokenizer.case_source})")
    if cut := train_examples.texts.truncation_summary():
        progress.say(cut)
    weights = train_classifier(
        checkpoint,
        train_examples,
        settings,
        dev=None if dev is None else examples(dev),
        label_names=train.label_names,
        callbacks=callbacks,
        progress=progress,
        cache=cache,
        state_directory=state_directory,
    )
    model = ClassifierModel(
        config=checkpoint.config,
        tensors=weights.tensors,
        kernel=weights.kernel,
        bias=weights.bias,
        pooling=weights.pooling,
        label_names=train.label_names,
        tokenizer=tokenizer,
        max_seq_length=settings.max_seq_length,
        rule=DecisionRule.fixed(len(train.label_names), **rule_options or {}),
        # Not what "auto" became here: the model may be run on another processor.
        precision=settings.precision,
        layout=None if train.layout is None else train.layout.to_dict(),
        settings={"given": settings.to_dict(), "used": weights.settings.to_dict()},
        provenance=provenance_of(checkpoint, train, dev) | {"precision": weights.precision},
    )
    return TrainedModel(model, weights.history, weights.representation_scores, weights.dev_logits)
