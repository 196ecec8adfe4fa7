"""Prediction: texts to logits, probabilities and labels, without TensorFlow."""

# N = texts, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.data.text_pairs import first_and_second_texts
from multilabel_bert.encoder.encoding import Engine, encode_parts
from multilabel_bert.encoder.engines import choose_engine, make_engine
from multilabel_bert.encoder.pooling import combine, pooling_parts
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.logits_stream import CHUNK_TEXTS, stream_chunks
from multilabel_bert.model.saved_graph import StoredTensors
from multilabel_bert.progress import Progress
from multilabel_bert.text.long_texts import pool_windows
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from multilabel_bert.explanations.explanation import Explanation
    from multilabel_bert.explanations.gradients import Gradients

_OF_THIS_PROCESS = ("_engine", "_gradients")


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
        self._gradients: Gradients | None = None

    def _compiled(self) -> Engine:
        precision, engine = self._wanted
        parts = pooling_parts(self.model.pooling)
        tensors = self.model.tensors
        if isinstance(tensors, StoredTensors) and tensors.graph is not None:
            name, precision = choose_engine(engine, precision)
            if name == "openvino":
                return tensors.graph.compile(parts, precision)
        return make_engine(self.model.config, tensors, parts, precision=precision, engine=engine)

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled is of this process; joblib and copies take the model and compile anew.
        return {
            name: value for name, value in self.__dict__.items() if name not in _OF_THIS_PROCESS
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._engine = self._compiled()
        self._gradients = None

    @classmethod
    def load(cls, path: str | Path, *, precision: str | None = None) -> Predictor:
        """Open a saved model: a directory, or a repository on the Hugging Face hub.

        Raises:
            ModelError: if it is not one, or is damaged.
        """
        return cls.from_pretrained(path, precision=precision)

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        precision: str | None = None,
        revision: str | None = None,
        token: str | None = None,
    ) -> Predictor:
        """`load`, of a repository also by its revision.

        Args:
            path: a directory, or a repository such as ``"me/complaints"``.
            precision: as in the class.
            revision: branch, tag or commit of a repository.
            token: of the hub; the one that is stored on this machine unless given.

        Raises:
            ModelError: if it is not a model, or is damaged.
        """
        from multilabel_bert.model.directory import load_model

        return cls(load_model(path, revision=revision, token=token), precision=precision)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Publish the model on the Hugging Face hub; see `model.publishing.push_model`."""
        from multilabel_bert.model.publishing import push_model

        return push_model(self.model, repo_id, **options)

    @property
    def label_names(self) -> tuple[str, ...]:
        """X names, in the order of the columns."""
        return self.model.label_names

    @property
    def precision(self) -> str:
        """``"float32"`` or ``"bfloat16"``: what the encoder is computed in."""
        return self._engine.precision

    @property
    def engine(self) -> Engine:
        """The compiled encoder, for those who make the batches themselves."""
        return self._engine

    def with_model(self, model: ClassifierModel) -> Predictor:
        """The same compiled encoder with another head or decision rule on it."""
        other = object.__new__(Predictor)
        other.__dict__.update(self.__dict__)
        other.model = model
        other._gradients = None
        return other

    @classmethod
    def on_engine(
        cls, engine: Engine, model: ClassifierModel, wanted: tuple[str, str] | None = None
    ) -> Predictor:
        """A predictor on an encoder that is compiled already.

        Args:
            engine: gives the parts of the model's representation, and may give others.
            model: the classifier.
            wanted: precision and engine, as the class takes them, for a copy in another process.
        """
        predictor = object.__new__(cls)
        predictor.model = model
        predictor._wanted = wanted or (engine.precision, "auto")
        predictor._engine = engine
        predictor._gradients = None
        return predictor

    @property
    def wanted(self) -> tuple[str, str]:
        """Precision and engine that were asked for."""
        return self._wanted

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
        if not len(first):
            return np.empty((0, self.model.num_labels), np.float32)
        if len(first) <= CHUNK_TEXTS:
            with progress.task("Predicting", len(first), "texts") as task:
                tokenized = self.tokenize(first, second)
                advance = task.advance if tokenized.window_offsets is None else None
                parts = encode_parts(self._engine, tokenized, on_batch=advance)
            return self.logits_of_parts(parts, tokenized)
        chunks = (
            (
                first[start : start + CHUNK_TEXTS],
                None if second is None else second[start : start + CHUNK_TEXTS],
            )
            for start in range(0, len(first), CHUNK_TEXTS)
        )
        logits = self.stream_logits(chunks, total=len(first), progress=progress)
        return np.concatenate(list(logits))

    def stream_logits(
        self,
        chunks: Iterable[tuple[Sequence[str], Sequence[str] | None]],
        *,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> Generator[np.ndarray, None, None]:
        """Logits of any number of texts in constant memory, chunk by chunk.

        Reading `chunks`, tokenizing and computing overlap: some chunks are read ahead, in a
        thread of their own.

        Args:
            chunks: texts, at least one, and their second texts or None; some thousand texts each
                are best.
            total: how many texts there are in all, if it is known, for the progress.
            progress: where progress is shown.

        Yields:
            Logits, float32 [n, X], of each chunk of n texts.

        Raises:
            DataError: if a text is not a string.
        """
        return stream_chunks(
            self._engine,
            self.tokenize,
            self.logits_of_parts,
            chunks,
            windowed=self.model.long_texts.windows is not None,
            total=total,
            progress=progress or Progress("silent"),
        )

    def logits_of_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> np.ndarray:
        """Logits, float32 [N, X], of texts whose token ids are known already.

        Args:
            first: ids of N texts, without special tokens and uncut.
            second: ids of N second texts, or None.
        """
        texts = self.join_ids(first, second)
        return self.logits_of_parts(encode_parts(self._engine, texts), texts)

    def join_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> TokenizedTexts:
        """What the encoder sees of such texts: cut or in windows, and with special tokens."""
        model = self.model
        return model.tokenizer.join(
            first, second, max_seq_length=model.max_seq_length, long_texts=model.long_texts
        )

    @property
    def tokenizer(self) -> BertTokenizer:
        """Of the encoder."""
        return self.model.tokenizer

    @property
    def gradients(self) -> Gradients:
        """The classifier in Keras, for explanations by gradients; made when first asked for."""
        if self._gradients is None:
            from multilabel_bert.explanations.gradients import Gradients

            model = self.model
            self._gradients = Gradients(
                model.config, model.tensors, model.pooling, model.kernel, model.bias
            )
        return self._gradients

    def decide(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities, float32 [N, X], and decisions, int8 [N, X], of logits."""
        probabilities = self.model.rule.probabilities(logits)
        return probabilities, self.model.rule.predict(probabilities)

    def explain(
        self,
        text: str | tuple[str, str],
        pair: str | None = None,
        *,
        labels: str | Sequence[str] | None = None,
        method: str = "occlusion",
        unit: str = "auto",
    ) -> Explanation:
        """Which words moved the labels of one text; see `explanations.explain_text`.

        Args:
            text: a string, or a 2-tuple for a pair.
            pair: the second text, if `text` is a string.
            labels: a name or several; the labels that the text gets unless given, or the most
                probable one if it gets none.
            method: ``"occlusion"``, ``"gradient"`` or ``"integrated_gradients"``; only the
                first needs no TensorFlow.
            unit: ``"auto"``, ``"word"`` or ``"sentence"``.

        Raises:
            DataError: if `text` is not one text.
            SettingsError: for an unknown label, method or unit.
        """
        from multilabel_bert.explanations.explaining import explain_text

        return explain_text(self, text, pair, labels=labels, method=method, unit=unit)

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None = None) -> TokenizedTexts:
        """What the encoder sees of N texts and N second texts, cut or in windows.

        Raises:
            DataError: if a text is not a string.
        """
        model = self.model
        return model.tokenizer.encode(
            first, second, max_seq_length=model.max_seq_length, long_texts=model.long_texts
        )

    def logits_of_parts(self, parts: dict[str, np.ndarray], texts: TokenizedTexts) -> np.ndarray:
        """Logits, float32 [N, X], of texts that are encoded already.

        Args:
            parts: what the engine gives, [sequences, H] each.
            texts: the same sequences, of N texts.
        """
        # In float32 whatever the encoder is computed in, as when the thresholds were chosen.
        logits = combine(parts, self.model.pooling) @ self.model.kernel + self.model.bias
        return pool_windows(logits, texts.window_offsets, self.model.long_texts.windows)

    def predict_proba(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Probabilities, float32 [N, X]: the sigmoid of the logits, calibrated if the model is."""
        return self.model.rule.probabilities(self.predict_logits(texts, pairs, progress=progress))

    def predict(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Labels by the decision rule, int8 [N, X], each 0 or 1."""
        return self.model.rule.predict(self.predict_proba(texts, pairs, progress=progress))

    def predict_labels(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        pairs: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[list[str]]:
        """Names of the labels of each text, by the decision rule."""
        decided = self.predict(texts, pairs, progress=progress)
        return [[self.label_names[column] for column in np.flatnonzero(row)] for row in decided]
