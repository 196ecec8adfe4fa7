# ruff: noqa: E501 (a table of cases reads best one a line)
"""Labels in memory to a matrix."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csc_matrix, csr_array

from multilabel_bert.data import label_matrix
from multilabel_bert.errors import LabelError

NAN = float("nan")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[1, 0], [0, 1]]), [[1, 0], [0, 1]]),
        (np.array([[True, False]]), [[1, 0]]),
        (np.array([[1.0, NAN], [-1.0, 0.0]], dtype=np.float32), [[1, -1], [-1, 0]]),
        (np.array([[1, None], [0, 1]], dtype=object), [[1, -1], [0, 1]]),
        (np.array([1, 0, -1]), [[1], [0], [-1]]),
        ([1, 0, None], [[1], [0], [-1]]),
        ([[1, 0], [NAN, 1]], [[1, 0], [-1, 1]]),
        ([np.array([1, 0]), np.array([0, 0])], [[1, 0], [0, 0]]),
        ([(1, None)], [[1, -1]]),
        (csc_matrix(np.array([[1, 0], [0, -1]])), [[1, 0], [0, -1]]),
        (csr_array(np.array([[1.0, 0.0], [0.0, NAN]])), [[1, 0], [0, -1]]),
        (pl.DataFrame({"a": [1, None], "b": [0, 1]}), [[1, 0], [-1, 1]]),
        ([["b", "a"], [], ("a",), {"b"}], [[1, 1], [0, 0], [1, 0], [0, 1]]),
        ([["a"], None, NAN], [[1], [-1], [-1]]),
        (pl.Series([["a"], ["b", "a"]]), [[1, 0], [1, 1]]),
    ],
)
def test_forms(labels, expected):
    matrix, names = label_matrix(labels)
    assert matrix.toarray().tolist() == expected
    assert matrix.dtype == np.int8
    assert isinstance(matrix, csr_array)
    assert len(names) == matrix.shape[1]
    assert set(matrix.data.tolist()) <= {1, -1}


def test_names():
    assert label_matrix([[1, 0]])[1] == ("label_0", "label_1")
    assert label_matrix([["b", "a"]])[1] == ("a", "b")
    assert label_matrix([["b"]], ["b", "a"])[1] == ("b", "a")
    assert label_matrix(pl.DataFrame({"x": [1], "y": [0]}))[1] == ("x", "y")


def test_indexes_with_names():
    matrix, _ = label_matrix([[2], [0, 1], []], ["a", "b", "c"])
    assert matrix.toarray().tolist() == [[0, 0, 1], [1, 1, 0], [0, 0, 0]]
    # As many values of 0 and 1 as there are names: a matrix.
    assert label_matrix([[0, 1], [1, 0]], ["a", "b"])[0].toarray().tolist() == [[0, 1], [1, 0]]


def test_the_input_is_not_changed():
    given = csr_array(np.array([[1.0, 0.0]]))
    label_matrix(given)[0].data[0] = -1
    assert given.data[0] == 1.0


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([[1, 2]], None, r"labels: row 0, column 1 \(counted from 0\) is 2; expected 1 \(yes\), 0"),
        (np.array([[0, 1], [0.5, 0]]), ["a", "b"], r"row 1, column 0 \('a'\) \(counted from 0\) is 0\.5"),
        (np.array([0, 1, 2]), None, r"is 2; .*exactly one of several classes give lists of names"),
        (csr_array(np.array([[0, 3]])), None, r"row 0, column 1 \(counted from 0\) is 3"),
        (np.array([["a", "b"]], dtype=object), None, r"is 'a'; expected 1"),
        (["joy", "fear"], None, r"row 0 \(counted from 0\) is 'joy'; expected a list of label names\. "
                                r"For one label write \['joy'\]"),
        ("joy", None, r"got str"),
        ([["joy"]], ["jot"], r"row 0 .*: unknown label 'joy'\. Did you mean 'jot'\? Known labels: 'jot'"),
        ([[1, 0]], ["a"], r"label_names: 1 names for 2 columns"),
        ([["a"]], ["a", "a"], r"the label name 'a' occurs twice"),
        ([["a"]], [""], r"label 1 is ''"),
        ([["a"]], [], r"no label names"),
        ([["a"]], "a", r"expected a list of label names, got the string 'a'"),
        ([[], []], None, r"no label occurs in any row"),
        ([None, None], None, r"no label occurs in any row"),
        ([[5, 17], [27]], None, r"label indexes \(such as \d+\) need label_names"),
        ([[5], [1]], ["a", "b"], r"row 0 .*holds the index 5; expected 0 to 1"),
        ([["a"], [0.5, "b"]], None, r"row 1 .*holds 0\.5; expected label names"),
        (np.zeros((2, 0)), None, r"at least one column, got shape \(2, 0\)"),
        (np.zeros((2, 2, 2)), None, r"got shape \(2, 2, 2\)"),
    ],
)  # fmt: skip
def test_messages(labels, names, message):
    with pytest.raises(LabelError, match=message):
        label_matrix(labels, names)


def test_ten_thousand_labels_stay_sparse():
    matrix, names = label_matrix([[f"n{i}", f"n{i + 1}"] for i in range(10_000)])
    assert matrix.shape == (10_000, 10_001)
    assert matrix.nnz == 20_000
    assert len(names) == 10_001
