"""A table with labels, read as a trained model's training data were read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from multilabel_bert.cli import options
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.model.classifier_model import ClassifierModel


def read_labelled_table(
    data: Path, trained: ClassifierModel, table: options.LabelledTable, progress: Progress
) -> Dataset:
    """Read a table with the model's labels, and say what was read.

    Raises:
        DataError: if it cannot be read, or has no labels.
    """
    from multilabel_bert.cli.tables import dataset_lines
    from multilabel_bert.data.reading import read_dataset

    dataset = read_dataset(
        data,
        layout=options.model_layout(trained.layout),
        label_names=trained.label_names,
        **table.arguments(),
    )
    for line in dataset_lines(dataset, "Table", brief=True):
        progress.say(line)
    return dataset
