"""A model and what it says of the texts that a report is about."""

# N = texts, X = labels

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline
from multilabel_bert.classifier import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.evaluation import Evaluation
from multilabel_bert.decision.judgement import Judgement, judge
from multilabel_bert.errors import SettingsError
from multilabel_bert.model.directory import load_baseline
from multilabel_bert.model.outcome import outcome_of
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.progress import Progress


@dataclass(frozen=True)
class JudgedModel:
    """A model beside the truth.

    Attributes:
        name: how the report calls it.
        evaluation: every metric, and the table of the labels.
        judgement: targets, probabilities and decisions, columns in the order of the report.
        predictor: of the model; None for the baseline.
        description: what it is, where its name does not say it.
    """

    name: str
    evaluation: Evaluation
    judgement: Judgement
    predictor: Predictor | None = None
    description: str = ""


@dataclass(frozen=True)
class OpenModel:
    """A model that was named or given, opened.

    Attributes:
        name: how the report calls it.
        predictor: runs it.
        baseline: what was trained beside it, or None.
    """

    name: str
    predictor: Predictor
    baseline: TfidfBaseline | None


def open_model(model: Any, number: int = 1, *, precision: str | None = None) -> OpenModel:
    """Open what stands for a model.

    Args:
        model: a directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        number: which one of the report it is, for those without a name.
        precision: what the encoder of a directory is computed in.

    Raises:
        ModelError: if a directory is not a model.
        SettingsError: if it is something else.
    """
    name = f"model {number}"
    if isinstance(model, (str, Path)):
        predictor = Predictor.load(model, precision=precision)
        return OpenModel(str(model), predictor, load_baseline(model))
    if isinstance(model, MultiLabelClassifier):
        return OpenModel(name, model.predictor, model.baseline_)
    if isinstance(model, Predictor):
        return OpenModel(name, model, model.model.baseline)
    raise SettingsError(
        f"A report is about a trained model, got {type(model).__name__}. Give the directory of a "
        "saved one, a Predictor, or a MultiLabelClassifier that is fitted."
    )


def check_same_labels(first: OpenModel, other: OpenModel) -> None:
    """Refuse to compare models of other labels.

    Raises:
        SettingsError: if they have.
    """
    mine, theirs = set(first.predictor.label_names), set(other.predictor.label_names)
    if mine != theirs:
        shown = ", ".join(sorted(mine ^ theirs)[:5])
        raise SettingsError(
            f"{first.name} and {other.name} have not the same labels: only one of them has "
            f"{shown}. Compare models of the same labels."
        )


def judge_model(opened: OpenModel, dataset: Dataset, progress: Progress) -> JudgedModel:
    """Let a model answer all texts.

    Args:
        opened: the model.
        dataset: N texts with labels, in the order of the report.
        progress: where progress is shown.
    """
    predictor = opened.predictor
    logits = predictor.predict_logits(dataset.texts, dataset.text_pairs, progress=progress)
    rule = predictor.model.rule
    # Decided in the model's own order: groups and ties are by column.
    own = dataset.with_label_names(predictor.label_names)
    outcome = outcome_of(rule, predictor.label_names, own.dense_labels(), logits)
    places = {name: column for column, name in enumerate(predictor.label_names)}
    order = np.array([places[name] for name in dataset.label_names], np.int64)
    rows = tuple(outcome.evaluation.per_label[column] for column in order)
    return JudgedModel(
        name=opened.name,
        evaluation=Evaluation(outcome.evaluation.metrics, rows, outcome.evaluation.reliability),
        judgement=judge(
            dataset.dense_labels(), outcome.probabilities[:, order], outcome.decisions[:, order]
        ),
        predictor=predictor,
    )


def judge_baseline(opened: OpenModel, dataset: Dataset) -> JudgedModel | None:
    """Let the baseline of a model answer the same texts; None where there is none.

    Args:
        opened: whose labels are those of the dataset, in this order.
        dataset: N texts with labels.
    """
    baseline = opened.baseline
    if baseline is None:
        return None
    logits = baseline.predict_logits(dataset.texts, dataset.text_pairs)
    targets = dataset.dense_labels()
    outcome = outcome_of(baseline.rule, dataset.label_names, targets, logits)
    return JudgedModel(
        name="baseline",
        evaluation=outcome.evaluation,
        judgement=judge(targets, outcome.probabilities, outcome.decisions),
        description=baseline.how.describe(),
    )
