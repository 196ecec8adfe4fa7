"""The words of a text, the tokens that each became, and the text without some of them."""

# W = words (or spans of several), T = tokens that the encoder sees, X = labels

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol

import numpy as np

from multilabel_bert.errors import SettingsError
from multilabel_bert.explanations.explanation import Span
from multilabel_bert.explanations.words import sentence_spans, word_spans
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer

REPLACEMENTS = ("mask", "unk", "remove")
# Each word costs a pass over the text: 200 of 256 tokens are some 50,000 tokens.
_MOST_WORDS = 200
_WORDS_OF_A_SPAN = 25
PARTS = ("text", "pair")


class Scorer(Protocol):
    """What is asked for the logits of a text without some of its words: a `Predictor`."""

    @property
    def tokenizer(self) -> BertTokenizer:
        """Of the encoder."""

    def join_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> TokenizedTexts:
        """What the encoder sees of texts, given by their ids."""

    def logits_of_ids(
        self, first: Sequence[list[int]], second: Sequence[list[int]] | None = None
    ) -> np.ndarray:
        """Logits, float32 [N, X], of texts, given by their ids."""


@dataclass(frozen=True)
class WordTokens:
    """The W words of one text, or of a pair, and the tokens that each became.

    Attributes:
        spans: W words, or spans of several.
        unit: ``"word"`` or ``"sentence"``.
        ids: the ids that the encoder sees, without special tokens, of each text of the pair.
        tokens: of each span, its places in the ids of its text; none where it is not seen.
    """

    spans: tuple[Span, ...]
    unit: str
    ids: tuple[list[int], ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def seen(self) -> np.ndarray:
        """Int64, the indexes of the spans that the encoder sees."""
        return np.array([i for i, span in enumerate(self.spans) if span.seen], np.int64)

    @property
    def pair_ids(self) -> tuple[list[int], list[int] | None]:
        """The ids of the text and of the second text or None."""
        return self.ids[0], self.ids[1] if len(self.ids) > 1 else None

    def without(
        self, removed: Iterable[Iterable[int]], replacement: str, tokenizer: BertTokenizer
    ) -> tuple[list[list[int]], list[list[int]] | None]:
        """The ids of the text without some of its spans, once for each set of them.

        Args:
            removed: N sets of indexes of spans.
            replacement: ``"mask"`` for ``[MASK]`` in place of each token, ``"unk"`` for
                ``[UNK]``, ``"remove"`` for nothing.
            tokenizer: knows the ids of these.

        Returns:
            N lists of ids, and those of the second texts or None: what `Scorer` takes.

        Raises:
            SettingsError: if `replacement` is unknown.
        """
        if replacement not in REPLACEMENTS:
            raise SettingsError(
                f"replacement={replacement!r} is unknown. Use one of {', '.join(REPLACEMENTS)}."
            )
        filler = tokenizer.unk_token_id if replacement == "unk" else tokenizer.mask_token_id
        texts: tuple[list[list[int]], ...] = tuple([] for _ in self.ids)
        for indexes in removed:
            gone: tuple[set[int], ...] = tuple(set() for _ in self.ids)
            for index in indexes:
                gone[PARTS.index(self.spans[index].part)].update(self.tokens[index])
            for part, (ids, places) in enumerate(zip(self.ids, gone, strict=True)):
                if replacement == "remove":
                    texts[part].append([i for place, i in enumerate(ids) if place not in places])
                else:
                    texts[part].append(
                        [filler if place in places else i for place, i in enumerate(ids)]
                    )
        return texts[0], texts[1] if len(texts) > 1 else None


def split_into_words(
    scorer: Scorer, text: str, pair: str | None = None, unit: str = "auto"
) -> WordTokens:
    """Find the words of a text and the tokens of each.

    Args:
        scorer: knows the tokenizer, and what is cut.
        text: the text.
        pair: the second text, or None.
        unit: ``"word"``; ``"sentence"`` for sentences, long ones in parts of some 25 words; or
            ``"auto"`` for words where the encoder sees at most 200, else sentences.
    """
    texts = [text] if pair is None else [text, pair]
    encoded = [scorer.tokenizer.encode_with_offsets(one) for one in texts]
    kept = _seen_tokens(scorer, [ids for ids, _ in encoded])
    words = [
        _words_of_tokens(one, offsets, seen)
        for one, (_, offsets), seen in zip(texts, encoded, kept, strict=True)
    ]
    count = sum(bool(word.tokens) for part in words for word in part)
    if unit == "auto":
        unit = "word" if count <= _MOST_WORDS else "sentence"
    if unit == "sentence":
        words = [_in_spans(one, part) for one, part in zip(texts, words, strict=True)]
    spans: list[Span] = []
    tokens: list[tuple[int, ...]] = []
    for name, one, part in zip(PARTS, texts, words, strict=False):
        for word in part:
            seen = bool(word.tokens)
            spans.append(Span(one[word.start : word.end], word.start, word.end, name, seen))
            tokens.append(word.tokens)
    ids = tuple(
        [number for number, seen in zip(all_ids, flags, strict=True) if seen]
        for (all_ids, _), flags in zip(encoded, kept, strict=True)
    )
    return WordTokens(tuple(spans), unit, ids, tuple(tokens))


class _Word(NamedTuple):
    start: int
    end: int
    tokens: tuple[int, ...]


def places_in_row(scorer: Scorer, counts: Sequence[int]) -> TokenizedTexts:
    """The joined row of one text with, in place of each id, the place it has in the text.

    Places of the second text go on after those of the first. Each is raised by the size of the
    vocabulary: what is below that is a special token.

    Args:
        scorer: knows what is cut.
        counts: how many ids the text has, and the second text if there is one.
    """
    size = scorer.tokenizer.vocab_size
    ends = list(accumulate(counts, initial=size))
    numbers = [list(range(start, end)) for start, end in pairwise(ends)]
    return scorer.join_ids([numbers[0]], [numbers[1]] if len(numbers) > 1 else None)


def _seen_tokens(scorer: Scorer, ids: list[list[int]]) -> list[list[bool]]:
    """Which tokens of each text the encoder sees."""
    seen = set(places_in_row(scorer, [len(one) for one in ids]).ids.tolist())
    starts = accumulate((len(one) for one in ids), initial=scorer.tokenizer.vocab_size)
    return [
        [start + place in seen for place in range(len(one))]
        for start, one in zip(starts, ids, strict=False)
    ]


def _words_of_tokens(text: str, offsets: list[tuple[int, int]], seen: list[bool]) -> list[_Word]:
    """The words of a text, those joined that share a token, and those that are not seen."""
    bounds: list[tuple[int, int]] = []
    for start, end in sorted([*word_spans(text), *offsets]):
        if bounds and start < bounds[-1][1]:
            bounds[-1] = (bounds[-1][0], max(end, bounds[-1][1]))
        else:
            bounds.append((start, end))
    starts = [start for start, _ in bounds]
    tokens: list[list[int]] = [[] for _ in bounds]
    kept = 0
    for (start, _), is_seen in zip(offsets, seen, strict=True):
        if is_seen:
            tokens[bisect_right(starts, start) - 1].append(kept)
            kept += 1
    words: list[_Word] = []
    for (start, end), numbers in zip(bounds, tokens, strict=True):
        if not numbers and words and not words[-1].tokens:
            words[-1] = words[-1]._replace(end=end)
        else:
            words.append(_Word(start, end, tuple(numbers)))
    return words


def _in_spans(text: str, words: list[_Word]) -> list[_Word]:
    """Join the words of each sentence; a long sentence makes several spans of equal length."""
    ends = [end for _, end in sentence_spans(text)]
    sentences: dict[tuple[int, bool], list[_Word]] = {}
    for word in words:
        key = (bisect_right(ends, word.start), bool(word.tokens))
        sentences.setdefault(key, []).append(word)
    spans = []
    for group in sentences.values():
        parts = -(-len(group) // _WORDS_OF_A_SPAN)
        for part in np.array_split(np.arange(len(group)), parts):
            first, last = group[part[0]], group[part[-1]]
            joined = tuple(token for index in part for token in group[index].tokens)
            spans.append(_Word(first.start, last.end, joined))
    return sorted(spans)
