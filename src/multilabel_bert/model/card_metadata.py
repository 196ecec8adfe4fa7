"""The head of a model card: metadata by which the Hugging Face hub finds and shows a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.evaluation_record import evaluation_of
from multilabel_bert.model.hugging_face_files import (
    expressible_as_modules,
    expressible_as_sequence_classifier,
)

# What the hub calls a metric, and what it is here.
_HUB_METRICS = {"f1": "macro_f1", "precision": "macro_precision", "recall": "macro_recall"}
_NAMES = {
    "micro_f1": "Micro-F1",
    "macro_f1": "Macro-F1",
    "macro_precision": "Macro-precision",
    "macro_recall": "Macro-recall",
    "macro_average_precision": "Macro average precision",
    "subset_accuracy": "Subset accuracy",
}
_KINDS = {ours: theirs for theirs, ours in _HUB_METRICS.items()} | {
    "micro_f1": "f1",
    "subset_accuracy": "accuracy",
    "macro_average_precision": "average_precision",
}


def library_of(pooling: str) -> str:
    """The library that opens such a model as it is."""
    if expressible_as_sequence_classifier(pooling):
        return "transformers"
    return "sentence-transformers" if expressible_as_modules(pooling) else "multilabel-bert"


def card_metadata(model: ClassifierModel, title: str, more: Mapping[str, Any] | None = None) -> str:
    """YAML between two lines of dashes: library, task, tags, and the measured figures.

    Figures on texts that the model was made with are left out: the hub would show them as if
    they were measured on others.

    Args:
        model: of the card.
        title: of the card.
        more: what its owner adds, such as ``{"license": "mit", "language": "en"}``.
    """
    from huggingface_hub.repocard_data import ModelCardData

    results = _results(model)
    values: dict[str, Any] = {
        "library_name": library_of(model.pooling),
        "pipeline_tag": "text-classification",
        "tags": ["text-classification", "multi-label-classification", "bert", "multilabel-bert"],
        "metrics": ["f1", "accuracy"],
        "model_name": title if results else None,
        "eval_results": results or None,
    }
    data = ModelCardData(**(values | dict(more or {})))
    return f"---\n{data.to_yaml()}\n---"


def _results(model: ClassifierModel) -> list[Any]:
    from huggingface_hub.repocard_data import EvalResult

    record = evaluation_of(model)
    if record is None or "seen" in record["data"]:
        return []
    name = shown_source(record["data"]["source"])
    return [
        EvalResult(
            task_type="text-classification",
            task_name="Multi-label text classification",
            dataset_type="custom",
            dataset_name=name,
            dataset_revision=record["data"]["sha256"],
            metric_type=_KINDS[metric],
            metric_name=shown,
            metric_value=round(value, 4),
        )
        for metric, shown in _NAMES.items()
        if (value := record["metrics"].get(metric, {}).get("value")) is not None
    ]


def shown_source(source: Any) -> str:
    """A name of data for others to read: of a path the last part, on one line."""
    text = " ".join(str(source).split())
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2] or text
