"""The real data sets: what their authors state about them is what is read."""

import csv
import itertools

import numpy as np
import pytest

from multilabel_bert.data import (
    find_duplicates,
    find_leaks,
    label_matrix,
    read_dataset,
    read_splits,
    read_texts,
    split_dataset,
    summarise,
)
from multilabel_bert.errors import DataError


def records(path, delimiter=","):
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter=delimiter))


@pytest.fixture(scope="module")
def goemotions(shared_data):
    return read_splits(shared_data / "goemotions")


def test_goemotions_index_lists_with_the_names_beside_them(goemotions, shared_data):
    names = (shared_data / "goemotions" / "labels.txt").read_text().split("\n")
    assert not (shared_data / "goemotions" / "labels.txt").read_text().endswith("\n")
    assert {name: len(data) for name, data in goemotions.items()} == {
        "train": 43_410,
        "dev": 5_426,
        "test": 5_427,
    }
    for split, data in goemotions.items():
        assert data.label_names == tuple(names)
        truth = records(shared_data / "goemotions" / f"{split}.tsv", "\t")
        assert data.texts == [record[0] for record in truth]
        assert data.ids == [record[2] for record in truth]
        indexes = [[int(i) for i in record[1].split(",")] for record in truth]
        expected, _ = label_matrix(indexes, names)
        assert (data.labels != expected).nnz == 0
        assert data.layout.header is False
    positive, negative, unknown = goemotions["train"].label_counts()
    assert positive[[16, 21, 23]].tolist() == [77, 111, 153]
    assert unknown.sum() == 0
    assert (positive + negative == 43_410).all()


def test_goemotions_labels_of_a_text_and_duplicates_are_as_stated(goemotions):
    summary = summarise(goemotions)
    assert summary.splits["train"].labels_per_text == (0, 36_308, 6_541, 532, 28, 1)
    repeated = {name: split.duplicates.repeated_rows for name, split in summary.splits.items()}
    assert repeated == {"train": 183, "dev": 3, "test": 6}
    leaks = {(leak.of, leak.in_split): leak.rows for leak in summary.leaks}
    assert leaks == {("dev", "train"): 43, ("test", "train"): 37, ("test", "dev"): 13}
    assert summary.splits["train"].duplicates.contradictory_texts == 58


def test_goemotions_split_keeps_identical_texts_together(goemotions):
    data = goemotions["train"]
    train, dev = split_dataset(data, 0.1, seed=3)
    assert len(train) + len(dev) == len(data)
    assert find_leaks({"train": train, "dev": dev})[0].rows == 0
    rate = dev.label_counts()[0] / data.label_counts()[0]
    assert np.abs(rate - 0.1).max() < 0.01


def test_semeval_with_crlf_and_an_unlabelled_test_file(shared_data):
    folder = shared_data / "semeval2018-E-c"
    data = read_splits(folder)
    assert {name: len(split) for name, split in data.items()} == {
        "train": 6_838,
        "dev": 886,
        "test": 3_259,
    }
    for name in ("train", "dev"):
        header, *truth = records(folder / f"2018-E-c-En-{name}.txt", "\t")
        assert data[name].label_names == tuple(header[2:])
        expected = np.asarray([[int(cell) for cell in record[2:]] for record in truth])
        assert (data[name].labels.toarray() == expected).all()
        assert data[name].texts == [record[1] for record in truth]
        assert not any("\r" in text for text in data[name].texts)
    no_label = {n: summarise({n: data[n]}).splits[n].texts_without_label for n in ("train", "dev")}
    assert no_label == {"train": 204, "dev": 14}
    assert sum("\\n" in text for text in data["train"].texts) == 384  # two characters, as published
    assert sum("&amp;" in text or "&" in text for text in data["train"].texts) > 0
    assert data["test"].labels is None
    assert data["test"].label_names == data["train"].label_names
    with pytest.raises(DataError, match="unlabelled"):
        read_dataset(folder / "2018-E-c-En-test.txt")


def test_semeval_html_entities_go_on_request(shared_data):
    path = shared_data / "semeval2018-E-c" / "2018-E-c-En-dev.txt"
    assert any("&amp;" in text for text in read_dataset(path).texts)
    cleaned = read_dataset(path, clean_html=True)
    assert not any("&amp;" in text for text in cleaned.texts)
    assert cleaned.report.cleaned_texts > 0


def test_jigsaw_columns_in_another_order_and_newlines_in_fields(shared_data):
    folder = shared_data / "jigsaw-sample"
    names = tuple((folder / "labels.csv").read_text().split())
    data = read_splits(folder)
    assert list(data) == ["train", "dev"]
    positives = {name: split.label_counts()[0].tolist() for name, split in data.items()}
    assert positives == {"train": [92, 12, 48, 5, 48, 10], "dev": [77, 3, 45, 2, 42, 9]}
    for split, file in (("train", "train_sample.csv"), ("dev", "val_sample.csv")):
        header, *truth = records(folder / file)
        assert data[split].texts == [record[header.index("comment_text")] for record in truth]
        assert data[split].label_names == names
    assert max(len(text) for split in data.values() for text in split.texts) == 5_000
    assert sum("\n" in text for text in data["train"].texts) == 590
    without = {n: s.texts_without_label for n, s in summarise(data).splits.items()}
    assert without == {"train": 902, "dev": 920}
    by_file = read_dataset(folder / "val_sample.csv", labels_file=folder / "labels.csv")
    assert (by_file.labels != data["dev"].labels).nnz == 0


LABEL_COLUMNS = ["Product", "Sub-product", "Issue", "Sub-issue"]


