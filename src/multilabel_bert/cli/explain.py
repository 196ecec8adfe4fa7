"""`multilabel explain`: which words moved the labels of a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.errors import SettingsError


def explain(
    model: options.Model,
    *,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="T", help="The text; may be repeated."),
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option("--pair", metavar="T", help="The second text of each --text, for pairs."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="L",
            help="A label to explain; may be repeated.",
            show_default="the labels that the text gets, or the most probable",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="M",
            help="occlusion (what is lost when a word is hidden), or gradient or "
            "integrated_gradients, which need TensorFlow.",
        ),
    ] = "occlusion",
    unit: Annotated[
        str,
        typer.Option(
            metavar="U", help="word, sentence, or auto: sentences where words are above 200."
        ),
    ] = "auto",
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="F",
            help="Also write a page with coloured words.",
            show_default="no page",
        ),
    ] = None,
    overwrite: options.OverwritePage = False,
    precision: options.ModelPrecision = None,
    as_json: options.Json = False,
) -> None:
    """Show which words moved the labels of a text.

    [bold]multilabel explain my-model --text "my parcel never came"[/]

    [bold]multilabel explain my-model --text "late again" --label delay --html why.html[/]

    A number says how much of the label's logit the word is worth: above 0 for it, below 0
    against it.
    """
    from multilabel_bert.cli.output_place import check_page
    from multilabel_bert.files import atomic_file
    from multilabel_bert.model.predictor import Predictor

    if not text:
        raise SettingsError('Nothing to explain. Give a text: --text "my parcel never came".')
    if pair and len(pair) != len(text):
        raise SettingsError(
            f"--text is there {len(text)} times, but --pair {len(pair)} times. Give one --pair "
            "for each --text."
        )
    check_page(html, overwrite=overwrite)
    predictor = Predictor.load(model, precision=precision)
    seconds: list[str | None] = [*pair] if pair else [None] * len(text)
    explanations = [
        predictor.explain(one, second, labels=label, method=method, unit=unit)
        for one, second in zip(text, seconds, strict=True)
    ]
    if html is not None:
        from multilabel_bert.explanations.html_page import page

        with atomic_file(html) as temporary:
            temporary.write_text(page(explanations), encoding="utf-8")
    if as_json:
        answer = [explanation.to_dict() for explanation in explanations]
        words = json.dumps(answer, indent=2, ensure_ascii=False)
        # A text of the line may hold bytes that are no UTF-8.
        print(words.encode("utf-8", "replace").decode("utf-8"))
        return
    from multilabel_bert.cli.tables import console

    out = console()
    for number, explanation in enumerate(explanations):
        if number:
            out.print()
        out.print(explanation)
    if html is not None:
        print(f"\nThe page: {html}")
