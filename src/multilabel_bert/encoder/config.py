"""The configuration of a BERT encoder, from Google's or Hugging Face's JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from multilabel_bert.errors import CheckpointError

# Hugging Face's names: "gelu" is the exact form with erf, "gelu_new" the tanh approximation.
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh")
# Other spellings in published configurations, of the same functions.
_ACTIVATION_ALIASES = {"gelu_python": "gelu", "gelu_fast": "gelu_new", "gelu_accurate": "gelu_new"}
# Google's modeling.py, get_activation; "linear" is left out, no release has it.
_GOOGLE_ACTIVATIONS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh"}
_GOOGLE_LAYER_NORM_EPS = 1e-12  # tf.contrib.layers.layer_norm's constant, not in the JSON

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_PROBABILITIES = ("hidden_dropout_prob", "attention_probs_dropout_prob")


@dataclass(frozen=True)
class BertConfig:
    """Sizes and rules of a BERT encoder; field names and meanings are Hugging Face's.

    Attributes:
        vocab_size: word pieces, V.
        hidden_size: width of the hidden states, H; a multiple of `num_attention_heads`.
        num_hidden_layers: transformer layers, L.
        num_attention_heads: heads in each layer.
        intermediate_size: width between the two dense layers of a transformer layer.
        hidden_act: one of `ACTIVATIONS`; ``"gelu"`` is the exact form, ``"gelu_new"`` the tanh
            approximation that Google's code uses.
        hidden_dropout_prob: 0 <= p < 1.
        attention_probs_dropout_prob: 0 <= p < 1.
        max_position_embeddings: the longest text in tokens.
        type_vocab_size: token types, 2 for a first and a second text.
        initializer_range: standard deviation of new weights.
        layer_norm_eps: added to the variance in every LayerNorm.
        pad_token_id: id of ``[PAD]``.

    Raises:
        CheckpointError: if a value cannot be.

    Example:
        >>> config = BertConfig(100, 16, 1, 2, 32)
        >>> config.hidden_act, BertConfig.from_dict(config.to_dict()) == config
        ('gelu', True)
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        problems = [*self._size_problems(), *self._rule_problems()]
        if problems:
            raise CheckpointError("BertConfig: " + "; ".join(problems) + ".")

    def _size_problems(self) -> list[str]:
        problems = [
            f"{key} must be a whole number of at least 1, got {getattr(self, key)!r}"
            for key in _SIZES
            if not _is_whole(getattr(self, key)) or getattr(self, key) < 1
        ]
        if problems:
            return problems
        if self.hidden_size % self.num_attention_heads:
            problems.append(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} "
                f"and {self.num_attention_heads}"
            )
        if not _is_whole(self.pad_token_id) or not 0 <= self.pad_token_id < self.vocab_size:
            problems.append(
                f"pad_token_id must be a whole number from 0 to vocab_size - 1 = "
                f"{self.vocab_size - 1}, got {self.pad_token_id!r}"
            )
        return problems

    def _rule_problems(self) -> list[str]:
        problems = [
            f"{key} must be a number from 0 to below 1, got {getattr(self, key)!r}"
            for key in _PROBABILITIES
            if not _is_number(getattr(self, key)) or not 0 <= getattr(self, key) < 1
        ]
        if not _is_number(self.layer_norm_eps) or not 0 < self.layer_norm_eps < 1:
            problems.append(
                f"layer_norm_eps must be a number between 0 and 1, got {self.layer_norm_eps!r}"
            )
        if not _is_number(self.initializer_range) or self.initializer_range <= 0:
            problems.append(
                f"initializer_range must be a number above 0, got {self.initializer_range!r}"
            )
        if self.hidden_act not in ACTIVATIONS:
            problems.append(
                f"hidden_act must be one of {', '.join(ACTIVATIONS)}, got {self.hidden_act!r}"
            )
        return problems

    @classmethod
    def from_google(cls, values: Mapping[str, Any], origin: str) -> BertConfig:
        """Read the content of ``bert_config.json``.

        Google's "gelu" is the tanh approximation, so it becomes ``"gelu_new"``.

        Args:
            values: the parsed JSON; keys that BERT does not need are accepted.
            origin: name of the file, for messages.

        Raises:
            CheckpointError: if a size is missing, a value cannot be, or it is another
                architecture.
        """
        _require_object(values, origin)
        _refuse_other_architectures(values, origin)
        known = _known_values(values, origin)
        activation = known.get("hidden_act", "gelu")
        if not isinstance(activation, str) or activation not in _GOOGLE_ACTIVATIONS:
            raise CheckpointError(
                f"{origin}: hidden_act must be one of {', '.join(_GOOGLE_ACTIVATIONS)}, got "
                f"{activation!r}."
            )
        known["hidden_act"] = _GOOGLE_ACTIVATIONS[activation]
        known.setdefault("layer_norm_eps", _GOOGLE_LAYER_NORM_EPS)
        return cls._with_origin(known, origin)

    @classmethod
    def from_hugging_face(cls, values: Mapping[str, Any], origin: str) -> BertConfig:
        """Read the content of a Hugging Face ``config.json``.

        Args:
            values: the parsed JSON; keys that BERT does not need are accepted.
            origin: name of the file, for messages.

        Raises:
            CheckpointError: if a size is missing, a value cannot be, or it is another
                architecture.
        """
        _require_object(values, origin)
        _refuse_other_architectures(values, origin)
        known = _known_values(values, origin)
        activation = known.get("hidden_act", "gelu")
        if isinstance(activation, str):
            known["hidden_act"] = _ACTIVATION_ALIASES.get(activation, activation)
        return cls._with_origin(known, origin)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BertConfig:
        """Read what `to_dict` wrote."""
        return cls.from_hugging_face(values, "the encoder's configuration")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as Hugging Face's ``config.json`` has them, with ``model_type``."""
        return {"model_type": "bert", **asdict(self)}

    @classmethod
    def _with_origin(cls, values: dict[str, Any], origin: str) -> BertConfig:
        try:
            return cls(**values)
        except CheckpointError as error:
            problems = str(error).removeprefix("BertConfig: ")
            raise CheckpointError(f"{origin}: {problems}") from None


