"""A model beside its baseline: the difference and its paired interval."""

import numpy as np
import pytest

from multilabel_bert.baseline.fitting import fit_baseline
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision import bootstrap
from multilabel_bert.decision.bootstrap import paired_differences
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.metrics import METRICS
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.model.comparison import compare_with_baseline
from multilabel_bert.model.outcome import outcome_of


def two_judgements(unknown=0.0, texts=150):
    rng = np.random.default_rng(0)
    truth = (rng.random((texts, 4)) < 0.3).astype(float)
    truth[rng.random(truth.shape) < unknown] = np.nan
    good = np.clip(np.nan_to_num(truth) * 0.6 + rng.random(truth.shape) * 0.6, 0, 1)
    poor = rng.random(truth.shape)
    return judge(truth, good), judge(truth, poor)


@pytest.mark.parametrize("unknown", [0.0, 0.5])
@pytest.mark.parametrize("cells", [2**22, 2**10])
def test_intervals_equal_those_of_judging_each_draw(unknown, cells, monkeypatch):
    first, second = two_judgements(unknown)
    monkeypatch.setattr(bootstrap, "_DRAWN_CELLS", cells)
    found = paired_differences(first, second, rounds=40, seed=3)
    rng = np.random.default_rng(3)
    draws = [rng.integers(150, size=150) for _ in range(40)]
    for difference in found:
        of = METRICS[difference.metric].function
        each = [of(first.rows(rows)) - of(second.rows(rows)) for rows in draws]
        assert difference.value == pytest.approx(of(first) - of(second))
        expected = np.quantile(each, [0.025, 0.975])
        assert (difference.low, difference.high) == pytest.approx(tuple(expected))


def test_a_model_is_no_better_than_itself():
    first, _ = two_judgements()
    for difference in paired_differences(first, first, rounds=20):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_nothing_known_gives_no_interval():
    nothing = judge([[np.nan]], [[0.5]])
    values = paired_differences(nothing, nothing, rounds=5)[0].to_dict()
    assert values == dict.fromkeys(
        ("macro_f1_over_baseline", "macro_f1_over_baseline_low", "macro_f1_over_baseline_high")
    )


def test_baseline_answers_with_its_own_thresholds():
    texts = ["late parcel", "thank you", "late again", "all is well"] * 5
    labels = np.array([[1], [0], [1], [0]] * 5)
    dataset = Dataset.from_arrays(texts, labels, label_names=["delay"])
    baseline, _ = fit_baseline(texts, dataset.labels)
    never = baseline.with_rule(DecisionRule([1.0]))
    outcome = outcome_of(DecisionRule([0.5]), ("delay",), labels, np.where(labels, 3.0, -3.0))
    for one, macro_f1 in ((baseline, 1.0), (never, 0.0)):
        flat = compare_with_baseline(one, ("delay",), dataset, outcome).to_dict()
        assert flat["baseline_macro_f1"] == macro_f1
        assert flat["macro_f1_over_baseline"] == 1 - macro_f1
        assert flat["baseline"].startswith("TF-IDF and logistic regression, C = 16, fitted on 20")
        assert "baseline_per_label" not in flat
