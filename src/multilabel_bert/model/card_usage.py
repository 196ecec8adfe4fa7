"""The part of a model card that says how to use the model, with examples that run."""

from __future__ import annotations

import json

from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.folded_calibration import calibration_note
from multilabel_bert.model.hugging_face_files import (
    expressible_as_modules,
    expressible_as_sequence_classifier,
    interchange_note,
    long_texts_note,
)

# The rule is read from the model, so that the example stays right when thresholds are tuned.
_RULE = """\
rule = json.load(open(cached_file(name, "multilabel.json"), encoding="utf-8"))["decision_rule"]
thresholds = {array}(rule["thresholds"])"""

_TRANSFORMERS = """\
import json

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import cached_file

name = {name}
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForSequenceClassification.from_pretrained(name).eval()
{rule}

texts = ["a text", "another one"]
inputs = tokenizer(texts, padding=True, truncation=True, max_length={length}, return_tensors="pt")
with torch.no_grad():
    logits = model(**inputs).logits
{probabilities}
for text, row in zip(texts, probabilities):
    labels = (row >= thresholds).nonzero().flatten().tolist()
    print(text, [model.config.id2label[label] for label in labels])"""

_SENTENCE_TRANSFORMERS = """\
import json

import numpy as np
from sentence_transformers import SentenceTransformer
from transformers.utils import cached_file

name = {name}
manifest = json.load(open(cached_file(name, "multilabel.json"), encoding="utf-8"))
thresholds = np.array(manifest["decision_rule"]["thresholds"])

texts = ["a text", "another one"]
probabilities = SentenceTransformer(name).encode(texts)
for text, row in zip(texts, probabilities):
    labels = np.flatnonzero(row >= thresholds)
    print(text, [manifest["label_names"][label] for label in labels])"""


def usage(model: ClassifierModel, name: str) -> str:
    """How to use the model with this package and with others.

    Args:
        model: of the card.
        name: what its user calls it: a repository, or a word for the directory.
    """
    parts = ["## Use", _ours(name)]
    if (long_texts := long_texts_note(model)) is not None:
        parts.append(f"{long_texts}.")
    parts += _theirs(model, name)
    if (calibrated := calibration_note(model)) is not None and not _in_example(model):
        parts.append(f"{calibrated}.")
    if (policy := _policy(model)) is not None:
        parts.append(policy)
    return "\n\n".join(parts)


def _ours(name: str) -> str:
    return _block(
        "from multilabel_bert import Predictor\n\n"
        f"predictor = Predictor.load({json.dumps(name)})\n"
        'for row in predictor.predict(["a text"]):\n'
        "    print([label for label, given in zip(predictor.label_names, row) if given])"
    )


def _theirs(model: ClassifierModel, name: str) -> list[str]:
    if expressible_as_sequence_classifier(model.pooling):
        lead = (
            "With transformers alone. The logits need a sigmoid, each by itself, not a softmax, "
            "and each label has its own threshold, which transformers does not know:"
        )
        return [lead, _block(transformers_example(model, name))]
    note = interchange_note(model.pooling)
    if expressible_as_modules(model.pooling):
        example = _SENTENCE_TRANSFORMERS.format(name=json.dumps(name))
        return [f"{note}:", _block(example)]
    return [f"{note} (`openvino/openvino_model.xml`, output `logits`)."]


def transformers_example(model: ClassifierModel, name: str) -> str:
    """Python that gives the model's labels with transformers and torch alone."""
    probabilities = "probabilities = torch.sigmoid(logits)"
    if _in_example(model):
        probabilities = (
            'calibration = rule["calibration"]\n'
            'slopes, intercepts = map(torch.tensor, (calibration["slopes"], '
            'calibration["intercepts"]))\n'
            "probabilities = torch.sigmoid(logits * slopes + intercepts)"
        )
    return _TRANSFORMERS.format(
        name=json.dumps(name),
        rule=_RULE.format(array="torch.tensor"),
        length=model.max_seq_length,
        probabilities=probabilities,
    )


def _in_example(model: ClassifierModel) -> bool:
    """Whether the example for transformers calibrates."""
    calibration = model.rule.calibration
    plain = calibration is not None and not calibration.curves
    return plain and expressible_as_sequence_classifier(model.pooling)


def _policy(model: ClassifierModel) -> str | None:
    rule = model.rule
    parts = []
    if rule.empty_prediction == "top1":
        parts.append("a text of which no label reaches its threshold gets the most probable one")
    if rule.max_labels is not None:
        parts.append(f"a text gets at most {rule.max_labels} labels")
    if rule.exclusive_groups:
        parts.append("of labels that exclude each other it gets the most probable one")
    if not parts:
        return None
    return f"Beside the thresholds, {'; '.join(parts)}. multilabel-bert does that; others do not."


def _block(code: str) -> str:
    return f"```python\n{code}\n```"
