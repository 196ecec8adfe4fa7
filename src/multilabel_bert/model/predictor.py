"""Prediction: texts to logits, probabilities and labels, without TensorFlow."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.data.text_pairs import first_and_second_texts
from multilabel_bert.encoder.encoding import Engine, encode_parts
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
        self._wanted = (precision or model.precision, engine)
        self._engine = self._compiled()

    def _compiled(self) -> Engine:
        precision, engine = self._wanted
        return make_engine(
            self.model.config,
            self.model.tensors,
            tuple(self.model.pooling.split("+")),
            precision=precision,
            engine=engine,
        )

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled is of this process; joblib and copies take the model and compile anew.
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._engine = self._compiled()

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
        other = object.__new__(Predictor)
        other.__dict__.update(self.__dict__)
        other.model = model
        return other

    def predict_logits(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Logits, float32 [N, X], in the order of the texts.

        Args:
            texts: N strings, or N 2-tuples of strings.
            pairs: N second texts, where `texts` are not pairs already.
            progress: where progress is shown.

        Raises:
            DataError: if a text is not a string.
        """
        progress = progress or Progress("silent")
        first, second = first_and_second_texts(texts, pairs)
        tokenized = self.model.tokenizer.encode(
            first, second, max_seq_length=self.model.max_seq_length
        )
        if not len(tokenized):
            return np.empty((0, self.model.num_labels), np.float32)
        with progress.task("Predicting", len(tokenized), "texts") as task:
            parts = encode_parts(self._engine, tokenized, on_batch=task.advance)
        features = combine(parts, self.model.pooling)
        return features @ self.model.kernel + self.model.bias

    def predict_proba(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Probabilities, float32 [N, X]: the sigmoid of the logits."""
        return sigmoid(self.predict_logits(texts, pairs, progress=progress))

    def predict(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
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