def test_complaints_without_a_text_are_told_and_left_out(shared_data):
    path = shared_data / "consumer-complaints" / "complaints_sample.csv"
    with pytest.raises(DataError) as caught:
        read_dataset(path, label_columns=LABEL_COLUMNS)
    assert "5,091 of 6,623 rows have no text" in str(caught.value)
    assert "--empty-text drop" in str(caught.value)
    data = read_dataset(path, label_columns=LABEL_COLUMNS, empty_text="drop")
    assert len(data) == 1_532
    assert data.report.dropped_rows == 5_091
    header, *truth = records(path)
    text = header.index("Consumer complaint narrative")
    truth = [record for record in truth if record[text].strip()]
    assert data.texts == [record[text] for record in truth]
    # 43 sub-products and 120 sub-issues are stated, the empty value among them.
    for column, count in zip(LABEL_COLUMNS, (13, 42, 63, 119), strict=True):
        own = [name for name in data.label_names if name.startswith(column + "=")]
        values = {record[header.index(column)] for record in truth} - {""}
        assert len(own) == count
        assert {name.split("=", 1)[1] for name in own} == values
    empty = sum(record[header.index("Sub-issue")] == "" for record in truth)
    assert empty > 0
    _, _, unknown = data.label_counts()
    assert (
        unknown[data.label_names.index("Sub-issue=" + truth[0][header.index("Sub-issue")])] == empty
    )
    assert find_duplicates(data).repeated_rows == 29
    assert max(len(text.split()) for text in data.texts) == 3_755


def test_complaints_need_to_be_told_which_columns_hold_labels(shared_data):
    path = shared_data / "consumer-complaints" / "complaints_sample.csv"
    with pytest.raises(DataError, match=r"cannot tell which columns hold the labels: .*'Product'"):
        read_dataset(path)


def test_complaints_product_alone_is_one_label_a_text_in_spite_of_its_commas(shared_data):
    path = shared_data / "consumer-complaints" / "complaints_sample.csv"
    data = read_dataset(path, label_columns="Product", empty_text="drop")
    assert len(data.label_names) == 13
    assert (data.labels.sum(axis=1) == 1).all()
    assert any("," in name for name in data.label_names)


def test_complaints_split_keeps_labels_with_one_example_in_train(shared_data):
    path = shared_data / "consumer-complaints" / "complaints_sample.csv"
    data = read_dataset(path, label_columns=LABEL_COLUMNS, empty_text="drop")
    once = data.label_counts()[0] == 1
    assert once.any()
    train, dev = split_dataset(data, 0.2, seed=1)
    assert (train.label_counts()[0] > 0).all()
    assert (dev.label_counts()[0][once] == 0).all()
    assert find_leaks({"train": train, "dev": dev})[0].rows == 0


def test_movies_genres_and_thousands_of_keywords(shared_data):
    path = shared_data / "tmdb5000" / "tmdb_5000_movies.csv"
    with pytest.raises(DataError, match="5 columns hold lists: 'genres', 'keywords'"):
        read_dataset(path)
    with pytest.raises(DataError, match="1 of 3,000 rows have no text in column 'overview'"):
        read_dataset(path, label_columns="genres")
    genres = read_dataset(path, label_columns="genres", empty_text="keep")
    assert genres.labels.shape == (3_000, 19)
    assert genres.labels.nnz / 3_000 == pytest.approx(2.74, abs=0.005)
    keywords = read_dataset(path, label_columns="keywords", empty_text="keep")
    # 7,881 names are stated; one is a space, and two differ from others by spaces around them.
    assert keywords.labels.shape == (3_000, 7_878)
    assert keywords.report.blank_labels == 1
    assert (keywords.labels.sum(axis=1) == 0).sum() == 134
    assert keywords.labels.nnz == 25_299  # 8.43 a row
    train, dev = split_dataset(keywords, 0.05, seed=0)
    assert (train.label_counts()[0] > 0).all()
    assert len(dev) == pytest.approx(150, abs=2)


def test_a_genre_file_read_with_a_movies_layout_refuses_other_names(shared_data):
    path = shared_data / "tmdb5000" / "tmdb_5000_movies.csv"
    data = read_dataset(path, label_columns="genres", empty_text="drop")
    with pytest.raises(DataError, match=r"unknown label 'Fantasy'.*--unknown-labels ignore"):
        read_dataset(path, layout=data.layout, label_names=["Action", "Adventure"])
    some = read_dataset(
        path, layout=data.layout, label_names=["Action", "Adventure"], unknown_labels="ignore"
    )
    assert some.labels.shape[1] == 2
    assert sum(some.report.ignored_labels.values()) + some.labels.nnz == data.labels.nnz


FILES = [
    "goemotions/dev.tsv",
    "semeval2018-E-c/2018-E-c-En-test.txt",
    "jigsaw-sample/val_sample.csv",
    "consumer-complaints/complaints_sample.csv",
    "tmdb5000/tmdb_5000_movies.csv",
]


@pytest.mark.parametrize("file", FILES)
def test_texts_for_prediction_are_those_that_reading_with_labels_gives(shared_data, file):
    path = shared_data / file
    columns = {"label_columns": "genres"} if "tmdb" in file else {}
    whole = read_dataset(path, require_labels=False, **columns)
    alone = read_texts(path, batch_rows=700)
    assert alone.texts == whole.texts
    assert alone.ids == whole.ids
    assert alone.rows.tolist() == whole.rows.tolist()
    assert read_texts(path, layout=whole.layout).texts == whole.texts
    with path.open("rb") as stream:
        assert read_texts(stream, layout=whole.layout).texts == whole.texts


def test_row_numbers_lead_to_the_row_of_the_file(shared_data):
    path = shared_data / "jigsaw-sample" / "train_sample.csv"
    data = read_dataset(path)
    lines = records(path)
    for index in itertools.chain(range(5), [999]):
        assert lines[data.rows[index] - 1][1] == data.texts[index]
