"""What each kind of metric does with cells whose truth is unknown."""

import numpy as np
import pytest
from sklearn import metrics as sk

from multilabel_bert.decision import evaluate

NAN = np.nan


@pytest.fixture(params=range(30))
def case(request):
    generator = np.random.default_rng(request.param)
    targets = (generator.random((25, 6)) < 0.4).astype(float)
    targets[generator.random(targets.shape) < 0.35] = NAN
    targets[0] = NAN
    probabilities = generator.random(targets.shape)
    if request.param % 2:
        probabilities = np.round(probabilities, 1)
    return targets, probabilities, evaluate(targets, probabilities)


def test_per_label_metrics_drop_unknown_cells(case):
    targets, probabilities, evaluation = case
    f1s, aucs, precisions = [], [], []
    for label, row in enumerate(evaluation.per_label):
        known = ~np.isnan(targets[:, label])
        truth, scores = targets[known, label], probabilities[known, label]
        f1s.append(sk.f1_score(truth, scores >= 0.5, zero_division=0))
        aucs.append(sk.roc_auc_score(truth, scores))
        precisions.append(sk.average_precision_score(truth, scores))
        assert row.known == known.sum()
        assert row.support == truth.sum()
        assert row.predicted_positives == (scores >= 0.5).sum()
        assert row.f1 == pytest.approx(f1s[-1])
        assert row.roc_auc == pytest.approx(aucs[-1])
        assert row.average_precision == pytest.approx(precisions[-1])
    assert evaluation.metrics["macro_f1"] == pytest.approx(np.mean(f1s))
    assert evaluation.metrics["macro_roc_auc"] == pytest.approx(np.mean(aucs))
    assert evaluation.metrics["macro_average_precision"] == pytest.approx(np.mean(precisions))


def test_cells_together_are_the_known_ones(case):
    targets, probabilities, evaluation = case
    known = ~np.isnan(targets)
    truth, scores = targets[known], probabilities[known]
    metrics = evaluation.metrics
    assert metrics["known_cells"] == known.sum()
    assert metrics["hamming_loss"] == pytest.approx(np.mean(truth != (scores >= 0.5)))
    assert metrics["micro_f1"] == pytest.approx(sk.f1_score(truth, scores >= 0.5))
    assert metrics["micro_roc_auc"] == pytest.approx(sk.roc_auc_score(truth, scores))
    expected = sk.average_precision_score(truth, scores)
    assert metrics["micro_average_precision"] == pytest.approx(expected)
    assert metrics["loss"] == pytest.approx(sk.log_loss(truth, scores))


def test_metrics_of_texts_use_each_texts_known_labels(case):
    targets, probabilities, evaluation = case
    found = {
        name: []
        for name in ["lrap", "coverage_error", "ranking_loss", "subset_accuracy", "samples_f1"]
    }
    cardinality = []
    for truths, scores in zip(targets, probabilities, strict=True):
        known = ~np.isnan(truths)
        if not known.any():
            continue
        truth, score = truths[known][None].astype(int), scores[known][None]
        if known.sum() == 1:  # scikit-learn takes no single label for one
            ranking = 1.0, truth.sum(), 0.0
        else:
            ranking = (
                sk.label_ranking_average_precision_score(truth, score),
                sk.coverage_error(truth, score),
                sk.label_ranking_loss(truth, score),
            )
        for name, value in zip(["lrap", "coverage_error", "ranking_loss"], ranking, strict=True):
            found[name].append(value)
        found["subset_accuracy"].append(np.all(truth == (score >= 0.5)))
        f1 = sk.f1_score(truth[0], score[0] >= 0.5, zero_division=0)
        found["samples_f1"].append(f1)
        cardinality.append(truth.sum())
    for name, values in found.items():
        assert evaluation.metrics[name] == pytest.approx(np.mean(values)), name
    assert evaluation.metrics["true_cardinality"] == pytest.approx(np.mean(cardinality))


def test_a_label_with_nothing_known_is_left_out():
    targets = [[1, -1], [0, -1]]
    evaluation = evaluate(targets, [[0.9, 0.9], [0.1, 0.9]])
    assert evaluation.metrics["macro_f1"] == 1.0
    assert evaluation.metrics["macro_roc_auc"] == 1.0
    assert evaluation.metrics["roc_auc_labels_left_out"] == 1
    assert evaluation.per_label[1].predicted_positives == 0
    assert np.isnan(evaluation.per_label[1].f1)
    assert evaluation.to_dict()["per_label"][1]["f1"] is None


def test_loss_from_logits_is_the_mean_over_known_cells():
    targets = np.array([[1, NAN], [0, 1]])
    logits = np.array([[2.0, -50.0], [1.0, 0.0]])
    probabilities = 1 / (1 + np.exp(-logits))
    expected = (np.log1p(np.exp(-2)) + 1 + np.log1p(np.exp(-1)) + np.log(2)) / 3
    found = evaluate(targets, probabilities, logits=logits).metrics["loss"]
    assert found == pytest.approx(expected, abs=1e-12)


def test_none_means_unknown():
    with_none = evaluate([[1, None], [0, 1]], [[0.9, 0.9], [0.1, 0.3]])
    assert with_none.metrics["known_cells"] == 3
    expected = evaluate([[1, -1], [0, 1]], [[0.9, 0.9], [0.1, 0.3]])
    assert with_none.to_dict() == expected.to_dict()


def test_the_loss_is_the_mean_over_all_known_cells_whatever_is_looked_at_at_once(monkeypatch):
    from multilabel_bert.decision import cross_entropy, score

    rng = np.random.default_rng(3)
    targets = rng.choice([0, 1, -1], (50, 7))
    logits = rng.normal(size=(50, 7)) * 3
    probabilities = 1 / (1 + np.exp(-logits))
    cells = -np.log(np.where(targets == 1, probabilities, 1 - probabilities))
    monkeypatch.setattr(cross_entropy, "_CELLS_AT_ONCE", 20)
    for given in (None, logits):
        loss = score("loss", targets, probabilities, logits=given)
        np.testing.assert_allclose(loss, cells[targets >= 0].mean(), rtol=1e-9)
