"""What a second `fit` goes on from: the labels of the model and those of the new texts."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from multilabel_bert.classifier_inputs import as_dataset, validation_dataset
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.option_hints import listed
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.decision.rule_labels import rule_for_labels, rule_keeping
from multilabel_bert.errors import LabelError, SettingsError
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.progress import Progress
from multilabel_bert.training.settings import TrainingSettings


@dataclass(frozen=True)
class ContinuedLabels:
    """The labels of a model that goes on learning.

    Attributes:
        own: the names that the new texts have, in the order of their columns.
        names: X names after the training: those, and all that only the model has.
        by_name: whether the labels of the new texts are lists of names.
    """

    own: tuple[str, ...]
    names: tuple[str, ...]
    by_name: bool = False


def continued_dataset(
    texts: Any, labels: Any, label_names: Sequence[str] | None, known: tuple[str, ...]
) -> tuple[Dataset, ContinuedLabels]:
    """New texts for a model that has labels already.

    Columns are matched by name: by `label_names`, those of a `Dataset` or a data frame, or names
    in lists. An array without names has the model's labels in their order.

    Args:
        texts: N texts, or a `Dataset` with labels.
        labels: as in `MultiLabelClassifier.fit`; None with a `Dataset`.
        label_names: names of the columns, or None.
        known: the labels of the model.

    Returns:
        The dataset with the labels it has, and what becomes of them and the model's.

    Raises:
        DataError: if there are no labels, or they are given twice.
        LabelError: if there is another number of columns, without names.
    """
    if isinstance(labels, Iterable) and not hasattr(labels, "__len__"):
        labels = list(labels)
    named = label_names is not None or isinstance(texts, Dataset) or hasattr(labels, "columns")
    if named or labels is None:
        dataset = as_dataset(texts, labels, label_names)
        layout = dataset.layout
        if label_names is None and layout is not None and layout.names_in_cells:
            # The order in which cells name labels means nothing.
            own = _own_after_known(dataset.label_names, known)
            names = (*known, *(n for n in own if n not in known))
            return dataset.with_label_names(own), ContinuedLabels(own, names)
        own = dataset.label_names
        return dataset, ContinuedLabels(own, (*own, *(n for n in known if n not in own)))
    occurring = _names_in(labels)
    if occurring:
        own = _own_after_known(sorted(occurring), known)
        names = (*known, *(n for n in own if n not in known))
        return as_dataset(texts, labels, own), ContinuedLabels(own, names, by_name=True)
    try:
        dataset = as_dataset(texts, labels, known)
    except LabelError as error:
        raise LabelError(
            f"This classifier is trained already and has the labels {listed(known)}. {error} Name "
            "the columns with label_names: new labels are added, and those that are not there are "
            "kept. To train anew, leave --from out (in Python warm_start=False)."
        ) from None
    return dataset, ContinuedLabels(known, known)


def _own_after_known(own: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names that texts have, those of the model first."""
    return (*(n for n in known if n in own), *(n for n in own if n not in known))


def widened(dataset: Dataset, labels: ContinuedLabels) -> Dataset:
    """The new texts with all labels of the model, unknown where the texts do not have them."""
    if labels.names == dataset.label_names:
        return dataset
    layout = dataset.layout
    if layout is not None and set(labels.names) != set(dataset.label_names):
        dataset = replace(dataset, layout=layout.with_labels(labels.names))
    return dataset.with_unknown_labels(labels.names)


def continued_validation(given: Any, labels: ContinuedLabels) -> Dataset:
    """``(texts, labels)`` or a `Dataset` as validation data of a model that goes on learning.

    Labels that the texts do not have are unknown there.

    Raises:
        DataError: if it is neither, or holds no texts.
        LabelError: for labels that neither the new texts nor the model have.
    """
    if isinstance(given, Dataset):
        here = set(given.label_names)
        kept = [name for name in labels.names if name not in labels.own]
        own = (*labels.own, *(name for name in kept if name in here))
        return validation_dataset(given, own).with_unknown_labels(labels.names)
    dataset = validation_dataset(given, labels.names if labels.by_name else labels.own)
    if not labels.by_name:
        return dataset.with_unknown_labels(labels.names)
    positive, _, _ = dataset.label_counts()
    there = [x for x, name in enumerate(labels.names) if positive[x] or name in labels.own]
    matrix = dataset.require_labels()[:, there]
    names = tuple(labels.names[x] for x in there)
    return replace(dataset, labels=matrix, label_names=names).with_unknown_labels(labels.names)


def continued_settings(settings: TrainingSettings, model: ClassifierModel) -> TrainingSettings:
    """The settings, with the representation that the head of the model is on.

    Raises:
        SettingsError: if another one is asked for.
    """
    if settings.pooling not in ("auto", model.pooling):
        raise SettingsError(
            f"pooling={settings.pooling!r}, but the head of this classifier is on "
            f"{model.pooling!r}, and training goes on from it. Set pooling={model.pooling!r}; or, "
            "for a new head, name the model with --encoder (in Python warm_start=False)."
        )
    return replace(settings, pooling=model.pooling)


def say_what_goes_on(model: ClassifierModel, labels: ContinuedLabels, progress: Progress) -> None:
    """Tell what is kept of a model, and what is new."""
    progress.say(
        f"Going on from the trained model: encoder, head and its {model.num_labels} labels "
        "(warm_start=False would train anew)"
    )
    new = [name for name in labels.names if name not in model.label_names]
    kept = [name for name in labels.names if name not in labels.own]
    if new:
        progress.say(f"New labels: {listed(new)}")
    if kept:
        progress.say(
            f"Kept, but not in these texts, where they count as unknown: {listed(kept)}. "
            "remove_labels drops labels."
        )


def columns_in(model: ClassifierModel, names: Sequence[str]) -> list[int | None]:
    """The column of the model of each name; None for a new label."""
    place = {name: column for column, name in enumerate(model.label_names)}
    return [place.get(name) for name in names]


def continued_rule(model: ClassifierModel, names: Sequence[str], **options: Any) -> DecisionRule:
    """The model's thresholds for other labels, new ones at 0.5.

    Args:
        model: so far.
        names: of the labels.
        **options: of the rule, in place of the model's.
    """
    return replace(rule_for_labels(model.rule, columns_in(model, names)), **options)


def keep_unjudged_thresholds(
    tuned: DecisionRule, before: DecisionRule, dev: Dataset, trained: np.ndarray
) -> DecisionRule:
    """The tuned rule, with the thresholds of before where the texts could not choose one.

    Args:
        tuned: for X labels, on `dev`.
        before: for the same labels.
        dev: the texts.
        trained: bool [X], which labels had a threshold before.
    """
    if not tuned.strategy.startswith("per_label"):
        return tuned
    positive, _, _ = dev.label_counts()
    kept = trained & (positive == 0)
    return rule_keeping(tuned, before, kept)


def _names_in(labels: Any) -> set[str]:
    """The names in lists of label names; none where the labels are an array of numbers."""
    if issparse(labels) or (isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf"):
        return set()
    rows = labels.to_list() if hasattr(labels, "to_list") else labels
    return {
        str(item)
        for row in rows
        if isinstance(row, (list, tuple, set, frozenset, np.ndarray))
        for item in row
        if isinstance(item, str) and item.strip()
    }
