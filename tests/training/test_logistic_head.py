"""Logistic regression with an L2 penalty, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from multilabel_bert.training.head_start import prior_bias
from multilabel_bert.training.logistic_head import fit_logistic_head, l2_path


def data(texts, size, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(texts, size)) * np.geomspace(1, 0.01, size)
    logits = 3 * features @ rng.normal(size=(size, 3)) + rng.normal(size=(texts, 3)) - 1
    return features, (logits > 0).astype(np.int8)


@pytest.mark.parametrize(("texts", "size"), [(60, 8), (20, 50)])
@pytest.mark.parametrize("l2", [1.0, 0.01])
def test_the_minimum_is_that_of_scikit_learn(texts, size, l2):
    features, targets = data(texts, size)
    targets[3:9, 1] = -1
    heavy = np.array([1.0, 5.0, 0.5])
    times = np.linspace(0.5, 1.5, texts)
    kernel, bias = fit_logistic_head(
        features, targets, l2, positive_weights=heavy, text_weights=times
    )
    for label in range(3):
        known = targets[:, label] >= 0
        theirs = LogisticRegression(C=1 / (texts * l2), tol=1e-10, max_iter=10_000)
        weights = np.where(targets[:, label] > 0, heavy[label], 1.0) * times
        theirs.fit(features[known], targets[known, label], sample_weight=weights[known])
        np.testing.assert_allclose(kernel[:, label], theirs.coef_[0], atol=1e-4)
        np.testing.assert_allclose(bias[label], theirs.intercept_[0], atol=1e-4)


def test_soft_targets_count_by_their_share():
    features, targets = data(40, 5)
    soft = np.where(targets > 0, 0.75, 0.25)
    doubled = np.vstack([features] * 4)
    counted = np.vstack([targets, targets, targets, 1 - targets])
    kernel, bias = fit_logistic_head(features, soft, 0.1)
    wanted, wanted_bias = fit_logistic_head(doubled, counted, 0.1)
    np.testing.assert_allclose(kernel, wanted, atol=1e-5)
    np.testing.assert_allclose(bias, wanted_bias, atol=1e-5)


def test_a_label_without_a_positive_is_left_at_its_prior():
    features, targets = data(30, 5)
    targets[:, 0], targets[:, 2] = 0, -1
    kernel, bias = fit_logistic_head(features, targets, 0.1)
    assert not kernel[:, [0, 2]].any()
    np.testing.assert_allclose(bias[[0, 2]], prior_bias(np.zeros(2), np.array([30, 0])))
    assert kernel[:, 1].any()


def test_a_path_has_the_heads_that_each_strength_has_alone():
    features, targets = data(50, 20)
    for strength, (kernel, bias) in zip(
        (3.0, 0.03), l2_path(features, targets, (3.0, 0.03)), strict=True
    ):
        alone = fit_logistic_head(features, targets, strength)
        np.testing.assert_allclose(kernel, alone[0], atol=1e-4)
        np.testing.assert_allclose(bias, alone[1], atol=1e-4)
