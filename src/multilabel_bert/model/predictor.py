"""Prediction: texts to logits, probabilities and labels, without TensorFlow."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np

from multilabel_bert.encoder.encoding import encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.pooling import combine
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.progress import Progress


class Predictor:
    """Runs a trained classifier.

    Args:
        model: the classifier.
        precision: ``"float32"``, ``"bfloat16"``, ``"auto"``; the model's own unless given.
        engine: ``"auto"``, ``"openvino"`` or ``"keras"``.

    Example:
        >>> predictor = Predictor.load("complaints-model")  # doctest: +SKIP
        >>> predictor.predict_proba(["my parcel never came"]).shape  # doctest: +SKIP
        (1, 8)
    """

    def __init__(
        self, model: ClassifierModel, *, precision: str | None = None, engine: str = "auto"
    ) -> None:
        self.model = model
        self._engine = make_engine(
            model.config,
            model.tensors,
            tuple(model.pooling.split("+")),
            precision=precision or model.precision,
            engine=engine,
        )

    @classmethod
    def load(cls, path: str | Path, *, precision: str | None = None) -> Predictor:
        """Open a saved model directory.

        Raises:
            ModelError: if it is not one, or is damaged.
        """
        from multilabel_bert.model.directory import load_model

        return cls(load_model(path), precision=precision)

    @property
    def label_names(self) -> tuple[str, ...]:
        """X names, in the order of the columns."""
        return self.model.label_names

    @property
    def precision(self) -> str:
        """``"float32"`` or ``"bfloat16"``: what the encoder is computed in."""
        return self._engine.precision

    def with_model(self, model: ClassifierModel) -> Predictor:
        """The same compiled encoder with another head or decision rule on it."""
        other = copy(self)
        other.model = model
        return other

    def predict_logits(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Logits, float32 [N, X], in the order of the texts."""
        progress = progress or Progress("silent")
        tokenized = self.model.tokenizer.encode(
            texts, pairs, max_seq_length=self.model.max_seq_length
        )
        if not len(tokenized):
            return np.empty((0, self.model.num_labels), np.float32)
        with progress.task("Predicting", len(tokenized), "texts") as task:
            parts = encode_parts(self._engine, tokenized, on_batch=task.advance)
        features = combine(parts, self.model.pooling)
        return features @ self.model.kernel + self.model.bias

    def predict_proba(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Probabilities, float32 [N, X]: the sigmoid of the logits."""
        return sigmoid(self.predict_logits(texts, pairs, progress=progress))

    def predict(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Labels by the decision rule, int8 [N, X], each 0 or 1."""
        return self.model.rule.predict(self.predict_proba(texts, pairs, progress=progress))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities float32 of logits, without overflow.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    logits = np.asarray(logits, np.float64)
    # exp of a negative number cannot overflow, and keeps the digits of small probabilities.
    decay = np.exp(-np.abs(logits))
    return (np.where(logits >= 0, 1.0, decay) / (1.0 + decay)).astype(np.float32)
