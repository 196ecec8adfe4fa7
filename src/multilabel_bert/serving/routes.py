"""The routes that answer about texts and models."""

# N = texts, X = labels

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from multilabel_bert.encoder.encoding import BATCH_TOKENS
from multilabel_bert.errors import MultilabelError
from multilabel_bert.serving import answers, schemas
from multilabel_bert.serving.bodies import explain_request, labels_request, predict_request
from multilabel_bert.serving.explaining import BatchedExplainer
from multilabel_bert.serving.jobs import Job
from multilabel_bert.serving.limits import RequestBytes
from multilabel_bert.serving.model_facts import info, model_facts
from multilabel_bert.serving.problems import overloaded, timed_out, unprocessable
from multilabel_bert.serving.requests import read_body, run_jobs, wait_unless_left
from multilabel_bert.serving.rules import asked_rule, shown_thresholds
from multilabel_bert.serving.served_models import ServedModel
from multilabel_bert.serving.service import Service

# What a route tells the access log, in the scope of its request.
FACTS = "multilabel_bert"
_JSON = "application/json"
# Each holds a text, and asks for hundreds.
_MOST_EXPLANATIONS = 64
# An answer of more texts takes some milliseconds to write.
_TEXTS_AT_ONCE = 64


def api_routes(service: Service) -> APIRouter:
    """All routes but the page, the documentation and the metrics."""
    router = APIRouter()
    limits = service.limits

    @router.post("/predict", **schemas.PREDICT)
    async def predict(request: Request) -> Response:
        """The scores of all labels, as text-embeddings-inference gives them.

        The answer is a list of labels, highest first, for a string or a pair of strings, and a
        list of such lists for a list of texts, each a list of one or two strings.
        """
        async with _within_limits(service) as held:
            asked = predict_request(await read_body(request, limits, held), limits)
            model = service.models.get(asked.model or request.query_params.get("model"))
            inputs = asked.inputs
            limits.check_scores(len(inputs.first), model.predictor.model.num_labels)
            job = Job(
                model.lane,
                [model.name],
                inputs.first,
                inputs.second,
                whole_texts_only=not asked.truncate,
            )
            await run_jobs(request, service.batcher, [job])
            _tell(service, request, [model], job.texts, job.tokens, job.waited_seconds)

            def answer() -> Any:
                scores = job.logits[model.name]
                if not asked.raw_scores:
                    scores = model.predictor.model.rule.probabilities(scores)
                found = answers.predictions(scores, model.predictor.label_names)
                return answers.in_shape(found, inputs.is_list)

            return await _made(answer, job.texts)

    @router.post("/v1/labels", **schemas.LABELS)
    async def labels(request: Request) -> Response:
        """The labels that the decision rule gives, and the scores with their thresholds.

        The rule is the one stored in the model; `thresholds` replace its own for this request.
        With `models` several models answer at once, by name.
        """
        async with _within_limits(service) as held:
            asked = labels_request(await read_body(request, limits, held), limits)
            query = request.query_params.get("model")
            names = asked.models if asked.models != (None,) else (query,)
            models = [service.models.get(name) for name in names]
            rules = [
                asked_rule(model, asked.thresholds, alone=not asked.several) for model in models
            ]
            inputs = asked.inputs
            shown = [asked.top_k or len(model.predictor.label_names) for model in models]
            limits.check_scores(len(inputs.first), sum(shown))
            jobs = [
                Job(
                    lane,
                    names_of_lane,
                    inputs.first,
                    inputs.second,
                    whole_texts_only=not asked.truncate,
                )
                for lane, names_of_lane in service.models.by_lane(models)
            ]
            await run_jobs(request, service.batcher, jobs)
            waited = max(job.waited_seconds for job in jobs)
            tokens = sum(job.tokens for job in jobs)
            _tell(service, request, models, len(inputs.first), tokens, waited)
            logits = {name: values for job in jobs for name, values in job.logits.items()}

            def answer() -> Any:
                found = {}
                for model, rule in zip(models, rules, strict=True):
                    probabilities = rule.probabilities(logits[model.name])
                    of_texts = answers.labels(
                        probabilities,
                        rule.predict(probabilities) == 1,
                        shown_thresholds(rule),
                        model.predictor.label_names,
                        asked.top_k,
                    )
                    found[model.name] = answers.in_shape(of_texts, inputs.is_list)
                return answers.by_model(found, asked.several)

            return await _made(answer, len(inputs.first))

    @router.post("/v1/explain", **schemas.EXPLAIN)
    async def explain(request: Request) -> Response:
        """Which words moved the labels of one text: what each is worth to a label's logit.

        Each word is hidden from the model in turn, which costs as much as a text a word.
        """
        async with _within_limits(service) as held:
            asked = explain_request(await read_body(request, limits, held), limits)
            model = service.models.get(asked.model or request.query_params.get("model"))
            if service.explaining >= _MOST_EXPLANATIONS:
                raise overloaded(
                    "Too many explanations are asked for at a time. Try again later.",
                    service.batcher.retry_after_seconds(),
                )
            explainer = BatchedExplainer(model, service.batcher)
            service.explaining += 1
            try:
                future = asyncio.get_running_loop().run_in_executor(
                    service.explainers, explainer.explain, asked
                )
                await wait_unless_left(request, [future])
                found = future.result()
            finally:
                service.explaining -= 1
                explainer.cancel()
            _tell(service, request, [model], explainer.texts, explainer.tokens, 0.0)
            return _json(answers.explanation(found))

    @router.get("/v1/model", **schemas.MODEL)
    async def model(request: Request) -> Response:
        """A model: its labels, thresholds and rule. The first one, unless `model` names one."""
        asked = service.models.get(request.query_params.get("model"))
        return _json(model_facts(asked, service.models))

    @router.get("/v1/models", **schemas.MODELS)
    async def models() -> Response:
        """All models, as `/v1/model` describes each."""
        return _json({"models": [model_facts(each, service.models) for each in service.models]})

    @router.get("/info", **schemas.INFO)
    async def about(request: Request) -> Response:
        """What is served, with the keys of text-embeddings-inference."""
        asked = service.models.get(request.query_params.get("model"))
        return _json(info(asked, limits, BATCH_TOKENS))

    @router.get("/health", **schemas.HEALTH)
    async def health() -> Response:
        """200 as long as requests are answered; no key is needed."""
        return Response()

    @router.get("/metrics", **schemas.METRICS)
    async def metrics() -> Response:
        """Counters and histograms in Prometheus' text format."""
        return Response(service.metrics.text(), media_type=service.metrics.content_type)

    return router


