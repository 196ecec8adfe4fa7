"""The formats of `multilabel export`, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.export.google_checkpoint import to_google
from multilabel_bert.export.hugging_face import to_hugging_face
from multilabel_bert.export.int8 import Int8
from multilabel_bert.export.keras_file import to_keras
from multilabel_bert.export.onnx_file import to_onnx
from multilabel_bert.export.openvino_files import to_openvino
from multilabel_bert.export.sentence_transformers import to_sentence_transformers
from multilabel_bert.export.tensorflow_files import to_tensorflow
from multilabel_bert.export.writing import Export


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        write: the function that exports to it.
        what: what it writes, in a few words.
        options: those of `export_model` that it takes.
    """

    write: Callable[..., Export]
    what: str
    options: tuple[str, ...] = ()


FORMATS = {
    "huggingface": Format(to_hugging_face, "transformers, text-classification pipeline"),
    "sentence-transformers": Format(
        to_sentence_transformers, "Transformer, Pooling, Dense with sigmoid"
    ),
    "openvino": Format(to_openvino, "IR, .xml and .bin", ("quantize",)),
    "onnx": Format(to_onnx, "one .onnx file", ("quantize",)),
    "tensorflow": Format(to_tensorflow, "SavedModel of token ids, or of strings", ("strings",)),
    "keras": Format(to_keras, "one .keras file"),
    "google": Format(to_google, "bert_model.ckpt with output_weights", ("approximate",)),
}
_ALIASES = {
    "hugging-face": "huggingface",
    "transformers": "huggingface",
    "saved-model": "tensorflow",
    "savedmodel": "tensorflow",
    "tf": "tensorflow",
}
_WITH_STRINGS = "tensorflow-text"


def export_model(
    model: Any,
    to: str,
    output: str | Path,
    *,
    overwrite: bool = False,
    strings: bool = False,
    quantize: Int8 | None = None,
    approximate: bool = False,
) -> Export:
    """Write a trained classifier in another program's format.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        to: a name of `FORMATS`; ``"tensorflow-text"`` is ``"tensorflow"`` with `strings`.
        output: a new directory; for ``onnx``, ``openvino`` and ``keras`` also the file that
            holds the model, ``*.onnx``, ``*.xml`` or ``*.keras``.
        overwrite: whether an older export may be replaced; nothing else ever is.
        strings: whether a TensorFlow model takes strings; see `to_tensorflow`.
        quantize: int8, for ``onnx`` and ``openvino``, and what it may cost.
        approximate: for ``google``; see `to_google`.

    Raises:
        SettingsError: if the format is unknown, or cannot express the model or an option.
        ModelError: if a model directory is missing or damaged.
        WriteError: if something is at `output`.
        MissingExtraError: if a package that the format needs is not installed.

    Example:
        >>> export_model("complaints-model", "onnx", "complaints-onnx")  # doctest: +SKIP
    """
    name, strings = find_format(to, strings=strings)
    given = {"strings": strings, "quantize": quantize, "approximate": approximate}
    options = {option: value for option, value in given.items() if value}
    for option in options:
        if option not in FORMATS[name].options:
            able = [key for key, form in FORMATS.items() if option in form.options]
            raise SettingsError(
                f"{option} is of the export to {' or '.join(able)}, not of that to {name}. "
                "Leave it out."
            )
    return FORMATS[name].write(model, output, overwrite=overwrite, **options)


def find_format(to: str, *, strings: bool = False) -> tuple[str, bool]:
    """The name in `FORMATS`, and whether the model takes strings.

    Raises:
        SettingsError: if there is none of that name.

    >>> find_format("tensorflow-text"), find_format("ONNX")
    (('tensorflow', True), ('onnx', False))
    """
    name = to.lower().replace("_", "-")
    name = _ALIASES.get(name, name)
    if name == _WITH_STRINGS:
        return "tensorflow", True
    if name not in FORMATS:
        known = [*FORMATS, _WITH_STRINGS]
        raise SettingsError(
            f"to={to!r} is unknown.{did_you_mean(to, known)} Use one of {', '.join(known)}."
        )
    return name, strings
