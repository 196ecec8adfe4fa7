"""BERT as an OpenVINO model, built straight from the tensors."""

# B = texts, T = tokens, H = hidden size, N = attention heads, D = H / N, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.openvino_nodes import Nodes
from multilabel_bert.encoder.pooling import (
    LOWEST,
    PARTS,
    POOLINGS,
    layers_below,
    lowest_layer,
    pooling_parts,
    representation_size,
)
from multilabel_bert.encoder.token_layouts import PackedTokens, PaddedTokens, TokenLayout
from multilabel_bert.errors import SettingsError

OUTPUTS = ("sequence_output", *dict.fromkeys((*POOLINGS, *PARTS)), "logits")


@dataclass(frozen=True, eq=False)
class GraphHead:
    """A dense layer on one representation.

    Attributes:
        kernel: float32 [F, X]; F is the size of the representation.
        bias: float32 [X].
        representation: one of `POOLINGS`.
    """

    kernel: np.ndarray
    bias: np.ndarray
    representation: str = "pooled"


def build_graph(
    config: BertConfig,
    tensors: Mapping[str, np.ndarray],
    *,
    outputs: Sequence[str] = ("sequence_output",),
    head: GraphHead | None = None,
    first_layer: int = 0,
    last_layer: int | None = None,
    index_type: str = "int32",
    packed: bool = True,
) -> Any:
    """Build the encoder, or some of its layers, with dynamic batch and length.

    Inputs are ``input_ids``, ``attention_mask`` and ``token_type_ids`` [B, T]. With
    ``first_layer > 0`` they are ``hidden_states`` float32 [B, T, H], what enters that layer, and
    ``attention_mask``. Whoever feeds it keeps T at most ``config.max_position_embeddings``.

    Args:
        config: of the whole encoder.
        tensors: canonical names to float32 arrays; those of the layers built are needed.
        outputs: which of `OUTPUTS`, in the order of the model's outputs. ``sequence_output``
            [B, T, H] is what leaves the last layer built, with anything at the padding; the parts
            of representations (of the real tokens) are [B, H], whole ones [B, F], ``logits``
            [B, X].
        head: needed for ``logits``.
        first_layer: the first transformer layer built; 0 includes the embeddings.
        last_layer: the layer before which it ends, L if None. With ``last_layer = L - k`` and
            ``sequence_output`` it gives the hidden states that enter the top k layers.
        index_type: ``"int32"`` or ``"int64"``, of ids and masks.
        packed: whether padding is taken out inside the graph, so that a batch costs what its real
            tokens do (see `PackedTokens`); for CPUs. Then ``sequence_output`` has copies of other
            tokens at the padding. Without it any device can run the graph.

    Returns:
        An ``openvino.Model`` in float32; the precision of the computation is chosen when it is
        compiled.

    Raises:
        SettingsError: if an argument is out of range, or an output needs what is not there.

    Source: Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """
    end = config.num_hidden_layers if last_layer is None else last_layer
    _check_arguments(config, tensors, outputs, head, first_layer, end, index_type)
    graph = GraphBuilder(config, tensors)
    mask = graph.input("attention_mask", index_type)
    layout: TokenLayout = (PackedTokens if packed else PaddedTokens)(mask, config)
    if first_layer == 0:
        ids, types = (graph.input(n, index_type) for n in ("input_ids", "token_type_ids"))
        parameters = [ids, mask, types]
        states = [graph.embeddings(ids, types, layout)]
    else:
        hidden = graph.input("hidden_states", "float32", config.hidden_size)
        parameters = [hidden, mask]
        states = [layout.rows(hidden, config.hidden_size)]
    for index in range(first_layer, end):
        states.append(graph.transformer_layer(f"encoder/layer_{index}", states[-1], layout))
    results = []
    for name in outputs:
        node = graph.output(name, states, layout, head)
        node.output(0).set_names({name})
        results.append(graph.op.result(node, name=f"result/{name}"))
    return graph.openvino.Model(results, parameters, "bert")


