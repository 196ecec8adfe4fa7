"""Texts that are nearly the same: MinHash finds candidates, their shingles decide."""

# N = texts, S = shingles, P = permutations

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.duplicates import labels_differ

MOST_ROWS = 100_000
SIMILARITY = 0.8
_SHINGLE = 5
# Very short texts are alike by chance: "ok thanks" and "ok thank u".
_FEWEST_SHINGLES = 16
# 16 bands of 5: of pairs that are alike to 0.8 it finds 99.8%, of those to 0.5 39%, which are
# then compared and left out.
_BANDS, _ROWS = 16, 5
_TEXTS_AT_ONCE = 2000
# One character counts as 32 bits; odd, as multipliers of hashes modulo 2^64 are.
_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclasses.dataclass(frozen=True)
class NearPair:
    """Two texts that are nearly the same.

    Attributes:
        split: of the later text.
        row: of it, in its file.
        of_split: of the earlier one.
        of_row: of it.
        similarity: share of the shingles of either that both have.
        text: the later one.
        of_text: the earlier one.
        contradictory: whether their labels differ.
    """

    split: str
    row: int
    of_split: str
    of_row: int
    similarity: float
    text: str
    of_text: str
    contradictory: bool


@dataclasses.dataclass(frozen=True)
class NearDuplicates:
    """Texts with a near duplicate in an earlier row; identical texts are not counted.

    Attributes:
        texts: their number.
        contradictory: of these, those whose labels differ from those of the earlier text.
        across_splits: of these, those whose earlier text is in another split.
        pairs: the pairs most alike, with other labels first.
    """

    texts: int
    contradictory: int
    across_splits: int
    pairs: tuple[NearPair, ...]


def find_near_duplicates(
    splits: Mapping[str, Dataset],
    *,
    most_pairs: int = 20,
    advance: Callable[[int], Any] = lambda _: None,
) -> NearDuplicates | None:
    """Find texts that share at least `SIMILARITY` of their shingles, 5 characters each.

    Case and spaces do not count. Each text is compared with the earlier ones that fall into the
    same band as it, not with all of a crowd: of many copies each is found, not each pair.

    Args:
        splits: datasets by name; of pairs the first texts are compared.
        most_pairs: how many pairs to give.
        advance: told how many texts are done.

    Returns:
        None where there are more than `MOST_ROWS` texts.

    Source: Broder 1997, "On the resemblance and containment of documents"; bands as in Leskovec,
    Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4.
    """
    if sum(map(len, splits.values())) > MOST_ROWS:
        return None
    places = [(name, index) for name, part in splits.items() for index in range(len(part))]
    # The first of identical texts stands for all of them.
    first_of: dict[str, int] = {}
    for number, (name, index) in enumerate(places):
        first_of.setdefault(_normalised(splits[name].texts[index]), number)
    texts, numbers = list(first_of), list(first_of.values())
    shingles: list[NDArray[np.uint64]] = []
    signatures = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts[start : start + _TEXTS_AT_ONCE]
        found = [_shingles(text) for text in part]
        shingles += found
        signatures.append(_signatures(found))
        advance(len(part))
    if not texts:
        return NearDuplicates(0, 0, 0, ())
    nearest = _nearest(np.concatenate(signatures), shingles)
    pairs = [
        _pair(splits, places[numbers[later]], places[numbers[earlier]], similarity)
        for later, (earlier, similarity) in sorted(nearest.items())
    ]
    pairs.sort(key=lambda pair: (not pair.contradictory, -pair.similarity))
    return NearDuplicates(
        texts=len(pairs),
        contradictory=sum(pair.contradictory for pair in pairs),
        across_splits=sum(pair.split != pair.of_split for pair in pairs),
        pairs=tuple(pairs[:most_pairs]),
    )


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split())


def _shingles(text: str) -> NDArray[np.uint64]:
    """Hashes of the different shingles of a text, ascending."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(codes) < _SHINGLE + _FEWEST_SHINGLES - 1:
        return np.empty(0, np.uint64)
    count = len(codes) - _SHINGLE + 1
    hashes = np.zeros(count, np.uint64)
    for offset in range(_SHINGLE):
        hashes = hashes * _BASE + codes[offset : offset + count]
    # The low bits of a product hardly mix; what follows takes them all.
    hashes ^= hashes >> np.uint64(31)
    return np.unique(hashes)


def _signatures(shingles: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """The least hash of each text under each permutation, [n, P]; all alike for short texts."""
    generator = np.random.default_rng(0)
    multipliers = generator.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + 1
    signatures = np.zeros((len(shingles), _BANDS * _ROWS), np.uint32)
    some = [place for place, found in enumerate(shingles) if len(found)]
    if not some:
        return signatures
    joined = np.concatenate([shingles[place] for place in some])
    starts = np.cumsum([0, *(len(shingles[place]) for place in some[:-1])])
    for column, multiplier in enumerate(multipliers):
        hashed = (joined * multiplier) >> np.uint64(32)
        signatures[some, column] = np.minimum.reduceat(hashed, starts)
    return signatures


def _nearest(
    signatures: NDArray[np.uint32], shingles: Sequence[NDArray[np.uint64]]
) -> dict[int, tuple[int, float]]:
    """For each text with one, the earlier text that is most like it, and how much."""
    long_enough = np.array([len(found) > 0 for found in shingles])
    compared: set[tuple[int, int]] = set()
    nearest: dict[int, tuple[int, float]] = {}
    for band in range(_BANDS):
        part = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        keys = part.view([("", np.uint32)] * _ROWS).ravel()
        _, group, size = np.unique(keys, return_inverse=True, return_counts=True)
        crowded = np.flatnonzero((size[group] > 1) & long_enough)
        order = crowded[np.argsort(group[crowded], kind="stable")]
        for _, members in itertools.groupby(order.tolist(), key=lambda place: group[place]):
            first, *others = members
            for before, later in itertools.pairwise([first, *others]):
                for earlier in {first, before}:
                    if (earlier, later) in compared:
                        continue
                    compared.add((earlier, later))
                    similarity = _jaccard(shingles[earlier], shingles[later])
                    if similarity >= max(SIMILARITY, nearest.get(later, (0, 0.0))[1]):
                        nearest[later] = (earlier, similarity)
    return nearest


def _jaccard(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> float:
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def _pair(
    splits: Mapping[str, Dataset],
    later: tuple[str, int],
    earlier: tuple[str, int],
    similarity: float,
) -> NearPair:
    part, of_part = splits[later[0]], splits[earlier[0]]
    labelled = part.labels is not None and of_part.labels is not None
    return NearPair(
        split=later[0],
        row=int(part.rows[later[1]]),
        of_split=earlier[0],
        of_row=int(of_part.rows[earlier[1]]),
        similarity=similarity,
        text=part.texts[later[1]],
        of_text=of_part.texts[earlier[1]],
        contradictory=labelled and labels_differ(of_part.labels, earlier[1], part.labels, later[1]),
    )
