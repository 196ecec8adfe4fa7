"""`multilabel train --from MODEL`: a trained model, and tables for it to go on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilabel_bert.cli import options
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.classifier import MultiLabelClassifier
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.data.layout import DataLayout


def open_to_go_on(
    model: Path, parameters: dict[str, Any], remove_labels: str | None
) -> MultiLabelClassifier:
    """A trained model as a classifier, with what was typed in place of its own settings.

    Args:
        model: its directory.
        parameters: of `MultiLabelClassifier`: those that were typed.
        remove_labels: names with commas between them, or None.

    Raises:
        SettingsError: if another encoder is named too, or a label that it has not.
        ModelError: if it is no model, or is damaged.
    """
    from multilabel_bert.classifier import MultiLabelClassifier
    from multilabel_bert.classifier_parameters import ENCODER_PARAMETERS

    for name in ENCODER_PARAMETERS:
        if name in parameters:
            raise SettingsError(
                f"--from goes on with the encoder of {model}, so --{name.replace('_', '-')} cannot "
                "be given too. Leave one of them out; --encoder MODEL takes the encoder of a "
                "trained model alone, with a new head."
            )
    classifier = MultiLabelClassifier.load(model).set_params(**parameters)
    if remove_labels is not None:
        classifier.remove_labels([name.strip() for name in remove_labels.split(",")])
    return classifier


def read_to_go_on(
    train: Path,
    dev: Path | None,
    data: dict[str, Any],
    classifier: MultiLabelClassifier,
    progress: Progress,
) -> dict[str, Dataset]:
    """Tables that are read as the model's training data were, with the labels they have.

    Args:
        train: table to train on.
        dev: table to choose thresholds on, or None.
        data: keyword arguments of `read_dataset`: what was typed.
        classifier: the trained model.
        progress: where it is said that columns are left out.

    Raises:
        DataError: if a table cannot be read, or has no labels.
    """
    from multilabel_bert.data.reading import read_dataset

    layout = options.model_layout(classifier.model_.layout)
    datasets = {"train": read_dataset(train, layout=layout, **data)}
    if layout is not None and "label_columns" not in data:
        _say_what_is_left_out(train, layout, data, progress)
    if dev is not None:
        found = datasets["train"].layout
        names = datasets["train"].label_names
        if found is not None and found.names_in_cells:
            names = (*names, *(n for n in classifier.model_.label_names if n not in names))
        later = {k: v for k, v in data.items() if k not in ("labels_file", "weight_column")}
        datasets["dev"] = read_dataset(dev, layout=found, **later, label_names=names)
    return datasets


def _say_what_is_left_out(
    path: Path, layout: DataLayout, data: dict[str, Any], progress: Progress
) -> None:
    if layout.label_format != "indicator":
        return
    from multilabel_bert.data.reading import read_dataset

    keys = ("text_column", "pair_column", "delimiter", "header", "quoting", "encoding")
    said = {key: getattr(layout, key) for key in keys} | data
    found = read_dataset(path, **said | {"require_labels": False, "empty_text": "keep"}).layout
    if found is None or found.label_format != "indicator":
        return
    others = [name for name in found.label_columns if name not in layout.label_columns]
    if others:
        every = ",".join((*layout.label_columns, *others))
        progress.say(
            f"Columns of 0/1 that the model has no labels for are left out: {', '.join(others)}. "
            f"To add them: --label-columns {every}"
        )
