"""The ASGI application: routes, page, documentation, and errors in one shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from multilabel_bert import __version__
from multilabel_bert.serving.access_log import AccessLog
from multilabel_bert.serving.answers import json_bytes
from multilabel_bert.serving.documentation import documentation_routes
from multilabel_bert.serving.middleware import KeyCheck, RequestRecorder
from multilabel_bert.serving.problems import Problem, failed
from multilabel_bert.serving.routes import api_routes
from multilabel_bert.serving.service import Service
from multilabel_bert.serving.static_files import page_routes

_DESCRIPTION = (
    "Multi-label text classification: every label of a text has a probability of its own, and a "
    "threshold that decides whether the text gets it."
)


def create_application(
    service: Service, *, api_key: str | None = None, log: AccessLog | None = None
) -> ASGIApp:
    """The application of a server.

    Args:
        service: what it serves; closed when the application ends.
        api_key: what clients must know; None where everybody may ask.
        log: gets a line a request; closed at the end too.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()
        if log is not None:
            log.close()

    # FastAPI's own pages load their scripts from elsewhere; ours needs no network.
    app = FastAPI(
        title="multilabel-bert",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.include_router(api_routes(service))
    app.include_router(page_routes())
    app.include_router(documentation_routes(app, service))

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        service.metrics.refused.labels(error.error_type).inc()
        return _answer(error)

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, error: HTTPException) -> Response:
        message = f"There is no {request.method} {request.url.path[:200]} here. See /docs."
        return _answer(Problem(error.status_code, "not_found", message, error.headers))

    @app.exception_handler(Exception)
    async def bug(_: Request, __: Exception) -> Response:
        return _answer(failed())

    answering: ASGIApp = app if api_key is None else KeyCheck(app, api_key)
    return RequestRecorder(answering, service.metrics, log)


def _answer(problem: Problem) -> Response:
    return Response(
        json_bytes(problem.to_dict()),
        problem.status,
        headers=problem.headers,
        media_type="application/json",
    )
