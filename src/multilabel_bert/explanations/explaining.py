"""One text explained: which labels, by which method, word by word."""

# W = words, E = explained labels, X = labels, T = tokens

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from multilabel_bert.errors import DataError, SettingsError, did_you_mean
from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.explanations.occlusion import REPLACEMENT, occlude
from multilabel_bert.explanations.word_tokens import (
    PARTS,
    Scorer,
    WordTokens,
    places_in_row,
    split_into_words,
)
from multilabel_bert.text.tokenizer import BertTokenizer

if TYPE_CHECKING:
    from multilabel_bert.explanations.gradients import Gradients

METHODS = ("occlusion", "gradient", "integrated_gradients")
BASELINES = ("mask", "unk", "pad", "zero")
# Chosen by benchmarks/explanations.py; see docs/explanations.md.
BASELINE = {"occlusion": "mask", "gradient": "zero", "integrated_gradients": "mask"}
UNITS = ("auto", "word", "sentence")


class Explainable(Scorer, Protocol):
    """A trained classifier, of which texts are explained: a `Predictor`."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """X names."""

    @property
    def gradients(self) -> Gradients:
        """Its Keras form, made when it is first asked for."""

    def decide(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and decisions [N, X] of logits."""


def explain_text(
    classifier: Explainable,
    text: str | tuple[str, str],
    pair: str | None = None,
    *,
    labels: str | Sequence[str] | None = None,
    method: str = "occlusion",
    unit: str = "auto",
    replacement: str = REPLACEMENT,
    baseline: str | None = None,
) -> Explanation:
    """Find which words moved the labels of one text.

    Args:
        classifier: a `Predictor`.
        text: a string, or a 2-tuple for a pair.
        pair: the second text, if `text` is a string.
        labels: a name or several; the labels that the text gets unless given, or the most
            probable one if it gets none.
        method: ``"occlusion"``: what the logit loses when a word is hidden, by the engine of
            prediction; ``"gradient"`` (gradient x input) and ``"integrated_gradients"``:
            by Keras.
        unit: ``"word"``, ``"sentence"`` (long ones in parts), or ``"auto"``: words in texts of
            which at most 200 are seen, else sentences.
        replacement: of a hidden word, with ``"occlusion"``: ``"mask"``, ``"unk"`` or
            ``"remove"``.
        baseline: what stands for no word, with gradients: the embedding of ``"mask"``, ``"unk"``
            or ``"pad"``, or ``"zero"``; unless given, zero for gradient x input, and [MASK] for
            integrated gradients.

    Raises:
        DataError: if `text` is not one text.
        SettingsError: for an unknown label or method.
        MissingExtraError: for a method that needs Keras where there is none.
    """
    text, pair = _one_text(text, pair)
    _check_known("method", method, METHODS)
    _check_known("unit", unit, UNITS)
    baseline = baseline or BASELINE[method]
    _check_known("baseline", baseline, BASELINES)
    asked = _columns(labels, classifier.label_names)
    words = split_into_words(classifier, text, pair, unit)
    if method == "occlusion":
        logits, lost = occlude(classifier, words, replacement)
    else:
        first, second = words.pair_ids
        logits = classifier.logits_of_ids([first], None if second is None else [second])[0]
    probabilities, decisions = (array[0] for array in classifier.decide(logits[None]))
    columns = _given(probabilities, decisions) if asked is None else asked
    baseline_logits = None
    if method == "occlusion":
        attributions = lost[:, columns]
    else:
        attributions, baseline_logits = _by_gradients(classifier, words, columns, method, baseline)
    return Explanation(
        text,
        pair,
        method,
        words.unit,
        words.spans,
        tuple(classifier.label_names[column] for column in columns),
        probabilities[columns],
        logits[columns],
        decisions[columns] == 1,
        attributions,
        baseline_logits,
    )


def _by_gradients(
    classifier: Explainable, words: WordTokens, columns: np.ndarray, method: str, baseline: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Attributions of words [W, E], and with integrated gradients the logits [E] of no words."""
    first, second = words.pair_ids
    row = classifier.join_ids([first], None if second is None else [second])
    if len(row) != 1:
        raise SettingsError(
            f"method={method!r} explains texts that the encoder sees as a whole, but this model "
            f"reads this one in {len(row)} windows. Use method='occlusion'."
        )
    batch = row.pad(np.arange(1))
    size = classifier.tokenizer.vocab_size
    places = places_in_row(classifier, [len(ids) for ids in words.ids]).ids - size  # [T]
    gradients = classifier.gradients
    start = _start(gradients, classifier.tokenizer, batch["input_ids"][0], places >= 0, baseline)
    baseline_logits = None
    if method == "gradient":
        of_tokens, _ = gradients.times_input(batch, start, columns)  # [T, E]
    else:
        found = gradients.integrated(batch, start, columns)
        of_tokens, baseline_logits = found.attributions, found.baseline_logits
    attributions = np.zeros((len(words.spans), len(columns)), np.float32)
    span_of = np.full(sum(map(len, words.ids)), -1)
    for index, (span, tokens) in enumerate(zip(words.spans, words.tokens, strict=True)):
        shift = PARTS.index(span.part) * len(words.ids[0])
        span_of[[token + shift for token in tokens]] = index
    real = places >= 0
    np.add.at(attributions, span_of[places[real]], of_tokens[real])
    return attributions, baseline_logits


def _start(
    gradients: Gradients,
    tokenizer: BertTokenizer,
    ids: np.ndarray,
    of_words: np.ndarray,
    baseline: str,
) -> np.ndarray:
    """Word embeddings [T, H] without words, but with [CLS] and [SEP], which are of no word."""
    named = {
        "mask": tokenizer.mask_token_id,
        "unk": tokenizer.unk_token_id,
        "pad": tokenizer.pad_token_id,
    }
    start = gradients.word_embeddings(np.where(of_words, named.get(baseline, 0), ids))
    return start * ~of_words[:, None] if baseline == "zero" else start


def _one_text(text: Any, pair: Any) -> tuple[str, str | None]:
    if isinstance(text, tuple) and len(text) == 2 and pair is None:
        text, pair = text
    for name, value in (("text", text), ("pair", pair)):
        if not isinstance(value, str) and (name == "text" or value is not None):
            raise DataError(
                f"explain: {name} is a {type(value).__name__}; expected one string, or a pair of "
                "strings. Explain several texts one after the other."
            )
    return text, pair


def _check_known(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingsError(
            f"{name}={value!r} is unknown. Use one of {', '.join(known)}."
            f"{did_you_mean(str(value), known)}"
        )


def _columns(labels: str | Sequence[str] | None, names: Sequence[str]) -> np.ndarray | None:
    if labels is None or len(labels) == 0:
        return None
    wanted = [labels] if isinstance(labels, str) else list(dict.fromkeys(labels))
    column_of = {name: column for column, name in enumerate(names)}
    for label in wanted:
        if label not in column_of:
            raise SettingsError(
                f"Unknown label {label!r}."
                f"{did_you_mean(str(label), names) or f' The model has: {_some(names)}.'}"
            )
    return np.array([column_of[label] for label in wanted], np.int64)


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _given(probabilities: np.ndarray, decisions: np.ndarray) -> np.ndarray:
    """The columns that the rule gives, the most probable first; else the most probable one."""
    order = np.argsort(-probabilities, kind="stable")
    given = order[decisions[order] == 1]
    return given if len(given) else order[:1]
