"""Export to Keras: one ``.keras`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multilabel_bert.encoder.pooling import lowest_layer, pooling_parts
from multilabel_bert.export.calibration_arrays import CalibrationArrays
from multilabel_bert.export.tokenizer_file import write_tokenizer
from multilabel_bert.export.writing import Export, Target, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import import_optional

MAIN_FILE = "model.keras"
_LAYERS_NOTE = (
    "Import multilabel_bert.export.keras_layers before keras.saving.load_model, so that Keras "
    "knows the layers"
)


def to_keras(model: Any, output: str | Path, *, overwrite: bool = False) -> Export:
    """Write ``model.keras``, ``labels.json`` and the tokenizer.

    It is a functional model of a `BertEncoder` and a ``Dense``, which can be trained on. Inputs
    are a dictionary of ``input_ids``, ``attention_mask`` and ``token_type_ids``, int32 [B, T];
    outputs one of ``logits`` and ``probabilities``, float32 [B, X], equal to those of `Predictor`
    in float32.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        output: a new directory, or a file ``*.keras``.
        overwrite: whether an older export may be replaced.

    Raises:
        MissingExtraError: if Keras is not installed.
        WriteError: if something is at `output`.
    """

    def write(classifier: ClassifierModel, path: Path) -> None:
        build_keras(classifier).save(path)
        write_tokenizer(classifier, path.parent)

    return write_export(
        model,
        output,
        Target("keras", MAIN_FILE),
        write,
        overwrite=overwrite,
        notes=(_LAYERS_NOTE,),
    )


def build_keras(model: ClassifierModel) -> Any:
    """The whole classifier as a functional Keras model.

    Raises:
        MissingExtraError: if Keras is not installed.
    """
    keras: Any = import_optional("keras", extra="train", purpose="an export through Keras")
    from multilabel_bert.export.keras_layers import (
        BertEncoder,
        Probabilities,
        TextRepresentation,
    )

    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    pooling = model.pooling
    encoder = BertEncoder(
        model.config,
        pooler="pooled" in pooling_parts(pooling),
        output_hidden_states=lowest_layer([pooling]) > 0,
        name="bert",
        # Given, or a global policy of the user's would round.
        dtype="float32",
    )
    features = TextRepresentation(pooling, name="representation", dtype="float32")(
        encoder(inputs), inputs["attention_mask"]
    )
    head = keras.layers.Dense(model.num_labels, name="logits", dtype="float32")
    logits = head(features)
    fit = CalibrationArrays.of(model.rule.calibration)
    probabilities = Probabilities.of(fit, name="probabilities")(logits)
    encoder.set_tensors(model.tensors)
    head.set_weights([model.kernel, model.bias])
    return keras.Model(inputs, {"logits": logits, "probabilities": probabilities})
