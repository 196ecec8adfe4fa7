"""Tables with a thousand label columns, and ten thousand names in one column."""

import numpy as np
import polars as pl
import pytest

from multilabel_bert.data import Dataset, read_dataset
from multilabel_bert.data.cell_values import indicator_columns, indicator_values
from multilabel_bert.data.label_columns import is_list_column

X = 150  # more than are looked at together


def test_columns_read_together_equal_columns_read_alone():
    columns = {
        "text": ["1", " Yes", None, "nan", "2"],
        "whole": [1, 0, None, -1, 3],
        "float": [1.0, 0.0, float("nan"), -1.0, 0.5],
        "truth": [True, False, None, True, False],
        "nothing": [None] * 5,
    }
    frame = pl.DataFrame(columns).with_columns(
        pl.lit("1").cast(pl.Categorical).alias("category"),
        pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 1, 5)).alias("date"),
    )
    expected = {
        "text": [1, 1, -1, -1, 9],
        "whole": [1, 0, -1, -1, 9],
        "float": [1, 0, -1, -1, 9],
        "truth": [1, 0, -1, 1, 0],
        "nothing": [-1] * 5,
        "category": [1] * 5,
        "date": [9] * 5,
    }
    found = {name: values.tolist() for name, values in indicator_columns(frame, frame.columns)}
    assert found == expected
    for name, values in expected.items():
        assert indicator_values(frame[name]).to_list() == values


def test_every_column_of_a_wide_table_is_read(tmp_path):
    cells = np.random.default_rng(0).integers(0, 2, (30, X))
    lines = ["text," + ",".join(f"l{x}" for x in range(X))]
    lines += [f"text {i}," + ",".join(map(str, row)) for i, row in enumerate(cells)]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(lines))
    data = read_dataset(path)
    assert data.label_names == tuple(f"l{x}" for x in range(X))
    np.testing.assert_array_equal(data.dense_labels(), cells)


def test_a_column_of_yes_and_no_is_no_label_unless_named(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text(
        "text,answered,a,b\n"
        + "".join(f"text {i},{'yes' if i % 2 else 'no'},1,0\n" for i in range(9))
    )
    assert read_dataset(path).label_names == ("a", "b")
    assert read_dataset(path, label_columns=["answered"]).label_names == ("answered",)


@pytest.mark.parametrize(
    ("cells", "is_list"),
    [
        (["", None, " [1]", "[2] "], True),
        ([*["[1]"] * 30, "x"], False),
        (["x", "[1]"], False),
        ([None, ""], False),
    ],
)
def test_a_list_column_holds_lists_in_every_cell(cells, is_list):
    assert is_list_column(pl.Series("c", cells, dtype=pl.String)) == is_list


def test_ten_thousand_names_are_reordered_and_split():
    from multilabel_bert.data.splitting import split_dataset

    labels, rows = 10_000, 3_000
    rng = np.random.default_rng(0)
    names = [f"n{x:05}" for x in range(labels)]
    sets = [[names[x] for x in row] for row in rng.integers(labels, size=(rows, 4))]
    data = Dataset.from_arrays([f"t{i}" for i in range(rows)], sets, label_names=names)
    turned = data.with_label_names(names[::-1])
    assert turned.labels.nnz == data.labels.nnz
    assert (turned.labels[:, [0]].toarray() == data.labels[:, [-1]].toarray()).all()
    train, dev = split_dataset(data, 0.1)
    assert len(train) + len(dev) == rows
    assert 0.05 * rows < len(dev) < 0.15 * rows
    positives = data.label_counts()[0]
    assert (train.label_counts()[0][positives > 0] > 0).all()