@asynccontextmanager
async def _within_limits(service: Service) -> AsyncIterator[RequestBytes]:
    """Bound the time of a request and count what it holds in memory."""
    seconds = service.limits.timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            with service.held.of_request() as held:
                yield held
    except TimeoutError:
        raise timed_out(
            f"There was no answer within {seconds:g} s. Ask for fewer texts at a time."
        ) from None
    except MultilabelError as error:
        # Such as an unknown label to explain.
        raise unprocessable(str(error)) from None


def _tell(
    service: Service,
    request: Request,
    models: Sequence[ServedModel],
    texts: int,
    tokens: int,
    waited_seconds: float,
) -> None:
    for model in models:
        service.metrics.texts.labels(model.name).inc(texts)
    service.metrics.waited_seconds.observe(waited_seconds)
    request.scope[FACTS] = {
        "model": ",".join(model.name for model in models),
        "texts": texts,
        "tokens": tokens,
        "waited_ms": round(waited_seconds * 1000, 1),
    }


async def _made(answer: Callable[[], Any], texts: int) -> Response:
    """The response; a long one is made in a thread, so that others need not wait for it."""
    if texts <= _TEXTS_AT_ONCE:
        return _json(answer())
    return await asyncio.to_thread(lambda: _json(answer()))


def _json(value: Any) -> Response:
    return Response(answers.json_bytes(value), media_type=_JSON)
