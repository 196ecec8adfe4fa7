"""The facts that describe shows."""

import json

import numpy as np
import pytest

from multilabel_bert.data import Dataset, find_duplicates, summarise
from multilabel_bert.data.summary import LengthSummary


@pytest.fixture
def splits():
    train = Dataset.from_arrays(
        ["a", "b", "a", "", "cc", "d", "a"],
        [[1, 1, 0], [0, 0, 0], [1, 1, 0], [0, -1, 0], [-1, -1, -1], [1, 1, 0], [0, 1, 0]],
        label_names=["x", "y", "z"],
    )
    dev = Dataset.from_arrays(["b", "", "e", "b"], [[1, 0, 1]] * 4, label_names=["x", "y", "z"])
    return {"train": train, "dev": dev}


def test_counts(splits):
    summary = summarise(splits)
    train = summary.splits["train"]
    assert train.rows == 7
    x, y, z = train.label_counts
    assert (x.name, x.positive, x.negative, x.unknown, x.rate) == ("x", 3, 3, 1, 0.5)
    assert (y.positive, y.negative, y.unknown) == (4, 1, 2)
    assert (z.positive, z.rate) == (0, 0.0)
    assert train.labels_per_text == (3, 1, 3)
    assert train.mean_labels_per_text == 1.0
    assert train.texts_without_label == 1
    assert train.unknown_cells == 4
    assert train.rows_all_unknown == 1
    assert train.empty_texts == 1
    assert summary.labels_without_example == ("z",)
    assert summary.label_names == ("x", "y", "z")


def test_pairs_of_labels(splits):
    pairs = summarise(splits).top_pairs
    assert [(p.first, p.second, p.together) for p in pairs] == [("x", "z", 4), ("x", "y", 3)]
    assert pairs[0].share == 1.0
    assert pairs[1].share == 0.75
    assert len(summarise(splits, max_pairs=1).top_pairs) == 1


def test_duplicates_contradictions_and_leaks(splits):
    summary = summarise(splits)
    duplicates = summary.splits["train"].duplicates
    assert (duplicates.repeated_rows, duplicates.repeated_texts) == (2, 1)
    assert duplicates.contradictory_texts == 1
    assert duplicates.examples == ((1, 7),)
    leak = summary.leaks[0]
    assert (leak.of, leak.in_split, leak.rows) == ("dev", "train", 2)
    assert leak.examples == ((1, 2), (4, 2))


def test_an_unknown_cell_contradicts_nothing():
    data = Dataset.from_arrays(["a", "a"], [[1, -1], [1, 1]])
    assert find_duplicates(data).contradictory_texts == 0
    data = Dataset.from_arrays(["a", "a"], [[1, -1], [0, 1]])
    assert find_duplicates(data).contradictory_texts == 1


def test_token_lengths_are_the_callers(splits):
    lengths = {"train": np.array([3, 4, 5, 6, 7, 8, 200]), "dev": np.array([3, 3, 3, 3])}
    summary = summarise(splits, token_lengths=lengths, max_seq_length=128)
    tokens = summary.splits["train"].tokens
    assert (tokens.median, tokens.longest, tokens.over_limit, tokens.limit) == (6, 200, 1, 128)
    assert summary.splits["train"].characters.longest == 2
    assert summarise(splits).splits["train"].tokens is None
    assert LengthSummary.of(np.arange(1, 101)).p95 == 95
    assert LengthSummary.of(np.zeros(0), 5) == LengthSummary(0.0, 0, 0, 0, 0, 5)


def test_an_unlabelled_split(splits):
    splits["test"] = Dataset.from_arrays(["q"], label_names=["x", "y", "z"])
    test = summarise(splits).splits["test"]
    assert not test.labelled
    assert test.label_counts == ()
    assert (test.rows_all_unknown, test.texts_without_label) == (0, 0)
    assert summarise({"test": splits["test"]}).top_pairs == ()


def test_it_can_be_written_as_json(splits):
    written = json.loads(json.dumps(summarise(splits).to_dict()))
    assert written["splits"]["train"]["label_counts"][0]["positive"] == 3
    assert written["leaks"][0]["rows"] == 2
