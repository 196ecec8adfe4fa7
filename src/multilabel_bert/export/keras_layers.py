"""Layers of an exported Keras model beside the encoder: importing this tells Keras of them."""

# B = texts, T = tokens, D = size of the representation, X = labels

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

# Registers the encoder too, which files of exported models name.
from multilabel_bert.encoder.keras_encoder import BertEncoder as BertEncoder
from multilabel_bert.encoder.pooling import pool_in_keras
from multilabel_bert.export.calibration_arrays import CalibrationArrays


@keras.saving.register_keras_serializable("multilabel_bert")
class TextRepresentation(keras.layers.Layer):
    """What represents a text, [B, D], of the outputs of `BertEncoder`.

    Args:
        pooling: one of `encoder.pooling.POOLINGS`.
    """

    def __init__(self, pooling: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling = pooling

    def call(self, outputs: dict[str, Any], attention_mask: Any) -> Any:
        """A dictionary of `BertEncoder`, and the mask [B, T]."""
        return pool_in_keras(outputs, attention_mask, self.pooling)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "pooling": self.pooling}


@keras.saving.register_keras_serializable("multilabel_bert")
class Probabilities(keras.layers.Layer):
    """Logits [B, X] to probabilities: the sigmoid, calibrated if the model is.

    Args:
        calibration: the fields of `CalibrationArrays` as lists, or None.
    """

    def __init__(self, calibration: dict[str, Any] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.calibration = calibration

    @classmethod
    def of(cls, arrays: CalibrationArrays | None, **kwargs: Any) -> Probabilities:
        """The layer of a calibration."""
        if arrays is None:
            return cls(**kwargs)
        return cls({name: value.tolist() for name, value in vars(arrays).items()}, **kwargs)

    def call(self, logits: Any) -> Any:
        """[B, X] to [B, X]."""
        fit = self.calibration
        if fit is None:
            return ops.sigmoid(logits)
        slopes, intercepts = (np.array(fit[name], np.float32) for name in ("slopes", "intercepts"))
        smooth = ops.sigmoid(logits * slopes + intercepts)
        if not fit["curved"]:
            return smooth
        starts, lengths, gains = (
            np.array(fit[name], np.float32) for name in ("starts", "lengths", "gains")
        )
        columns = ops.take(logits, np.array(fit["curved"], np.int32), axis=1)[:, :, None]
        ramps = ops.clip((columns - starts) / lengths, 0.0, 1.0)
        curves = ops.sum(ramps * gains, axis=2)
        both = ops.concatenate([smooth, curves], axis=1)
        return ops.take(both, np.array(fit["order"], np.int32), axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As it came."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "calibration": self.calibration}
