"""Export to Hugging Face: a clean repository that transformers and its pipeline read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multilabel_bert.errors import SettingsError
from multilabel_bert.export.writing import GRAPH_FORMATS, Export, Target, as_model, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.hugging_face_files import (
    expressible_as_modules,
    expressible_as_sequence_classifier,
    write_weights,
)


def to_hugging_face(model: Any, output: str | Path, *, overwrite: bool = False) -> Export:
    """Write a ``BertForSequenceClassification`` with its tokenizer, and ``labels.json``.

    A calibration goes into the weights of the head, so that the sigmoid of the logits is the
    calibrated probability.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`; with
            ``pooling="pooled"``.
        output: a new directory.
        overwrite: whether an older export may be replaced.

    Raises:
        SettingsError: if the class cannot express the representation, or the calibration.
        WriteError: if something is at `output`.
    """
    classifier = as_model(model)
    pooling = classifier.pooling
    if not expressible_as_sequence_classifier(pooling):
        others = ["sentence-transformers"] if expressible_as_modules(pooling) else []
        raise SettingsError(
            f"huggingface: the representation is {pooling!r}, but transformers' classification "
            f"class takes the pooled output. Export to {', '.join([*others, *GRAPH_FORMATS])}."
        )

    def write(folded: ClassifierModel, directory: Path) -> None:
        write_weights(folded, directory)
        write_tokenizer_files(folded, directory)

    return write_export(
        classifier,
        output,
        Target("huggingface", in_weights=True),
        write,
        overwrite=overwrite,
    )


def write_tokenizer_files(model: ClassifierModel, directory: Path) -> None:
    """Write the tokenizer as the files of a Hugging Face repository."""
    files = model.tokenizer.to_files(model.max_seq_length, model.long_texts)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8", newline="\n")
