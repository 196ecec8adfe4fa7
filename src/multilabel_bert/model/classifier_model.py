"""A trained multi-label classifier as plain data: weights, tokenizer, labels, decision rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import Checkpoint
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.errors import ModelError
from multilabel_bert.text.long_texts import CUT, LongTexts
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.text.tokenizer_files import TokenizerFiles

if TYPE_CHECKING:
    from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline


@dataclass(frozen=True)
class ClassifierModel:
    """Everything that turns texts into labels.

    Attributes:
        config: of the encoder.
        tensors: the encoder's weights, float32, by canonical tensor name; those of a saved model
            are read when they are first asked for.
        kernel: float32 [D, X], of the head.
        bias: float32 [X], of the head.
        pooling: what represents a text; see `encoder.pooling`.
        label_names: X names, in the order of all arrays.
        tokenizer: of the encoder.
        max_seq_length: tokens of a text, or of a window of one.
        long_texts: what is done with longer ones.
        rule: from probabilities to labels.
        precision: with which it was trained and is run, unless told otherwise.
        layout: how its training data are read, for other files of the same kind, or None.
        settings: of the training, for the record.
        metrics: on the development split, for the record.
        provenance: where encoder and data came from, versions, duration.
        baseline: what it is compared with, fitted on the same texts; None where there is none, or
            where it was not read: prediction has no use for it.
    """

    config: BertConfig
    tensors: Mapping[str, np.ndarray]
    kernel: np.ndarray
    bias: np.ndarray
    pooling: str
    label_names: tuple[str, ...]
    tokenizer: BertTokenizer
    max_seq_length: int
    rule: DecisionRule
    long_texts: LongTexts = CUT
    precision: str = "auto"
    layout: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    baseline: TfidfBaseline | None = None

    @property
    def num_labels(self) -> int:
        """X."""
        return len(self.label_names)

    def as_checkpoint(self) -> Checkpoint:
        """Its encoder and tokenizer, as those of a pre-trained one. Stored weights are read."""
        files = self.tokenizer.to_files(self.max_seq_length, self.long_texts)
        origin = str(self.provenance.get("encoder", "the trained model"))
        google = self.provenance.get("encoder_format") == "google"
        return Checkpoint(
            config=self.config,
            tensors=dict(self.tensors),
            head=None,
            tokenizer_files=TokenizerFiles(
                origin,
                vocabulary=files["vocab.txt"],
                tokenizer_json=files["tokenizer.json"],
                tokenizer_config=json.loads(files["tokenizer_config.json"]),
            ),
            origin=origin,
            format="google" if google else "hugging_face",
        )

    def digest(self) -> str:
        """SHA-256 of all weights, their names and the labels, whatever files they are in."""
        total = hashlib.sha256()
        for name in sorted(self.tensors):
            _add(total, name, self.tensors[name])
        _add(total, "head/kernel", self.kernel)
        _add(total, "head/bias", self.bias)
        total.update(json.dumps([self.pooling, *self.label_names]).encode())
        return total.hexdigest()


def _add(total: hashlib._Hash, name: str, array: np.ndarray) -> None:
    total.update(f"{name}{array.dtype}{array.shape}".encode())
    total.update(np.ascontiguousarray(array).data)


def model_from_checkpoint(
    checkpoint: Checkpoint,
    *,
    label_names: Sequence[str] | None = None,
    max_seq_length: int | None = None,
    do_lower_case: bool | None = None,
) -> ClassifierModel:
    """A finished classifier from a fine-tuned checkpoint: Google's or Hugging Face's.

    Its labels are decided at 0.5 until thresholds are tuned.

    Args:
        checkpoint: with a head, as ``output_weights`` and ``output_bias`` of Google's
            fine-tuning code or ``classifier`` of a BertForSequenceClassification.
        label_names: X names; those of the checkpoint, or label_0 ..., unless given.
        max_seq_length: 128, or what the encoder can take if that is less, unless given.
        do_lower_case: only where the checkpoint does not say.

    Raises:
        ModelError: if it has no head, was trained with softmax, or has another number of
            labels.
    """
    head = checkpoint.head
    if head is None:
        raise ModelError(
            f"{checkpoint.origin} is a pre-trained encoder without a classification head "
            "(output_weights and output_bias, or classifier.*). Train one first."
        )
    if head.problem_type not in (None, "multi_label_classification"):
        raise ModelError(
            f"{checkpoint.origin} was trained for {head.problem_type}: its outputs exclude each "
            "other, so a sigmoid of each means nothing. Train a multi-label head on it."
        )
    labels = len(head.bias)
    names = tuple(label_names) if label_names is not None else head.label_names
    if names is None:
        names = tuple(f"label_{index}" for index in range(labels))
    if len(names) != labels:
        raise ModelError(
            f"{checkpoint.origin} has {labels} outputs, but {len(names)} label names were given."
        )
    if len(set(names)) < labels:
        raise ModelError(f"The label names are not all different: {', '.join(map(str, names))}.")
    return ClassifierModel(
        config=checkpoint.config,
        tensors=checkpoint.tensors,
        kernel=head.kernel,
        bias=head.bias,
        pooling="pooled",
        label_names=names,
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files, do_lower_case=do_lower_case),
        max_seq_length=max_seq_length or min(128, checkpoint.config.max_position_embeddings),
        rule=DecisionRule.fixed(labels),
        provenance={"encoder": checkpoint.origin},
    )
