"""The network that is trained: what is not frozen of the encoder, and the new head."""

# B = texts, T = tokens, H = hidden size, D = size of the representation, X = labels

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.encoder import row_kernels
from multilabel_bert.encoder.boundary import boundary_of
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.keras_encoder import (
    BertEncoder,
    BertStack,
    assign_tensors,
    read_tensors,
)
from multilabel_bert.encoder.pooling import LOWEST, lowest_layer, pool_in_keras, representation_size


@keras.saving.register_keras_serializable("multilabel_bert")
class ClassifierNetwork(keras.Model):
    """Trained layers, representation, dropout and Dense(X): the logits of X yes/no labels.

    Its input is what crosses the boundary of the frozen layers:

    - no layer trained: ``features`` [B, D];
    - the top k layers: ``hidden`` [B, T, H] and ``attention_mask`` [B, T];
    - all: ``input_ids``, ``attention_mask`` and ``token_type_ids``, each [B, T].

    Where texts have several windows, these are the rows of the input, and ``windows`` [B, K] has
    the rows of each text, -1 for none; the logits of a text are pooled from those of its windows.

    Args:
        config: of the encoder.
        first_layer: the lowest transformer layer that is trained, 0 ... L; None if the
            embeddings are trained too.
        pooling: what represents a text. Where it takes layers below `first_layer`, these run in
            the network too, frozen; see `boundary_of`.
        labels: X.
        dropout: on the representation.
        pooler: whether the checkpoint has a pooler.
        seed: of the dropouts and the new weights.
        windows: ``"mean"`` or ``"max"``, how the logits of windows become those of a text.

    Source: ``create_model`` in google-research/bert, run_classifier.py, with X sigmoids in
    place of one softmax.
    """

    def __init__(
        self,
        config: BertConfig,
        *,
        first_layer: int | None,
        pooling: str,
        labels: int,
        dropout: float,
        pooler: bool = True,
        seed: int = 42,
        dtype: str = "float32",
        windows: str | None = None,
    ) -> None:
        # Given, or a global policy of the user's would round the inputs.
        super().__init__(name="classifier_network", dtype=dtype)
        self.config = config
        self.first_layer = first_layer
        self.seed = seed
        self.has_pooler = pooler
        self.pooling = pooling
        self.windows = windows
        # A pooler that is not asked for would have no gradient.
        pooler = pooler and pooling == "pooled"
        self.takes_states = lowest_layer([pooling]) > 0
        self.body: Any
        if first_layer is None:
            self.body = BertEncoder(
                config,
                pooler=pooler,
                output_hidden_states=self.takes_states,
                seed=seed + 1,
                dtype=dtype,
            )
        elif first_layer < config.num_hidden_layers:
            boundary = boundary_of(first_layer, pooling, config.num_hidden_layers)
            self.body = BertStack(
                config, first_layer=boundary, pooler=pooler, seed=seed + 1, dtype=dtype
            )
            self.body.build()
            for layer in self.body.transformer_layers[: first_layer - boundary]:
                layer.trainable = False
        else:
            self.body = None
        self.dropout = keras.layers.Dropout(dropout, seed=seed, dtype="float32")
        self.head = keras.layers.Dense(
            labels,
            name="head",
            dtype="float32",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02, seed=seed),
        )
        self.head.build((None, representation_size(pooling, config.hidden_size)))
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs: for callbacks that write the network, and copies of them."""
        return {
            "config": self.config.to_dict(),
            "first_layer": self.first_layer,
            "pooling": self.pooling,
            "labels": self.head.units,
            "dropout": self.dropout.rate,
            "pooler": self.has_pooler,
            "seed": self.seed,
            "dtype": self.dtype_policy.name,
            "windows": self.windows,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> ClassifierNetwork:
        """Build the network that `get_config` described, without its weights."""
        del custom_objects
        return cls(**{**config, "config": BertConfig.from_dict(config["config"])})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """A batch to logits [B, X]."""
        logits = self.head(self.drop(self.represent(inputs, training), training))
        return self._pool_windows(logits, inputs["windows"]) if "windows" in inputs else logits

    def _pool_windows(self, logits: Any, windows: Any) -> Any:
        """Logits of windows [W, X] to those of their texts [B, X]."""
        own = ops.expand_dims(windows >= 0, axis=-1)  # [B, K, 1]
        of_texts = ops.take(logits, ops.maximum(windows, 0), axis=0)  # [B, K, X]
        if self.windows == "max":
            return ops.max(ops.where(own, of_texts, ops.full_like(of_texts, LOWEST)), axis=1)
        own = ops.cast(own, logits.dtype)
        return ops.sum(of_texts * own, axis=1) / ops.sum(own, axis=1)

    def drop(self, representation: Any, training: bool) -> Any:
        """Dropout of representations [B, D], in training."""
        if training and self.body is None and self.dropout.rate > 0 and row_kernels.available():
            seed = self.dropout.seed_generator.next()
            return row_kernels.dropout(representation, self.dropout.rate, seed)
        return self.dropout(representation, training=training)

    def represent(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """A batch to representations [B, D]."""
        if self.body is None:
            return inputs["features"]
        if "hidden" in inputs:
            outputs = self.body(
                inputs["hidden"],
                inputs["attention_mask"],
                training=training,
                output_hidden_states=self.takes_states,
            )
        else:
            outputs = self.body(inputs, training=training)
        return pool_in_keras(outputs, inputs["attention_mask"], self.pooling)

    def set_body_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Load the pre-trained weights of the trained layers."""
        if self.body is not None:
            assign_tensors(self.body.tensor_variables(), tensors)

    def body_tensors(self) -> dict[str, np.ndarray]:
        """The weights of the trained layers, by canonical tensor name."""
        return {} if self.body is None else read_tensors(self.body.tensor_variables())

    def set_head(self, kernel: np.ndarray | None, bias: np.ndarray) -> None:
        """Set the head's bias [X], and its kernel [D, X] unless that stays random."""
        if kernel is not None:
            self.head.kernel.assign(kernel)
        self.head.bias.assign(bias)

    def head_tensors(self) -> tuple[np.ndarray, np.ndarray]:
        """The head's kernel [D, X] and bias [X], float32."""
        tensors = read_tensors({"kernel": self.head.kernel, "bias": self.head.bias})
        return tensors["kernel"], tensors["bias"]
