"""``labels.json`` beside every export: names, thresholds, and how the probabilities are decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multilabel_bert.model.classifier_model import ClassifierModel

LABELS_FILE = "labels.json"
# The key by which an export is known; its value is the format.
MARK = "multilabel_bert_export"


def labels_content(
    model: ClassifierModel, format_name: str, *, calibration: str, quantize: str | None = None
) -> dict[str, Any]:
    """What `write_labels` writes, as plain values.

    Args:
        model: that was exported.
        format_name: such as ``"onnx"``.
        calibration: ``"none"``, or where it is: ``"in the probabilities"``,
            ``"in the weights of the head"``.
        quantize: ``"int8"`` or None.
    """
    from multilabel_bert import __version__

    rule = model.rule
    return {
        MARK: format_name,
        "multilabel_bert": __version__,
        "label_names": list(model.label_names),
        # The shortest decimal that is read back as the same float32: 0.3.
        "thresholds": [float(str(value)) for value in rule.thresholds],
        "empty_prediction": rule.empty_prediction,
        "max_labels": rule.max_labels,
        "exclusive_groups": [list(group) for group in rule.exclusive_groups],
        "calibration": calibration,
        "pooling": model.pooling,
        "max_seq_length": model.max_seq_length,
        "long_texts": model.long_texts.to_dict(),
        "do_lower_case": model.tokenizer.do_lower_case,
        **({} if quantize is None else {"quantize": quantize}),
    }


def write_labels(directory: Path, content: dict[str, Any]) -> None:
    """Write ``labels.json``."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    (directory / LABELS_FILE).write_text(text + "\n", encoding="utf-8")


def decision_note(model: ClassifierModel) -> str | None:
    """What thresholds alone do not decide, without a full stop; None if they decide everything."""
    rule = model.rule
    more = [
        text
        for text, there in (
            ("a text without a label gets its most probable one", rule.empty_prediction == "top1"),
            (f"at most {rule.max_labels} labels a text", rule.max_labels is not None),
            ("one label of each exclusive group", bool(rule.exclusive_groups)),
        )
        if there
    ]
    if not more:
        return None
    return f"Thresholds are not all of the decision rule; labels.json also says: {'; '.join(more)}"