def _known_values(values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    missing = [key for key in _SIZES if key not in values]
    if missing:
        raise CheckpointError(
            f"{origin}: missing {', '.join(missing)}. A BERT configuration must state its sizes: "
            "use the file that was published with the checkpoint."
        )
    known = {field.name: values[field.name] for field in fields(BertConfig) if field.name in values}
    if known.get("pad_token_id", 0) is None:
        del known["pad_token_id"]
    return known


def _require_object(values: Any, origin: str) -> None:
    if not isinstance(values, Mapping):
        raise CheckpointError(
            f"{origin}: expected a JSON object with the sizes of a BERT, got "
            f"{type(values).__name__}."
        )


def _refuse_other_architectures(values: Mapping[str, Any], origin: str) -> None:
    model_type = values.get("model_type", "bert")
    if model_type != "bert":
        raise CheckpointError(
            f"{origin}: model_type is {model_type!r}, but only 'bert' is supported. Use a BERT "
            "encoder, such as bert-base-uncased."
        )
    embedding_size = values.get("embedding_size")
    if embedding_size is not None and embedding_size != values.get("hidden_size"):
        raise CheckpointError(
            f"{origin}: embedding_size is {embedding_size!r} and hidden_size "
            f"{values.get('hidden_size')!r}; in BERT they are one. This looks like an ALBERT or "
            "ELECTRA checkpoint, which is not supported. Use a BERT encoder."
        )
    positions = values.get("position_embedding_type", "absolute")
    if positions not in (None, "absolute"):
        raise CheckpointError(
            f"{origin}: position_embedding_type is {positions!r}, but only 'absolute' is "
            "supported. Use a BERT encoder with absolute position embeddings."
        )
    if values.get("is_decoder") or values.get("add_cross_attention"):
        raise CheckpointError(
            f"{origin}: is_decoder or add_cross_attention is true, but only encoders are "
            "supported: a decoder's tokens do not see what follows them."
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
