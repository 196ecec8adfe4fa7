"""TF-IDF and logistic regression as a model: what it says of texts, and how it is stored."""

# N = texts, F = terms, X = labels

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.baseline.terms import UNITS, TermWeights
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.errors import ModelError
from multilabel_bert.files import atomic_file

DESCRIPTION = "baseline.json"
TERMS = "terms.json"
WEIGHTS = "weights.safetensors"
_TEXTS_AT_ONCE = 8192


@dataclass(frozen=True)
class HowFitted:
    """How a baseline came about.

    Attributes:
        C: inverse strength of the penalty, that of the best of `tried`.
        tried: C and the macro average precision on the development split; empty without one.
        texts: training texts it was fitted on.
        of_texts: training texts there were.
        seconds: it took.
    """

    C: float
    tried: tuple[tuple[float, float], ...]
    texts: int
    of_texts: int
    seconds: float

    def describe(self) -> str:
        """One line for people."""
        part = (
            f"{self.texts:,} texts"
            if self.texts == self.of_texts
            else f"{self.texts:,} of {self.of_texts:,} texts, to bound its cost"
        )
        return f"TF-IDF and logistic regression, C = {self.C:g}, fitted on {part}"


@dataclass(frozen=True)
class TfidfBaseline:
    """TF-IDF of words and pairs of words, and one logistic regression a label.

    Attributes:
        weights: of the terms.
        coefficients: float32 [F, X].
        intercepts: float32 [X].
        rule: from probabilities to labels, found as that of the model beside it.
        how: it was fitted.
    """

    weights: TermWeights
    coefficients: np.ndarray
    intercepts: np.ndarray
    rule: DecisionRule
    how: HowFitted

    def predict_logits(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> np.ndarray:
        """Logits, float32 [N, X]; the texts of a pair count as one text."""
        joined = joined_texts(texts, text_pairs)
        logits = np.empty((len(joined), len(self.intercepts)), np.float32)
        # Parts of the texts, so that their sparse rows never are in memory together.
        for start in range(0, len(joined), _TEXTS_AT_ONCE):
            part = slice(start, start + _TEXTS_AT_ONCE)
            logits[part] = self.weights.transform(joined[part]) @ self.coefficients
        logits += self.intercepts
        return logits

    def with_rule(self, rule: DecisionRule) -> TfidfBaseline:
        """The same with another decision rule."""
        return replace(self, rule=rule)

    def save(self, directory: Path) -> None:
        """Write the three files into a directory, which is made."""
        from safetensors.numpy import save_file

        directory.mkdir(exist_ok=True)
        tensors = {
            "idf": self.weights.idf,
            "coefficients": np.ascontiguousarray(self.coefficients),
            "intercepts": self.intercepts,
        }
        save_file(tensors, directory / WEIGHTS)
        _write(directory / TERMS, list(self.weights.terms))
        self.save_rule(directory)

    def save_rule(self, directory: Path) -> None:
        """Write the decision rule into a directory where the rest is already.

        Raises:
            WriteError: if the file system refuses.
        """
        description = {
            "unit": self.weights.unit,
            "how": asdict(self.how),
            "decision_rule": self.rule.to_dict(),
        }
        with atomic_file(directory / DESCRIPTION) as path:
            _write(path, description)

    @classmethod
    def load(cls, directory: Path) -> TfidfBaseline:
        """Read what `save` wrote.

        Raises:
            ModelError: if a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        mend = "Copy the model again, or remove that folder: the model works without it."
        try:
            description = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
            terms = tuple(json.loads((directory / TERMS).read_text(encoding="utf-8")))
            tensors = load_file(directory / WEIGHTS)
            idf, coefficients, intercepts = (
                tensors[name] for name in ("idf", "coefficients", "intercepts")
            )
            how = description["how"]
            unit = description["unit"]
            how = HowFitted(**{f.name: how[f.name] for f in fields(HowFitted)})
            how = replace(how, tried=tuple((float(c), float(value)) for c, value in how.tried))
            rule = DecisionRule.from_dict(
                description["decision_rule"], origin=str(directory / DESCRIPTION)
            )
        except FileNotFoundError as error:
            raise ModelError(f"{error.filename} is missing. {mend}") from None
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"The baseline in {directory} is damaged ({error}). {mend}") from None
        shape = (len(terms), len(rule.thresholds))
        found = (coefficients.shape, idf.shape, intercepts.shape)
        if found != (shape, shape[:1], shape[1:]) or unit not in UNITS:
            raise ModelError(
                f"The baseline in {directory} is damaged: {shape[0]:,} terms and {shape[1]:,} "
                f"labels, but weights of the shape {coefficients.shape}. {mend}"
            )
        return cls(TermWeights(terms, idf, unit), coefficients, intercepts, rule, how)


def joined_texts(texts: Sequence[str], text_pairs: Sequence[str] | None) -> list[str]:
    """The two texts of each pair as one."""
    if text_pairs is None:
        return list(texts)
    return [f"{first}\n{second}" for first, second in zip(texts, text_pairs, strict=True)]


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", newline="\n")
