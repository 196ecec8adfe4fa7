"""`multilabel push`: a model published on the Hugging Face hub."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from multilabel_bert.cli import options


def push(
    model: options.Model,
    repository: Annotated[
        str,
        typer.Argument(
            metavar="REPO", help="Its name there, owner/name; made if it is not there yet."
        ),
    ],
    *,
    private: Annotated[
        bool | None,
        typer.Option(
            "--private/--public",
            help="Who may see a new repository. One that is there stays as it is.",
            show_default="as the account is set, usually public",
        ),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            metavar="BRANCH",
            help="The branch that is written; made if it is not there yet.",
            show_default="the main branch",
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(metavar="T", help="Of the commit.", show_default="says what it is"),
    ] = None,
    license_name: Annotated[
        str | None,
        typer.Option(
            "--license",
            metavar="L",
            help="For the card, as the hub names it, such as apache-2.0.",
            show_default="none is named",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="L",
            help="Of the texts, for the card: a code such as en.",
            show_default="none is named",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Publish a model, with its card, on the Hugging Face hub.

    [bold]multilabel push my-model me/complaints --private[/]

    Afterwards the name stands for the model: [bold]multilabel predict me/complaints --text …[/]

    The token is that of `hf auth login`, or HF_TOKEN. The card has the figures of
    `multilabel evaluate MODEL FILE --card`. The baseline, which holds words of the training
    texts, and paths of this machine are not published.
    """
    from huggingface_hub.utils import disable_progress_bars

    from multilabel_bert.model.directory import load_model
    from multilabel_bert.model.publishing import push_model

    if quiet:
        disable_progress_bars()
    given = {"license": license_name, "language": language}
    address = push_model(
        load_model(model),
        repository,
        private=private,
        commit_message=message,
        revision=revision,
        metadata={key: value for key, value in given.items() if value is not None},
    )
    if as_json:
        print(json.dumps({"url": address}))
    else:
        print(f"Published: {address}")
