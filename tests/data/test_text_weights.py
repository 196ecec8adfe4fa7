"""Weights of texts and soft labels: where they come from, and what is refused."""

import numpy as np
import pytest

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.data.splits import read_splits
from multilabel_bert.errors import DataError, LabelError

TEXTS = ["late again", "thanks", "broken", "too slow"]
LABELS = [[1, 0], [0, 0], [0, 1], [1, 1]]


def table(path, weights, name="certainty"):
    rows = [
        f"{text},{','.join(map(str, labels))},{weight}"
        for text, labels, weight in zip(TEXTS, LABELS, weights, strict=True)
    ]
    path.write_text("\n".join([f"text,delay,defect,{name}", *rows]) + "\n")
    return path


def test_a_column_of_weights_is_read_and_is_no_label(tmp_path):
    path = table(tmp_path / "train.csv", [1, 0, 1, 1])
    # Without a word the column of 0 and 1 is a label.
    assert read_dataset(path).label_names == ("delay", "defect", "certainty")
    data = read_dataset(path, weight_column="certainty")
    assert data.label_names == ("delay", "defect")
    assert data.weights.tolist() == [1, 0, 1, 1]
    assert data.weights.dtype == np.float32


def test_weights_follow_their_texts(tmp_path):
    data = read_dataset(table(tmp_path / "t.csv", [1, 2, 0.5, 4]), weight_column="certainty")
    assert data.subset([3, 0]).weights.tolist() == [4, 1]
    assert data.subset(np.array([False, True, False, True])).weights.tolist() == [2, 4]


def test_rows_without_a_text_take_their_weights_with_them(tmp_path):
    path = table(tmp_path / "t.csv", [1, 2, 3, 4])
    path.write_text(path.read_text().replace("thanks", ""))
    data = read_dataset(path, weight_column="certainty", empty_text="drop")
    assert data.weights.tolist() == [1, 3, 4]


def test_only_the_training_table_needs_them(tmp_path):
    table(tmp_path / "train.csv", [1, 2, 3, 4])
    table(tmp_path / "dev.csv", [1, 2, 3, 4], "other")
    splits = read_splits(tmp_path, weight_column="certainty")
    assert splits["train"].weights.tolist() == [1, 2, 3, 4]
    assert splits["dev"].weights is None


@pytest.mark.parametrize(
    ("cell", "shown"), [("much", "'much'"), ("", "None"), ("-1", "'-1'"), ("inf", "'inf'")]
)
def test_a_cell_that_is_no_weight_is_named(tmp_path, cell, shown):
    path = table(tmp_path / "train.csv", [1, 2, cell, 4])
    with pytest.raises(DataError) as error:
        read_dataset(path, weight_column="certainty", label_columns=["delay", "defect"])
    assert str(error.value) == (
        f"{path} row 4, column 'certainty': the weight is {shown}; expected a number of 0 or more, "
        "such as 1 or 0.5. Correct it, or name another column with --weight-column (in Python "
        "weight_column)."
    )


def test_a_missing_column_is_named(tmp_path):
    path = table(tmp_path / "train.csv", [1, 2, 3, 4])
    with pytest.raises(DataError, match=r"has no column 'certain' .*Did you mean 'certainty'"):
        read_dataset(path, weight_column="certain")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"sample_weight has the shape \(2,\), but there are 4 texts"),
        ([1, 2, -3, 1], r"text 2 \(counted from 0\) has -3.0; expected a number of 0 or more"),
        ([1, 2, float("nan"), 1], r"text 2 \(counted from 0\) has nan"),
        ([0, 0, 0, 0], "all are 0, so there is nothing to learn. Raise some of them."),
        (["a", 1, 1, 1], "sample_weight: expected 4 numbers, got"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(TEXTS, LABELS).with_weights(weights)


def test_soft_labels_follow_texts_and_names():
    data = Dataset.from_arrays(TEXTS, LABELS, label_names=["delay", "defect"])
    soft = [[0.9, 0.1], [-1, 0.0], [float("nan"), 0.6], [0.7, 1.0]]
    data = data.with_weights(soft_labels=soft)
    assert np.isnan(data.soft_labels[1:3, 0]).all()
    swapped = data.with_label_names(["defect", "delay"]).subset([3, 0])
    np.testing.assert_allclose(swapped.soft_labels, [[1.0, 0.7], [0.1, 0.9]])
    wider = data.with_unknown_labels(["price", "delay", "defect"])
    assert np.isnan(wider.soft_labels[:, 0]).all()
    np.testing.assert_allclose(wider.soft_labels[0, 1:], [0.9, 0.1])


@pytest.mark.parametrize(
    ("soft", "message"),
    [
        ([[0.5, 0.5]], r"soft_labels have the shape \(1, 2\), but the labels have \(4, 2\)"),
        ([[0, 0], [0, 1.5], [0, 0], [0, 0]], r"row 1, column 1 \(counted from 0\) is 1.5"),
        ([[0, 0], [0, "x"], [0, 0], [0, 0]], "soft_labels: expected numbers from 0 to 1"),
    ],
)
def test_soft_labels_that_are_none_are_refused(soft, message):
    with pytest.raises(LabelError, match=message):
        Dataset.from_arrays(TEXTS, LABELS).with_weights(soft_labels=soft)
