"""Gradient x input and integrated gradients of a label with respect to the words; Keras."""

# T = tokens of the text, H = hidden size, S = steps, E = explained labels, X = labels

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.errors import SettingsError
from multilabel_bert.optional import import_optional

# Steps are doubled from the first number until the sum of the attributions is as near to the
# difference of the logits as this share of it, or this many logits; or the last number is reached.
_STEPS = (32, 64, 128, 256)
_RELATIVE, _ABSOLUTE = 0.01, 0.01
# Token slots that are differentiated at once: the activations of all layers are kept meanwhile.
_SLOTS = 4096


@dataclass(frozen=True)
class IntegratedGradients:
    """What `Gradients.integrated` finds.

    Attributes:
        attributions: float32 [T, E].
        logits: float32 [E], of the text.
        baseline_logits: float32 [E], of the baseline.
        steps: S, how many points of the path it took.
    """

    attributions: np.ndarray
    logits: np.ndarray
    baseline_logits: np.ndarray
    steps: int

    @property
    def completeness_error(self) -> np.ndarray:
        """float32 [E], how far the sums are from the differences of the logits."""
        return self.attributions.sum(0) - (self.logits - self.baseline_logits)


class Gradients:
    """A classifier as a Keras function of the word embeddings of one text.

    Args:
        config: of the encoder.
        tensors: its weights, by canonical tensor name.
        pooling: what represents a text.
        kernel: [D, X], of the head.
        bias: [X], of the head.

    Raises:
        MissingExtraError: if Keras is not installed.
        SettingsError: if Keras does not run on TensorFlow.
    """

    def __init__(
        self,
        config: BertConfig,
        tensors: Mapping[str, np.ndarray],
        pooling: str,
        kernel: np.ndarray,
        bias: np.ndarray,
    ) -> None:
        keras: Any = import_optional("keras", extra="train", purpose="an explanation by gradients")
        if keras.config.backend() != "tensorflow":
            raise SettingsError(
                "Explanations by gradients need Keras on TensorFlow, but it runs on "
                f"{keras.config.backend()}. Use method='occlusion', which needs neither."
            )
        from multilabel_bert.encoder.keras_encoder import BertEncoder
        from multilabel_bert.encoder.pooling import lowest_layer, pooling_parts

        self._pooling = pooling
        self._encoder = BertEncoder(
            config,
            pooler="pooled" in pooling_parts(pooling),
            output_hidden_states=lowest_layer([pooling]) > 0,
            # Given, or a global policy of the user's would round.
            dtype="float32",
        )
        self._encoder.set_tensors(tensors)
        self._words = tensors["embeddings/word_embeddings"]
        self._kernel, self._bias = kernel, bias

    def word_embeddings(self, ids: np.ndarray) -> np.ndarray:
        """The rows of the word embeddings, float32 [T, H], of token ids [T]."""
        return self._words[ids]

    def times_input(
        self, batch: Mapping[str, np.ndarray], baseline: np.ndarray, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient at the text, times its word embeddings' difference from a baseline.

        Args:
            batch: one text, ``input_ids``, ``attention_mask`` and ``token_type_ids`` [1, T].
            baseline: float32 [T, H]; zeros for gradient x input in its strict sense.
            columns: int [E], the labels.

        Returns:
            float32 [T, E], and the logits [E].

        Source: Shrikumar et al. 2017, arXiv:1605.01713, section 2.3.
        """
        embeddings = self._words[batch["input_ids"][0]]
        logits, gradients = self._differentiate(embeddings[None], batch, columns)
        return np.einsum("eth,th->te", gradients[:, 0], embeddings - baseline), logits[0]

    def integrated(
        self,
        batch: Mapping[str, np.ndarray],
        baseline: np.ndarray,
        columns: np.ndarray,
        steps: int | None = None,
    ) -> IntegratedGradients:
        """Integrate the gradient on the straight path from a baseline to the text.

        Attributions are complete: their sum is the difference of the logits at both ends. By that
        the number of steps is chosen.

        Args:
            batch: one text, as in `times_input`.
            baseline: float32 [T, H], word embeddings where the path starts.
            columns: int [E], the labels.
            steps: S, unless it is to be found.

        Source: Sundararajan et al. 2017, arXiv:1703.01365, equation 1 and proposition 1; the
        integral by the rule of Gauss and Legendre.
        """
        end, start = self._words[batch["input_ids"][0]], baseline
        logits, below = np.asarray(self._logits(np.stack([end, start]), batch))[:, columns]
        for count in _STEPS if steps is None else (steps,):
            mean = self._mean_gradient(start, end, batch, columns, count)
            attributions = np.einsum("eth,th->te", mean, end - start)
            found = IntegratedGradients(attributions, logits, below, count)
            allowed = np.maximum(_RELATIVE * np.abs(logits - below), _ABSOLUTE)
            if (np.abs(found.completeness_error) <= allowed).all():
                break
        return found

    def _mean_gradient(
        self,
        start: np.ndarray,
        end: np.ndarray,
        batch: Mapping[str, np.ndarray],
        columns: np.ndarray,
        steps: int,
    ) -> np.ndarray:
        """The gradient's mean on the path, float32 [E, T, H]."""
        points, weights = np.polynomial.legendre.leggauss(steps)
        points, weights = ((points + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
        at_once = max(1, _SLOTS // len(start))
        total = np.zeros((len(columns), *start.shape), np.float32)
        for first in range(0, steps, at_once):
            part = slice(first, first + at_once)
            path = start + points[part, None, None] * (end - start)  # [S, T, H]
            _, gradients = self._differentiate(path, batch, columns)
            total += np.einsum("s,esth->eth", weights[part], gradients)
        return total

    def _differentiate(
        self, embeddings: np.ndarray, batch: Mapping[str, np.ndarray], columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits [S, E] at S points [S, T, H], and their gradients [E, S, T, H]."""
        import tensorflow as tf

        points = tf.convert_to_tensor(embeddings, tf.float32)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(points)
            logits = self._logits(points, batch)
            each = [logits[:, column] for column in columns]
        gradients = np.empty((len(columns), *embeddings.shape), np.float32)
        for index, one in enumerate(each):
            gradients[index] = tape.gradient(one, points).numpy()
        return logits.numpy()[:, columns], gradients

    def _logits(self, points: Any, batch: Mapping[str, np.ndarray]) -> Any:
        """Logits [S, X] of one text with other word embeddings [S, T, H]."""
        from multilabel_bert.encoder.pooling import pool_in_keras

        inputs = {name: np.repeat(array, len(points), 0) for name, array in batch.items()}
        outputs = self._encoder({**inputs, "inputs_embeds": points}, training=False)
        representation = pool_in_keras(outputs, inputs["attention_mask"], self._pooling)
        return representation @ self._kernel + self._bias
