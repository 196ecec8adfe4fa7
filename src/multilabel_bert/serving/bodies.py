"""Bodies of requests: bytes to JSON, and JSON to what is asked. By hand, for clear messages."""

# N = texts

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from multilabel_bert.errors import did_you_mean
from multilabel_bert.serving.limits import Limits
from multilabel_bert.serving.problems import Problem, bad_json, too_large, unprocessable

_SHAPES = (
    'Expected a string, a pair of strings ["a", "b"], or a list of texts [["a"], ["b"]], each '
    "with one or two strings."
)
_MOST_SHOWN = 60


@dataclass(frozen=True)
class Inputs:
    """The texts of a request.

    Attributes:
        first: N texts.
        second: N second texts, empty where there is none; None if there is none at all.
        is_list: whether the answer is a list with one item a text, or that item alone.
    """

    first: list[str]
    second: list[str] | None
    is_list: bool


@dataclass(frozen=True)
class PredictRequest:
    """What ``POST /predict`` asks."""

    inputs: Inputs
    raw_scores: bool
    truncate: bool
    model: str | None


@dataclass(frozen=True)
class LabelsRequest:
    """What ``POST /v1/labels`` asks.

    `thresholds` are one for all labels, or some by name, in place of the model's own.
    """

    inputs: Inputs
    models: tuple[str | None, ...]
    several: bool
    thresholds: float | Mapping[str, float] | None
    top_k: int | None
    truncate: bool


@dataclass(frozen=True)
class ExplainRequest:
    """What ``POST /v1/explain`` asks."""

    text: str
    pair: str | None
    labels: list[str] | None = None
    model: str | None = None
    unit: str = "auto"
    max_words: int | None = None


def read_json(body: bytes) -> Any:
    """The JSON of a body.

    Raises:
        Problem: 400 if it is none.
    """
    try:
        return from_json(body)
    except ValueError:
        pass
    # Slower, and takes what the other refuses: half of a surrogate pair, as JavaScript writes it.
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise bad_json(f"The body is not valid JSON: {reason[:200]}.") from None


def predict_request(body: bytes, limits: Limits) -> PredictRequest:
    """Read the body of ``POST /predict``; keys that it does not know do not matter, as in TEI.

    Raises:
        Problem: 400, 413 or 422.
    """
    values = _object(body)
    truncate = values.get("truncate")
    return PredictRequest(
        read_inputs(values, limits),
        raw_scores=bool(_optional(values, "raw_scores", bool, "true or false")),
        truncate=True if truncate is None else bool(_typed("truncate", truncate, bool)),
        model=_optional(values, "model", str, "a name"),
    )


def labels_request(body: bytes, limits: Limits) -> LabelsRequest:
    """Read the body of ``POST /v1/labels``.

    Raises:
        Problem: 400, 413 or 422.
    """
    known = ("inputs", "model", "models", "thresholds", "top_k", "truncate")
    values = _object(body, known)
    models = values.get("models")
    if models is not None:
        if not isinstance(models, list) or not all(isinstance(name, str) for name in models):
            raise _wrong("models", models, "a list of names")
        if not models or "model" in values:
            raise unprocessable('Give "model": a name, or "models": a list of some names.')
    one = _optional(values, "model", str, "a name")
    truncate = values.get("truncate")
    return LabelsRequest(
        read_inputs(values, limits),
        models=(one,) if models is None else tuple(dict.fromkeys(models)),
        several=models is not None,
        thresholds=_thresholds(values.get("thresholds")),
        top_k=_count(values, "top_k"),
        truncate=True if truncate is None else bool(_typed("truncate", truncate, bool)),
    )


def explain_request(body: bytes, limits: Limits) -> ExplainRequest:
    """Read the body of ``POST /v1/explain``.

    Raises:
        Problem: 400, 413 or 422.
    """
    values = _object(body, ("inputs", "labels", "model", "unit", "max_words"))
    inputs = read_inputs(values, limits)
    if inputs.is_list:
        raise unprocessable("One text at a time is explained. Give inputs as a string or a pair.")
    labels = values.get("labels")
    is_names = isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    if labels is not None and not is_names:
        raise _wrong("labels", labels, "a list of names")
    unit = _optional(values, "unit", str, '"auto", "word" or "sentence"')
    return ExplainRequest(
        inputs.first[0],
        None if inputs.second is None else inputs.second[0],
        labels=labels,
        model=_optional(values, "model", str, "a name"),
        unit=unit or "auto",
        max_words=_count(values, "max_words"),
    )


