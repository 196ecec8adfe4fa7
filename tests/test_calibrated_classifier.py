"""Calibration, conditions, costs and out-of-fold thresholds through MultiLabelClassifier."""

import json

import numpy as np
import pytest

from multilabel_bert import MultiLabelClassifier, Predictor
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.errors import LabelError, SettingsError

QUICK = {"num_train_epochs": 4, "verbose": False, "cache": None, "few_examples": False}


@pytest.fixture(scope="module")
def calibrated(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    classifier = MultiLabelClassifier(
        tiny_encoder, calibration="platt", dev_fraction=0.5, baseline=False, **QUICK
    )
    return classifier.fit(texts, labels)


def test_probabilities_are_calibrated_and_logits_are_not(calibrated, labelled_texts):
    texts, _ = labelled_texts
    logits = calibrated.decision_function(texts)
    fitted = calibrated.model_.rule.calibration
    assert fitted.method == "platt"
    expected = sigmoid(logits * fitted.slopes + fitted.intercepts)
    assert calibrated.predict_proba(texts) == pytest.approx(expected, abs=1e-6)
    assert not np.allclose(expected, sigmoid(logits), atol=1e-3)
    outcome = calibrated.evaluate(texts, labelled_texts[1]).metrics
    assert outcome["loss"] < np.inf


def test_a_saved_model_answers_the_same(calibrated, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    calibrated.save(tmp_path / "model")
    assert 'calibration = rule["calibration"]' in (tmp_path / "model" / "README.md").read_text()
    again = MultiLabelClassifier.load(tmp_path / "model")
    assert again.calibration == "platt"
    probabilities = calibrated.predict_proba(texts)
    assert np.array_equal(again.predict_proba(texts), probabilities)
    predictor = Predictor.load(tmp_path / "model")
    assert np.array_equal(predictor.predict_proba(texts), probabilities)
    assert np.array_equal(predictor.predict(texts), calibrated.predict(texts))
    again.set_params(calibration="none").tune(texts, labels)
    assert np.array_equal(again.predict_proba(texts), sigmoid(again.decision_function(texts)))


def test_a_folded_calibration_is_in_the_weights(calibrated, labelled_texts, tmp_path):
    texts, _ = labelled_texts
    calibrated.save(tmp_path / "model")
    folded = MultiLabelClassifier.load(tmp_path / "model").fold_calibration()
    assert folded.model_.rule.calibration is None
    assert folded.predict_proba(texts) == pytest.approx(calibrated.predict_proba(texts), abs=1e-4)
    assert np.array_equal(folded.model_.rule.thresholds, calibrated.model_.rule.thresholds)
    assert sigmoid(folded.decision_function(texts)) == pytest.approx(folded.predict_proba(texts))


def test_an_older_model_has_no_calibration(calibrated, labelled_texts, tmp_path):
    texts, _ = labelled_texts
    calibrated.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "multilabel.json").read_text())
    del manifest["decision_rule"]["calibration"], manifest["sha256_of_what_decides"]
    (tmp_path / "model" / "multilabel.json").write_text(json.dumps(manifest))
    again = MultiLabelClassifier.load(tmp_path / "model")
    assert np.array_equal(again.predict_proba(texts), sigmoid(again.decision_function(texts)))


def test_thresholds_by_cross_validation(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    unknown = labels.astype(float)
    unknown[:5, 0] = np.nan
    classifier = MultiLabelClassifier(
        tiny_encoder, threshold_cv=3, calibration="temperature", baseline=False, **QUICK
    ).fit(texts, unknown)
    rule = classifier.model_.rule
    assert rule.strategy == "per_label_shrunk"
    assert rule.calibration.method == "temperature"
    assert not np.allclose(rule.thresholds, 0.5)
    # The final head has seen every text: it is that of a training that holds nothing out.
    whole = MultiLabelClassifier(tiny_encoder, dev_fraction=0, baseline=False, **QUICK)
    whole.fit(texts, unknown)
    assert np.allclose(whole.model_.kernel, classifier.model_.kernel, atol=1e-5)
    # What it is tuned on is worse than what the head says of its own texts.
    honest = classifier.dev_evaluation_.metrics["loss"]
    assert classifier.dev_evaluation_.metrics["rows"] == len(texts)
    assert honest > classifier.evaluate(texts, unknown).metrics["loss"]


def test_conditions_and_costs(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    options = {"dev_fraction": 0.5, "baseline": False, **QUICK}
    classifier = MultiLabelClassifier(
        tiny_encoder, threshold_metric="precision_at_recall:0.9", **options
    ).fit(texts, labels)
    assert all(row.recall >= 0.9 for row in classifier.dev_evaluation_.per_label)
    costly = MultiLabelClassifier(
        tiny_encoder,
        threshold_metric="cost",
        threshold_strategy="fixed",
        costs={"0": (1, 3), "2": (4, 1)},
        **options,
    ).fit(texts, labels, label_names=["0", "1", "2"])
    assert costly.model_.rule.thresholds == pytest.approx([0.25, 0.5, 0.8])


@pytest.mark.parametrize(
    ("parameters", "fit", "message"),
    [
        ({"calibration": "plat"}, {}, "calibration='plat' is unknown. Did you mean 'platt'?"),
        (
            {"costs": (1, 2)},
            {},
            "costs have no meaning for threshold_metric='macro_f1'. Set threshold_metric='cost', "
            "or leave the costs out.",
        ),
        (
            {"costs": {"late": (1, 2)}, "threshold_metric": "cost"},
            {},
            "costs name 'late', which is no label.",
        ),
        (
            {"threshold_cv": 1},
            {},
            "threshold_cv=1 must be a whole number of at least 2, or 0 to hold texts out instead.",
        ),
        (
            {"threshold_cv": 3, "train_layers": 1},
            {},
            "threshold_cv=3 needs train_layers=0, but train_layers=1: heads on cached features "
            "take seconds, but this would be 3 more trainings of layers. Hold texts out with "
            "dev_fraction.",
        ),
        (
            {"threshold_cv": 3},
            {"validation_data": (["a"], [[1, 0, 0]])},
            "threshold_cv=3 is for training without a development split, but one is given. Leave "
            "one of them out.",
        ),
        (
            {"threshold_cv": 3, "early_stopping": "macro_f1"},
            {},
            "early_stopping='macro_f1' needs a development split",
        ),
    ],
)
def test_mistakes_are_explained(tiny_encoder, labelled_texts, parameters, fit, message):
    texts, labels = labelled_texts
    classifier = MultiLabelClassifier(tiny_encoder, baseline=False, **{**QUICK, **parameters})
    with pytest.raises((SettingsError, LabelError)) as caught:
        classifier.fit(texts, labels, **fit)
    assert message in str(caught.value)


def test_a_trained_classifier_cannot_go_on_with_cross_validation(calibrated, labelled_texts):
    texts, labels = labelled_texts
    with pytest.raises(SettingsError, match="have not seen the texts"):
        calibrated.set_params(threshold_cv=3).fit(texts, labels)
    calibrated.set_params(threshold_cv=0)


def test_isotonic_curves_cannot_be_folded(tiny_encoder, labelled_texts, monkeypatch):
    from multilabel_bert.decision import calibration

    monkeypatch.setattr(calibration, "ISOTONIC_SUPPORT", 5)
    texts, labels = labelled_texts
    classifier = MultiLabelClassifier(
        tiny_encoder, calibration="isotonic", dev_fraction=0.5, baseline=False, **QUICK
    ).fit(texts, labels)
    with pytest.raises(SettingsError, match="isotonic curve, which weights cannot express"):
        classifier.fold_calibration()
