# ruff: noqa: E501 (a table of names reads best one a line)
"""Directories with train, dev and test files."""

import pytest

from multilabel_bert.data import find_split_files, read_splits
from multilabel_bert.errors import DataError, LabelError

TABLE = "text,x,y\na,1,0\nb,0,1\n"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train.tsv", "dev.tsv", "test.tsv"], {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}),
        (["Training.csv", "validation.jsonl.gz"], {"train": "Training.csv", "dev": "validation.jsonl.gz"}),
        (["2018-E-c-En-train.txt", "2018-E-c-En-dev.txt", "SOURCE.txt", "labels.txt"],
         {"train": "2018-E-c-En-train.txt", "dev": "2018-E-c-En-dev.txt"}),
        (["train_sample.csv", "val_sample.csv", "labels.csv"],
         {"train": "train_sample.csv", "dev": "val_sample.csv"}),
        (["train-00000-of-00001.parquet", "valid.csv"],
         {"train": "train-00000-of-00001.parquet", "dev": "valid.csv"}),
        (["train.csv", "train_old.csv"], {"train": "train.csv"}),
        (["test.csv"], {"test": "test.csv"}),
        (["train.csv", "train.py", ".train.csv.swp", "traintest.csv"], {"train": "train.csv"}),
    ],
)  # fmt: skip
def test_files_are_found_by_their_names(tmp_path, names, expected):
    for name in names:
        (tmp_path / name).write_text(TABLE)
    found = find_split_files(tmp_path)
    assert {split: path.name for split, path in found.items()} == expected
    assert list(found) == [s for s in ("train", "dev", "test") if s in found]


def test_directories_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match=r"has no file whose name says train, dev .* files: none"):
        find_split_files(tmp_path)
    for name in ("train_a.csv", "train_b.csv"):
        (tmp_path / name).write_text(TABLE)
    with pytest.raises(DataError, match=r"several files for train: 'train_a\.csv', 'train_b\.csv'"):
        find_split_files(tmp_path)
    with pytest.raises(DataError, match="no such directory"):
        find_split_files(tmp_path / "nowhere")
    other = tmp_path / "other"
    other.mkdir()
    (other / "dev.csv").write_text(TABLE)
    with pytest.raises(
        DataError, match=r"has files for 'dev' but none for train\. Name it with --train"
    ):
        read_splits(other)
    assert list(read_splits(other, require_labels=False)) == ["dev"]


def test_all_splits_have_the_columns_of_train(tmp_path):
    (tmp_path / "train.csv").write_text("text,labels\na,joy;fear\nb,love\n")
    (tmp_path / "dev.csv").write_text("labels,text\nlove,c\n")
    (tmp_path / "test.csv").write_text("text\nd\n")
    splits = read_splits(tmp_path)
    assert list(splits) == ["train", "dev", "test"]
    assert splits["dev"].labels.toarray().tolist() == [[0, 0, 1]]
    assert splits["test"].labels is None
    assert {data.label_names for data in splits.values()} == {("fear", "joy", "love")}


def test_a_label_that_only_dev_has(tmp_path):
    (tmp_path / "train.csv").write_text("text,labels\na,joy;fear\nb,love\n")
    (tmp_path / "dev.csv").write_text("text,labels\nc,lov\n")
    with pytest.raises(LabelError) as caught:
        read_splits(tmp_path)
    assert "dev.csv row 2, column 'labels': unknown label 'lov'. Did you mean 'love'?" in str(
        caught.value
    )
    assert "Known labels (from the training data): 'fear', 'joy', 'love'." in str(caught.value)
    splits = read_splits(tmp_path, unknown_labels="ignore")
    assert splits["dev"].report.ignored_labels == {"lov": 1}


def test_single_files_and_options(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(TABLE)
    splits = read_splits(tmp_path / "a.csv", dev=tmp_path / "b.csv", label_columns="y")
    assert {name: data.label_names for name, data in splits.items()} == {
        "train": ("y",),
        "dev": ("y",),
    }


def test_an_unlabelled_dev_file_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "dev.csv").write_text("text,x,y\na,,\n")
    with pytest.raises(DataError, match=r"dev\.csv is unlabelled"):
        read_splits(tmp_path)
