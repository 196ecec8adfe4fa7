"""describe --suspects: a table, JSON and a CSV file of likely label errors."""

import csv
import json

import numpy as np
import pytest

from multilabel_bert import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.suspects import find_suspects, suspects_of


@pytest.fixture(scope="module")
def flipped(tmp_path_factory, labelled_texts):
    """The labels of `labelled_texts` with six flipped cells, as a table and as a set of cells."""
    texts, labels = labelled_texts
    labels = labels.copy()
    wrong = {(row, row % 3) for row in range(5, 120, 20)}
    for row, column in wrong:
        labels[row, column] = 1 - labels[row, column]
    path = tmp_path_factory.mktemp("flipped") / "messages.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "delay", "refund", "praise"])
        writer.writerows(
            [f"m{i}", t, *row] for i, (t, row) in enumerate(zip(texts, labels, strict=True))
        )
    return path, wrong


def test_suspects_are_shown_written_and_ranked(cli, flipped, tiny_encoder, tmp_path):
    path, _ = flipped
    common = ("describe", path, "--encoder", tiny_encoder, "--max-seq-length", "16", "--suspects")
    result = cli(*common, "--json", "--output", tmp_path / "wrong.csv", "--quiet")
    assert result.code == 0, result.err
    listed = json.loads(result.out)["suspects"]
    with (tmp_path / "wrong.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [one["id"] for one in listed]
    assert listed
    assert [one["score"] for one in listed] == sorted(one["score"] for one in listed)
    assert all(one["score"] < 0.5 for one in listed)
    shown = cli(*common).out
    assert f"Likely label errors: {len(listed)} of 360" in shown
    assert listed[0]["id"] in shown


def test_planted_errors_come_first(flipped, labelled_texts):
    _, wrong = flipped
    texts, truth = labelled_texts
    given = truth.copy()
    for row, column in wrong:
        given[row, column] = 1 - given[row, column]
    probabilities = np.where(truth, 0.9, 0.1)
    dataset = Dataset.from_arrays(texts, given, label_names=["delay", "refund", "praise"])
    found = suspects_of(dataset, probabilities)
    assert {(one.row - 1, dataset.label_names.index(one.label)) for one in found} == wrong
    column_of = {name: column for column, name in enumerate(dataset.label_names)}
    assert all(one.given != truth[one.row - 1, column_of[one.label]] for one in found)
    assert all(one.text == texts[one.row - 1] for one in found)


def test_python_takes_any_classifier_and_unknown_labels(labelled_texts, tiny_encoder):
    texts, labels = labelled_texts
    labels = labels.astype(float)
    labels[:40, 0] = np.nan
    classifier = MultiLabelClassifier(
        tiny_encoder, max_seq_length=16, num_train_epochs=2, dev_fraction=0.0, verbose=False
    )
    found = find_suspects(classifier, texts, labels, folds=2)
    assert not any(one.label == "0" and one.row <= 40 for one in found)
    assert not hasattr(classifier, "model_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--suspects",), "--suspects needs an encoder"),
        (("--output", "x.csv"), "is for --suspects. Add that, or leave it out."),
    ],
)
def test_mistakes_are_told_before_the_work(cli, table, options, message):
    result = cli("describe", table, *options)
    assert (result.code, message in result.err) == (2, True)


def test_table_without_labels_is_refused(cli, tmp_path, tiny_encoder):
    path = tmp_path / "texts.csv"
    path.write_text("text\nlate parcel\nthanks\n")
    result = cli("describe", path, "--encoder", tiny_encoder, "--suspects")
    assert (result.code, "has no labels, and they are needed here" in result.err) == (2, True)
