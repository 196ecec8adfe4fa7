"""Export to sentence-transformers: its standard modules, the last a Dense with sigmoid."""

# H = hidden size, X = labels

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from multilabel_bert.encoder.hugging_face_checkpoint import WEIGHTS
from multilabel_bert.encoder.tensors import POOLER_BIAS, POOLER_KERNEL
from multilabel_bert.errors import SettingsError
from multilabel_bert.export.hugging_face import write_tokenizer_files
from multilabel_bert.export.writing import GRAPH_FORMATS, Export, Target, as_model, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.hugging_face_files import expressible_as_modules, write_weights

_POOLER_FOLDER, _HEAD_FOLDER = "2_Dense", "3_Dense"


def to_sentence_transformers(model: Any, output: str | Path, *, overwrite: bool = False) -> Export:
    """Write the modules Transformer, Pooling and Dense with sigmoid, and ``labels.json``.

    ``encode`` gives the probabilities, float32 [B, X]. The pooled output is the first token, then
    a Dense with tanh. A calibration goes into the weights of the head.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        output: a new directory.
        overwrite: whether an older export may be replaced.

    Raises:
        SettingsError: if the modules cannot express the representation, or the calibration.
        WriteError: if something is at `output`.
    """
    classifier = as_model(model)
    pooling = classifier.pooling
    if pooling != "pooled" and not expressible_as_modules(pooling):
        raise SettingsError(
            f"sentence-transformers: the representation is {pooling!r}, but its modules see the "
            f"last layer alone. Export to {', '.join(GRAPH_FORMATS)}."
        )

    def write(folded: ClassifierModel, directory: Path) -> None:
        if folded.pooling == "pooled":
            _write_pooled(folded, directory)
        else:
            write_weights(folded, directory)
        write_tokenizer_files(folded, directory)

    return write_export(
        classifier,
        output,
        Target("sentence-transformers", in_weights=True),
        write,
        overwrite=overwrite,
    )


def _write_pooled(model: ClassifierModel, directory: Path) -> None:
    """The model of [CLS] alone, with the pooler between it and the head."""
    write_weights(replace(model, pooling="cls"), directory)
    _write_dense(
        directory / _POOLER_FOLDER, model.tensors[POOLER_KERNEL], model.tensors[POOLER_BIAS], "Tanh"
    )
    _write_dense(directory / _HEAD_FOLDER, model.kernel, model.bias, "Sigmoid")
    path = directory / "modules.json"
    modules = json.loads(path.read_text(encoding="utf-8"))
    modules.append({**modules[-1], "idx": 3, "name": "3", "path": _HEAD_FOLDER})
    path.write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")


def _write_dense(folder: Path, kernel: np.ndarray, bias: np.ndarray, activation: str) -> None:
    folder.mkdir(exist_ok=True)
    inputs, outputs = kernel.shape
    config = {
        "in_features": inputs,
        "out_features": outputs,
        "bias": True,
        "activation_function": f"torch.nn.modules.activation.{activation}",
    }
    text = json.dumps(config, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    tensors = {"linear.weight": np.ascontiguousarray(kernel.T), "linear.bias": bias}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
