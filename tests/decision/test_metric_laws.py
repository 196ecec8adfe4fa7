"""Laws that hold for every metric."""

import dataclasses

import numpy as np
import pytest

from multilabel_bert.decision import METRICS, evaluate, score


@pytest.fixture(params=range(4))
def case(request):
    generator = np.random.default_rng(request.param)
    targets = (generator.random((30, 5)) < 0.3).astype(float)
    if request.param % 2:
        targets[generator.random(targets.shape) < 0.3] = np.nan
        targets[3] = np.nan
    probabilities = np.round(generator.random((30, 5)), 2)
    return targets, probabilities, generator


@pytest.mark.parametrize("name", METRICS)
def test_reordering_texts_changes_nothing(case, name):
    targets, probabilities, generator = case
    order = generator.permutation(len(targets))
    before = score(name, targets, probabilities)
    after = score(name, targets[order], probabilities[order])
    assert after == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_reordering_labels_changes_no_average(case, name):
    targets, probabilities, generator = case
    order = generator.permutation(targets.shape[1])
    thresholds = generator.random(len(order))
    before = score(name, targets, probabilities, thresholds=thresholds)
    after = score(name, targets[:, order], probabilities[:, order], thresholds=thresholds[order])
    assert after == pytest.approx(before, abs=1e-12)


def test_reordering_labels_reorders_the_table(case):
    targets, probabilities, _ = case
    order = [3, 0, 4, 2, 1]
    names = np.array(list("abcde"))
    before = evaluate(targets, probabilities, label_names=names).per_label
    after = evaluate(targets[:, order], probabilities[:, order], label_names=names[order]).per_label
    assert after == tuple(before[index] for index in order)


@pytest.mark.parametrize("name", METRICS)
def test_perfect_predictions_are_at_least_as_good_as_any(case, name):
    targets, probabilities, _ = case
    perfect = np.where(np.isnan(targets), 0.3, targets)
    sign = 1 if METRICS[name].greater_is_better else -1
    assert sign * score(name, targets, perfect) >= sign * score(name, targets, probabilities)


@pytest.mark.parametrize("name", METRICS)
def test_minus_one_and_nan_both_mean_unknown(case, name):
    targets, probabilities, _ = case
    as_integers = np.where(np.isnan(targets), -1, targets).astype(np.int8)
    assert score(name, as_integers, probabilities) == score(name, targets, probabilities)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_said_of_unknown_cells_changes_nothing(case, name):
    targets, probabilities, generator = case
    other = np.where(np.isnan(targets), generator.random(targets.shape), probabilities)
    assert score(name, targets, other) == pytest.approx(
        score(name, targets, probabilities), abs=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_texts_with_nothing_known_change_nothing(case, name):
    targets, probabilities, generator = case
    more = np.vstack([targets, np.full((4, 5), np.nan)])
    padded = np.vstack([probabilities, generator.random((4, 5))])
    assert score(name, more, padded) == pytest.approx(
        score(name, targets, probabilities), abs=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_nothing_known_at_all_is_undefined_or_zero(name):
    value = score(name, [[-1, -1]], [[0.2, 0.9]])
    weighted_count = name.startswith("weighted") and "roc" not in name and "average" not in name
    assert value == 0 if weighted_count else np.isnan(value)


def test_inputs_are_not_changed(case):
    targets, probabilities, _ = case
    kept = targets.copy(), probabilities.copy()
    evaluate(targets, probabilities)
    assert np.array_equal(targets, kept[0], equal_nan=True)
    assert np.array_equal(probabilities, kept[1])


def test_sparse_targets_equal_dense_ones(case):
    import scipy.sparse

    targets, probabilities, _ = case
    dense = np.where(np.isnan(targets), -1, targets).astype(np.int8)
    sparse = scipy.sparse.csr_array(dense)
    found, expected = evaluate(sparse, probabilities), evaluate(dense, probabilities)
    assert found.to_dict() == expected.to_dict()
    assert dataclasses.is_dataclass(found)
