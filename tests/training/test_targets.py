"""Targets: the same values whether they are held densely or sparsely."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from multilabel_bert.training import targets as module
from multilabel_bert.training.targets import Targets

N, X = 40, 13


@pytest.fixture
def cells():
    """int8 [N, X]: 1, 0 and -1; a row without any label, and a row that is all unknown."""
    rng = np.random.default_rng(0)
    values = rng.choice([0, 0, 0, 0, 0, 0, 1, -1], (N, X)).astype(np.int8)
    values[3] = 0
    values[5] = 0
    values[7] = -1
    return values


@pytest.fixture(params=["array", "bytes", "sparse"])
def targets(request, cells, monkeypatch):
    if request.param == "array":
        return Targets(cells.astype(np.float32))
    if request.param == "sparse":
        monkeypatch.setattr(module, "_DENSE_CELLS", 0)
        monkeypatch.setattr(module, "_BYTES_OF_SPARSE_CELL", 0)
    made = Targets(csr_array(cells))
    assert (made.nbytes == N * X) == (request.param == "bytes")
    return made


def test_a_batch_holds_the_rows_asked_for_as_float32(targets, cells):
    for indices in ([5, 3, 3, 0, 39], [3, 5], [7], []):
        batch = targets[np.array(indices, np.int64)]
        assert batch.dtype == np.float32
        np.testing.assert_array_equal(batch, cells[np.array(indices, np.int64)])


def test_all_of_them_and_their_counts(targets, cells):
    assert len(targets) == N
    assert targets.shape == (N, X)
    np.testing.assert_array_equal(targets.dense(), cells)
    positives, negatives = targets.known_counts()
    np.testing.assert_array_equal(positives, (cells == 1).sum(0))
    np.testing.assert_array_equal(negatives, (cells == 0).sum(0))


def test_many_labels_take_memory_for_the_cells_that_are_set_alone():
    rng = np.random.default_rng(0)
    rows, labels = 20_000, 10_000
    columns = rng.integers(labels, size=rows)
    matrix = csr_array((np.ones(rows, np.int8), columns, np.arange(rows + 1)), (rows, labels))
    held = Targets(matrix)
    assert held.nbytes < 20 * rows  # dense: 200 MB, as float32 800 MB
    assert held[np.arange(5)].nonzero()[1].tolist() == columns[:5].tolist()


def test_soft_targets_are_given_out_as_they_are():
    soft = np.array([[0.25, -1.0], [0.0, 1.0]], np.float32)
    np.testing.assert_array_equal(Targets(soft)[np.array([1, 0])], soft[::-1])


def test_training_never_asks_for_the_dense_matrix(tiny_encoder, labelled_texts, monkeypatch):
    pytest.importorskip("keras")
    from multilabel_bert import MultiLabelClassifier

    def refuse(self):
        raise AssertionError("the whole matrix was made dense")

    texts, labels = labelled_texts
    options = {"num_train_epochs": 2, "dev_fraction": 0, "cache": None, "max_seq_length": 32}
    usual = MultiLabelClassifier(tiny_encoder, verbose=False, **options).fit(texts, labels)
    monkeypatch.setattr(module, "_DENSE_CELLS", 0)
    monkeypatch.setattr(module, "_BYTES_OF_SPARSE_CELL", 0)
    monkeypatch.setattr(Targets, "dense", refuse)
    sparse = MultiLabelClassifier(tiny_encoder, verbose=False, **options).fit(texts, labels)
    np.testing.assert_allclose(sparse.model_.kernel, usual.model_.kernel, atol=1e-6)


def test_some_texts_have_the_targets_that_they_had(targets, cells):
    some = np.array([7, 3, 12])
    np.testing.assert_array_equal(targets.subset(some).dense(), cells[some])
    np.testing.assert_array_equal(targets.sparse().toarray(), cells)
