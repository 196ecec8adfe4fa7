"""Losses: formula, masks, weights, gradients and extreme logits."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from multilabel_bert.training.class_weights import balanced_positive_weights  # noqa: E402
from multilabel_bert.training.losses import SigmoidCrossEntropy  # noqa: E402


def reference(targets, logits, weights=1.0):
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    cells = -(weights * targets * np.log(p) + (1 - targets) * np.log(1 - p))
    return cells[targets >= 0].mean()


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (6, 4)).astype(np.float32), rng.normal(0, 3, (6, 4)).astype("f4")


def test_is_the_mean_over_batch_and_labels(cells):
    assert float(SigmoidCrossEntropy()(*cells)) == pytest.approx(reference(*cells), abs=1e-6)


def test_unknown_cells_do_not_count(cells):
    targets, logits = cells
    targets[0] = targets[3, 2] = -1
    expected = reference(targets, logits)
    logits[0] = 1e6
    assert float(SigmoidCrossEntropy()(targets, logits)) == pytest.approx(expected, abs=1e-6)


def test_a_batch_without_known_cells_is_zero():
    assert float(SigmoidCrossEntropy()(-np.ones((2, 3)), np.ones((2, 3)))) == 0.0


def test_positive_weights(cells):
    weights = np.array([1.0, 2.0, 0.5, 7.0])
    ours = float(SigmoidCrossEntropy(weights)(*cells))
    assert ours == pytest.approx(reference(*cells, weights), abs=1e-5)


def test_extreme_logits_are_finite_and_exact():
    targets, logits = np.array([[1.0, 0.0]]), np.array([[-1e4, 1e4]])
    assert float(SigmoidCrossEntropy()(targets, logits)) == pytest.approx(1e4)


def test_gradient_is_the_error_over_the_known_cells(cells):
    targets, logits = cells
    targets[1, 1] = -1
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = SigmoidCrossEntropy()(targets, variable)
    gradient = tape.gradient(loss, variable).numpy()
    expected = np.where(targets >= 0, 1 / (1 + np.exp(-logits)) - targets, 0) / 23
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_balanced_weights_are_capped_and_neutral_where_a_side_is_absent():
    weights = balanced_positive_weights(np.array([50, 1, 0, 100]), np.array([50, 999, 100, 0]))
    assert weights.tolist() == [1.0, 100.0, 1.0, 1.0]


def test_the_loss_is_saved_with_a_model():
    loss = SigmoidCrossEntropy([1.0, 2.0])
    again = SigmoidCrossEntropy.from_config(loss.get_config())
    assert again.positive_weights.tolist() == [1.0, 2.0]
