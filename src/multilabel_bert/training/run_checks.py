"""What a run is told, checked against the encoder and the texts."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.pooling import check_pooling
from multilabel_bert.errors import SettingsError
from multilabel_bert.training.class_weights import balanced_positive_weights
from multilabel_bert.training.examples import Examples
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets


def check_fit(
    settings: TrainingSettings,
    checkpoint: Checkpoint,
    dev: Examples | None,
    *,
    searched: bool = False,
) -> None:
    """Refuse settings that the encoder or the data cannot have.

    Args:
        settings: resolved.
        checkpoint: the encoder.
        dev: the development split, or None.
        searched: whether the representation is chosen by a search.

    Raises:
        SettingsError: if one does not fit.
    """
    limit = checkpoint.config.max_position_embeddings
    if settings.max_seq_length > limit:
        raise SettingsError(
            f"max_seq_length={settings.max_seq_length}, but {checkpoint.origin} has position "
            f"embeddings for {limit} tokens. Use at most {limit}."
        )
    if settings.pooling != "auto" and not searched:  # a search checks those that it tries
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


def positive_weights(
    settings: TrainingSettings, targets: Targets, label_names: Sequence[str] | None
) -> np.ndarray | None:
    """Weights of the positives of each label, float32 [X]; None for 1.

    Args:
        settings: with `class_weight`.
        targets: [N, X].
        label_names: X names, for a dictionary.

    Raises:
        SettingsError: if there is no such label, or a weight is no positive number.
    """
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
