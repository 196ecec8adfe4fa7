"""Export to TensorFlow: a SavedModel that takes token ids, or strings too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multilabel_bert.export.keras_file import build_keras
from multilabel_bert.export.tensorflow_tokenizer import GraphTokenizer, check_strings
from multilabel_bert.export.tokenizer_file import write_tokenizer
from multilabel_bert.export.writing import Export, Target, as_model, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import check_optional, import_optional

SERVING = "serving_default"
_IDS = ("input_ids", "attention_mask", "token_type_ids")
_SERVING_NOTE = (
    "TensorFlow Serving takes a directory of versions: name the output MODELS/NAME/1, and give it "
    "--model_name=NAME --model_base_path=MODELS/NAME with a full path"
)


def to_tensorflow(
    model: Any, output: str | Path, *, overwrite: bool = False, strings: bool = False
) -> Export:
    """Write a SavedModel, ``labels.json`` and the tokenizer.

    The signature ``serving_default`` takes ``input_ids``, ``attention_mask`` and
    ``token_type_ids``, int32 [B, T], and gives ``logits`` and ``probabilities``, float32 [B, X],
    equal to those of `Predictor` in float32. With `strings` it takes ``text``, strings [B];
    ``pairs`` takes ``text`` and ``text_pair``, and ``token_ids`` the ids.

    Plain TensorFlow runs it, and TensorFlow Text with it where it takes strings.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        output: a new directory; for TensorFlow Serving its last part is a version number.
        overwrite: whether an older export may be replaced.
        strings: whether the tokenizer is in the graph.

    Raises:
        MissingExtraError: if TensorFlow, or for strings TensorFlow Text, is not installed.
        WriteError: if something is at `output`.
        SettingsError: if the model reads long texts in windows, with `strings`.
    """
    check_optional("tensorflow", extra="train", purpose="an export to TensorFlow")
    if strings:
        check_optional(
            "tensorflow_text", extra="tensorflow-text", purpose="a TensorFlow model of strings"
        )
        model = as_model(model)
        check_strings(model)

    def write(classifier: ClassifierModel, directory: Path) -> None:
        tf: Any = import_optional("tensorflow", extra="train", purpose="an export to TensorFlow")
        module, signatures = _module(tf, classifier, strings=strings)
        tf.saved_model.save(module, str(directory), signatures=signatures)
        write_tokenizer(classifier, directory)

    name = "tensorflow-text" if strings else "tensorflow"
    return write_export(
        model, output, Target(name), write, overwrite=overwrite, notes=(_SERVING_NOTE,)
    )


def _module(tf: Any, model: ClassifierModel, *, strings: bool) -> tuple[Any, dict[str, Any]]:
    network = build_keras(model)
    module = tf.Module("multilabel_bert")
    # The variables alone: whoever loads it needs neither Keras nor our layers.
    module.weights = [variable.value for variable in network.variables]

    def ids(name: str) -> Any:
        return tf.TensorSpec([None, None], tf.int32, name)

    def texts(name: str) -> Any:
        return tf.TensorSpec([None], tf.string, name)

    @tf.function(input_signature=[ids(name) for name in _IDS])
    def of_ids(input_ids: Any, attention_mask: Any, token_type_ids: Any) -> dict[str, Any]:
        inputs = dict(zip(_IDS, (input_ids, attention_mask, token_type_ids), strict=True))
        return dict(network(inputs, training=False))

    if not strings:
        module.of_ids = of_ids
        return module, {SERVING: of_ids}
    tokenizer = GraphTokenizer(model)
    module.vocabulary = tokenizer.table

    @tf.function(input_signature=[texts("text")])
    def of_texts(text: Any) -> dict[str, Any]:
        return dict(of_ids(**tokenizer.encode(text)))

    @tf.function(input_signature=[texts("text"), texts("text_pair")])
    def of_pairs(text: Any, text_pair: Any) -> dict[str, Any]:
        return dict(of_ids(**tokenizer.encode(text, text_pair)))

    module.of_ids, module.of_texts, module.of_pairs = of_ids, of_texts, of_pairs
    return module, {SERVING: of_texts, "pairs": of_pairs, "token_ids": of_ids}
