"""Which models have how much of their encoder in common, and one engine for those that do."""

# B = texts, L = transformer layers

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from multilabel_bert.encoder.encoder_view import EncoderView
from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.encoder.engines import choose_engine, make_engine
from multilabel_bert.encoder.layers import Layer, split_layers
from multilabel_bert.encoder.pooling import pooling_parts
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.saved_graph import StoredTensors

# The embeddings and one layer. Embeddings alone are looked up, not computed.
_LEAST_LAYERS = 2


class Member(NamedTuple):
    """A model of several.

    Attributes:
        name: of the model.
        model: the classifier.
        wanted: precision and engine that were asked for.
    """

    name: str
    model: ClassifierModel
    wanted: tuple[str, str]


@dataclass(frozen=True, eq=False)
class SharedEncoder:
    """One engine for the encoders of several models.

    Attributes:
        engine: computes them.
        numbers: of each model, the number of its encoder; models that differ in their heads alone
            have the same.
        parts: that are computed of each encoder.
        rows: which encoders need an input of rows, by its name; none where there is one encoder.
    """

    engine: Engine
    numbers: Mapping[str, int]
    parts: Sequence[Sequence[str]]
    rows: Mapping[str, frozenset[int]]

    def view(self, names: Iterable[str]) -> Engine:
        """The encoders of some models: `output_name` to [B, H]."""
        wanted = {self.numbers[name] for name in names}
        outputs = {
            f"{number}/{part}": self._output(number, part)
            for number in sorted(wanted)
            for part in self.parts[number]
        }
        return EncoderView(self.engine, outputs, self._ways(wanted))

    def own_view(self, name: str, parts: Iterable[str]) -> Engine:
        """The encoder of one model: part to [B, H]."""
        number = self.numbers[name]
        outputs = {part: self._output(number, part) for part in parts}
        return EncoderView(self.engine, outputs, self._ways({number}))

    def parts_of(
        self, name: str, parts: Iterable[str], outputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Some parts for one model, among those that `view` gave."""
        return {part: outputs[f"{self.numbers[name]}/{part}"] for part in parts}

    def _output(self, number: int, part: str) -> str:
        return f"{number}/{part}" if self.rows else part

    def _ways(self, wanted: set[int]) -> dict[str, bool]:
        return {name: not wanted.isdisjoint(members) for name, members in self.rows.items()}


def group_by_trunk(members: Sequence[Member]) -> list[tuple[list[Member], SharedEncoder | None]]:
    """Find models with the same lower layers, and compile these once.

    What must agree besides: tokenizer, maximum length, what is done with long texts, sizes,
    precision, engine. Layers are compared by the hashes that are stored in the models; the weights
    of a model that has none are read for it.

    Returns:
        All members, each in one group; those of a model that shares nothing have no encoder.

    Raises:
        ModelError: if weights that are read are damaged.
    """
    groups: list[tuple[list[Member], SharedEncoder | None]] = []
    for alike in _grouped(members, _what_must_agree):
        groups += [(alike, None)] if len(alike) == 1 else _by_layers(alike)
    order = [member.name for member in members]
    return sorted(groups, key=lambda group: order.index(group[0][0].name))


def _grouped(members: Sequence[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    groups: dict[Hashable, list[Member]] = {}
    for member in members:
        groups.setdefault(key(member), []).append(member)
    return list(groups.values())


def _what_must_agree(member: Member) -> Hashable:
    model = member.model
    tokenizer = model.tokenizer
    precision, engine = member.wanted
    return (
        # What only training looks at may differ.
        replace(
            model.config,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=1.0,
        ),
        tokenizer.vocabulary,
        tokenizer.do_lower_case,
        tokenizer.strip_accents,
        tokenizer.tokenize_chinese_chars,
        model.max_seq_length,
        model.long_texts,
        choose_engine(engine, precision),
    )


def _by_layers(members: Sequence[Member]) -> list[tuple[list[Member], SharedEncoder | None]]:
    layers = _Layers()

    def lowest(member: Member) -> Hashable:
        return layers.hashes(member)[:_LEAST_LAYERS]

    groups: list[tuple[list[Member], SharedEncoder | None]] = []
    for sharing in _grouped(members, lowest):
        encoders = _grouped(sharing, layers.hashes)
        keras = choose_engine(*reversed(sharing[0].wanted))[0] != "openvino"
        if len(encoders) == 1 or keras:
            # Keras runs whole encoders only.
            groups += [(same, _one_encoder(same) if len(same) > 1 else None) for same in encoders]
        else:
            groups.append((sharing, _several_encoders(encoders, layers)))
    return groups


class _Layers:
    """The layers of models, read when they are needed; equal ones are in memory once."""

    def __init__(self) -> None:
        self._known: dict[str, Layer] = {}
        self._read: dict[int, list[Layer]] = {}

    def hashes(self, member: Member) -> tuple[str, ...]:
        """Of the layers of one model, from below."""
        tensors = member.model.tensors
        if isinstance(tensors, StoredTensors) and tensors.layers is not None:
            return tensors.layers
        return tuple(layer.sha256 for layer in self.of(member))

    def of(self, member: Member) -> list[Layer]:
        """Those of one model."""
        key = id(member.model.tensors)
        if key not in self._read:
            self._read[key] = [
                self._known.setdefault(layer.sha256, layer)
                for layer in split_layers(member.model.config, _passing(member))
            ]
        return self._read[key]


def _passing(member: Member) -> Mapping[str, np.ndarray]:
    tensors = member.model.tensors
    return tensors.passing() if isinstance(tensors, StoredTensors) else tensors


def _union_of_parts(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p for m in members for p in pooling_parts(m.model.pooling)))


def _one_encoder(members: Sequence[Member]) -> SharedEncoder:
    parts = _union_of_parts(members)
    numbers = dict.fromkeys((member.name for member in members), 0)
    return SharedEncoder(_compiled(members, parts), numbers, [parts], {})


def _compiled(members: Sequence[Member], parts: tuple[str, ...]) -> Engine:
    precision, engine = members[0].wanted
    name, precision = choose_engine(engine, precision)
    for member in members:
        tensors = member.model.tensors
        graph = tensors.graph if isinstance(tensors, StoredTensors) else None
        has_all = set(parts) <= set(pooling_parts(member.model.pooling))
        if name == "openvino" and graph is not None and has_all:
            return graph.compile(parts, precision)
    config = members[0].model.config
    return make_engine(config, _passing(members[0]), parts, precision=precision, engine=name)


def _several_encoders(encoders: Sequence[Sequence[Member]], layers: _Layers) -> SharedEncoder:
    from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
    from multilabel_bert.encoder.shared_graph import build_shared_graph

    first = encoders[0][0]
    parts = [_union_of_parts(members) for members in encoders]
    graph = build_shared_graph(
        first.model.config, [layers.of(members[0]) for members in encoders], parts
    )
    _, precision = choose_engine(*reversed(first.wanted))
    engine = OpenVINOEngine(graph.model, precision=precision)
    numbers = {m.name: number for number, members in enumerate(encoders) for m in members}
    return SharedEncoder(engine, numbers, parts, graph.rows)
