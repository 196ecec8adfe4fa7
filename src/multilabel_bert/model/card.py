"""The model card: the README.md of a model directory."""

from __future__ import annotations

from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.folded_calibration import calibration_note
from multilabel_bert.model.hugging_face_files import (
    expressible_as_modules,
    interchange_note,
    long_texts_note,
)

_MOST_LABELS = 100


def model_card(model: ClassifierModel) -> str:
    """Write the card: labels with thresholds, metrics, and how to use the model."""
    return (
        "\n\n".join(
            [
                "---\nlibrary_name: transformers\npipeline_tag: text-classification\n"
                "tags:\n- multi-label\n- bert\n---",
                "# Multi-label text classifier",
                f"It gives a probability to each of {model.num_labels} labels of a text, any "
                "number of which may be true. Made by multilabel-bert.",
                _labels(model),
                *_metrics(model),
                _usage(model),
            ]
        )
        + "\n"
    )


def _labels(model: ClassifierModel) -> str:
    rows = [
        f"| {' '.join(name.split()).replace('|', chr(92) + '|')} | {threshold:.3f} |"
        for name, threshold in zip(model.label_names, model.rule.thresholds, strict=True)
    ]
    more = len(rows) - _MOST_LABELS
    table = "\n".join(["| label | threshold |", "|---|---|", *rows[:_MOST_LABELS]])
    rest = f"\n\n… and {more} more, in multilabel.json." if more > 0 else ""
    note = "A label is given where its probability reaches its threshold."
    return f"## Labels\n\n{note}\n\n{table}{rest}"


def _metrics(model: ClassifierModel) -> list[str]:
    shown = {
        name: value
        for name in ("micro_f1", "macro_f1", "macro_average_precision", "subset_accuracy")
        if (value := model.metrics.get(name)) is not None
    }
    if not shown:
        return []
    rows = [f"| {name} | {value:.4f} |" for name, value in shown.items()]
    table = "\n".join(["| metric | value |", "|---|---|", *rows])
    note = "On the development split, on which the thresholds were chosen."
    return [f"## Metrics\n\n{note}\n\n{table}"]


def _usage(model: ClassifierModel) -> str:
    ours = (
        "```python\n"
        "from multilabel_bert import Predictor\n\n"
        'Predictor.load("this-directory").predict_proba(["a text"])\n'
        "```"
    )
    note = interchange_note(model.pooling)
    long_texts = long_texts_note(model)
    if long_texts is not None:
        ours += f"\n\n{long_texts}."
    if note is None:
        theirs = (
            "With transformers, where the logits need a sigmoid (not a softmax) and the thresholds "
            "above:\n\n"
            "```python\n"
            "from transformers import pipeline\n\n"
            'classify = pipeline("text-classification", "this-directory", top_k=None,\n'
            '                    function_to_apply="sigmoid")\n'
            "```"
        )
    elif not expressible_as_modules(model.pooling):
        theirs = f"{note} (`openvino/openvino_model.xml`, output `logits`)."
    else:
        theirs = (
            f"{note}:\n\n"
            "```python\n"
            "from sentence_transformers import SentenceTransformer\n\n"
            'SentenceTransformer("this-directory").encode(["a text"])\n'
            "```"
        )
    if (calibrated := calibration_note(model)) is not None:
        theirs = f"{theirs}\n\n{calibrated}."
    return f"## Use\n\n{ours}\n\n{theirs}"
