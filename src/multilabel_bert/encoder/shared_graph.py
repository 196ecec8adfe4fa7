"""Several encoders in one OpenVINO model: the layers that they have in common are there once."""

# B = texts, T = tokens, H = hidden size, L = transformer layers

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.layers import Layer
from multilabel_bert.encoder.openvino_graph import GraphBuilder
from multilabel_bert.encoder.token_layouts import PackedTokens, TokenLayout


@dataclass(frozen=True, eq=False)
class SharedGraph:
    """What `build_shared_graph` built.

    Attributes:
        model: an ``openvino.Model`` in float32.
        rows: which encoders need an input of rows, by the input's name.
    """

    model: Any
    rows: Mapping[str, frozenset[int]]


def build_shared_graph(
    config: BertConfig, encoders: Sequence[Sequence[Layer]], parts: Sequence[Sequence[str]]
) -> SharedGraph:
    """Build encoders of the same sizes that differ in their upper layers.

    Inputs are ``input_ids``, ``attention_mask`` and ``token_type_ids``, int32 [B, T]. Where
    encoders part, each way has an input ``rows/N``, int32 [any]: the rows that go it, of those
    that came to the parting. A way without rows costs nothing.

    Args:
        config: of all the encoders.
        encoders: the layers of each, from `split_layers`; the lowest are the same. Two that are
            the same in all layers are one.
        parts: of each encoder, some of `pooling.PARTS`.

    Returns:
        The model with outputs ``0/mean`` and so on: the number of the encoder, and the part, [rows
        of its last way, H].
    """
    return _Tree(config, encoders, parts).build()


@dataclass(eq=False)
class _Way:
    """What has been computed on the way up to some layer."""

    states: list[Any]  # the hidden states below each layer
    mask: Any  # int32 [rows, T]
    layout: TokenLayout


@dataclass(eq=False)
class _Tree:
    config: BertConfig
    encoders: Sequence[Sequence[Layer]]
    parts: Sequence[Sequence[str]]
    parameters: list[Any] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    rows: dict[str, frozenset[int]] = field(default_factory=dict)

    def build(self) -> SharedGraph:
        embeddings = {layers[0].sha256 for layers in self.encoders}
        assert len(embeddings) == 1, "encoders with other embeddings have nothing in common"
        graph = self._builder(0, 0)
        mask = graph.input("attention_mask", "int32")
        ids, types = (graph.input(n, "int32") for n in ("input_ids", "token_type_ids"))
        self.parameters += [ids, mask, types]
        layout = PackedTokens(mask, self.config)
        way = _Way([graph.embeddings(ids, types, layout)], mask, layout)
        self._climb(list(range(len(self.encoders))), 1, way)
        model = graph.openvino.Model(self.results, self.parameters, "bert")
        return SharedGraph(model, self.rows)

    def _builder(self, encoder: int, depth: int) -> GraphBuilder:
        return GraphBuilder(self.config, self.encoders[encoder][depth].tensors)

    def _climb(self, members: list[int], depth: int, way: _Way) -> None:
        for together in self._partings(members, depth):
            graph = self._builder(together[0], depth)
            own = way if len(together) == len(members) else self._part(graph, together, way)
            name = f"encoder/layer_{depth - 1}"
            hidden = graph.transformer_layer(name, own.states[-1], own.layout)
            above = _Way([*own.states, hidden], own.mask, own.layout)
            if depth < self.config.num_hidden_layers:
                self._climb(together, depth + 1, above)
            else:
                self._end(graph, together, above)

    def _partings(self, members: list[int], depth: int) -> list[list[int]]:
        groups: dict[str, list[int]] = {}
        for member in members:
            groups.setdefault(self.encoders[member][depth].sha256, []).append(member)
        return list(groups.values())

    def _part(self, graph: GraphBuilder, members: list[int], way: _Way) -> _Way:
        name = f"rows/{len(self.rows)}"
        self.rows[name] = frozenset(members)
        rows = graph.op.parameter(graph.openvino.PartialShape([-1]), np.dtype(np.int32), name=name)
        rows.output(0).set_names({name})
        self.parameters.append(rows)

        def taken(x: Any) -> Any:
            return graph.take(x, rows)

        mask = taken(way.mask)
        layout = PackedTokens(mask, self.config)

        def part_of(state: Any) -> Any:
            return layout.rows(taken(way.layout.rectangle(state)), self.config.hidden_size)

        # Lower layers too, for representations of several; what nothing needs is not computed.
        return _Way([part_of(state) for state in way.states], mask, layout)

    def _end(self, graph: GraphBuilder, members: list[int], way: _Way) -> None:
        for member in members:
            for part in self.parts[member]:
                name = f"{member}/{part}"
                node = graph.part(part, way.states, way.layout)
                node.output(0).set_names({name})
                self.results.append(graph.op.result(node, name=f"result/{name}"))
