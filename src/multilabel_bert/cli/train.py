"""`multilabel train`: from an encoder and a table to a saved model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.quiet_tensorflow import import_keras_quietly
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

_ENCODER, _TRAINING, _DECISION = "Encoder", "Training", "Decisions"


def train(
    train: Annotated[
        Path,
        typer.Option(
            "--train",
            "--data-dir",
            metavar="F",
            help="Table to train on; or a directory with train, dev and test files.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "--output-dir", metavar="DIR", help="Where the model goes.")
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Pre-trained BERT: directory or .zip of Google's, Hugging Face directory or hub "
            "name, or an installed package.",
            rich_help_panel=_ENCODER,
        ),
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(
            metavar="F",
            help="Table to choose thresholds on; without it a part of the training table.",
        ),
    ] = None,
    bert_config_file: Annotated[
        Path | None,
        typer.Option(help="bert_config.json, instead of --encoder.", rich_help_panel=_ENCODER),
    ] = None,
    init_checkpoint: Annotated[
        Path | None,
        typer.Option(help="bert_model.ckpt, instead of --encoder.", rich_help_panel=_ENCODER),
    ] = None,
    vocab_file: Annotated[
        Path | None,
        typer.Option(help="vocab.txt, where the encoder has none.", rich_help_panel=_ENCODER),
    ] = None,
    do_lower_case: Annotated[
        bool | None,
        typer.Option(
            help="Only where the encoder does not say it itself.", rich_help_panel=_ENCODER
        ),
    ] = None,
    text_column: options.TextColumn = None,
    pair_column: options.PairColumn = None,
    label_columns: options.LabelColumns = None,
    labels: options.Labels = None,
    label_format: options.LabelFormat = None,
    label_separator: options.LabelSeparator = None,
    id_column: options.IdColumn = None,
    encoding: options.Encoding = None,
    empty_text: options.EmptyText = None,
    clean_html: options.CleanHtml = False,
    train_layers: Annotated[
        str,
        typer.Option(
            metavar="0|k|all",
            help="0: the new head alone. k: the top k layers too. all: everything.",
            rich_help_panel=_TRAINING,
        ),
    ] = "0",
    pooling: Annotated[
        str,
        typer.Option(
            help="What represents a text: pooled, cls, mean, cls+mean; auto: the best (with "
            "--train-layers 0).",
            rich_help_panel=_TRAINING,
        ),
    ] = "pooled",
    max_seq_length: Annotated[
        int, typer.Option(metavar="N", help="Tokens of a text.", rich_help_panel=_TRAINING)
    ] = 128,
    num_train_epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Passes over the texts.",
            show_default="30 for a head alone, else 3",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            help="The highest rate.",
            rich_help_panel=_TRAINING,
            show_default="by encoder and --train-layers",
        ),
    ] = None,
    head_learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            help="The highest rate of the head, when layers are trained too.",
            rich_help_panel=_TRAINING,
            show_default="5 times --learning-rate",
        ),
    ] = None,
    train_batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Texts of a batch.",
            rich_help_panel=_TRAINING,
            show_default="by a budget of tokens",
        ),
    ] = None,
    max_batch_tokens: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Tokens of a batch, without --train-batch-size.",
            rich_help_panel=_TRAINING,
        ),
    ] = 1024,
    warmup_proportion: Annotated[
        float,
        typer.Option(
            metavar="P",
            help="Share of the updates in which the rate rises.",
            rich_help_panel=_TRAINING,
        ),
    ] = 0.1,
    schedule: Annotated[
        str,
        typer.Option(
            help="How the rate falls: linear, cosine or constant.", rich_help_panel=_TRAINING
        ),
    ] = "linear",
    optimizer: Annotated[
        str, typer.Option(help="adamw, or google for the original.", rich_help_panel=_TRAINING)
    ] = "adamw",
    weight_decay: Annotated[
        float,
        typer.Option(
            metavar="R", help="Of all but biases and LayerNorm.", rich_help_panel=_TRAINING
        ),
    ] = 0.01,
    dropout: Annotated[
        float, typer.Option(metavar="P", help="On the representation.", rich_help_panel=_TRAINING)
    ] = 0.1,
    class_weight: Annotated[
        str | None,
        typer.Option(
            metavar="W",
            help="Weight of the positives: balanced, or label=2.5,other=4.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    early_stopping: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Keep the epoch that is best by it on the development table, such as macro_f1.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    early_stopping_patience: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Epochs without a better value before it stops.",
            rich_help_panel=_TRAINING,
        ),
    ] = 3,
    preset: Annotated[
        str | None,
        typer.Option(help="google: the original to the letter.", rich_help_panel=_TRAINING),
    ] = None,
    dev_fraction: Annotated[
        float,
        typer.Option(
            metavar="P", help="Share held out where there is no --dev.", rich_help_panel=_DECISION
        ),
    ] = 0.1,
    threshold_strategy: Annotated[
        str,
        typer.Option(
            help="fixed (0.5), global, per_label or per_label_shrunk.", rich_help_panel=_DECISION
        ),
    ] = "per_label_shrunk",
    threshold_metric: Annotated[
        str, typer.Option(help="For which thresholds are chosen.", rich_help_panel=_DECISION)
    ] = "macro_f1",
    empty_prediction: Annotated[
        str,
        typer.Option(help="Where no label passes: allow, or top1.", rich_help_panel=_DECISION),
    ] = "allow",
    max_labels: Annotated[
        int | None,
        typer.Option(metavar="N", help="Most labels of a text.", rich_help_panel=_DECISION),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same result.")] = 42,
    precision: Annotated[
        str, typer.Option(help="Of the frozen layers and of prediction: auto, float32, bfloat16.")
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older model at --output.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier and save it.

    [bold]multilabel train --encoder uncased_L-12_H-768_A-12 --train train.csv --output my-model[/]
    """
    from multilabel_bert.model.directory import check_output

    check_output(output, overwrite=overwrite)
    data = options.data_arguments(
        text_column=text_column,
        pair_column=pair_column,
        label_columns=label_columns,
        labels=labels,
        label_format=label_format,
        label_separator=label_separator,
        id_column=id_column,
        encoding=encoding,
        empty_text=empty_text,
        clean_html=clean_html,
    )
    parameters = {
        "encoder": encoder,
        "train_layers": parsed_train_layers(train_layers),
        "pooling": pooling,
        "max_seq_length": max_seq_length,
        "num_train_epochs": num_train_epochs,
        "train_batch_size": train_batch_size,
        "max_batch_tokens": max_batch_tokens,
        "learning_rate": learning_rate,
        "head_learning_rate": head_learning_rate,
        "warmup_proportion": warmup_proportion,
        "schedule": schedule,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "dropout": dropout,
        "class_weight": _class_weight(class_weight),
        "early_stopping": early_stopping,
        "early_stopping_patience": early_stopping_patience,
        "threshold_strategy": threshold_strategy,
        "threshold_metric": threshold_metric,
        "empty_prediction": empty_prediction,
        "max_labels": max_labels,
        "dev_fraction": dev_fraction,
        "do_lower_case": do_lower_case,
        "bert_config_file": bert_config_file,
        "init_checkpoint": init_checkpoint,
        "vocab_file": vocab_file,
        "preset": preset,
        "precision": precision,
        "seed": seed,
    }
    _require_encoder(encoder, bert_config_file, init_checkpoint)
    result = train_and_save(
        parameters,
        train,
        dev,
        output,
        data,
        overwrite=overwrite,
        progress=Progress("silent" if quiet else "auto"),
        show=not as_json and not quiet,
    )
    if as_json:
        print(json.dumps(result, indent=2))


