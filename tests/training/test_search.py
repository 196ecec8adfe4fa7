"""The search: rounds, thresholds of other folds, the estimate, an interruption."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.progress import Progress
from multilabel_bert.training import search as module
from multilabel_bert.training.class_weights import balanced_positive_weights
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.search import out_of_fold_score, search_heads
from multilabel_bert.training.search_space import Search, combinations
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets

CONFIG = BertConfig(20, 8, 2, 2, 16, max_position_embeddings=16)
# With a rate of next to nothing a head learns nothing: it is the worst beyond doubt.
SPACE = {"pooling": ["cls", "mean"], "learning_rate": [1e-5, 0.02, 0.05]}
SETTINGS = TrainingSettings(pooling="cls", num_train_epochs=3, learning_rate=1e-5)


def texts(count=240, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(count, 8)).astype(np.float32)
    targets = (mean[:, :3] + 0.3 * rng.normal(size=(count, 3)) > 0.7).astype(np.int8)
    noise = rng.normal(size=(count, 8)).astype(np.float32)
    return FrozenTexts({"cls": noise, "mean": mean}, Targets(targets), np.arange(count))


def searched(search, data=None, **more):
    def new_network(settings):
        return ClassifierNetwork(
            CONFIG, first_layer=2, pooling=settings.pooling, labels=3, dropout=0.1
        )

    def weights(settings, targets):
        balanced = settings.class_weight == "balanced"
        return balanced_positive_weights(*targets.known_counts()) if balanced else None

    return search_heads(
        data or texts(),
        SETTINGS,
        search,
        combinations(search, SETTINGS, layers=2, pooler=True),
        new_network=new_network,
        positive_weights=weights,
        hidden_size=8,
        **more,
    )


@pytest.fixture(scope="module")
def found():
    return searched(Search(SPACE, reduction=2, min_texts=90), held_out=texts(150, seed=1))


def test_the_best_is_found_and_each_round_keeps_a_half_of_the_configurations(found):
    assert found.best["pooling"] == "mean"
    assert found.best["learning_rate"] > 1e-3
    assert list(found.rounds) == [(6, 120), (3, 240)]
    assert [one.texts for one in found.tried] == [240] * 3 + [120] * 3
    assert sum(one.own for one in found.tried[:3]) == 1, "the run's settings are always compared"
    scores = [one.score for one in found.tried[:3]]
    assert scores == sorted(scores, reverse=True)


def test_the_estimate_is_of_texts_that_were_held_out(found):
    estimate = found.estimate
    assert estimate.texts == 150
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.value > estimate.own + 0.1


def test_the_same_seed_finds_the_same(found):
    again = searched(Search(SPACE, reduction=2, min_texts=90), held_out=texts(150, seed=1))
    without_time = [{**one.to_dict(), "seconds": 0} for one in (found, again)]
    assert without_time[0] == without_time[1]


def test_without_a_development_split_a_fifth_is_kept_out():
    result = searched(Search({"learning_rate": [0.02]}))
    assert result.estimate.texts == pytest.approx(48, abs=3)
    assert result.rounds[-1][1] == 240 - result.estimate.texts


def test_thresholds_of_a_fold_are_chosen_on_the_others():
    rng = np.random.default_rng(0)
    truth = (rng.random((90, 2)) < 0.4).astype(np.int8)
    logits = (2 * truth - 1 + 2 * rng.normal(size=(90, 2))).astype(np.float32)
    folds = np.arange(90) % 3
    decided = np.zeros_like(truth)
    for fold in range(3):
        inside = folds == fold
        probabilities = 1 / (1 + np.exp(-logits))
        best = [
            max(
                np.unique(probabilities[~inside]),
                key=lambda cut: f1_score(
                    truth[~inside].ravel(), probabilities[~inside].ravel() >= cut
                ),
            )
        ]
        decided[inside] = probabilities[inside] >= best[0]
    wanted = f1_score(truth.ravel(), decided.ravel())
    value = out_of_fold_score(truth, logits, folds, "micro_f1", "global")
    assert value == pytest.approx(wanted, abs=0.02)
    assert np.isnan(out_of_fold_score(truth, logits * np.nan, folds, "micro_f1", "global"))


def test_ctrl_c_keeps_the_best_of_the_last_complete_round(monkeypatch, capsys):
    calls = []
    usual = module.out_of_fold_score

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 8:  # in the second round
            raise KeyboardInterrupt
        return usual(*arguments)

    monkeypatch.setattr(module, "out_of_fold_score", interrupted)
    result = searched(
        Search(SPACE, reduction=2, min_texts=90), held_out=texts(50), progress=Progress("auto")
    )
    assert result.interrupted
    assert result.estimate is None
    assert {one.round for one in result.tried} == {1}
    assert result.best["pooling"] == "mean"
    assert "Interrupted: the search ends" in capsys.readouterr().err


def test_ctrl_c_before_anything_is_tried_keeps_the_settings_of_the_run(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "out_of_fold_score", interrupted)
    result = searched(Search(SPACE), held_out=texts(50))
    assert result.interrupted
    assert result.best == {"pooling": "cls", "learning_rate": 1e-5}
