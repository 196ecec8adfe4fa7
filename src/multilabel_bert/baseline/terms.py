"""What the words of a text weigh: scikit-learn's TF-IDF, kept as plain data."""

# N = texts, F = terms

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

# Han, Hiragana and Katakana, Thai, Lao, Myanmar, Khmer: scripts that set no spaces.
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_TEXTS_LOOKED_AT = 1000
# Below it a word that occurs once may be the only one that a rare label has.
_TEXTS_FOR_MIN_DF = 2000
UNITS = ("word", "char")


@dataclass(frozen=True)
class TermWeights:
    """The terms that count, and their inverse document frequency.

    Attributes:
        terms: F terms: words and pairs of words, in the order of the columns.
        idf: float32 [F].
        unit: ``"word"``, or ``"char"`` where words have no spaces between them.
    """

    terms: tuple[str, ...]
    idf: np.ndarray
    unit: str

    @classmethod
    def of(cls, texts: Sequence[str], most_terms: int) -> tuple[TermWeights, csr_matrix]:
        """The terms of these texts, and the texts as `transform` gives them.

        A term must be in two texts where there are many; of more than `most_terms` the most
        frequent stay.

        Raises:
            ValueError: if there is no term at all.
        """
        unit = "char" if _without_spaces(texts) else "word"
        vectorizer = _vectorizer(
            unit,
            min_df=2 if len(texts) >= _TEXTS_FOR_MIN_DF else 1,
            max_features=most_terms,
        )
        matrix = vectorizer.fit_transform(texts)
        terms = tuple(vectorizer.get_feature_names_out().tolist())
        return cls(terms, vectorizer.idf_.astype(np.float32), unit), csr_matrix(matrix)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """float32 [N, F], sparse, each row of length 1, or 0 without a known term."""
        vectorizer = _vectorizer(self.unit, vocabulary=self.terms)
        vectorizer.idf_ = self.idf
        return csr_matrix(vectorizer.transform(texts))


def _vectorizer(unit: str, **options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer=unit, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32, **options
    )


def _without_spaces(texts: Sequence[str]) -> bool:
    sample = "".join(texts[:: len(texts) // _TEXTS_LOOKED_AT + 1])
    return len(_WITHOUT_SPACES.findall(sample)) > 0.3 * len(sample)
