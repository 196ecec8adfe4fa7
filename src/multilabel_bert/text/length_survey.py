"""Lengths of texts in tokens, and how much of them a tokenizer does not know."""

# N = texts

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilabel_bert.text.tokenizer import BertTokenizer

MAX_LENGTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# A text in a hundred may be cut: twice the length is twice the time, for all of them.
MOST_CUT = 0.01
_TEXTS_AT_ONCE = 4096
_UNCUT = 10**9


@dataclass(frozen=True)
class LengthSurvey:
    """What a tokenizer makes of N texts.

    Attributes:
        lengths: int32 [N], tokens of each, special ones counted, before cutting.
        tokens: of all texts, without the special ones.
        unknown: of these, those that are ``[UNK]``.
    """

    lengths: NDArray[np.int32]
    tokens: int
    unknown: int

    def cut_share(self, max_seq_length: int) -> float:
        """Share of the texts that are longer; 0 of no texts."""
        return float((self.lengths > max_seq_length).mean()) if len(self.lengths) else 0.0

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that are ``[UNK]``; 0 of no tokens."""
        return self.unknown / self.tokens if self.tokens else 0.0


def survey_lengths(
    tokenizer: BertTokenizer,
    texts: Sequence[str],
    text_pairs: Sequence[str] | None = None,
    advance: Callable[[int], Any] = lambda _: None,
) -> LengthSurvey:
    """Tokenize some texts at a time, and keep their lengths alone.

    Args:
        tokenizer: of the encoder.
        texts: N texts.
        text_pairs: N second texts, or None.
        advance: told how many texts are done.
    """
    lengths = np.empty(len(texts), np.int32)
    tokens = unknown = 0
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = slice(start, start + _TEXTS_AT_ONCE)
        pairs = None if text_pairs is None else text_pairs[part]
        made = tokenizer.encode(texts[part], pairs, max_seq_length=_UNCUT)
        lengths[part] = made.full_lengths
        special = 2 * len(made) if pairs is None else 2 * len(made) + sum(map(bool, pairs))
        tokens += len(made.ids) - special
        unknown += int(made.unknown_counts.sum())
        advance(len(made))
    return LengthSurvey(lengths, tokens, unknown)


def advised_max_length(surveys: Sequence[LengthSurvey]) -> int | None:
    """The least of `MAX_LENGTHS` that cuts at most a text in a hundred.

    Args:
        surveys: of the splits.

    Returns:
        None where even the longest cuts more, so that windows are worth a thought.
    """
    lengths = np.concatenate([survey.lengths for survey in surveys])
    if not len(lengths):
        return None
    for length in MAX_LENGTHS:
        if (lengths > length).mean() <= MOST_CUT:
            return length
    return None
