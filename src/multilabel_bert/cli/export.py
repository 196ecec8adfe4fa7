"""`multilabel export`: a model in another program's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.labelled_table import read_labelled_table
from multilabel_bert.cli.output_place import check_place
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.export.int8 import Int8
    from multilabel_bert.export.writing import Export
    from multilabel_bert.model.classifier_model import ClassifierModel

_INT8 = "int8"
_PANEL = "int8"


def export(
    model: options.Model,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="huggingface, sentence-transformers, openvino, onnx, tensorflow, "
            "tensorflow-text, keras or google.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Where it goes: a new directory, or a file *.onnx, *.xml or *.keras.",
        ),
    ],
    *,
    table: options.LabelledTable,
    strings: Annotated[
        bool,
        typer.Option(
            "--strings",
            metavar="",
            help="With tensorflow: the tokenizer is in the graph, and the model takes strings.",
        ),
    ] = False,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="int8",
            help="With onnx and openvino: compute in 8 bits.",
            show_default="not quantized",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="F",
            help="Table with labels, not that of the training: what int8 costs is measured on it.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    max_loss: Annotated[
        float,
        typer.Option(
            metavar="POINTS",
            help="Points of macro-F1 that int8 may cost: 0.5 is from 0.600 to 0.595.",
            rich_help_panel=_PANEL,
        ),
    ] = 0.5,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            metavar="",
            help="Write int8 whatever it costs; or to google what its code computes otherwise.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace an older export at --output.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a model in another program's format.

    [bold]multilabel export my-model --to onnx --output my-model-onnx[/]

    [bold]multilabel export my-model --to tensorflow-text --output served/my-model/1[/]

    [bold]multilabel export my-model --to openvino --quantize int8 --data dev.csv --output fast[/]

    Beside it is labels.json, with the names and thresholds. At the end it shows the few lines of
    Python that run it.
    """
    from multilabel_bert.export.formats import export_model, find_format
    from multilabel_bert.model.directory import load_model

    progress = Progress("silent" if quiet or as_json else "auto")
    name, strings = find_format(to, strings=strings)
    check_place(output, "--output")
    trained = load_model(model)
    exported = export_model(
        trained,
        name,
        output,
        overwrite=overwrite,
        strings=strings,
        quantize=_int8(trained, quantize, data, max_loss, force, table, progress),
        approximate=force and name == "google",
    )
    if as_json:
        print(json.dumps(_facts(exported), indent=2, ensure_ascii=False))
        return
    _show(exported)


def _int8(
    trained: ClassifierModel,
    quantize: str | None,
    data: Path | None,
    max_loss: float,
    force: bool,
    table: options.LabelledTable,
    progress: Progress,
) -> Int8 | None:
    if quantize is None:
        if data is not None:
            raise SettingsError(
                "--data is for what int8 costs. Give --quantize int8 too, or leave it out."
            )
        return None
    if quantize != _INT8:
        raise SettingsError(f"--quantize {quantize} is unknown. Use int8.")
    if data is None:
        raise SettingsError(
            "--quantize int8 needs --data, a table with labels, on which its cost is measured."
        )
    from multilabel_bert.export.int8 import Int8

    dataset = read_labelled_table(data, trained, table, progress)
    return Int8(dataset, max_loss=max_loss, force=force, progress=progress)


def _facts(exported: Export) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "path": str(exported.path),
        "format": exported.format,
        "megabytes": round(exported.megabytes, 3),
        "notes": list(exported.notes),
        "snippet": exported.snippet,
    }
    if (cost := exported.cost) is not None:
        f1 = cost.macro_f1
        facts["int8"] = {
            "texts": cost.texts,
            "macro_f1_float32": f1.first,
            "macro_f1_int8": f1.second,
            "loss_points": 100 * f1.value,
            "loss_points_low": 100 * f1.low,
            "loss_points_high": 100 * f1.high,
            "changed_decisions": cost.changed_decisions,
            "mean_difference": cost.mean_difference,
            "max_difference": cost.max_difference,
        }
    return facts


def _show(exported: Export) -> None:
    print(f"{exported.path}: {exported.format}, {exported.megabytes:.1f} MB")
    if exported.cost is not None:
        print(f"{exported.cost.describe()}.")
    for note in exported.notes:
        print(f"Note: {note}.")
    print(f"\nTo run it:\n\n{exported.snippet}", end="")
