"""Where the head starts, and that standardised features fold into a plain Dense layer."""

import numpy as np
import pytest

from multilabel_bert.training.head_start import Standardizer, prior_bias
from multilabel_bert.training.targets import Targets

N, D, X = 500, 7, 3


@pytest.fixture
def features():
    """Ordinary features, a saturated, a constant, a zero and a dead one: [N, D]."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 0.3, (N, D)).astype(np.float32)
    values[:, 0] = 0.99999 - np.abs(rng.normal(0, 2e-6, N))
    values[:, 1] = 0.5
    values[:, 2] = 0.0
    values[:, 3] = -1.2e-7
    return values


def test_ordinary_features_get_mean_0_and_deviation_1(features):
    standardised = Standardizer.of(features).apply(features)[:, 4:]
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(standardised.std(axis=0), 1, atol=1e-5)


def test_folded_weights_give_the_same_logits_and_do_not_blow_up_rounding(features):
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(D, X)).astype(np.float32), np.zeros(X, np.float32)
    standardizer = Standardizer.of(features)
    expected = standardizer.apply(features) @ kernel + bias
    folded, shifted = standardizer.fold(kernel, bias)
    np.testing.assert_allclose(features @ folded + shifted, expected, atol=2e-3)
    # What another engine rounds differently: a few units in the last place.
    rounded = features * (1 + rng.uniform(-2e-7, 2e-7, features.shape)).astype(np.float32)
    np.testing.assert_allclose(rounded @ folded + shifted, expected, atol=2e-3)
    assert np.isfinite(folded).all()


def test_a_dead_feature_stays_dead_in_prediction(features):
    # MiniLM has such: -1.2e-7 in every text of the training, a rounding away from it later.
    standardizer = Standardizer.of(features)
    later = features.copy()
    later[:, 3] = 0.0
    moved = np.abs(standardizer.apply(later) - standardizer.apply(features))
    assert moved.max() < 0.01


def test_a_head_on_the_mean_of_the_tokens_is_good_on_the_demo_messages(minilm):
    pytest.importorskip("keras")
    from importlib.resources import files

    from multilabel_bert import MultiLabelClassifier, read_splits

    data = read_splits(files("multilabel_bert") / "demo_data")
    model = MultiLabelClassifier(minilm, pooling="mean", verbose=False)
    metrics = model.fit(data["train"], validation_data=data["dev"]).evaluate(data["test"]).metrics
    # 0.764 when written; wrongly standardised features gave 0.519.
    assert metrics["macro_f1_at_0.5"] > 0.7
    assert metrics["loss"] < 0.3


def test_the_prior_leaves_unknown_cells_out():
    targets = Targets(np.array([[1, -1], [0, -1], [0, 1], [-1, 1]], np.int8))
    expected = np.log([1.5 / 2.5, 2.5 / 0.5])
    np.testing.assert_allclose(prior_bias(*targets.known_counts()), expected, rtol=1e-6)


def test_a_label_that_no_text_knows_starts_below_the_threshold():
    bias = prior_bias(np.array([0, 0]), np.array([0, 3]))
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), [0.1, 0.125], rtol=1e-6)
