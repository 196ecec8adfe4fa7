"""The Dataset, and how to make one without a file."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from multilabel_bert.data import Dataset, Example, read_dataset
from multilabel_bert.errors import DataError, LabelError


def test_from_arrays_with_pairs_and_ids():
    data = Dataset.from_arrays(
        [("a", "b"), ("c", "d")], [[1, 0], [0, np.nan]], label_names=["x", "y"], ids=[7, "q"]
    )
    assert (data.texts, data.text_pairs, data.ids) == (["a", "c"], ["b", "d"], ["7", "q"])
    assert np.array_equal(data.dense_labels(), [[1, 0], [0, np.nan]], equal_nan=True)
    assert data.dense_labels().dtype == np.float32
    assert Dataset.from_arrays(["a"], text_pairs=["b"]).text_pairs == ["b"]
    assert Dataset.from_arrays(["a"], label_names=["x"]).label_names == ("x",)


def test_subset_takes_positions_and_masks():
    data = Dataset.from_arrays(
        ["a", "b", "c"], [["x"], [], ["x"]], ids=list("pqr"), text_pairs=list("uvw")
    )
    part = data.subset([2, 0])
    assert (part.texts, part.text_pairs, part.ids) == (["c", "a"], ["w", "u"], ["r", "p"])
    assert part.rows.tolist() == [3, 1]
    assert part.labels.toarray().tolist() == [[1], [1]]
    assert data.subset(np.array([False, True, False])).texts == ["b"]
    assert len(data.subset([])) == 0
    assert data.subset(range(1)).labels.shape == (1, 1)


def test_label_counts():
    data = Dataset.from_arrays(["a", "b", "c"], [[1, -1], [0, 1], [1, 0]])
    positive, negative, unknown = data.label_counts()
    assert positive.tolist() == [2, 1]
    assert negative.tolist() == [1, 1]
    assert unknown.tolist() == [0, 1]


def test_examples_of_a_data_processor():
    class InputExample:  # as in run_classifier.py, with a list for its label
        def __init__(self, guid, text_a, text_b=None, label=None):
            self.guid, self.text_a, self.text_b, self.label = guid, text_a, text_b, label

    examples = [
        InputExample("train-0", "late", label=["delay"]),
        InputExample("train-1", "rude", label="service"),
        InputExample("train-2", "fine", label=[]),
        InputExample("train-3", "?", label=None),
    ]
    data = Dataset.from_examples(examples, label_names=["service", "delay"])
    assert data.labels.toarray().tolist() == [[0, 1], [1, 0], [0, 0], [-1, -1]]
    assert data.ids == ["train-0", "train-1", "train-2", "train-3"]
    assert data.text_pairs is None


def test_examples_without_labels_and_with_pairs():
    data = Dataset.from_examples([Example("1", "a", "b"), Example("2", "c", "d")])
    assert data.labels is None
    assert data.text_pairs == ["b", "d"]
    assert Dataset.from_examples([SimpleNamespace(text_a="a")]).ids is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dataset.from_arrays("abc"), DataError, "expected a list of strings, got one str"),
        (lambda: Dataset.from_arrays(["a", None]), DataError,
         r"texts: text 1 \(counted from 0\) is NoneType None; expected a string .*give ''"),
        (lambda: Dataset.from_arrays(["a", ("b", "c")]), DataError, "text 1 .* is tuple"),
        (lambda: Dataset.from_arrays([("a", "b"), "c"]), DataError, "expected a pair of strings"),
        (lambda: Dataset.from_arrays([3.5]), DataError, r"is float 3\.5"),
        (lambda: Dataset.from_arrays(["a"], [["x"], ["y"]]), DataError, "1 texts, but 2 labels"),
        (lambda: Dataset.from_arrays(["a"], ids=[1, 2]), DataError, "1 texts, but 2 ids"),
        (lambda: Dataset.from_arrays([("a", "b")], text_pairs=["c"]), DataError, "pairs already"),
        (lambda: Dataset.from_arrays(["a"], text_pairs=[("c", "d")]), DataError, "got pairs"),
        (lambda: Dataset.from_arrays(["a"]).dense_labels(), LabelError, "texts has no labels"),
        (lambda: Dataset.from_examples(["a"]), DataError, "example 1 is str; expected an object"),
        (lambda: Dataset.from_examples([Example("1", "a", "b"), Example("2", "c")]), DataError,
         "example 2 has no text_b, others have"),
    ],
)  # fmt: skip
def test_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_no_texts_make_an_empty_dataset():
    data = Dataset.from_arrays([])
    assert len(data) == 0


class TestIndexing:
    DATA = Dataset.from_arrays(
        ["late", "thanks", "refund"],
        [["delay"], None, []],
        label_names=["delay", "praise"],
        ids=["a", "b", "c"],
    )

    def test_a_position_gives_an_example(self):
        assert self.DATA[0] == Example("a", "late", None, ("delay",))
        assert self.DATA[1].labels is None
        assert self.DATA[-1] == Example("c", "refund", None, ())
        assert [example.text_a for example in self.DATA] == self.DATA.texts

    def test_a_slice_positions_or_a_mask_give_a_dataset(self):
        assert self.DATA[:2].texts == ["late", "thanks"]
        assert self.DATA[::-1].ids == ["c", "b", "a"]
        assert self.DATA[[2, 0]].dense_labels().tolist() == [[0, 0], [1, 0]]
        assert len(self.DATA[np.array([True, False, True])]) == 2
        assert len(self.DATA[5:]) == 0

    def test_an_example_goes_back(self):
        again = Dataset.from_examples(list(self.DATA), label_names=self.DATA.label_names)
        np.testing.assert_array_equal(again.dense_labels(), self.DATA.dense_labels())

    def test_mistakes(self):
        with pytest.raises(IndexError):
            self.DATA[3]
        with pytest.raises(DataError, match="got 'text'. Columns are attributes"):
            self.DATA["text"]


def test_unknown_labels_are_added():
    data = Dataset.from_arrays(["late", "thanks"], [["delay"], []])
    wide = data.with_unknown_labels(["praise", "delay"])
    np.testing.assert_array_equal(wide.dense_labels(), [[np.nan, 1], [np.nan, 0]])
    assert data.with_unknown_labels(["delay"]) is data


@pytest.mark.parametrize("names", [Path("labels.txt"), "labels.txt"])
def test_a_file_as_label_names_is_refused(tmp_path, names):
    (tmp_path / "data.csv").write_text("text,labels\nlate again,delay\n")
    with pytest.raises(LabelError, match=r"expected a list of label names, got .*--labels"):
        read_dataset(tmp_path / "data.csv", label_names=names)
    with pytest.raises(LabelError, match="expected a list of label names"):
        Dataset.from_arrays(["late"], [["delay"]], label_names=names)
