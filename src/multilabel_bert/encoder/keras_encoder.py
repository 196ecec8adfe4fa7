"""BERT as a Keras model: `BertEncoder`, and `BertStack`, its part above the embeddings."""

# B = texts, T = tokens, H = hidden size, L = layers

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from multilabel_bert.encoder import row_kernels
from multilabel_bert.encoder.boundary import checked_train_layers
from multilabel_bert.encoder.checkpoint import Checkpoint, load_checkpoint
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.keras_layers import (
    BertEmbeddings,
    BertLayer,
    BertPooler,
    attention_bias,
)
from multilabel_bert.errors import CheckpointError, SettingsError

OUTPUTS = ("all", "pooled_output", "sequence_output")

# Each dropout needs a seed of its own, or all would drop the same positions.
_SEEDS_PER_LAYER = 2


class BertStack(keras.layers.Layer):
    """The transformer layers from `first_layer` on, and the pooler.

    With ``first_layer=0`` it is all of BERT but the embeddings; with ``L - k`` it is the part
    that is trained on the cached hidden states of the frozen layers.

    Args:
        config: of the whole encoder.
        first_layer: 0 ... L; L leaves the pooler alone.
        pooler: whether there is one; some published encoders have none.
        seed: of the dropouts; None for a new one each time.
    """

    def __init__(
        self,
        config: BertConfig,
        *,
        first_layer: int = 0,
        pooler: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.first_layer = first_layer
        self.transformer_layers = [
            BertLayer(
                config,
                seed=None if seed is None else seed + index * _SEEDS_PER_LAYER,
                name=f"layer_{index}",
                dtype=self.dtype_policy,
            )
            for index in range(first_layer, config.num_hidden_layers)
        ]
        self.pooler = BertPooler(config, dtype=self.dtype_policy) if pooler else None

    def build(self) -> None:
        """Create all weights."""
        for layer in self.transformer_layers:
            layer.build()
        if self.pooler is not None:
            self.pooler.build()

    def call(
        self,
        hidden: Any,
        attention_mask: Any,
        training: bool = False,
        output_hidden_states: bool = False,
    ) -> dict[str, Any]:
        """Run the layers.

        Args:
            hidden: [B, T, H], what enters layer `first_layer`.
            attention_mask: [B, T], 1 for a real token.
            training: whether the trainable layers use dropout. Frozen ones never do.
            output_hidden_states: whether to return what enters and leaves each layer.

        Returns:
            ``sequence_output`` [B, T, H]; ``pooled_output`` [B, H] if there is a pooler;
            on request ``hidden_states``, a list of [B, T, H].
        """
        hidden = ops.cast(hidden, self.compute_dtype)
        bias = attention_bias(attention_mask, self.compute_dtype)
        trains = training and any(layer.trainable for layer in self.transformer_layers)
        if trains and row_kernels.available():
            return self._call_on_rows(hidden, bias, output_hidden_states)
        states = [hidden]
        for layer in self.transformer_layers:
            hidden = layer(hidden, bias, training=training and layer.trainable)
            states.append(hidden)
        outputs = {"sequence_output": hidden}
        if self.pooler is not None:
            outputs["pooled_output"] = self.pooler(hidden)
        if output_hidden_states:
            outputs["hidden_states"] = states
        return outputs

    def _call_on_rows(self, hidden: Any, bias: Any, output_hidden_states: bool) -> dict[str, Any]:
        """Train by fused kernels; see `call`."""
        batch, length = ops.shape(bias)[0], ops.shape(bias)[3]
        rows = row_kernels.to_rows(hidden)
        states = [hidden]
        for layer in self.transformer_layers:
            rows = layer(rows, bias, training=layer.trainable)
            if output_hidden_states:
                states.append(row_kernels.from_rows(rows, batch, length))
        outputs: dict[str, Any] = {"sequence_output": row_kernels.from_rows(rows, batch, length)}
        if self.pooler is not None:
            outputs["pooled_output"] = self.pooler(outputs["sequence_output"])
        if output_hidden_states:
            outputs["hidden_states"] = states
        return outputs

    def tensor_variables(self) -> dict[str, Any]:
        """Canonical tensor name to Keras variable."""
        variables: dict[str, Any] = {}
        for index, layer in enumerate(self.transformer_layers, self.first_layer):
            variables |= layer.tensor_variables(index)
        if self.pooler is not None:
            variables |= self.pooler.tensor_variables()
        return variables


@keras.saving.register_keras_serializable("multilabel_bert")
class BertEncoder(keras.Model):
    """BERT, to be used on its own or as a layer in any Keras 3 model.

    It takes a dictionary of ``input_ids``, ``attention_mask`` and ``token_type_ids``, each
    [B, T]; or the token ids alone, where padding has the id of ``[PAD]`` and every token is of
    the first text. What `BertTokenizer` returns can be passed as it is. The dictionary may also
    have ``inputs_embeds`` [B, T, H], rows of the word embeddings in place of looking them up.

    Every layer can be frozen on its own: ``encoder.embeddings.trainable = False``,
    ``encoder.transformer_layers[3].trainable = False``, or all at once by `set_train_layers`.
    As always in Keras, compile the model after changing ``trainable``. Frozen layers run
    without dropout.

    Args:
        config: sizes and rules of the encoder.
        output: ``"all"`` for a dictionary of ``sequence_output`` [B, T, H] and
            ``pooled_output`` [B, H]; ``"pooled_output"`` or ``"sequence_output"`` for that tensor
            alone, as `keras.Sequential` needs it.
        output_hidden_states: whether the dictionary also has ``hidden_states``: the embeddings
            and the output of each layer, L + 1 tensors [B, T, H].
        pooler: whether there is a pooler.
        seed: of the dropouts, for repeatable training.
        dtype: a Keras dtype policy, such as ``"mixed_bfloat16"``.

    Raises:
        SettingsError: if `output` is unknown or does not go with the other arguments.

    Source: Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """

    def __init__(
        self,
        config: BertConfig | Mapping[str, Any],
        *,
        output: str = "all",
        output_hidden_states: bool = False,
        pooler: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(config, BertConfig):
            config = BertConfig.from_dict(dict(config))
        _check_output(output, output_hidden_states, pooler)
        self.config = config
        self.output_name = output
        self.output_hidden_states = output_hidden_states
        self.has_pooler = pooler
        self.seed = seed
        policy = self.dtype_policy
        self.embeddings = BertEmbeddings(config, seed=seed, dtype=policy)
        self.stack = BertStack(
            config,
            pooler=pooler,
            seed=None if seed is None else seed + 1,
            name="encoder",
            dtype=policy,
        )
        self.build()

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        output: str = "all",
        output_hidden_states: bool = False,
        bert_config_file: str | Path | None = None,
        init_checkpoint: str | Path | None = None,
        vocab_file: str | Path | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> BertEncoder:
        """Build the encoder and load its pre-trained weights.

        Args:
            source: a directory (or .zip) as Google Research publishes it, a Hugging Face
                directory, a hub name, or an installed package that holds a model.
            output: see the class.
            output_hidden_states: see the class.
            bert_config_file: with `init_checkpoint` instead of `source`, as
                ``run_classifier.py`` takes them.
            init_checkpoint: path of a Google checkpoint, without ``.index``.
            vocab_file: path of ``vocab.txt``.
            seed: see the class.
            **kwargs: ``pooler=False`` to leave the pooler out, where only the sequence output
                is used; Keras arguments: ``name``, ``dtype``.

        Raises:
            CheckpointError: if it is missing, damaged, or does not fit its configuration.
        """
        checkpoint = load_checkpoint(
            source,
            bert_config_file=bert_config_file,
            init_checkpoint=init_checkpoint,
            vocab_file=vocab_file,
        )
        return cls.from_checkpoint(
            checkpoint,
            output=output,
            output_hidden_states=output_hidden_states,
            seed=seed,
            **kwargs,
        )

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, **kwargs: Any) -> BertEncoder:
        """Build the encoder of a checkpoint that is loaded already."""
        wants_pooler = kwargs.get("pooler") or kwargs.get("output") == "pooled_output"
        if wants_pooler and not checkpoint.has_pooler:
            raise CheckpointError(
                f"{checkpoint.origin} has no pooler, so there is no pooled_output. Use "
                "output='sequence_output', or another encoder."
            )
        kwargs.setdefault("pooler", checkpoint.has_pooler)
        encoder = cls(checkpoint.config, **kwargs)
        encoder.set_tensors(checkpoint.tensors)
        return encoder

    def build(self, input_shape: Any = None) -> None:
        """Create all weights; their shapes do not depend on the input."""
        del input_shape
        if not self.stack.built:
            self.embeddings.build()
            self.stack.build()
            self.built = True

    @property
    def transformer_layers(self) -> list[BertLayer]:
        """The L transformer layers, the lowest first."""
        return list(self.stack.transformer_layers)

    @property
    def pooler(self) -> BertPooler | None:
        """The pooler, or None."""
        return self.stack.pooler

    def set_train_layers(self, train_layers: int | str) -> None:
        """Say what is trained: 0 nothing, k the top k layers and the pooler, ``"all"`` all.

        Raises:
            SettingsError: for anything else.
        """
        layers = self.config.num_hidden_layers
        trained = checked_train_layers(train_layers, layers)
        everything = train_layers == "all"
        self.embeddings.trainable = everything
        for index, layer in enumerate(self.transformer_layers):
            layer.trainable = everything or index >= layers - trained
        if self.pooler is not None:
            self.pooler.trainable = everything or trained > 0

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Encode a batch; see the class for what comes in and goes out."""
        if not isinstance(inputs, Mapping):
            inputs = {"input_ids": inputs}
        input_ids = ops.cast(inputs["input_ids"], "int32")
        attention_mask = inputs.get("attention_mask")
        if attention_mask is None:
            attention_mask = ops.not_equal(input_ids, self.config.pad_token_id)
        token_type_ids = inputs.get("token_type_ids")
        if token_type_ids is None:
            token_type_ids = ops.zeros_like(input_ids)
        hidden = self.embeddings(
            input_ids,
            ops.cast(token_type_ids, "int32"),
            inputs_embeds=inputs.get("inputs_embeds"),
            training=training and self.embeddings.trainable,
        )
        outputs = self.stack(
            hidden,
            attention_mask,
            training=training,
            output_hidden_states=self.output_hidden_states,
        )
        return outputs if self.output_name == "all" else outputs[self.output_name]

    def tensor_variables(self) -> dict[str, Any]:
        """Canonical tensor name (Google's, without ``bert/``) to Keras variable."""
        return self.embeddings.tensor_variables() | self.stack.tensor_variables()

    def set_tensors(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Load all weights; see `assign_tensors`."""
        assign_tensors(self.tensor_variables(), tensors)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to build the same encoder."""
        return {
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "config": self.config.to_dict(),
            "output": self.output_name,
            "output_hidden_states": self.output_hidden_states,
            "pooler": self.has_pooler,
            "seed": self.seed,
            "trainable_parts": [part.trainable for part in self._parts()],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> BertEncoder:
        """Build the encoder that `get_config` described, without its weights."""
        del custom_objects
        arguments = dict(config)
        trainable = arguments.pop("trainable_parts", None)
        arguments["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        encoder = cls(**arguments)
        # Keras restores what is trainable only for the parts of functional models.
        for part, flag in zip(encoder._parts(), trainable or (), strict=trainable is not None):
            part.trainable = flag
        return encoder

    def _parts(self) -> list[Any]:
        pooler = [] if self.pooler is None else [self.pooler]
        return [self.embeddings, *self.transformer_layers, *pooler]


def assign_tensors(variables: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Copy tensors into Keras variables.

    Args:
        variables: canonical tensor name to variable, from ``tensor_variables()``.
        tensors: canonical tensor name to array; more than needed is fine.

    Raises:
        CheckpointError: if one is missing or has another shape.
    """
    problems = [
        f"{name}: {'missing' if name not in tensors else f'has shape {tensors[name].shape}'}, "
        f"expected {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name not in tensors or tensors[name].shape != tuple(variable.shape)
    ]
    if problems:
        raise CheckpointError("The tensors do not fit the encoder:\n  " + "\n  ".join(problems))
    for name, variable in variables.items():
        variable.assign(tensors[name])


def read_tensors(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Keras variables as float32 arrays, by canonical tensor name."""
    return {
        name: np.asarray(keras.ops.convert_to_numpy(variable.value), np.float32)
        for name, variable in variables.items()
    }


def _check_output(output: str, output_hidden_states: bool, pooler: bool) -> None:
    if output not in OUTPUTS:
        raise SettingsError(f"output={output!r} is unknown. Use one of {', '.join(OUTPUTS)}.")
    if output == "pooled_output" and not pooler:
        raise SettingsError("output='pooled_output' needs a pooler, but pooler=False.")
    if output_hidden_states and output != "all":
        raise SettingsError(
            f"output_hidden_states=True needs output='all', but output={output!r} is one tensor."
        )
