"""`multilabel serve`: models behind HTTP."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.errors import SettingsError

_KEY_VARIABLE = "MULTILABEL_API_KEY"
_PANEL = "Limits"


@dataclasses.dataclass(frozen=True)
class LimitOptions:
    """What a request, and all together, may take; the fields are those of `serving.Limits`."""

    max_texts: Annotated[
        int, options.option("Texts of one request; more are refused.", "N", panel=_PANEL)
    ] = 1024
    max_text_characters: Annotated[
        int, options.option("Characters of one text.", "N", panel=_PANEL)
    ] = 100_000
    max_body_bytes: Annotated[
        int, options.option("Bytes of the body of one request.", "N", panel=_PANEL)
    ] = 4_194_304
    max_waiting_texts: Annotated[
        int,
        options.option(
            "Texts that may wait, of all requests; more are refused with 429.", "N", panel=_PANEL
        ),
    ] = 8192
    max_connections: Annotated[
        int, options.option("Open connections; more are refused with 503.", "N", panel=_PANEL)
    ] = 1024
    timeout_seconds: Annotated[
        float, options.option("Seconds that one request may take.", "S", panel=_PANEL)
    ] = 60.0


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Directories that `multilabel train` wrote; NAME=DIR gives one another name than "
            "the directory's. The first one answers where a request names none.",
        ),
    ],
    *,
    host: Annotated[
        str,
        typer.Option(
            metavar="H", help="Address to listen at; 0.0.0.0 for requests of other machines too."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 for any that is free.")] = 8080,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="K",
            help=f"Key that requests must have. Better in the variable {_KEY_VARIABLE}: other "
            "users of the machine see options.",
            show_default="none",
        ),
    ] = None,
    no_access_log: Annotated[
        bool, typer.Option("--no-access-log", metavar="", help="Write no line for each request.")
    ] = False,
    precision: options.ModelPrecision = None,
    limits: LimitOptions,
) -> None:
    """Answer requests over HTTP, with a page to try the model.

    [bold]multilabel serve my-model[/]

    [bold]multilabel serve complaints=models/complaints-3 topics=models/topics --port 9000[/]

    The access log goes to standard output: a JSON object for each request, never a text.
    Ctrl-C and SIGTERM end the server after it has answered what it accepted.
    """
    from multilabel_bert.optional import check_optional

    for module in ("fastapi", "uvicorn", "prometheus_client"):
        check_optional(module, extra="serve", purpose="the server")
    from multilabel_bert.serving.access_log import AccessLog
    from multilabel_bert.serving.application import create_application
    from multilabel_bert.serving.limits import Limits
    from multilabel_bert.serving.served_models import load_models
    from multilabel_bert.serving.server import Server, address, open_socket
    from multilabel_bert.serving.service import Service

    bounds = Limits(**dataclasses.asdict(limits))
    key = os.environ.get(_KEY_VARIABLE) if api_key is None else api_key
    if key is not None and not key.strip():
        raise SettingsError("The API key is empty. Give one, or none at all.")
    served = load_models(models, precision=precision)
    with open_socket(host, port) as listening:
        service = Service(served, bounds)
        log = None if no_access_log else AccessLog()
        app = create_application(service, api_key=key, log=log)
        for model in served:
            labels = len(model.predictor.label_names)
            print(f"{model.name}: {labels} labels, {model.predictor.precision}", file=sys.stderr)
        print(f"Listening at {address(listening)}; Ctrl-C ends it.", file=sys.stderr, flush=True)
        Server(app, bounds).serve_socket(listening)