class GraphBuilder(Nodes):
    """Builds the nodes of an encoder.

    Args:
        config: of the encoder.
        tensors: those of the layers that are built, by canonical tensor name.
    """

    def __init__(self, config: BertConfig, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.config, self.tensors = config, tensors

    def input(self, name: str, dtype: str, *sizes: int) -> Any:
        """An input [B, T, ...]."""
        shape = self.openvino.PartialShape([-1, -1, *sizes])
        node = self.op.parameter(shape, np.dtype(dtype), name=name)
        node.output(0).set_names({name})
        return node

    def embeddings(self, ids: Any, types: Any, layout: TokenLayout) -> Any:
        """What enters the first layer, from ids and types [B, T]."""
        op = self.op
        words = self.lookup("embeddings/word_embeddings", layout.rows(ids))
        kinds = self.lookup("embeddings/token_type_embeddings", layout.rows(types))
        table = self.constant(self.tensors["embeddings/position_embeddings"])
        summed = op.add(op.add(words, kinds), layout.columns(table))
        return self.layer_norm("embeddings/LayerNorm", summed)

    def lookup(self, name: str, ids: Any) -> Any:
        """Rows of a table."""
        return self.take(self.constant(self.tensors[name]), ids)

    def transformer_layer(self, prefix: str, hidden: Any, layout: TokenLayout) -> Any:
        """One layer, from and to hidden states in the layout."""
        attended = self.dense(
            f"{prefix}/attention/output/dense", self.self_attention(prefix, hidden, layout)
        )
        hidden = self.layer_norm(
            f"{prefix}/attention/output/LayerNorm", self.op.add(attended, hidden)
        )
        wide = self.activation(self.dense(f"{prefix}/intermediate/dense", hidden))
        narrow = self.dense(f"{prefix}/output/dense", wide)
        return self.layer_norm(f"{prefix}/output/LayerNorm", self.op.add(narrow, hidden))

    def self_attention(self, prefix: str, hidden: Any, layout: TokenLayout) -> Any:
        """Its attention, without what follows."""

        def project(name: str) -> Any:  # [B, N, T, D]
            projected = self.dense(f"{prefix}/attention/self/{name}", hidden)
            return layout.split_heads(projected)

        # Three matrix multiplies: to take one of [H, 3 H] apart costs more than it saves, up to a
        # seventh of the whole for BERT-base.
        query, key, value = map(project, ("query", "key", "value"))
        # It scales by 1 / sqrt(D), as BERT does.
        context = self.op.scaled_dot_product_attention(query, key, value, layout.bias)
        return layout.join_heads(context)

    def activation(self, x: Any) -> Any:
        """The configuration's function."""
        functions = {
            "gelu": lambda: self.op.gelu(x, "ERF"),
            "gelu_new": lambda: self.op.gelu(x, "TANH"),
            "gelu_pytorch_tanh": lambda: self.op.gelu(x, "TANH"),
            "relu": lambda: self.op.relu(x),
            "silu": lambda: self.op.swish(x),
            "swish": lambda: self.op.swish(x),
            "tanh": lambda: self.op.tanh(x),
        }
        return functions[self.config.hidden_act]()

    def dense(self, prefix: str, x: Any) -> Any:
        """A dense layer by its name."""
        return self.affine(x, self.tensors[f"{prefix}/kernel"], self.tensors[f"{prefix}/bias"])

    def affine(self, x: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
        """A dense layer by its weights."""
        return self.op.add(
            self.op.matmul(x, self.constant(kernel), False, False), self.constant(bias)
        )

    def layer_norm(self, prefix: str, x: Any) -> Any:
        """A LayerNorm by its name."""
        # MVN followed by a multiply and an add with constants is what OpenVINO fuses into one.
        normal = self.op.mvn(x, self.axes(-1), True, self.config.layer_norm_eps, "inside_sqrt")
        scaled = self.op.multiply(normal, self.constant(self.tensors[f"{prefix}/gamma"]))
        return self.op.add(scaled, self.constant(self.tensors[f"{prefix}/beta"]))

    def output(
        self, name: str, states: list[Any], layout: TokenLayout, head: GraphHead | None
    ) -> Any:
        """One of `OUTPUTS`, from the hidden states below and above each layer."""
        if name == "sequence_output":
            # A node of its own, because an output's name must not rename an inner tensor.
            return self.op.convert(layout.rectangle(states[-1]), "f32")
        if name == "logits":
            assert head is not None
            features = self.representation(head.representation, states, layout)
            return self.affine(features, head.kernel, head.bias)
        return self.representation(name, states, layout)

    def representation(self, name: str, states: list[Any], layout: TokenLayout) -> Any:
        """One of `POOLINGS`, [B, F]."""
        parts = [self.part(part, states, layout) for part in pooling_parts(name)]
        return parts[0] if len(parts) == 1 else self.op.concat(parts, 1)

    def part(self, name: str, states: list[Any], layout: TokenLayout) -> Any:
        """One of `PARTS`, [B, H]."""
        op = self.op
        hidden = states[-1 - layers_below(name)]
        how = name.partition("-")[0]
        if how == "cls":
            return layout.first(hidden)
        if how == "pooled":
            return op.tanh(self.dense("pooler/dense", self.part("cls", states, layout)))
        hidden = layout.rectangle(hidden)
        weights = op.unsqueeze(layout.mask, self.axes(2))  # [B, T, 1]
        if how == "max":
            real = op.greater(weights, self.constant(0.0))
            return op.reduce_max(
                op.select(real, hidden, self.constant(LOWEST)), self.axes(1), False
            )
        total = op.reduce_sum(op.multiply(hidden, weights), self.axes(1), False)
        # A text always has [CLS]; the maximum only keeps an empty row from becoming NaN.
        count = op.maximum(op.reduce_sum(layout.mask, self.axes(1), True), self.constant(1.0))
        return op.divide(total, count)


def _check_arguments(
    config: BertConfig,
    tensors: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    head: GraphHead | None,
    first_layer: int,
    end: int,
    index_type: str,
) -> None:
    unknown = [name for name in outputs if name not in OUTPUTS]
    if unknown or not outputs or len(set(outputs)) != len(outputs):
        raise SettingsError(
            f"outputs={tuple(outputs)!r}: expected one or more of {', '.join(OUTPUTS)}, each once."
        )
    if not 0 <= first_layer <= end <= config.num_hidden_layers:
        raise SettingsError(
            f"first_layer={first_layer} and last_layer={end}: expected 0 <= first_layer <= "
            f"last_layer <= {config.num_hidden_layers}, the number of layers."
        )
    if index_type not in ("int32", "int64"):
        raise SettingsError(f"index_type={index_type!r}: expected 'int32' or 'int64'.")
    used = set(outputs)
    if "logits" in used:
        if head is None:
            raise SettingsError("outputs has 'logits', but no head is given.")
        if head.representation not in POOLINGS:
            raise SettingsError(
                f"The head's representation {head.representation!r} is unknown. Use one of "
                f"{', '.join(POOLINGS)}."
            )
        used.add(head.representation)
        width = representation_size(head.representation, config.hidden_size)
        if head.kernel.shape[:1] != (width,) or head.kernel.shape[1:] != head.bias.shape:
            raise SettingsError(
                f"The head on {head.representation!r} has a kernel {list(head.kernel.shape)} and a "
                f"bias {list(head.bias.shape)}; expected [{width}, X] and [X]."
            )
    if "pooled" in used and "pooler/dense/kernel" not in tensors:
        raise SettingsError(
            "'pooled' needs a pooler, and this encoder has none. Use cls, mean or cls+mean."
        )
    for name in used - {"sequence_output", "logits"}:
        # The embeddings are no layer, what enters `first_layer` is one.
        if (below := lowest_layer([name])) and end - below < max(first_layer, 1):
            raise SettingsError(
                f"{name!r} is made of {below + 1} layers, but of the {end} up to last_layer only "
                f"those from first_layer={first_layer} are built. Use cls, mean or cls+mean."
            )
