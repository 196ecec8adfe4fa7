"""What a server says about its models: names, labels, thresholds, where they come from."""

from __future__ import annotations

from typing import Any

from multilabel_bert import __version__
from multilabel_bert.serving.limits import Limits
from multilabel_bert.serving.rules import shown_thresholds
from multilabel_bert.serving.served_models import ServedModel, ServedModels


def model_facts(model: ServedModel, models: ServedModels) -> dict[str, Any]:
    """The answer of ``GET /v1/model``."""
    stored = model.predictor.model
    rule, names = stored.rule, stored.label_names
    layout = stored.layout or {}
    return {
        "name": model.name,
        "models": list(models.names),
        "labels": list(names),
        "thresholds": shown_thresholds(rule),
        "policy": {
            "empty_prediction": rule.empty_prediction,
            "max_labels": rule.max_labels,
            "exclusive_groups": [[names[i] for i in group] for group in rule.exclusive_groups],
            "tuned_for": rule.tuned_for,
            "calibrated": rule.calibration is not None,
        },
        "max_length": stored.max_seq_length,
        "long_texts": stored.long_texts.to_dict(),
        "pairs": layout.get("pair_column") is not None,
        "precision": model.predictor.precision,
        "version": __version__,
        "provenance": _provenance(stored.provenance),
    }


def _provenance(stored: dict[str, Any]) -> dict[str, Any]:
    """Encoder and amount of data: no paths of the machine that trained it."""
    trained_on = stored.get("train")
    texts = trained_on.get("texts") if isinstance(trained_on, dict) else None
    encoder = str(stored.get("encoder", "unknown"))
    versions = stored.get("versions")
    return {
        "encoder": encoder.replace("\\", "/").rstrip("/").rpartition("/")[2],
        "training_texts": texts,
        "trained_with": versions.get("multilabel-bert") if isinstance(versions, dict) else None,
    }


def info(model: ServedModel, limits: Limits, max_batch_tokens: int) -> dict[str, Any]:
    """The answer of ``GET /info``, with the keys of text-embeddings-inference."""
    stored = model.predictor.model
    names = stored.label_names
    return {
        "model_id": model.name,
        "model_sha": None,
        "model_dtype": model.predictor.precision,
        "model_type": {
            "classifier": {
                "id2label": {str(index): name for index, name in enumerate(names)},
                "label2id": {name: index for index, name in enumerate(names)},
            }
        },
        "max_concurrent_requests": limits.max_connections,
        "max_input_length": stored.max_seq_length,
        "max_batch_tokens": max_batch_tokens,
        "max_batch_requests": None,
        "max_client_batch_size": limits.max_texts,
        "auto_truncate": True,
        "tokenization_workers": 1,
        "version": __version__,
        "sha": None,
        "docker_label": None,
    }
