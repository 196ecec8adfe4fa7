"""Calibration: equal to scikit-learn's where it has the method, stored whole, order kept."""

import itertools
import json

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from multilabel_bert.decision import DecisionRule, evaluate, fit_calibration, reliability_curve
from multilabel_bert.decision.calibration import ISOTONIC_SUPPORT, PLATT_SUPPORT, Calibration
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.rule_labels import rule_keeping
from multilabel_bert.errors import DataError, ModelError, SettingsError

METHODS = ("temperature", "platt", "isotonic")


@pytest.fixture(scope="module")
def overconfident():
    """1,500 texts whose logits are three times too large, and 4 labels, one of them rare."""
    generator = np.random.default_rng(0)
    true_logits = generator.normal(-0.5, 1.2, (1500, 4))
    true_logits[:, 3] -= 6
    targets = (generator.random(true_logits.shape) < 1 / (1 + np.exp(-true_logits))).astype(float)
    targets[:3, 3] = 1
    return targets, (3 * true_logits + [0, 1, -1, 0]).astype(np.float32)


def test_platt_is_that_of_scikit_learn(overconfident):
    targets, logits = overconfident
    found = fit_calibration(targets, logits, "platt").probabilities(logits)
    for label in range(3):
        inner = LogisticRegression().fit(logits[:, [label]], targets[:, label])
        theirs = CalibratedClassifierCV(FrozenEstimator(inner), method="sigmoid")
        theirs.fit(logits[:, [label]], targets[:, label])
        expected = theirs.predict_proba(logits[:, [label]])[:, 1]
        # Theirs is fitted on a rescaled logit: the same family, the same fit.
        assert found[:, label] == pytest.approx(expected, abs=5e-4)


def test_isotonic_is_that_of_scikit_learn(overconfident):
    targets, logits = overconfident
    logits = np.round(logits, 1)  # with ties
    calibration = fit_calibration(targets, logits, "isotonic")
    assert set(calibration.curves) == {0, 1, 2}
    found = calibration.probabilities(logits)
    for label in range(3):
        theirs = IsotonicRegression(out_of_bounds="clip").fit(logits[:, label], targets[:, label])
        expected = np.clip(theirs.predict(logits[:, label]), 1 / 1502, 1 - 1 / 1502)
        assert found[:, label] == pytest.approx(expected, abs=1e-6)


def test_the_temperature_has_the_least_cross_entropy(overconfident):
    targets, logits = overconfident
    calibration = fit_calibration(targets, logits, "temperature")
    assert 1 / calibration.slopes[0] == pytest.approx(3, rel=0.2)
    assert np.unique(calibration.slopes).size == 1
    assert not calibration.intercepts.any()

    def loss(slope):
        return evaluate(targets, sigmoid(slope * logits), logits=slope * logits).metrics["loss"]

    best = calibration.slopes[0]
    assert loss(best) < min(loss(best * 1.01), loss(best * 0.99), loss(1.0))


def test_too_rare_labels_take_the_temperature():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(1500, 5)).astype(np.float32)
    counts = [PLATT_SUPPORT - 1, PLATT_SUPPORT, ISOTONIC_SUPPORT - 1, ISOTONIC_SUPPORT, 0]
    targets = np.zeros((1500, 5))
    for label, count in enumerate(counts):
        targets[np.argsort(-logits[:, label])[: 2 * count : 2], label] = 1
    calibration = fit_calibration(targets, logits, "isotonic")
    assert list(calibration.intercepts != 0) == [False, True, True, True, False]
    assert set(calibration.curves) == {3}
    assert calibration.describe() == "isotonic for 1, platt for 2, temperature for 2 labels"


def test_a_label_whose_logits_fall_with_the_truth_takes_the_temperature(overconfident):
    targets, logits = overconfident
    calibration = fit_calibration(targets, -logits, "platt")
    assert np.all(calibration.slopes > 0)


@pytest.mark.parametrize("method", METHODS)
def test_order_is_kept_and_calibration_gets_better(overconfident, method):
    targets, logits = overconfident
    calibration = fit_calibration(targets[::2], logits[::2], method)
    found = calibration.probabilities(logits)
    assert found.dtype == np.float32
    for label in range(4):
        along = found[np.argsort(logits[:, label]), label]
        assert np.all(np.diff(along) >= 0)
    before = evaluate(targets[1::2], sigmoid(logits[1::2])).metrics
    after = evaluate(targets[1::2], found[1::2]).metrics
    assert after["micro_calibration_error"] < before["micro_calibration_error"] / 2
    assert after["macro_brier_score"] < before["macro_brier_score"]


@pytest.mark.parametrize("method", METHODS)
def test_unknown_cells_are_dropped(overconfident, method):
    targets, logits = overconfident
    hidden = np.random.default_rng(2).random(targets.shape) < 0.2
    unknown = np.where(hidden, np.nan, targets)
    first = fit_calibration(unknown, logits, method)
    second = fit_calibration(unknown, np.where(hidden, 1e3, logits), method)
    assert first.to_dict() == second.to_dict()


