"""The lane of models that share an encoder: each text goes only through what its models need."""

# B = texts of a batch, H = hidden size

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.model.shared_predictor import TrunkGroup
from multilabel_bert.model.trunk_groups import SharedEncoder
from multilabel_bert.text.tokenized_texts import TokenizedTexts


class ModelLane:
    """One model, or several that share an encoder or its lower layers; see `jobs.Lane`.

    Args:
        group: the models.
    """

    def __init__(self, group: TrunkGroup) -> None:
        self._group = group
        self._encoder = group.encoder
        # Of models that differ in their heads alone, everything is computed anyway.
        self.engine: Engine = group.engine()

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> TokenizedTexts:
        """What the encoder sees of texts; an empty second text is none."""
        return self._group.tokenize(first, second)

    def encode(
        self, batch: dict[str, np.ndarray], names: Sequence[Iterable[str]]
    ) -> dict[str, np.ndarray]:
        """Parts [B, H] of a padded batch; of each text those that its models need.

        Args:
            batch: ``input_ids``, ``attention_mask`` and ``token_type_ids`` [B, T].
            names: of the models that want each of the B texts.
        """
        encoder = self._encoder
        if encoder is None or not encoder.rows:
            return next(iter(self.engine.run([batch])))
        wanted = np.zeros((len(names), len(encoder.parts)), bool)
        for row, of_row in enumerate(names):
            wanted[row, [encoder.numbers[name] for name in of_row]] = True
        rows = rows_of_ways(encoder.rows, wanted)
        outputs = next(iter(encoder.engine.run([batch | relative_rows(encoder.rows, rows)])))
        return _at_their_places(encoder, rows, outputs, len(names))

    def logits(self, name: str, parts: dict[str, np.ndarray], texts: TokenizedTexts) -> np.ndarray:
        """Logits, float32 [N, X], by one of the models, of texts that are encoded."""
        return self._group.logits(name, parts, texts)


def rows_of_ways(ways: Mapping[str, frozenset[int]], wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Which texts of a batch go each way of a shared graph.

    Args:
        ways: which encoders are on each way, by the name of its input.
        wanted: bool [B, encoders].

    Returns:
        int32, rows of the batch, by the name of the input.
    """
    return {
        name: np.flatnonzero(wanted[:, sorted(members)].any(axis=1)).astype(np.int32)
        for name, members in ways.items()
    }


def relative_rows(
    ways: Mapping[str, frozenset[int]], rows: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The same as places among the rows that come to the parting, which the graph takes.

    >>> ways = {"low": frozenset({0, 1}), "high": frozenset({1})}
    >>> rows = {"low": np.array([2, 5, 6]), "high": np.array([6])}
    >>> {name: places.tolist() for name, places in relative_rows(ways, rows).items()}
    {'low': [2, 5, 6], 'high': [2]}
    """
    relative = {}
    for name, members in ways.items():
        below = _narrowest(ways, lambda others, members=members: members < others)
        places = rows[name]
        if below is not None:
            places = np.searchsorted(rows[below], places)
        relative[name] = places.astype(np.int32)
    return relative


def _narrowest(ways, fits):  # type: ignore[no-untyped-def]
    """The way of fewest encoders among those that fit; None if none does."""
    fitting = [name for name, members in ways.items() if fits(members)]
    return min(fitting, key=lambda name: len(ways[name]), default=None)


def _at_their_places(
    encoder: SharedEncoder,
    rows: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    count: int,
) -> dict[str, np.ndarray]:
    placed = {}
    for name, values in outputs.items():
        number = int(name.partition("/")[0])
        way = _narrowest(encoder.rows, lambda members, number=number: number in members)
        placed[name] = values
        if way is not None:
            # Who does not want a part never looks at it.
            placed[name] = np.zeros((count, values.shape[1]), np.float32)
            placed[name][rows[way]] = values
    return placed
