"""Metrics equal scikit-learn's on random data with ties, absent labels and empty texts."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from multilabel_bert.decision import evaluate

SEEDS = range(42)


def random_case(seed):
    """Targets with absent and constant labels, empty and full texts; tied probabilities."""
    generator = np.random.default_rng(seed)
    texts, labels = generator.integers(2, 40), generator.integers(2, 9)
    targets = (generator.random((texts, labels)) < generator.random(labels)).astype(np.int8)
    if seed % 3 == 0:
        targets[:, generator.integers(labels)] = 0
    if seed % 5 == 0:
        targets[:, generator.integers(labels)] = 1
    if seed % 4 == 0:
        targets[generator.integers(texts)] = 0
        targets[generator.integers(texts)] = 1
    probabilities = generator.random((texts, labels))
    if seed % 2:
        probabilities = np.round(probabilities, 1)
    if seed % 7 == 0:
        probabilities[:] = 0.5
    if seed % 3 == 1:
        probabilities = probabilities.astype(np.float32)
    thresholds = generator.random(labels).astype(np.float32)
    return targets, probabilities, thresholds


@pytest.fixture(params=SEEDS)
def case(request):
    targets, probabilities, thresholds = random_case(request.param)
    predictions = (probabilities.astype(np.float32) >= thresholds).astype(int)
    evaluation = evaluate(targets, probabilities, thresholds=thresholds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield targets, probabilities, predictions, evaluation


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
def test_counts(case, average):
    targets, _, predictions, evaluation = case
    for name, function in {
        "precision": sk.precision_score,
        "recall": sk.recall_score,
        "f1": sk.f1_score,
        "jaccard": sk.jaccard_score,
    }.items():
        expected = function(targets, predictions, average=average, zero_division=0)
        assert evaluation.metrics[f"{average}_{name}"] == pytest.approx(expected, abs=1e-12), name


def test_f1_at_half(case):
    targets, probabilities, _, evaluation = case
    at_half = (probabilities.astype(np.float32) >= 0.5).astype(int)
    for average in ("micro", "macro", "weighted", "samples"):
        expected = sk.f1_score(targets, at_half, average=average, zero_division=0)
        assert evaluation.metrics[f"{average}_f1_at_0.5"] == pytest.approx(expected, abs=1e-12)


def test_texts_and_cells(case):
    targets, probabilities, predictions, evaluation = case
    for name, expected in {
        "subset_accuracy": sk.accuracy_score(targets, predictions),
        "hamming_loss": sk.hamming_loss(targets, predictions),
        # In float32 SciPy 1.18 ranks in float32 too, and the mean then has seven digits.
        "lrap": sk.label_ranking_average_precision_score(
            targets, np.asarray(probabilities, np.float64)
        ),
        "coverage_error": sk.coverage_error(targets, probabilities),
        "ranking_loss": sk.label_ranking_loss(targets, probabilities),
        "loss": sk.log_loss(targets.ravel(), probabilities.ravel(), labels=[0, 1]),
    }.items():
        tolerance = 1e-6 if name == "loss" and probabilities.dtype == np.float32 else 1e-12
        assert evaluation.metrics[name] == pytest.approx(expected, abs=tolerance), name


def test_curves(case):
    targets, probabilities, _, evaluation = case
    positives, negatives = targets.sum(axis=0), (1 - targets).sum(axis=0)
    for name, function, defined in [
        ("roc_auc", sk.roc_auc_score, (positives > 0) & (negatives > 0)),
        ("average_precision", sk.average_precision_score, positives > 0),
    ]:
        of_labels = np.array([getattr(row, name) for row in evaluation.per_label])
        assert np.array_equal(~np.isnan(of_labels), defined)
        assert evaluation.metrics[f"{name}_labels_left_out"] == (~defined).sum()
        for label in np.flatnonzero(defined):
            expected = function(targets[:, label], probabilities[:, label])
            assert of_labels[label] == pytest.approx(expected, abs=1e-12)
        micro = evaluation.metrics[f"micro_{name}"]
        if np.unique(targets).size == 2:
            expected = function(targets, probabilities, average="micro")
            assert micro == pytest.approx(expected, abs=1e-12)
        if defined.sum() > 1:
            part = np.ix_(np.ones(len(targets), bool), defined)
            for average in ("macro", "weighted"):
                expected = function(targets[part], probabilities[part], average=average)
                found = evaluation.metrics[f"{average}_{name}"]
                assert found == pytest.approx(expected, abs=1e-12)


def test_label_table(case):
    targets, _, predictions, evaluation = case
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        targets, predictions, average=None, zero_division=0
    )
    rows = evaluation.per_label
    assert [row.support for row in rows] == list(support)
    assert [row.predicted_positives for row in rows] == list(predictions.sum(axis=0))
    assert [row.precision for row in rows] == pytest.approx(list(precision), abs=1e-12)
    assert [row.recall for row in rows] == pytest.approx(list(recall), abs=1e-12)
    assert [row.f1 for row in rows] == pytest.approx(list(f1), abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_a_single_label_equals_binary_classification(seed):
    generator = np.random.default_rng(seed)
    targets = np.append(generator.integers(0, 2, 18), [0, 1])
    probabilities = np.round(generator.random(20), 1)
    predictions = (probabilities >= 0.5).astype(int)
    metrics = evaluate(targets[:, None], probabilities[:, None]).metrics
    assert metrics["macro_f1"] == pytest.approx(sk.f1_score(targets, predictions))
    assert metrics["micro_f1"] == pytest.approx(sk.f1_score(targets, predictions))
    assert metrics["subset_accuracy"] == pytest.approx(sk.accuracy_score(targets, predictions))
    for average in ("micro", "macro"):
        auc = sk.roc_auc_score(targets, probabilities)
        precision = sk.average_precision_score(targets, probabilities)
        assert metrics[f"{average}_roc_auc"] == pytest.approx(auc)
        assert metrics[f"{average}_average_precision"] == pytest.approx(precision)
    assert metrics["lrap"] == 1.0
    assert metrics["coverage_error"] == pytest.approx(targets.mean())
    assert metrics["ranking_loss"] == 0.0


def test_many_texts_and_labels_in_chunks(monkeypatch):
    from multilabel_bert.decision import curves, row_ranking

    targets, probabilities, _ = random_case(8)
    whole = evaluate(targets, probabilities)
    monkeypatch.setattr(curves, "BLOCK_CELLS", 1)
    monkeypatch.setattr(row_ranking, "CHUNK_CELLS", 1)
    assert evaluate(targets, probabilities) == whole
