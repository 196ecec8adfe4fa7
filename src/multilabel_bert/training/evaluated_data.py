"""An evaluation kept with the model it was made of, with what it was made on."""

from __future__ import annotations

from dataclasses import replace

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.comparison import Comparison
from multilabel_bert.model.evaluation_record import KEY, EvaluatedData, evaluation_record
from multilabel_bert.model.outcome import Outcome
from multilabel_bert.training.provenance import dataset_digest, seen_in_training


def with_recorded_evaluation(
    model: ClassifierModel, dataset: Dataset, outcome: Outcome, comparison: Comparison | None
) -> ClassifierModel:
    """The model with figures and intervals for its card.

    Args:
        model: what was evaluated.
        dataset: N texts with labels, in the order of the model's.
        outcome: of the model on them.
        comparison: with the baseline on them, if there is one.
    """
    data = EvaluatedData(
        source=dataset.source,
        texts=len(dataset),
        sha256=dataset_digest(dataset),
        seen=seen_in_training(model, dataset),
    )
    record = evaluation_record(model, dataset.dense_labels(), outcome, data, comparison)
    return replace(model, provenance=model.provenance | {KEY: record})
