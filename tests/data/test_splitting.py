"""Stratified splits and folds."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from multilabel_bert.data import (
    Dataset,
    find_leaks,
    fold_indices,
    split_dataset,
    split_indices,
    stratified_folds,
)
from multilabel_bert.data.stratification import deal_rows, deal_rows_sparsely
from multilabel_bert.errors import DataError, LabelError, SettingsError


def random_labels(rows, labels, seed=0):
    generator = np.random.default_rng(seed)
    rates = np.geomspace(0.4, 0.01, labels)
    return csr_array((generator.random((rows, labels)) < rates).astype(np.int8))


def dataset(rows=400, labels=6, seed=0, repeat=1):
    texts = [f"text {n // repeat}" for n in range(rows)]
    return Dataset.from_arrays(texts, random_labels(rows, labels, seed))


def test_each_label_has_its_share():
    data = dataset(rows=2_000)
    train, dev = split_dataset(data, 0.2)
    assert len(dev) == pytest.approx(400, abs=8)
    share = dev.label_counts()[0] / data.label_counts()[0]
    assert np.abs(share - 0.2).max() < 0.05
    assert sorted([*train.rows, *dev.rows]) == data.rows.tolist()
    assert (np.diff(train.rows) > 0).all()


def test_a_seed_gives_the_same_split_and_another_seed_another():
    data = dataset()
    first, second, other = (split_dataset(data, 0.2, seed)[1] for seed in (7, 7, 8))
    assert first.texts == second.texts
    assert len({*first.texts} & {*other.texts}) < 40  # of 80: not a few ties alone


def test_identical_texts_stay_together():
    data = dataset(rows=600, repeat=3)
    train, dev = split_dataset(data, 0.25)
    assert find_leaks({"train": train, "dev": dev})[0].rows == 0
    assert 0.15 < len(dev) / 600 < 0.35


def test_identical_first_texts_with_other_second_texts_are_different():
    data = Dataset.from_arrays([("a", "b"), ("a", "c")], [["x"], ["x"]])
    train, dev = split_dataset(data, 0.5)
    assert (len(train), len(dev)) == (1, 1)


def test_a_label_with_one_example_goes_to_train():
    for seed in range(20):
        labels = random_labels(60, 3).toarray()
        labels = np.hstack([labels, np.zeros((60, 4), np.int8)])
        for x in range(4):
            labels[10 + x, 3 + x] = 1
        train, dev = split_dataset(
            Dataset.from_arrays([f"t{n}" for n in range(60)], labels), 0.5, seed
        )
        assert (train.label_counts()[0][3:] == 1).all()
        assert len(dev) > 0


def test_every_label_with_examples_has_one_in_train_even_if_train_is_small():
    labels = random_labels(40, 8, seed=5)
    for seed in range(10):
        train, _ = split_indices(labels, fraction=0.9, seed=seed)
        positive = (labels.toarray()[train] == 1).sum(0)
        assert (positive[(labels.toarray() == 1).sum(0) > 0] > 0).all()


def test_unknown_cells_are_spread():
    labels = random_labels(1_000, 2).toarray()
    labels[:200, 1] = -1
    train, dev = split_indices(csr_array(labels), fraction=0.2)
    assert (labels[dev, 1] == -1).sum() == pytest.approx(40, abs=3)
    assert len(train) + len(dev) == 1_000


@pytest.mark.parametrize("labels", [1, 2, 600])
def test_one_and_many_labels(labels):
    data = Dataset.from_arrays([f"t{n}" for n in range(300)], random_labels(300, labels))
    train, dev = split_dataset(data, 0.1)
    assert len(train) + len(dev) == 300
    assert len(dev) >= 1


def test_two_texts_can_be_split_and_one_cannot():
    two = Dataset.from_arrays(["a", "b"], [["x"], ["x"]])
    assert [len(part) for part in split_dataset(two, 0.1)] == [1, 1]
    one = Dataset.from_arrays(["a", "a"], [["x"], ["x"]])
    with pytest.raises(
        DataError, match=r"has 2 rows and 1 different text; a split needs at least two"
    ):
        split_dataset(one)
    with pytest.raises(SettingsError, match=r"between 0 and 1, such as 0\.1, got 1\.5"):
        split_dataset(two, 1.5)
    with pytest.raises(LabelError, match="texts has no labels"):
        split_dataset(Dataset.from_arrays(["a", "b"]))


@pytest.mark.parametrize("shares", [[0.9, 0.1], [0.2] * 5])
def test_the_sparse_method_is_as_good_as_the_librarys(shares):
    shares = np.asarray(shares)
    distance = {deal_rows: [], deal_rows_sparsely: [], at_random: []}
    for seed in range(6):
        labels = random_labels(2_000, 30, seed)
        dense = labels.toarray()
        for method, found in distance.items():
            sides = method(labels, shares, seed)
            have = np.stack([dense[sides == k].sum(0) for k in range(len(shares))])
            found.append(np.abs(have - shares[:, None] * dense.sum(0)).mean())
            if method is not at_random:
                assert np.bincount(sides) / 2_000 == pytest.approx(shares, abs=0.01)
    library, ours, chance = (np.mean(found) for found in distance.values())
    assert ours < 1.2 * library
    assert ours < 0.3 * chance


def at_random(labels, shares, seed):
    return np.random.default_rng(seed).choice(len(shares), labels.shape[0], p=shares)


def test_the_sparse_method_deals_every_row_and_is_repeatable():
    labels = random_labels(500, 40)
    shares = np.asarray([0.7, 0.3])
    sides = deal_rows_sparsely(labels, shares, 1)
    assert set(sides.tolist()) == {0, 1}
    assert (sides == deal_rows_sparsely(labels, shares, 1)).all()
    assert not (sides == deal_rows_sparsely(labels, shares, 2)).all()


def test_folds_partition_the_rows_and_share_the_labels():
    data = dataset(rows=900, repeat=2)
    tests = []
    for train, test in fold_indices(data, n_folds=4, seed=2):
        assert sorted([*train, *test]) == list(range(900))
        assert not {data.texts[i] for i in train} & {data.texts[i] for i in test}
        share = data.subset(test).label_counts()[0] / data.label_counts()[0]
        assert np.abs(share[:4] - 0.25).max() < 0.08
        tests += test.tolist()
    assert sorted(tests) == list(range(900))


def test_folds_of_arrays_with_unknown_labels():
    labels = np.asarray([[1.0, np.nan], [0.0, 1.0]] * 20)
    folds = list(stratified_folds(labels, n_folds=4))
    assert [len(test) for _, test in folds] == [10, 10, 10, 10]
    assert all(np.isnan(labels[test, 1]).sum() == 5 for _, test in folds)


def test_no_fold_is_empty_when_there_are_as_many_rows_as_folds():
    for seed in range(5):
        folds = list(stratified_folds([[1], [1], [0]], n_folds=3, seed=seed))
        assert [len(test) for _, test in folds] == [1, 1, 1]


def test_folds_refuse_what_cannot_be():
    with pytest.raises(
        SettingsError, match=r"n_folds: expected a whole number of 2 or more, got 1"
    ):
        stratified_folds([[1], [0]], n_folds=1)
    with pytest.raises(
        SettingsError, match=r"3 folds need as many different texts, and there are 2"
    ):
        stratified_folds([[1], [0]], n_folds=3)