def train_and_save(
    parameters: dict[str, Any],
    train: Path,
    dev: Path | None,
    output: Path,
    data: dict[str, Any],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    show: bool = True,
) -> dict[str, Any]:
    """Train by files, save, and say what came out.

    Args:
        parameters: of `MultiLabelClassifier`.
        train: table, or directory of a train, dev and test table.
        dev: table, or None.
        output: of the model.
        data: keyword arguments of `read_dataset`.
        overwrite: whether an older model may be replaced.
        progress: where progress is shown.
        show: whether the data and the result are described on standard output.

    Returns:
        Flat metrics of the development split, with the output and the seconds.
    """
    from multilabel_bert.cli.tables import show_dataset, show_metrics
    from multilabel_bert.data.reading import read_dataset
    from multilabel_bert.data.splits import read_splits

    progress = progress or Progress()
    if train.is_dir():
        splits = read_splits(train, **data)
        train_set, dev_set = splits["train"], splits.get("dev")
    else:
        train_set, dev_set = read_dataset(train, **data), None
    if dev is not None:
        dev_set = read_dataset(dev, layout=train_set.layout, label_names=train_set.label_names)
    if show:
        show_dataset(train_set, "Training table")
        if dev_set is not None:
            show_dataset(dev_set, "Development table", brief=True)
    import_keras_quietly()
    from multilabel_bert.classifier import MultiLabelClassifier

    classifier = MultiLabelClassifier(**parameters)
    classifier.fit(train_set, validation_data=dev_set, progress=progress)
    classifier.save(output, overwrite=overwrite)
    evaluation = classifier.dev_evaluation_
    if show:
        if classifier.representation_scores_:
            scores = classifier.representation_scores_
            print("Representations, by macro average precision on the development texts:")
            for name, value in sorted(scores.items(), key=lambda item: -item[1]):
                print(f"  {name:10} {value:.4f}")
        if evaluation is not None:
            show_metrics(evaluation.metrics, "Development texts, on which thresholds were chosen")
        seconds = classifier.model_.provenance["seconds"]
        print(f"\nSaved {output} after {seconds:.0f} s. Next:")
        print(f"  multilabel evaluate {output} TEST_FILE")
        print(f'  multilabel predict {output} --text "…"')
    metrics = {} if evaluation is None else evaluation.to_dict()
    metrics.pop("per_label", None)
    return {
        **metrics,
        "output": str(output),
        "seconds": classifier.model_.provenance["seconds"],
        "interrupted": classifier.history_.interrupted,
    }


def parsed_train_layers(text: str) -> int | str:
    """The value of --train-layers: a number, or "all"."""
    if text == "all":
        return text
    try:
        return int(text)
    except ValueError:
        raise SettingsError(
            f"--train-layers {text} is not understood. Use 0 for the head alone, a number for that "
            "many top layers, or all."
        ) from None


def _class_weight(text: str | None) -> str | dict[str, float] | None:
    if text is None or "=" not in text:
        return text
    weights = {}
    for part in text.split(","):
        # Labels of categorical columns have a = in their name: the last one counts.
        name, _, value = part.rpartition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise SettingsError(
                f"--class-weight: {part!r} is not understood. Write label=2.5,other=4, or balanced."
            ) from None
    return weights


def _require_encoder(encoder: str | None, config: Path | None, checkpoint: Path | None) -> None:
    if encoder is None and (config is None or checkpoint is None):
        raise SettingsError(
            "No encoder. Name one with --encoder (a directory, .zip, hub name or installed "
            "package), or give --bert-config-file, --init-checkpoint and --vocab-file."
        )
