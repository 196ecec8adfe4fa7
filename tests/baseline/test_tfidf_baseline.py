"""The baseline: equal to scikit-learn's, stored without pickle, bounded."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix, random_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from multilabel_bert.baseline import background, fitting
from multilabel_bert.baseline.background import BaselineRun
from multilabel_bert.baseline.fitting import NoBaselineError, fit_baseline
from multilabel_bert.baseline.logistic_regression import fit_logistic_regressions
from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.errors import ModelError
from multilabel_bert.progress import Progress

WORDS = [f"word{i}" for i in range(60)]


def some_data(texts=300, labels=3, seed=0):
    rng = np.random.default_rng(seed)
    rows = [rng.choice(WORDS, size=rng.integers(3, 12)) for _ in range(texts)]
    truth = np.array(
        [[any(w in row for w in WORDS[3 * k : 3 * k + 3]) for k in range(labels)] for row in rows]
    )
    noisy = truth ^ (rng.random(truth.shape) < 0.1)
    return [" ".join(row) for row in rows], noisy.astype(np.int8)


def sklearns(features, targets, C):
    model = LogisticRegression(C=C, tol=1e-8, max_iter=2000).fit(features, targets)
    return model.coef_[0], model.intercept_[0]


@pytest.mark.parametrize("C", [0.3, 4.0, 100.0])
def test_logistic_regressions_equal_those_of_scikit_learn(C):
    features = csr_matrix(random_array((400, 80), density=0.1, rng=np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    targets = (features @ rng.normal(size=(80, 4)) + rng.normal(size=400)[:, None] > 0.8) * 1
    found = fit_logistic_regressions(features, targets, C, tolerance=1e-8)
    for label in range(4):
        coefficients, intercept = sklearns(features, targets[:, label], C)
        np.testing.assert_allclose(found.coefficients[:, label], coefficients, atol=2e-4)
        np.testing.assert_allclose(found.intercepts[label], intercept, atol=2e-4)


def test_blocks_of_labels_and_another_start_change_nothing(monkeypatch):
    features = csr_matrix(random_array((200, 50), density=0.1, rng=np.random.default_rng(0)))
    targets = np.random.default_rng(1).integers(0, 2, (200, 5))
    whole = fit_logistic_regressions(features, targets, 2.0, tolerance=1e-8)
    before = fit_logistic_regressions(features, targets, 0.1)
    monkeypatch.setattr("multilabel_bert.baseline.logistic_regression._CELLS_AT_ONCE", 450)
    again = fit_logistic_regressions(features, targets, 2.0, start=before, tolerance=1e-8)
    np.testing.assert_allclose(again.coefficients, whole.coefficients, atol=1e-6)


@pytest.mark.parametrize("unknown", [-1, np.nan])
def test_unknown_cells_are_left_out_label_by_label(unknown):
    features = csr_matrix(random_array((300, 40), density=0.1, rng=np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, (300, 3)).astype(float)
    hidden = rng.random((300, 3)) < 0.4
    found = fit_logistic_regressions(
        features, np.where(hidden, unknown, targets), 4.0, tolerance=1e-8
    )
    for label in range(3):
        known = ~hidden[:, label]
        coefficients, _ = sklearns(features[known], targets[known, label], 4.0)
        np.testing.assert_allclose(found.coefficients[:, label], coefficients, atol=2e-4)


def test_label_with_one_value_only_gets_its_share():
    features = csr_matrix(np.eye(4))
    targets = np.array([[0, 1, -1, 0], [0, 1, -1, 1], [0, 1, -1, 0], [0, 1, -1, 1]])
    found = fit_logistic_regressions(features, targets, 1.0)
    assert not found.coefficients[:, :3].any()
    np.testing.assert_allclose(found.intercepts[:3], np.log([0.5 / 4.5, 4.5 / 0.5, 0.1 / 0.9]))
    assert found.coefficients[:, 3].any()


@pytest.mark.parametrize("texts", [300, 2500])
def test_probabilities_equal_those_of_scikit_learn(texts, monkeypatch):
    monkeypatch.setattr(fitting, "_TOLERANCE", 1e-5)
    train, labels = some_data(texts)
    test = [*some_data(50, seed=1)[0], "", "nothing known here"]
    baseline, _ = fit_baseline(train, csr_array(labels))
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, min_df=2 if texts >= 2000 else 1
    )
    features = vectorizer.fit_transform(train)
    found = 1 / (1 + np.exp(-baseline.predict_logits(test).astype(float)))
    for label in range(3):
        model = LogisticRegression(C=baseline.how.C, tol=1e-8, max_iter=2000).fit(
            features, labels[:, label]
        )
        expected = model.predict_proba(vectorizer.transform(test))[:, 1]
        np.testing.assert_allclose(found[:, label], expected, atol=1e-4)


def test_development_split_chooses_the_penalty_and_its_logits_are_given():
    train, labels = some_data()
    dev, dev_labels = some_data(100, seed=1)
    baseline, logits = fit_baseline(train, csr_array(labels), dev, csr_array(dev_labels))
    tried = dict(baseline.how.tried)
    assert tried[baseline.how.C] == max(tried.values())
    assert len(tried) >= 2
    np.testing.assert_allclose(logits, baseline.predict_logits(dev), atol=1e-5)


def test_without_a_development_split_folds_choose_and_their_logits_are_given():
    train, labels = some_data()
    train[7], labels[7] = train[3], labels[3]
    baseline, logits = fit_baseline(train, csr_array(labels))
    tried = dict(baseline.how.tried)
    assert tried[baseline.how.C] == max(tried.values())
    assert logits.shape == labels.shape
    # Equal texts are in one fold, so none was fitted on the other.
    np.testing.assert_array_equal(logits[7], logits[3])
    seen = baseline.predict_logits(train)
    assert np.abs(seen - logits).max() > 0.1
    assert average_precision_score(labels, logits) < average_precision_score(labels, seen)
    # What is worked out by folds must predict texts that are really new.
    new, new_labels = some_data(100, seed=1)
    unseen = average_precision_score(new_labels, baseline.predict_logits(new))
    assert abs(unseen - average_precision_score(labels, logits)) < 0.15


def test_where_folds_would_take_long_there_are_none(monkeypatch):
    monkeypatch.setattr(fitting, "_MOST_WORK_FOR_FOLDS", 10)
    train, labels = some_data()
    baseline, logits = fit_baseline(train, csr_array(labels))
    assert logits is None
    assert baseline.how.tried == ()
    assert baseline.how.C == 4


def test_saved_baseline_is_the_same_and_no_pickle(tmp_path):
    train, labels = some_data()
    baseline, _ = fit_baseline(train, csr_array(labels), train, csr_array(labels))
    baseline = baseline.with_rule(DecisionRule([0.1, 0.2, 0.3]))
    baseline.save(tmp_path / "baseline")
    names = sorted(path.name for path in (tmp_path / "baseline").iterdir())
    assert names == ["baseline.json", "terms.json", "weights.safetensors"]
    loaded = TfidfBaseline.load(tmp_path / "baseline")
    assert loaded.rule == baseline.rule
    assert loaded.how == baseline.how
    assert np.array_equal(loaded.predict_logits(train), baseline.predict_logits(train))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("terms.json", "[", "is damaged"),
        ("terms.json", '["a"]', "1 terms and 3 labels"),
        ("baseline.json", "{}", "is damaged"),
        ("weights.safetensors", "xx", "is damaged"),
        ("terms.json", None, "is missing. Copy the model again, or remove that folder"),
    ],
)
def test_damaged_baseline_is_an_error_with_a_way_out(tmp_path, file, content, message):
    train, labels = some_data()
    fit_baseline(train, csr_array(labels))[0].save(tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(ModelError, match=message):
        TfidfBaseline.load(tmp_path)


def test_pairs_count_as_one_text():
    train, labels = some_data()
    firsts, seconds = zip(*(text.split(" ", 1) for text in train), strict=True)
    pairs = Dataset.from_arrays(list(firsts), labels, text_pairs=list(seconds))
    whole, _ = BaselineRun(Dataset.from_arrays(train, labels), None).result(Progress("silent"))
    paired, _ = BaselineRun(pairs, None).result(Progress("silent"))
    np.testing.assert_allclose(
        paired.predict_logits(firsts, seconds), whole.predict_logits(train), atol=1e-5
    )


def test_texts_without_spaces_are_taken_by_character():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("春夏秋冬山川草木"), size=8)) for _ in range(100)]
    labels = np.array([["春" in text] for text in texts], np.int8)
    baseline, _ = fit_baseline(texts, csr_array(labels))
    assert baseline.weights.unit == "char"
    assert (((baseline.predict_logits(texts) > 0) == labels).mean()) > 0.95


def test_too_much_work_is_done_on_a_part_and_said(monkeypatch):
    train, labels = some_data()
    monkeypatch.setattr(fitting, "_MOST_WORK", 1500)
    monkeypatch.setattr(fitting, "_MOST_WORK_FOR_SEVERAL", 0)
    monkeypatch.setattr(fitting, "_MOST_COEFFICIENTS", 90)
    baseline, _ = fit_baseline(train, csr_array(labels), train, csr_array(labels))
    assert 50 < baseline.how.texts < 250
    assert baseline.coefficients.shape == (30, 3)
    assert baseline.how.C == 4.0
    assert f"{baseline.how.texts} of 300 texts, to bound its cost" in baseline.how.describe()


def test_too_many_labels_and_no_words_are_reasons():
    with pytest.raises(NoBaselineError, match="5,001 labels are more than 5,000"):
        fit_baseline(["a b"], csr_array((1, 5001), dtype=np.int8))
    with pytest.raises(NoBaselineError, match="the texts hold no words"):
        fit_baseline(["!", "?"], csr_array(np.array([[1], [0]], np.int8)))


def test_another_process_gives_the_same(monkeypatch):
    train, labels = some_data()
    dev, dev_labels = some_data(100, seed=1)
    splits = Dataset.from_arrays(train, labels), Dataset.from_arrays(dev, dev_labels)
    here, here_logits = BaselineRun(*splits).result(Progress("silent"))
    monkeypatch.setattr(background, "_WORTH_A_PROCESS", 0)
    run = BaselineRun(*splits)
    folder = run._folder
    monkeypatch.setattr(background, "_fit", None)  # it must not be fitted here
    there, there_logits = run.result(Progress("silent"))
    assert not folder.exists()
    np.testing.assert_array_equal(there.coefficients, here.coefficients)
    np.testing.assert_array_equal(there_logits, here_logits)
    reason = BaselineRun(Dataset.from_arrays(["!"], [[1]]), None)
    with pytest.raises(NoBaselineError, match="no words"):
        reason.result(Progress("silent"))


def test_cancelled_run_leaves_nothing(monkeypatch):
    monkeypatch.setattr(background, "_WORTH_A_PROCESS", 0)
    run = BaselineRun(Dataset.from_arrays(*some_data()), None)
    process, folder = run._process, run._folder
    run.cancel()
    assert process.returncode is not None
    assert not folder.exists()


def test_run_that_nobody_waits_for_leaves_nothing(monkeypatch):
    monkeypatch.setattr(background, "_WORTH_A_PROCESS", 0)
    run = BaselineRun(Dataset.from_arrays(*some_data()), None)
    process, folder = run._process, run._folder
    del run
    assert process.poll() is not None
    assert not folder.exists()


def test_where_no_process_starts_it_is_fitted_here(monkeypatch, tmp_path):
    monkeypatch.setattr(background, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    baseline, _ = BaselineRun(Dataset.from_arrays(*some_data()), None).result(Progress("silent"))
    assert baseline.coefficients.any()


def test_loading_and_asking_need_no_tensorflow(tmp_path):
    train, labels = some_data()
    fit_baseline(train, csr_array(labels))[0].save(tmp_path)
    program = (
        "import sys; from pathlib import Path;"
        "from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline;"
        f"TfidfBaseline.load(Path({json.dumps(str(tmp_path))})).predict_logits(['word1']);"
        "print(*{'keras', 'tensorflow', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