@pytest.mark.parametrize("method", METHODS)
def test_a_rule_keeps_its_calibration(overconfident, method):
    targets, logits = overconfident
    rule = DecisionRule.fitted(targets, logits, calibration=method, metric="micro_f1")
    again = DecisionRule.from_dict(json.loads(json.dumps(rule.to_dict(), allow_nan=False)))
    assert again == rule
    assert np.array_equal(again.probabilities(logits), rule.probabilities(logits))
    assert again != DecisionRule.fitted(targets, logits, metric="micro_f1")
    probabilities = rule.probabilities(logits)
    assert rule.thresholds == pytest.approx(
        DecisionRule.tuned(targets, probabilities, metric="micro_f1").thresholds
    )
    assert sigmoid(rule.calibrated_logits(logits)) == pytest.approx(probabilities, abs=1e-6)


def test_without_calibration_probabilities_are_the_sigmoid(overconfident):
    targets, logits = overconfident
    assert fit_calibration(targets, logits, "none") is None
    rule = DecisionRule.fitted(targets, logits)
    assert np.array_equal(rule.probabilities(logits), sigmoid(logits))
    assert "calibration" not in rule.to_dict()


def test_separable_texts_have_a_finite_fit():
    targets = np.repeat([[0.0], [1.0]], 20, axis=0)
    logits = np.where(targets == 1, 5.0, -5.0)
    for method in METHODS:
        assert np.isfinite(fit_calibration(targets, logits, method).slopes).all()


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_reliability_curves_are_those_of_scikit_learn(overconfident, strategy):
    targets, logits = overconfident
    probabilities = sigmoid(logits).astype(float)
    binning = {"uniform": "equal_width", "quantile": "equal_mass"}[strategy]
    for label in range(4):
        found = reliability_curve(targets, probabilities, label=label, bins=10, binning=binning)
        share, probability = calibration_curve(
            targets[:, label], probabilities[:, label], n_bins=10, strategy=strategy
        )
        assert found.share == pytest.approx(share)
        assert found.probability == pytest.approx(probability)
    together = reliability_curve(targets, probabilities, bins=10, binning=binning)
    share, _ = calibration_curve(
        targets.ravel(), probabilities.ravel(), n_bins=10, strategy=strategy
    )
    assert together.share == pytest.approx(share)


def test_the_brier_score_is_that_of_scikit_learn(overconfident):
    targets, logits = overconfident
    evaluation = evaluate(targets, sigmoid(logits))
    expected = [
        brier_score_loss(targets[:, label], sigmoid(logits)[:, label]) for label in range(4)
    ]
    assert [row.brier_score for row in evaluation.per_label] == pytest.approx(expected)
    assert evaluation.metrics["macro_brier_score"] == pytest.approx(np.mean(expected))
    assert evaluation.reliability == reliability_curve(targets, sigmoid(logits))


def test_calibration_error_of_a_curve():
    curve = reliability_curve([[0], [0], [0], [1]], [[0.1], [0.2], [0.8], [0.9]], bins=2)
    assert (curve.cells, curve.share) == ((2, 2), (0.0, 0.5))
    assert curve.calibration_error == pytest.approx((0.15 + 0.35) / 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: fit_calibration([[1]], [[0.2]], "plat"),
            SettingsError,
            "calibration='plat' is unknown. Did you mean 'platt'? Use one of none, temperature, "
            "platt, isotonic.",
        ),
        (
            lambda: fit_calibration([[1]], [[0.2, 0.1]], "platt"),
            DataError,
            "logits have the shape (1, 2), but the targets have (1, 1). Expected one row a text "
            "and one column a label in both, in the same order.",
        ),
        (
            lambda: fit_calibration([[1]], [[np.nan]], "platt"),
            DataError,
            "logits hold a value that is no finite number. If the model was just trained, "
            "training diverged: lower the learning rate.",
        ),
        (
            lambda: Calibration("platt", [1.0], [0.0]).probabilities([[1.0, 2.0]]),
            DataError,
            "logits have the shape (1, 2), but the calibration is of 1 labels. Use the logits of "
            "the model it belongs to.",
        ),
        (
            lambda: DecisionRule([0.5, 0.5], calibration=Calibration("platt", [1.0], [0.0])),
            SettingsError,
            "calibration is of 1 labels, but there are 2 thresholds. Give both of one model.",
        ),
        (
            lambda: Calibration.from_dict({"method": "platt"}),
            ModelError,
            "calibration: expected an object with the keys method, slopes, intercepts, curves. "
            "The file is damaged, was edited, or is of a newer version: fit the calibration again.",
        ),
        (
            lambda: Calibration.from_dict(
                {"method": "platt", "slopes": [-1.0], "intercepts": [0.0], "curves": {}}
            ),
            ModelError,
            "calibration cannot be read (calibration: expected finite slopes above 0 and finite "
            "intercepts.). The file is damaged or was edited: fit the calibration again.",
        ),
    ],
)
def test_mistakes_are_explained(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_labels_that_are_kept_are_decided_as_before(overconfident):
    targets, logits = overconfident
    before = DecisionRule.fitted(targets[:700], logits[:700], calibration="platt")
    plain = DecisionRule.fitted(targets[700:], logits[700:])
    after = DecisionRule.fitted(targets[700:], logits[700:], calibration="isotonic")
    kept = np.array([True, False, True, False])
    for old, new in itertools.product((before, plain), (plain, after)):
        rule = rule_keeping(new, old, kept)
        decided = rule.predict(rule.probabilities(logits))
        for label in range(4):
            expected = (old if kept[label] else new).predict(
                (old if kept[label] else new).probabilities(logits)
            )
            assert np.array_equal(decided[:, label], expected[:, label])
