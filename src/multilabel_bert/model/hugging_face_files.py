"""The weights and configuration of a classifier as a Hugging Face repository holds them."""

# H = hidden size, D = size of the representation, X = labels

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from multilabel_bert.encoder.hugging_face_checkpoint import WEIGHTS, hugging_face_name
from multilabel_bert.encoder.pooling import lowest_layer, pooling_parts
from multilabel_bert.errors import ModelError
from multilabel_bert.model.classifier_model import ClassifierModel

CONFIG = "config.json"
# sentence-transformers' names of the modules that follow the encoder.
_POOLING_FOLDER, _DENSE_FOLDER = "1_Pooling", "2_Dense"
# Of a model that no other program can express.
_OWN_HEAD = "multilabel_head.safetensors"


def expressible_as_sequence_classifier(pooling: str) -> bool:
    """Whether ``BertForSequenceClassification`` computes the same: it takes the pooled output."""
    return pooling == "pooled"


def expressible_as_modules(pooling: str) -> bool:
    """Whether sentence-transformers' modules compute the same: they see the last layer only."""
    return pooling != "pooled" and lowest_layer([pooling]) == 0


def interchange_note(pooling: str) -> str | None:
    """What other programs cannot do with such a model, without a full stop; None if nothing.

    >>> interchange_note("pooled") is None
    True
    """
    if expressible_as_sequence_classifier(pooling):
        return None
    if expressible_as_modules(pooling):
        return (
            f"The representation is `{pooling}`, which transformers' classification class cannot "
            "express; sentence-transformers gives the probabilities"
        )
    return (
        f"The representation is `{pooling}`, which neither transformers' classification class nor "
        "sentence-transformers can express: they find an encoder without a head; the OpenVINO "
        "graph gives the logits"
    )


def long_texts_note(model: ClassifierModel) -> str | None:
    """What other programs do otherwise with long texts, without a full stop; None if nothing."""
    long_texts, length = model.long_texts, model.max_seq_length
    if long_texts.windows is not None:
        how = "mean" if long_texts.windows == "mean" else "maximum, label by label,"
        limit = "" if long_texts.max_windows is None else f", at most {long_texts.max_windows}"
        return (
            f"A text of more than {length} tokens is read in windows of {length} that share "
            f"{long_texts.stride} tokens{limit}, and its logits are the {how} of theirs; other "
            "programs give the logits of one window and must be given each by itself"
        )
    if long_texts.truncation == "head+tail":
        return (
            f"Of a text of more than {length} tokens the first quarter and the rest from its end "
            "is kept; other programs keep the start and must be given what is kept"
        )
    return None


def write_weights(model: ClassifierModel, directory: Path) -> list[str]:
    """Write ``config.json`` and the weights.

    A head on the pooled output is a ``BertForSequenceClassification``. Any other is written as
    a ``BertModel`` without ``classifier.*``, so that no program can take a head for what it is
    not: with the head in sentence-transformers' modules, or where these cannot express the
    representation either, in a file of its own.

    Returns:
        The names of the files that hold weights.
    """
    names = model.label_names
    config: dict[str, Any] = {
        **model.config.to_dict(),
        "problem_type": "multi_label_classification",
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
        "dtype": "float32",
    }
    if expressible_as_sequence_classifier(model.pooling):
        config["architectures"] = ["BertForSequenceClassification"]
        tensors = {f"bert.{name}": value for name, value in _encoder_tensors(model).items()}
        tensors["classifier.weight"] = np.ascontiguousarray(model.kernel.T)
        tensors["classifier.bias"] = model.bias
    else:
        config["architectures"] = ["BertModel"]
        tensors = _encoder_tensors(model)
        if expressible_as_modules(model.pooling):
            _write_modules(model, directory)
        _save(_linear(model), directory / head_file(model.pooling))
    _write_json(directory / CONFIG, config)
    _save(tensors, directory / WEIGHTS)
    return sorted({WEIGHTS, head_file(model.pooling)})


def read_head(directory: Path, pooling: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the head that `write_weights` wrote, and no other weights: kernel [D, X] and bias [X].

    Raises:
        ModelError: if it is missing or damaged.
    """
    path = directory / head_file(pooling)
    module = "classifier" if expressible_as_sequence_classifier(pooling) else "linear"
    try:
        with safe_open(path, framework="numpy") as file:
            if f"{module}.weight" not in file.keys():  # noqa: SIM118 - it is not a dictionary
                raise ModelError(f"{path} has no {module}. Copy the model again.")
            weight, bias = (file.get_tensor(f"{module}.{part}") for part in ("weight", "bias"))
    except FileNotFoundError:
        raise ModelError(f"{path} is missing: the model has no head. Copy it again.") from None
    except SafetensorError as error:
        raise ModelError(f"{path} is cut off or damaged ({error}). Copy it again.") from None
    return np.ascontiguousarray(weight.T), bias


def head_file(pooling: str) -> str:
    """The file of a model directory that holds its head."""
    if expressible_as_sequence_classifier(pooling):
        return WEIGHTS
    return f"{_DENSE_FOLDER}/{WEIGHTS}" if expressible_as_modules(pooling) else _OWN_HEAD


def _linear(model: ClassifierModel) -> dict[str, np.ndarray]:
    return {"linear.weight": np.ascontiguousarray(model.kernel.T), "linear.bias": model.bias}


def _encoder_tensors(model: ClassifierModel) -> dict[str, np.ndarray]:
    return {
        hugging_face_name(name): np.ascontiguousarray(
            # torch.nn.Linear keeps [out, in].
            value.T if name.endswith("/kernel") else value
        )
        for name, value in model.tensors.items()
    }


def _write_modules(model: ClassifierModel, directory: Path) -> None:
    features, labels = model.kernel.shape
    modules = [
        ("0", "", "sentence_transformers.models.Transformer"),
        ("1", _POOLING_FOLDER, "sentence_transformers.models.Pooling"),
        ("2", _DENSE_FOLDER, "sentence_transformers.models.Dense"),
    ]
    _write_json(
        directory / "modules.json",
        [
            {"idx": int(name), "name": name, "path": path, "type": kind}
            for name, path, kind in modules
        ],
    )
    _write_json(
        directory / "sentence_bert_config.json",
        {"max_seq_length": model.max_seq_length, "do_lower_case": False},
    )
    parts = pooling_parts(model.pooling)
    _write_json(
        directory / _POOLING_FOLDER / CONFIG,
        {
            "word_embedding_dimension": model.config.hidden_size,
            "pooling_mode_cls_token": "cls" in parts,
            "pooling_mode_mean_tokens": "mean" in parts,
            "pooling_mode_max_tokens": "max" in parts,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )
    _write_json(
        directory / _DENSE_FOLDER / CONFIG,
        {
            "in_features": features,
            "out_features": labels,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Sigmoid",
        },
    )


def _save(tensors: dict[str, np.ndarray], path: Path) -> None:
    # transformers refuses files that do not say which framework's layout they have.
    save_file(tensors, path, metadata={"format": "pt"})


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
