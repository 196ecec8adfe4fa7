"""Likely label errors: equal to cleanlab, and what it has no word for."""

import json
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert.decision.label_errors import find_label_errors
from multilabel_bert.errors import DataError, LabelError

# Random labels and probabilities with what cleanlab 2.9.0 says of them:
# find_multilabel_issues_per_class, find_label_issues and get_label_quality_scores, defaults.
CASES = json.loads(Path(__file__).with_name("cleanlab_2_9_0.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['labels'])} texts")
def test_equal_to_cleanlab(case):
    errors = find_label_errors(case["labels"], case["probabilities"])
    assert np.argwhere(errors.suspect).tolist() == case["suspect"]
    assert np.flatnonzero(errors.suspect.any(axis=1)).tolist() == case["rows"]
    np.testing.assert_allclose(errors.row_scores, case["scores"], atol=1e-6)


def random_case(texts=200, labels=3, flips=0.1):
    rng = np.random.default_rng(5)
    truth = rng.random((texts, labels)) < 0.3
    logits = 4 * truth - 2 + rng.normal(size=truth.shape)
    given = np.where(rng.random(truth.shape) < flips, ~truth, truth)
    return given.astype(float), 1 / (1 + np.exp(-logits)), given != truth


def test_most_planted_errors_are_found():
    given, probabilities, wrong = random_case()
    errors = find_label_errors(given, probabilities)
    precision = wrong[errors.rows, errors.columns].mean()
    assert precision > 0.8
    assert wrong[errors.rows, errors.columns].sum() > 0.6 * wrong.sum()


def test_the_most_suspicious_come_first():
    errors = find_label_errors(*random_case()[:2])
    scores = errors.cell_scores[errors.rows, errors.columns]
    assert len(errors) == errors.suspect.sum() > 0
    assert (np.diff(scores) >= 0).all()
    assert (scores < 0.5).all()


@pytest.mark.parametrize("unknown", [np.nan, -1])
def test_unknown_cells_count_for_nothing(unknown):
    given, probabilities, _ = random_case()
    known = np.random.default_rng(1).random(len(given)) < 0.7
    masked = given.copy()
    masked[~known, 1] = unknown
    errors = find_label_errors(masked, probabilities)
    alone = find_label_errors(given[known, 1:2], probabilities[known, 1:2])
    assert errors.suspect[known, 1].tolist() == alone.suspect[:, 0].tolist()
    assert not errors.suspect[~known, 1].any()
    assert np.isnan(errors.cell_scores[~known, 1]).all()


def test_score_of_a_text_leaves_its_unknown_labels_out():
    rows = find_label_errors(
        [[1, np.nan, 0], [np.nan] * 3], [[0.2, 0.5, 0.3], [0.5] * 3]
    ).row_scores
    assert rows[0] == pytest.approx(0.8 * 0.2 + 0.2 * 0.7)
    assert np.isnan(rows[1])


@pytest.mark.parametrize("column", [[0, 0, 0, 0], [1, 1, 1, 1], [np.nan] * 4])
def test_label_with_one_value_only_has_no_suspects(column):
    labels = np.array([column, [0, 1, 0, 1]], float).T
    errors = find_label_errors(labels, [[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.3, 0.8]])
    assert len(errors) == 0


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(DataError, match="the targets have"):
        find_label_errors([[1, 0]], [[0.5]])
    with pytest.raises(LabelError, match="Mend that cell"):
        find_label_errors([[2]], [[0.5]])