def read_inputs(values: Mapping[str, Any], limits: Limits) -> Inputs:
    """The texts of ``inputs``, in one of the shapes of text-embeddings-inference.

    Raises:
        Problem: 400 if there is none, 413 above a limit, 422 for another shape.
    """
    if "inputs" not in values:
        raise unprocessable(f'"inputs" is missing. {_SHAPES}')
    given = values["inputs"]
    if isinstance(given, str):
        return _checked([given], None, False, limits)
    if not isinstance(given, list):
        raise _wrong("inputs", given, _SHAPES, is_sentence=True)
    if not given:
        raise Problem(400, "empty", f"inputs is an empty list. {_SHAPES}")
    if isinstance(given[0], str):
        return _checked(*_one_text(given), False, limits)
    if len(given) > limits.max_texts:
        raise too_large(
            f"{len(given)} texts are more than the {limits.max_texts} of one request. Send them in "
            "several requests."
        )
    first: list[str] = []
    second: list[str] = []
    for number, item in enumerate(given):
        if isinstance(item, list) and 1 <= len(item) <= 2 and all(map(_is_text, item)):
            first.append(item[0])
            second.append(item[1] if len(item) == 2 else "")
        else:
            raise _wrong(f"inputs[{number}]", item, "a list of one or two strings")
    return _checked(first, second if any(second) else None, True, limits)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _one_text(given: list[Any]) -> tuple[list[str], list[str] | None]:
    if not all(map(_is_text, given)):
        number = next(i for i, item in enumerate(given) if not _is_text(item))
        raise _wrong(f"inputs[{number}]", given[number], "a string, as the first one is")
    if len(given) > 2:
        raise unprocessable(
            f"inputs is a list of {len(given)} strings, which could be texts or a pair. Put each "
            'text into a list of its own: [["first text"], ["second text"], ...].'
        )
    return given[:1], given[1:] or None


def _checked(first: list[str], second: list[str] | None, is_list: bool, limits: Limits) -> Inputs:
    longest = max(map(len, first))
    if second is not None:
        longest = max(longest, *map(len, second))
    if longest > limits.max_text_characters:
        raise too_large(
            f"A text has {longest} characters, more than the {limits.max_text_characters} that "
            "are allowed. Shorten it: what a model does not read is cut anyway."
        )
    return Inputs(first, second, is_list)


def _object(body: bytes, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not body:
        raise bad_json('The body is empty. Send JSON: {"inputs": "a text"}.')
    values = read_json(body)
    if not isinstance(values, dict):
        raise unprocessable(
            f'The body is {_shown(values)}. Expected an object: {{"inputs": "a text"}}.'
        )
    for key in values if known is not None else ():
        if known is not None and key not in known:
            raise unprocessable(
                f"Unknown key {_shown(key)}.{did_you_mean(key[:99], known)} Known are "
                f"{', '.join(known)}."
            )
    return values


def _thresholds(value: Any) -> float | dict[str, float] | None:
    if isinstance(value, dict):
        return {name: _threshold(f"thresholds[{_shown(name)}]", one) for name, one in value.items()}
    return None if value is None else _threshold("thresholds", value)


def _threshold(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise _wrong(name, value, "a number from 0 to 1, or an object of label and number")
    return float(value)


def _count(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, value, "a whole number of at least 1")
    return value


def _optional(values: Mapping[str, Any], name: str, kind: type, expected: str) -> Any:
    value = values.get(name)
    return value if value is None else _typed(name, value, kind, expected)


def _typed(name: str, value: Any, kind: type, expected: str = "true or false") -> Any:
    if not isinstance(value, kind):
        raise _wrong(name, value, expected)
    return value


def _wrong(name: str, value: Any, expected: str, *, is_sentence: bool = False) -> Problem:
    said = expected if is_sentence else f"Expected {expected}."
    return unprocessable(f"{name} is {_shown(value)}. {said}")


def _shown(value: Any) -> str:
    """A value in a message, short: its text may be a user's and very long."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        return f"{kind} of {len(value)}" if value else f"{kind} of nothing"
    if isinstance(value, str):
        short = value if len(value) <= _MOST_SHOWN else value[:_MOST_SHOWN] + "…"
        return json.dumps(short)
    if isinstance(value, int) and abs(value) >= 10**_MOST_SHOWN:
        return "a very large number"
    return json.dumps(value)
