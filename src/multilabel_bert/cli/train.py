"""`multilabel train`: from an encoder and a table to a saved model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.command import INTERRUPTED
from multilabel_bert.cli.going_on import open_to_go_on, read_to_go_on
from multilabel_bert.cli.output_place import check_directory, check_place
from multilabel_bert.cli.quiet_tensorflow import import_keras_quietly
from multilabel_bert.cli.training_options import (
    CacheOptions,
    DecisionOptions,
    EncoderOptions,
    SearchOptions,
    TrainingOptions,
    classifier_parameters,
)
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.classifier import MultiLabelClassifier
    from multilabel_bert.data.dataset import Dataset


def train(
    context: typer.Context,
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
    *,
    encoder: EncoderOptions,
    table: options.NewTable,
    training: TrainingOptions,
    decisions: DecisionOptions,
    cache: CacheOptions,
    search: SearchOptions,
    dev: Annotated[
        Path | None,
        typer.Option(
            metavar="F",
            help="Table to choose thresholds on.",
            show_default="--dev-fraction of the training table",
        ),
    ] = None,
    from_model: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Trained model to go on from, instead of --encoder: with its head and labels, "
            "and its settings and layout where nothing else is said.",
        ),
    ] = None,
    remove_labels: Annotated[
        str | None,
        typer.Option(
            metavar="L,L,…",
            help="Labels of the model that are dropped, with --from.",
            show_default="none",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            metavar="",
            help="Replace an older model at --output, and an older log at --log-dir.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", metavar="", help="Go on with a training of layers that was stopped."
        ),
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier and save it.

    [bold]multilabel train --encoder DIR --train messages.csv --output my-model[/]

    [bold]multilabel train --from my-model --train more.csv --output next-model[/]

    Ctrl-C ends the training early: the best epoch so far is kept and saved.
    The exit code is 130 then.
    While layers are trained, the state of each epoch is kept in DIR.training:
    the same command with --resume goes on from there, to the same result.
    """
    from multilabel_bert.model.directory import check_output

    state = _state_of(output)
    parameters = classifier_parameters(encoder, training, decisions)
    parameters |= cache.parameters() | search.parameters()
    classifier = None
    if from_model is not None:
        typed = {name: value for name, value in parameters.items() if _is_typed(context, name)}
        classifier = open_to_go_on(from_model, typed, remove_labels)
        parameters = classifier.get_params() | cache.parameters()
        classifier.set_params(**cache.parameters())
    elif remove_labels is not None:
        raise SettingsError("--remove-labels needs --from MODEL, whose labels they are.")
    else:
        _require_encoder(encoder)
    resume = _checked_resume(
        state, resume=resume, overwrite=overwrite, head_alone=parameters["train_layers"] == 0
    )
    check_output(output, overwrite=overwrite or resume)
    check_place(output, "--output")
    _check_log(parameters["log_dir"], replaced=overwrite or resume)
    classifier = train_and_save(
        parameters,
        train,
        dev,
        output,
        table.arguments(),
        overwrite=overwrite or resume,
        progress=Progress("silent" if quiet else "auto"),
        state_directory=state,
        resume=resume,
        start=classifier,
    )
    if as_json:
        print(json.dumps(_as_json(classifier, output), indent=2, ensure_ascii=False))
    else:
        _show(classifier, output)
    if classifier.history_.interrupted:
        raise typer.Exit(INTERRUPTED)


def train_and_save(
    parameters: dict[str, Any],
    train: Path,
    dev: Path | None,
    output: Path,
    data: dict[str, Any],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    state_directory: Path | None = None,
    resume: bool = False,
    start: MultiLabelClassifier | None = None,
) -> MultiLabelClassifier:
    """Train by files and save.

    Args:
        parameters: of `MultiLabelClassifier`.
        train: table, or directory of a train, dev and test table.
        dev: table, or None.
        output: of the model.
        data: keyword arguments of `read_dataset`.
        overwrite: whether an older model, and an older log, may be replaced.
        progress: where the data and the progress are shown.
        state_directory: of `MultiLabelClassifier.fit`.
        resume: whether to go on from a state there, or to remove it.
        start: a trained classifier to go on from, with `parameters` already.

    Raises:
        MultilabelError: if something that was given cannot be used.
    """
    progress = progress or Progress()
    train_set, dev_set = _read(train, dev, data, progress, start)
    from multilabel_bert.classifier import MultiLabelClassifier

    classifier = start or MultiLabelClassifier(**parameters)
    classifier._import_keras = import_keras_quietly
    if state_directory is not None and not resume:
        # Only now: what was wrong with the command should not cost a stopped training.
        from multilabel_bert.training.saved_state import remove_state

        remove_state(state_directory)
    if classifier.log_dir is not None and overwrite and not resume:
        from multilabel_bert.training.run_log import remove_log

        remove_log(Path(classifier.log_dir))
    classifier.fit(
        train_set, validation_data=dev_set, progress=progress, state_directory=state_directory
    )
    classifier.save(output, overwrite=overwrite, progress=progress)
    return classifier


