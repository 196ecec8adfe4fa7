"""Models that share an encoder answer, in mixed batches, as each does alone."""

import numpy as np
import pytest
from served import random_model, random_texts

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor
from multilabel_bert.serving.lanes import relative_rows, rows_of_ways
from multilabel_bert.serving.served_models import ServedModels
from multilabel_bert.text.long_texts import LongTexts


@pytest.fixture(scope="module")
def models(deep_encoder):
    """Two heads on the frozen encoder, two whose last layer was trained, one of two layers."""
    checkpoint = load_checkpoint(deep_encoder)
    trained = {"head": None, "other": None, "top": 4, "other top": 4, "two": 3}
    return {
        name: random_model(checkpoint, seed=seed, trained_from=layer)
        for seed, (name, layer) in enumerate(trained.items())
    }


@pytest.fixture(scope="module")
def served(models):
    return ServedModels(SharedPredictor({n: Predictor(m) for n, m in models.items()}))


def test_models_with_the_same_lower_layers_are_in_one_lane(served):
    (lane, names), *others = served.by_lane(list(served))
    assert names == list(served.names)
    assert not others
    assert served.workers == lane.engine.jobs


@pytest.fixture(scope="module")
def alone(models):
    return {name: Predictor(model) for name, model in models.items()}


@pytest.mark.parametrize("seed", range(4))
def test_each_text_goes_through_the_layers_of_its_models(served, alone, seed):
    rng = np.random.default_rng(seed)
    lane = served.default.lane
    texts = random_texts(12, seed)
    names = list(alone)
    wanted = [rng.choice(names, rng.integers(1, 3), replace=False).tolist() for _ in texts]
    tokenized = lane.tokenize(texts, None)
    parts = lane.encode(tokenized.pad(np.arange(len(texts))), wanted)
    for name, predictor in alone.items():
        rows = [row for row, of_row in enumerate(wanted) if name in of_row]
        expected = predictor.predict_logits([texts[row] for row in rows])
        found = lane.logits(name, parts, tokenized)[rows]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_way_gets_the_rows_of_its_models():
    ways = {"all but 0": frozenset({1, 2}), "2": frozenset({2}), "0": frozenset({0})}
    wanted = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 1]], bool)
    rows = rows_of_ways(ways, wanted)
    assert {name: found.tolist() for name, found in rows.items()} == {
        "all but 0": [1, 2, 3],
        "2": [1, 3],
        "0": [0, 3],
    }
    relative = relative_rows(ways, rows)
    assert {name: found.tolist() for name, found in relative.items()} == {
        "all but 0": [1, 2, 3],
        "2": [0, 2],
        "0": [0, 3],
    }


def test_what_sees_texts_otherwise_has_a_lane_of_its_own(deep_encoder):
    checkpoint = load_checkpoint(deep_encoder)
    models = {
        "cut": random_model(checkpoint),
        "windows": random_model(checkpoint, long_texts=LongTexts(windows="mean")),
    }
    served = ServedModels(SharedPredictor({n: Predictor(m) for n, m in models.items()}))
    assert [names for _, names in served.by_lane(list(served))] == [["cut"], ["windows"]]
