"""What OpenAPI says of bodies and answers. `bodies` reads them and `answers` makes them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Text: TypeAlias = str
Pair: TypeAlias = Annotated[list[str], Field(min_length=2, max_length=2)]
OneOrTwo: TypeAlias = Annotated[list[str], Field(min_length=1, max_length=2)]
Inputs: TypeAlias = Annotated[
    Text | Pair | list[OneOrTwo],
    Field(
        description='A text, a pair of texts `["a", "b"]`, or a list of texts, each in a list of '
        'its own: `[["a"], ["b"]]`, or `[["a", "b"], ...]` for pairs.'
    ),
]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class PredictBody(BaseModel):
    """The body of `POST /predict`."""

    inputs: Inputs
    raw_scores: bool = Field(False, description="Logits in place of probabilities.")
    truncate: bool = Field(
        True, description="Whether long texts are cut; with false they are refused with 413."
    )
    model: str | None = Field(None, description="Name of the model; the first one unless given.")


class Prediction(BaseModel):
    """One label."""

    score: float
    label: str


class LabelsBody(BaseModel):
    """The body of `POST /v1/labels`."""

    model_config = ConfigDict(extra="forbid")

    inputs: Inputs
    model: str | None = Field(None, description="Name of the model; the first one unless given.")
    models: list[str] | None = Field(
        None, description='Several models; the answer is `{"models": {name: answer}}`.'
    )
    thresholds: Probability | dict[str, Probability] | None = Field(
        None, description="In place of the model's own: one for all labels, or some by name."
    )
    top_k: int | None = Field(None, ge=1, description="How many scores; all unless given.")
    truncate: bool = Field(True, description="Whether long texts are cut, or refused with 413.")


class LabelScore(BaseModel):
    """One label of one text."""

    label: str
    score: Probability
    threshold: float | None = Field(
        description="Null for a label of an exclusive group: of these the most probable is given."
    )
    decided: bool = Field(description="Whether the text gets the label.")


class Labels(BaseModel):
    """The labels of one text."""

    labels: list[str] = Field(description="That the text gets, highest first.")
    scores: list[LabelScore] = Field(description="Of all labels, or `top_k`, highest first.")


class LabelsByModel(BaseModel):
    """The answers of several models."""

    models: dict[str, Labels | list[Labels]]


class ExplainBody(BaseModel):
    """The body of `POST /v1/explain`."""

    model_config = ConfigDict(extra="forbid")

    inputs: Annotated[Text | Pair, Field(description="A text, or a pair of texts.")]
    labels: list[str] | None = Field(
        None, description="Which to explain; those that the text gets, or the most probable one."
    )
    model: str | None = Field(None, description="Name of the model; the first one unless given.")
    unit: str = Field(
        "auto", description="`word`, `sentence`, or `auto`: sentences if words are many."
    )
    max_words: int | None = Field(
        None, ge=1, description="With `auto`, words up to so many; 200 unless given."
    )


class Word(BaseModel):
    """A word, or a sentence, as it was written."""

    text: str
    start: int = Field(description="Its first character; counted in Unicode characters.")
    end: int = Field(description="The character after its last.")
    part: str = Field(description="`text`, or `pair` for the second text.")
    seen: bool = Field(description="Whether the model reads it; what is cut it does not.")


class ExplainedLabel(BaseModel):
    """What each word is worth to one label."""

    label: str
    score: Probability
    decided: bool
    weights: list[float] = Field(
        description="A number a word, in logits: above 0 for the label, below 0 against it."
    )


class Explained(BaseModel):
    """Which words moved the labels of a text."""

    unit: str
    words: list[Word]
    labels: list[ExplainedLabel]


class Policy(BaseModel):
    """What decides beside the thresholds."""

    empty_prediction: str
    max_labels: int | None
    exclusive_groups: list[list[str]]
    tuned_for: str | None
    calibrated: bool


class Provenance(BaseModel):
    """Where a model comes from."""

    encoder: str
    training_texts: int | None
    trained_with: str | None = Field(description="Version of multilabel-bert.")


class Model(BaseModel):
    """A model of this server."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    models: list[str] = Field(description="Names of all models of this server.")
    labels: list[str]
    thresholds: list[float | None] = Field(description="One a label; null in exclusive groups.")
    policy: Policy
    max_length: int = Field(description="Tokens of a text, or of a window of one.")
    long_texts: dict[str, Any]
    pairs: bool = Field(description="Whether it was trained on pairs of texts.")
    precision: str
    version: str
    provenance: Provenance


class Models(BaseModel):
    """All models."""

    models: list[Model]


class Error(BaseModel):
    """What was wrong."""

    error: str = Field(description="One sentence for people.")
    error_type: str = Field(description="One word for programs.")


_ERRORS = {
    400: "The body is no JSON, or has no text.",
    404: "There is no such model.",
    413: "Above a limit: of the body, the texts, or with `truncate: false` the tokens.",
    422: "The JSON has another shape; or a label is unknown.",
    429: "Too much waits; try again after the seconds in `Retry-After`.",
    504: "There was no answer in time.",
}


def _route(
    answer: Any, body: type[BaseModel] | None = None, errors: tuple[int, ...] = tuple(_ERRORS)
) -> dict[str, Any]:
    """Arguments of a FastAPI route that say what it takes and gives."""
    described: dict[str, Any] = {
        "response_model": None,
        "responses": {
            200: {"model": answer},
            **{status: {"model": Error, "description": _ERRORS[status]} for status in errors},
        },
    }
    if body is not None:
        schema = body.model_json_schema()
        described["openapi_extra"] = {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema}},
            }
        }
    return described


PREDICT = _route(list[Prediction] | list[list[Prediction]], PredictBody)
LABELS = _route(Labels | list[Labels] | LabelsByModel, LabelsBody)
EXPLAIN = _route(Explained, ExplainBody)
MODEL = _route(Model, errors=(404,))
MODELS = _route(Models, errors=())
INFO = _route(dict[str, Any], errors=(404,))
HEALTH: dict[str, Any] = {"response_model": None}
METRICS: dict[str, Any] = {
    "response_model": None,
    "responses": {200: {"content": {"text/plain": {}}}},
}
_NAME = {
    "name": "model",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "Name of the model; the first one unless given.",
}
for _described in (PREDICT, LABELS, EXPLAIN, MODEL, INFO):
    _described.setdefault("openapi_extra", {})["parameters"] = [_NAME]