def _read(
    train: Path,
    dev: Path | None,
    data: dict[str, Any],
    progress: Progress,
    start: MultiLabelClassifier | None,
) -> tuple[Dataset, Dataset | None]:
    from multilabel_bert.cli.tables import dataset_lines
    from multilabel_bert.data.splits import find_split_files, read_splits

    if train.is_dir():
        # What is wrong with its test file need not stop the training.
        files = find_split_files(train)
        train, dev = files.get("train", train), dev or files.get("dev")
    if start is None:
        splits = read_splits(train, dev=dev, **data)
    else:
        splits = read_to_go_on(train, dev, data, start, progress)
    for name, title in (("train", "Training table"), ("dev", "Development table")):
        if name in splits:
            for line in dataset_lines(splits[name], title, brief=name != "train"):
                progress.say(line)
    return splits["train"], splits.get("dev")


def _show(classifier: MultiLabelClassifier, output: Path) -> None:
    from multilabel_bert.cli.search_table import show_search
    from multilabel_bert.cli.tables import show_metrics

    if classifier.search_ is not None:
        show_search(classifier.search_)
    if classifier.representation_scores_:
        print(f"\nRepresentations, by {_measure(classifier)}")
        scores = classifier.representation_scores_
        for name, value in sorted(scores.items(), key=lambda item: -item[1]):
            print(f"{name:10} {value:.4f}")
    if classifier.dev_evaluation_ is not None:
        held_out = classifier.model_.provenance["dev"] is not None
        where = "On the development texts" if held_out else "On the texts, by cross-validation"
        title = f"{where}, on which the thresholds were chosen"
        show_metrics(classifier.dev_evaluation_.metrics, title)
    if (line := _baseline_line(classifier)) is not None:
        print(line)
    seconds = classifier.model_.provenance["seconds"]
    print(f"\nSaved {output} after {seconds:.0f} s. Next:")
    print(f"  multilabel evaluate {output} TEST_FILE")
    print(f'  multilabel predict {output} --text "…"')


def _measure(classifier: MultiLabelClassifier) -> str:
    if classifier.model_.settings["used"]["few_examples"]:
        return "minus the loss of texts left out in cross-validation"
    return "macro average precision on the development texts"


def _baseline_line(classifier: MultiLabelClassifier) -> str | None:
    evaluation, baseline = classifier.baseline_dev_evaluation_, classifier.baseline_
    if baseline is None or evaluation is None:
        return None
    macro, micro = evaluation.metrics["macro_f1"], evaluation.metrics["micro_f1"]
    return (
        f"\nBaseline on the same texts: macro_f1 {macro:.4f}, micro_f1 {micro:.4f}\n"
        f"  {baseline.how.describe()}"
    )


def _as_json(classifier: MultiLabelClassifier, output: Path) -> dict[str, Any]:
    evaluation = classifier.dev_evaluation_
    metrics: dict[str, Any] = {} if evaluation is None else evaluation.to_dict()
    metrics.pop("per_label", None)
    if classifier.baseline_dev_evaluation_ is not None:
        beside = classifier.baseline_dev_evaluation_.to_dict()
        del beside["per_label"]
        metrics |= {f"baseline_{name}": value for name, value in beside.items()}
    return {
        **metrics,
        "output": str(output),
        "pooling": classifier.model_.pooling,
        "seconds": classifier.model_.provenance["seconds"],
        "interrupted": classifier.history_.interrupted,
    }


def _state_of(output: Path) -> Path:
    """Where the state of a training is kept: beside the model."""
    place = output.absolute()
    if place.name in ("", ".."):
        raise SettingsError(
            f"--output {output} is no name for a model. Name a directory, such as my-model."
        )
    return place.with_name(f"{place.name}.training")


def _checked_resume(state: Path, *, resume: bool, overwrite: bool, head_alone: bool) -> bool:
    """Whether there is a stopped training to go on with; it is never thrown away unasked."""
    from multilabel_bert.training.saved_state import has_state

    there = has_state(state)
    if there and not resume and not overwrite:
        raise SettingsError(
            f"{state} holds a training that was stopped. Add --resume to go on with it, or "
            "--overwrite to remove it and begin anew."
        )
    if resume and head_alone:
        raise SettingsError(
            "--resume needs --train-layers of 1 or more: a head alone is trained in seconds, and "
            "what its texts were encoded to is in the cache already. Leave it out."
        )
    if resume and not there:
        raise SettingsError(
            f"--resume: there is no stopped training at {state}. A state is kept there after each "
            "epoch in which layers are trained; leave --resume out to begin."
        )
    return resume


def _check_log(log_dir: Path | None, *, replaced: bool) -> None:
    if log_dir is None:
        return
    from multilabel_bert.training.run_log import check_no_log

    check_directory(log_dir, "--log-dir")
    if not replaced:
        check_no_log(log_dir, option="--log-dir", mend="add --overwrite")


def _is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given, be it with its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _require_encoder(given: EncoderOptions) -> None:
    if given.encoder is None and (given.bert_config_file is None or given.init_checkpoint is None):
        raise SettingsError(
            "No encoder. Name one with --encoder (a directory, .zip, hub name or installed "
            "package), or give --bert-config-file, --init-checkpoint and --vocab-file; or name a "
            "trained model to go on from with --from."
        )
