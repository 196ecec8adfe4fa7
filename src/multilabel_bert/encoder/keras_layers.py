"""The layers of BERT in Keras: embeddings, self-attention, transformer layer, pooler."""

# B = texts, T = tokens, H = hidden size, N = attention heads, D = H / N

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from multilabel_bert.encoder import row_kernels
from multilabel_bert.encoder.config import BertConfig

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    # The names are Hugging Face's: "gelu" is the exact form with erf. Google's "gelu" is the
    # tanh approximation, which Hugging Face calls gelu_new; BertConfig.from_google renames it.
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
}


def attention_bias(attention_mask: Any, dtype: str) -> Any:
    """What is added to the attention scores: 0 for a real token, -10000 for padding.

    Args:
        attention_mask: [B, T], 1 for a real token.
        dtype: of the scores.

    Returns:
        [B, 1, 1, T].

    Source: google-research/bert, modeling.py, attention_layer. In float32, exp(-10000) is 0.
    """
    mask = ops.cast(attention_mask, dtype)[:, None, None, :]
    return (1.0 - mask) * -10000.0


class BertEmbeddings(keras.layers.Layer):
    """Word, position and token type embeddings, added, normalised, with dropout."""

    def __init__(self, config: BertConfig, *, seed: int | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("name", "embeddings")
        super().__init__(**kwargs)
        self.config = config
        self.norm = _layer_norm(config, self.dtype_policy)
        self.dropout = _dropout(config.hidden_dropout_prob, seed, self.dtype_policy)

    def build(self) -> None:
        """Create the three tables: [V, H], [P, H] and [S, H]."""
        config = self.config

        def table(name: str, rows: int) -> Any:
            return self.add_weight(
                shape=(rows, config.hidden_size), name=name, initializer=_initializer(config)
            )

        self.word_embeddings = table("word_embeddings", config.vocab_size)
        self.position_embeddings = table("position_embeddings", config.max_position_embeddings)
        self.token_type_embeddings = table("token_type_embeddings", config.type_vocab_size)
        self.norm.build((None, None, config.hidden_size))

    def call(
        self,
        input_ids: Any,
        token_type_ids: Any,
        inputs_embeds: Any = None,
        training: bool = False,
    ) -> Any:
        """[B, T] ids and token types to [B, T, H].

        `inputs_embeds` [B, T, H] are rows of the word embeddings that were looked up already.
        """
        length = input_ids.shape[1]
        if length is not None and length > self.config.max_position_embeddings:
            raise ValueError(
                f"input_ids has {length} tokens a text, but this BERT has position embeddings for "
                f"{self.config.max_position_embeddings}. Cut the texts to that length."
            )
        words = inputs_embeds
        if words is None:
            words = ops.take(ops.convert_to_tensor(self.word_embeddings), input_ids, axis=0)
        types = ops.take(ops.convert_to_tensor(self.token_type_embeddings), token_type_ids, axis=0)
        positions = self.position_embeddings[: ops.shape(input_ids)[1]]
        return self.dropout(self.norm(words + types + positions), training=training)

    def tensor_variables(self) -> dict[str, Any]:
        """Canonical tensor name to Keras variable."""
        tables = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        variables = {f"embeddings/{name}": getattr(self, name) for name in tables}
        return variables | _norm_variables("embeddings/LayerNorm", self.norm)


class BertSelfAttention(keras.layers.Layer):
    """Multi-head self-attention up to its context, [B, T, H] to [B, T, H]."""

    def __init__(self, config: BertConfig, *, seed: int | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("name", "self")
        super().__init__(**kwargs)
        self.config = config
        self.query, self.key, self.value = (
            _dense(config, config.hidden_size, name, self.dtype_policy)
            for name in ("query", "key", "value")
        )
        self.dropout = _dropout(config.attention_probs_dropout_prob, seed, self.dtype_policy)

    def build(self) -> None:
        """Create the three projections."""
        for dense in (self.query, self.key, self.value):
            dense.build((None, None, self.config.hidden_size))

    def call(self, hidden: Any, bias: Any, training: bool = False) -> Any:
        """Attend from each token to all real ones.

        Args:
            hidden: [B, T, H], or as rows [R, H] (`row_kernels.to_rows`).
            bias: [B, 1, 1, T], from `attention_bias`.
            training: whether to drop attention probabilities.
        """
        batch, length = ops.shape(bias)[0], ops.shape(bias)[3]
        heads = self.config.num_attention_heads
        head_size = self.config.hidden_size // heads
        as_rows = len(hidden.shape) == 2
        projected = self._projected(hidden, as_rows)
        if as_rows:
            projected = row_kernels.drop_padding(projected, batch * length)
        split = ops.reshape(projected, (batch, length, 3, heads, head_size))
        query, key, value = ops.unstack(ops.transpose(split, (2, 0, 3, 1, 4)), 3)  # [B, N, T, D]
        query = query * (1.0 / math.sqrt(head_size))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias  # [B, N, T, T]
        probabilities = ops.softmax(scores, axis=-1)
        if as_rows and training and self.dropout.rate > 0:
            probabilities = row_kernels.attention_dropout(
                probabilities, self.dropout.rate, self.dropout.seed_generator.next()
            )
        else:
            probabilities = self.dropout(probabilities, training=training)
        context = ops.transpose(ops.matmul(probabilities, value), (0, 2, 1, 3))  # [B, T, N, D]
        if as_rows:
            rows = ops.reshape(context, (batch * length, self.config.hidden_size))
            return row_kernels.pad_rows(rows)
        return ops.reshape(context, (batch, length, self.config.hidden_size))

    def _projected(self, hidden: Any, as_rows: bool) -> Any:
        """Query, key and value side by side, [..., 3 H]."""
        parts = (self.query, self.key, self.value)
        # One matrix multiply is faster than three, most of all backward.
        kernel = ops.concatenate([ops.convert_to_tensor(part.kernel) for part in parts], axis=1)
        bias = ops.concatenate([_bias_of(part) for part in parts], axis=0)
        projected = ops.matmul(hidden, kernel)
        if as_rows:
            return row_kernels.add_bias(projected, bias)
        return projected + ops.cast(bias, projected.dtype)


class BertLayer(keras.layers.Layer):
    """One transformer layer: attention, then the intermediate dense layers; post-norm."""

    def __init__(self, config: BertConfig, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        policy = self.dtype_policy
        self.attention = BertSelfAttention(config, seed=seed, dtype=policy)
        self.attention_output = _dense(config, config.hidden_size, "attention_output", policy)
        self.attention_norm = _layer_norm(config, policy, "attention_LayerNorm")
        self.intermediate = _dense(config, config.intermediate_size, "intermediate", policy)
        self.output_dense = _dense(config, config.hidden_size, "output_dense", policy)
        self.output_norm = _layer_norm(config, policy, "output_LayerNorm")
        self.dropout = _dropout(
            config.hidden_dropout_prob, None if seed is None else seed + 1, policy
        )

    def build(self) -> None:
        """Create all weights of the layer."""
        hidden = (None, None, self.config.hidden_size)
        self.attention.build()
        for part in (
            self.attention_output,
            self.attention_norm,
            self.intermediate,
            self.output_norm,
        ):
            part.build(hidden)
        self.output_dense.build((None, None, self.config.intermediate_size))

    def call(self, hidden: Any, bias: Any, training: bool = False) -> Any:
        """[B, T, H] to [B, T, H]; `bias` as in `BertSelfAttention`. Rows stay rows."""
        context = self.attention(hidden, bias, training=training)
        if len(hidden.shape) == 2:
            return self._call_on_rows(hidden, context, training)
        attended = self.attention_output(context)
        hidden = self.attention_norm(hidden + self.dropout(attended, training=training))
        activation = _ACTIVATIONS[self.config.hidden_act]
        transformed = self.output_dense(activation(self.intermediate(hidden)))
        return self.output_norm(hidden + self.dropout(transformed, training=training))

    def _call_on_rows(self, hidden: Any, context: Any, training: bool) -> Any:
        """The same by fused kernels."""

        def multiply(x: Any, layer: Any) -> Any:
            return ops.matmul(x, ops.convert_to_tensor(layer.kernel))

        def finish(x: Any, layer: Any, residual: Any, norm: Any) -> Any:
            drops = training and self.dropout.rate > 0
            return row_kernels.bias_dropout_add_norm(
                multiply(x, layer),
                _bias_of(layer),
                residual,
                ops.cast(norm.gamma, "float32"),
                ops.cast(norm.beta, "float32"),
                epsilon=self.config.layer_norm_eps,
                rate=self.dropout.rate if drops else 0.0,
                seed=self.dropout.seed_generator.next() if drops else None,
            )

        hidden = finish(context, self.attention_output, hidden, self.attention_norm)
        wide, bias = multiply(hidden, self.intermediate), _bias_of(self.intermediate)
        if self.config.hidden_act.startswith("gelu"):
            wide = row_kernels.bias_gelu(wide, bias, self.config.hidden_act != "gelu")
        else:
            wide = _ACTIVATIONS[self.config.hidden_act](row_kernels.add_bias(wide, bias))
        return finish(wide, self.output_dense, hidden, self.output_norm)

    def tensor_variables(self, index: int) -> dict[str, Any]:
        """Canonical tensor name to Keras variable; `index` counts from the embeddings."""
        prefix = f"encoder/layer_{index}"
        return {
            **_dense_variables(f"{prefix}/attention/self/query", self.attention.query),
            **_dense_variables(f"{prefix}/attention/self/key", self.attention.key),
            **_dense_variables(f"{prefix}/attention/self/value", self.attention.value),
            **_dense_variables(f"{prefix}/attention/output/dense", self.attention_output),
            **_norm_variables(f"{prefix}/attention/output/LayerNorm", self.attention_norm),
            **_dense_variables(f"{prefix}/intermediate/dense", self.intermediate),
            **_dense_variables(f"{prefix}/output/dense", self.output_dense),
            **_norm_variables(f"{prefix}/output/LayerNorm", self.output_norm),
        }


class BertPooler(keras.layers.Layer):
    """Dense layer with tanh on the vector of [CLS]: [B, T, H] to [B, H]."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        kwargs.setdefault("name", "pooler")
        super().__init__(**kwargs)
        self.config = config
        self.dense = _dense(config, config.hidden_size, "dense", self.dtype_policy)

    def build(self) -> None:
        """Create the dense layer."""
        self.dense.build((None, self.config.hidden_size))

    def call(self, sequence_output: Any) -> Any:
        """[B, T, H] to [B, H]."""
        return ops.tanh(self.dense(sequence_output[:, 0, :]))

    def tensor_variables(self) -> dict[str, Any]:
        """Canonical tensor name to Keras variable."""
        return _dense_variables("pooler/dense", self.dense)


def _initializer(config: BertConfig) -> Any:
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


def _dense(config: BertConfig, units: int, name: str, policy: Any) -> Any:
    return keras.layers.Dense(
        units, kernel_initializer=_initializer(config), name=name, dtype=policy
    )


def _layer_norm(config: BertConfig, policy: Any, name: str = "LayerNorm") -> Any:
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name=name, dtype=policy)


def _dropout(rate: float, seed: int | None, policy: Any) -> Any:
    return keras.layers.Dropout(rate, seed=seed, dtype=policy)


def _dense_variables(prefix: str, dense: Any) -> dict[str, Any]:
    return {f"{prefix}/kernel": dense.kernel, f"{prefix}/bias": dense.bias}


def _bias_of(dense: Any) -> Any:
    """The bias as float32 tensor, which the fused kernels compute in."""
    return ops.cast(ops.convert_to_tensor(dense.bias), "float32")


def _norm_variables(prefix: str, norm: Any) -> dict[str, Any]:
    return {f"{prefix}/gamma": norm.gamma, f"{prefix}/beta": norm.beta}
