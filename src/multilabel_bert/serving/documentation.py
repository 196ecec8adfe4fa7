"""The documentation: OpenAPI with examples that the served model answered, and a plain page."""

from __future__ import annotations

import asyncio
import html
import json
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from multilabel_bert.serving import answers
from multilabel_bert.serving.model_facts import model_facts
from multilabel_bert.serving.rules import shown_thresholds
from multilabel_bert.serving.service import Service
from multilabel_bert.serving.static_files import page_headers

TEXT = "My parcel never came. I want my money back."
OTHER_TEXT = "Thank you, all is well now."
_MOST_LABELS = 5


def documentation_routes(app: FastAPI, service: Service) -> APIRouter:
    """``/openapi.json`` and ``/docs``, made when they are first asked for."""
    router = APIRouter()
    made: dict[str, Any] = {}
    making = asyncio.Lock()

    async def specification() -> dict[str, Any]:
        async with making:
            if not made:
                examples = await asyncio.to_thread(real_examples, service)
                made.update(with_examples(app.openapi(), examples))
        return made

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(answers.json_bytes(await specification()), media_type="application/json")

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = documentation_page(await specification())
        headers = {"Content-Type": "text/html; charset=utf-8", **page_headers()}
        return Response(page.encode(), headers=headers)

    return router


def real_examples(service: Service) -> dict[str, list[tuple[Any, Any]]]:
    """Path to bodies and the answers that the first model gives to them.

    Answers of many labels are shortened where a request can ask for that.
    """
    served = service.models.default
    predictor = served.predictor
    names, rule = predictor.label_names, predictor.model.rule
    pairs = [TEXT, OTHER_TEXT]
    logits = predictor.predict_logits(pairs)
    probabilities, decided = predictor.decide(logits)
    scores = answers.predictions(probabilities, names)
    found = answers.labels(probabilities, decided == 1, shown_thresholds(rule), names, _MOST_LABELS)
    raw = answers.predictions(logits[:1], names)[0]
    why = answers.explanation(predictor.explain(TEXT))
    top = {"top_k": _MOST_LABELS} if len(names) > _MOST_LABELS else {}
    return {
        "/predict": [
            ({"inputs": TEXT}, scores[0]),
            ({"inputs": [[TEXT], [OTHER_TEXT]]}, scores),
            ({"inputs": TEXT, "raw_scores": True}, raw),
        ],
        "/v1/labels": [
            ({"inputs": TEXT, **top}, found[0]),
            ({"inputs": [[TEXT], [OTHER_TEXT]], **top}, found),
        ],
        "/v1/explain": [({"inputs": TEXT}, why)],
        "/v1/model": [(None, model_facts(served, service.models))],
    }


def with_examples(
    specification: dict[str, Any], examples: dict[str, list[tuple[Any, Any]]]
) -> dict[str, Any]:
    """The specification with an example of each body and of its answer."""
    for path, cases in examples.items():
        for operation in specification["paths"][path].values():
            content = operation["responses"]["200"]["content"]["application/json"]
            content["examples"] = _numbered(answer for _, answer in cases)
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]
                body["examples"] = _numbered(asked for asked, _ in cases)
    return specification


def _numbered(values: Any) -> dict[str, dict[str, Any]]:
    return {f"example {number}": {"value": value} for number, value in enumerate(values, 1)}


def documentation_page(specification: dict[str, Any]) -> str:
    """All routes with their examples, as one page without scripts."""
    about = specification["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{_safe(about['title'])}: API</title>",
        f"<h1>{_safe(about['title'])} {_safe(about['version'])}</h1>",
        f"<p>{_safe(about['description'])}</p>",
        "<p>For programs: <a href=/openapi.json>/openapi.json</a></p>",
    ]
    for path, operations in specification["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2>{method.upper()} {_safe(path)}</h2>")
            parts += [f"<p>{_safe(line)}</p>" for line in _description(operation)]
            bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            results = operation["responses"].get("200", {}).get("content", {})
            results = results.get("application/json", {}).get("examples", {})
            for name, answer in results.items():
                asked = bodies.get("examples", {}).get(name)
                if asked is not None:
                    parts.append(
                        f"<pre>{_safe(json.dumps(asked['value'], ensure_ascii=False))}</pre>"
                    )
                shown = json.dumps(answer["value"], indent=2, ensure_ascii=False)
                parts.append(
                    f"<details><summary>answer</summary><pre>{_safe(shown)}</pre></details>"
                )
    return "\n".join(parts)


def _description(operation: dict[str, Any]) -> list[str]:
    errors = [
        f"{status}: {response['description']}"
        for status, response in operation["responses"].items()
        if status != "200"
    ]
    return [*operation.get("description", "").split("\n\n"), *errors]


def _safe(text: str) -> str:
    return html.escape(text)
