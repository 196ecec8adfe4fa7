"""Thresholds are the best there are, by trying every cut-off on small data."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from multilabel_bert.decision import METRICS, STRATEGIES, TUNABLE_METRICS, score, tune_thresholds
from multilabel_bert.decision.thresholds import shrink


def random_case(seed, texts=14, labels=3, unknown=False):
    generator = np.random.default_rng(seed)
    targets = (generator.random((texts, labels)) < 0.4).astype(float)
    targets[0] = 1
    if unknown:
        targets[generator.random(targets.shape) < 0.3] = np.nan
        targets[1] = 1
    probabilities = generator.random((texts, labels))
    if seed % 2:
        probabilities = np.round(probabilities, 1)
    return targets, probabilities.astype(np.float32)


def every_cut_off(probabilities):
    """Each probability, and one that nothing passes where there can be one."""
    values = np.unique(probabilities)
    return np.append(values, (values[-1] + 1) / 2) if values[-1] < 1 else values


def goodness(metric, targets, probabilities, thresholds):
    value = score(metric, targets, probabilities, thresholds=thresholds)
    return value if METRICS[metric].greater_is_better else -value


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("metric", TUNABLE_METRICS)
def test_the_global_threshold_is_the_best_there_is(metric, seed, unknown):
    targets, probabilities = random_case(seed, unknown=unknown)
    found = tune_thresholds(targets, probabilities, strategy="global", metric=metric)
    assert np.unique(found).size == 1
    best = max(
        goodness(metric, targets, probabilities, cut) for cut in every_cut_off(probabilities)
    )
    assert goodness(metric, targets, probabilities, found) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "metric",
    [m for m in TUNABLE_METRICS if m.split("_")[0] in {"micro", "macro", "weighted", "hamming"}],
)
def test_thresholds_one_a_label_are_the_best_there_are(metric, seed, unknown):
    targets, probabilities = random_case(seed, texts=6, labels=2, unknown=unknown)
    found = tune_thresholds(targets, probabilities, strategy="per_label", metric=metric)
    best = max(
        goodness(metric, targets, probabilities, thresholds)
        for thresholds in itertools.product(*(every_cut_off(column) for column in probabilities.T))
    )
    assert goodness(metric, targets, probabilities, found) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "metric", ["samples_f1", "samples_jaccard", "semeval_accuracy", "subset_accuracy"]
)
def test_for_metrics_of_texts_no_single_threshold_can_be_bettered(metric, seed, unknown):
    targets, probabilities = random_case(seed, unknown=unknown)
    found = tune_thresholds(targets, probabilities, strategy="per_label", metric=metric)
    one = tune_thresholds(targets, probabilities, strategy="global", metric=metric)
    reached = goodness(metric, targets, probabilities, found)
    assert reached >= goodness(metric, targets, probabilities, one) - 1e-12
    for label, column in enumerate(probabilities.T):
        for cut in every_cut_off(column):
            other = found.copy()
            other[label] = cut
            assert goodness(metric, targets, probabilities, other) <= reached + 1e-9


@pytest.mark.parametrize("beta", [0.5, 2.0])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
def test_f_beta(average, seed, beta):
    targets, probabilities = random_case(seed, texts=7, labels=2)

    def f_beta(thresholds):
        predictions = probabilities >= np.asarray(thresholds, np.float32)
        return fbeta_score(targets, predictions, beta=beta, average=average, zero_division=0)

    metric = f"{average}_f1"
    one = tune_thresholds(targets, probabilities, strategy="global", metric=metric, beta=beta)
    best = max(map(f_beta, every_cut_off(probabilities)))
    assert f_beta(one) == pytest.approx(best)
    if average != "samples":
        own = tune_thresholds(
            targets, probabilities, strategy="per_label", metric=metric, beta=beta
        )
        pairs = itertools.product(*(every_cut_off(column) for column in probabilities.T))
        assert f_beta(own) == pytest.approx(max(map(f_beta, pairs)))


def test_a_cut_off_is_midway_between_neighbouring_probabilities():
    targets, probabilities = [[0], [0], [1], [1]], [[0.1], [0.4], [0.6], [0.9]]
    assert tune_thresholds(targets, probabilities, strategy="per_label") == [0.5]
    assert tune_thresholds(targets, probabilities, strategy="global") == [0.5]


def test_the_lowest_cut_off_is_midway_to_zero():
    assert tune_thresholds([[1], [1]], [[0.4], [0.6]], strategy="per_label") == np.float32([0.2])


def test_a_threshold_above_all_is_midway_to_one():
    targets, probabilities = [[0], [0], [1]], [[0.8], [0.6], [0.4]]
    found = tune_thresholds(targets, probabilities, strategy="per_label", metric="hamming_loss")
    assert found == np.float32([0.9])


def test_a_label_certain_of_a_wrong_text_cannot_be_switched_off():
    targets, probabilities = [[0], [0], [1]], [[1.0], [0.6], [0.4]]
    found = tune_thresholds(targets, probabilities, strategy="per_label", metric="hamming_loss")
    assert found == np.float32([0.2])


def test_of_equal_cut_offs_the_nearest_to_half_is_taken():
    # Above 0.7, F1 is 2/3 (TP 1 of 2); above 0.3 with two false ones it is 4/6: the same.
    targets = [[1], [0], [0], [1]]
    near = tune_thresholds(targets, [[0.9], [0.8], [0.7], [0.45]], strategy="per_label")
    assert near == pytest.approx([0.225])
    far = tune_thresholds(targets, [[0.55], [0.3], [0.2], [0.1]], strategy="per_label")
    assert far == pytest.approx([0.425])


def test_of_equally_near_ones_the_higher_is_taken():
    # Cut-offs 0.25 and 0.75, both with F1 2/3.
    targets = [[1], [0], [0], [1]]
    probabilities = [[1.0], [0.5], [0.5], [0.5]]
    found = tune_thresholds(targets, probabilities, strategy="per_label")
    assert found == pytest.approx([0.75])


def test_neighbouring_floats_are_separated():
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    for first, second in [(low, high), (high, np.nextafter(high, np.float32(1)))]:
        found = tune_thresholds([[0], [1]], np.array([[first], [second]]), strategy="per_label")
        assert first < found[0] <= second


def test_a_positive_with_probability_zero():
    targets, probabilities = [[1, 1], [1, 0]], [[0.0, 0.8], [0.0, 0.1]]
    found = tune_thresholds(targets, probabilities, strategy="per_label")
    assert found == pytest.approx([0.0, 0.45])
    shrunk = tune_thresholds(targets, probabilities)
    assert np.all(np.isfinite(shrunk))


def test_a_label_without_positives_keeps_half_or_takes_the_global_one():
    targets, probabilities = [[1, 0], [0, 0]], [[0.3, 0.05], [0.1, 0.02]]
    for metric in TUNABLE_METRICS:
        options = {"metric": metric}
        own = tune_thresholds(targets, probabilities, strategy="per_label", **options)
        assert own[1] == 0.5, metric
        one = tune_thresholds(targets, probabilities, strategy="global", **options)
        shrunk = tune_thresholds(targets, probabilities, **options)
        assert shrunk[1] == pytest.approx(one[1]), metric


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_any_positive_everything_is_half(strategy):
    found = tune_thresholds([[0, 0], [0, -1]], [[0.3, 0.2], [0.9, 0.1]], strategy=strategy)
    assert found == pytest.approx([0.5, 0.5])
    assert found.dtype == np.float32


def test_fixed_is_half_whatever_the_data():
    targets, probabilities = random_case(0)
    assert list(tune_thresholds(targets, probabilities, strategy="fixed")) == [0.5] * 3


def test_shrinking_follows_the_formula():
    targets, probabilities = random_case(2, texts=60)
    own = tune_thresholds(targets, probabilities, strategy="per_label").astype(float)
    one = tune_thresholds(targets, probabilities, strategy="global").astype(float)
    positives = targets.sum(axis=0)
    weight = positives / (positives + 20)
    shrunk = tune_thresholds(targets, probabilities)
    assert shrunk == pytest.approx(own**weight * one ** (1 - weight), rel=1e-6)
    assert not np.allclose(shrunk, own)
    assert not np.allclose(shrunk, one)
    by_hand = shrink(np.float32([0.4, 0.4, 0.9]), 0.1, np.array([20, 0, 60]))
    assert by_hand == pytest.approx([0.2, 0.1, 0.9**0.75 * 0.1**0.25])


def test_no_shrinkage_gives_each_label_its_own():
    targets, probabilities = random_case(3)
    own = tune_thresholds(targets, probabilities, strategy="per_label")
    assert tune_thresholds(targets, probabilities, shrinkage=0) == pytest.approx(own, rel=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("metric", TUNABLE_METRICS)
def test_unknown_cells_are_dropped(metric, strategy):
    targets, probabilities = random_case(5, unknown=True)
    options = {"metric": metric, "strategy": strategy}
    found = tune_thresholds(targets, probabilities, **options)
    other = np.where(np.isnan(targets), 0.123, probabilities)
    assert np.array_equal(tune_thresholds(targets, other, **options), found)
    more = np.vstack([targets, np.full((3, 3), -1)])
    padded = np.vstack([probabilities, np.full((3, 3), 0.77)])
    assert np.array_equal(tune_thresholds(more, padded, **options), found)


@pytest.mark.parametrize("strategy", ["per_label", "per_label_shrunk"])
@pytest.mark.parametrize("metric", ["macro_f1", "micro_f1"])
def test_reordering_labels_reorders_thresholds(metric, strategy):
    targets, probabilities = random_case(4, texts=40, labels=5)
    order = [4, 1, 0, 3, 2]
    options = {"metric": metric, "strategy": strategy}
    found = tune_thresholds(targets, probabilities, **options)
    reordered = tune_thresholds(targets[:, order], probabilities[:, order], **options)
    assert reordered == pytest.approx(found[order])


@pytest.mark.parametrize("metric", TUNABLE_METRICS)
def test_chunks_change_nothing(metric, monkeypatch):
    from multilabel_bert.decision import curves, threshold_search

    targets, probabilities = random_case(7, unknown=True)
    whole = tune_thresholds(targets, probabilities, metric=metric)
    monkeypatch.setattr(curves, "BLOCK_CELLS", 1)
    monkeypatch.setattr(threshold_search, "CHUNK_CELLS", 1)
    assert tune_thresholds(targets, probabilities, metric=metric) == pytest.approx(whole)
