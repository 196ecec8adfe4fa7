"""Answers as JSON: scores of labels in the shapes of each route."""

# N = texts, X = labels

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic_core import PydanticSerializationError, to_json

from multilabel_bert.explanations.explanation import Explanation

# A float32 between 0.5 and 1 differs from the next by 6e-8.
_DIGITS = 8


def json_bytes(value: Any) -> bytes:
    """JSON of plain values."""
    try:
        return to_json(value)
    except PydanticSerializationError:
        # A text with half of a surrogate pair has no bytes; escaped, JavaScript reads it.
        return json.dumps(value).encode()


def predictions(scores: np.ndarray, names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """What text-embeddings-inference answers: of each text all labels, highest first.

    Args:
        scores: float32 [N, X], probabilities or logits.
        names: X labels.
    """
    order, rounded = _sorted(scores)
    return [
        [
            {"score": score, "label": names[column]}
            for score, column in zip(row, columns, strict=True)
        ]
        for row, columns in zip(rounded, order, strict=True)
    ]


def labels(
    probabilities: np.ndarray,
    given: np.ndarray,
    thresholds: Sequence[float | None],
    names: Sequence[str],
    top_k: int | None = None,
) -> list[dict[str, Any]]:
    """Of each text the labels that are given, and the scores of all, highest first.

    Args:
        probabilities: float32 [N, X].
        given: bool [N, X].
        thresholds: X; None where another rule decides.
        names: X labels.
        top_k: how many scores at most; all unless given.
    """
    order, rounded = _sorted(probabilities)
    answers = []
    for row, columns, decided in zip(rounded, order, given.tolist(), strict=True):
        scores = [
            {
                "label": names[column],
                "score": score,
                "threshold": thresholds[column],
                "decided": decided[column],
            }
            for score, column in zip(row[:top_k], columns[:top_k], strict=True)
        ]
        names_given = [names[column] for column in columns if decided[column]]
        answers.append({"labels": names_given, "scores": scores})
    return answers


def explanation(found: Explanation) -> dict[str, Any]:
    """The words of a text, and what each is worth to each label, in logits."""
    return {
        "unit": found.unit,
        "words": [
            {
                "text": span.text,
                "start": span.start,
                "end": span.end,
                "part": span.part,
                "seen": span.seen,
            }
            for span in found.spans
        ],
        "labels": [
            {
                "label": label,
                "score": round(float(found.probabilities[column]), _DIGITS),
                "decided": bool(found.given[column]),
                "weights": [round(value, 6) for value in found.attributions[:, column].tolist()],
            }
            for column, label in enumerate(found.labels)
        ],
    }


def _sorted(scores: np.ndarray) -> tuple[list[list[int]], list[list[float]]]:
    """The order of the columns of each row, highest first, and their scores in that order."""
    # Of equal ones the first column comes first, as it is decided.
    order = np.argsort(-scores, axis=1, kind="stable")
    values = np.take_along_axis(scores.astype(np.float64), order, axis=1).round(_DIGITS)
    return order.tolist(), values.tolist()


def in_shape(answers: Sequence[Any], is_list: bool) -> Any:
    """A list with one answer a text, or that answer alone."""
    return answers if is_list else answers[0]


def by_model(answers: Mapping[str, Any], several: bool) -> Any:
    """Answers by name of the model, or that of the one model."""
    return {"models": dict(answers)} if several else next(iter(answers.values()))
