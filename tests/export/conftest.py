"""A small classifier with a real vocabulary, real texts, and what `Predictor` says of them."""

import csv
from importlib.resources import files

import numpy as np
import pytest

from multilabel_bert.decision.calibration import Calibration, Curve
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.pooling import representation_size
from multilabel_bert.encoder.tensors import expected_tensors
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import save_model
from multilabel_bert.text.tokenizer import BertTokenizer

NAMES = ("delay", "refund", "praise", "a \"quoted\" 'name'")
# Beside the messages: empty, longer than the model takes, in other scripts.
MORE_TEXTS = ["", "late " * 200, "Où est mon colis? ÇA SUFFIT!", "包裹在哪里 refund", "αβγΣ ΟΔΟΣ"]

CALIBRATIONS = {
    "none": None,
    "platt": Calibration("platt", [0.5, 1.5, 1.0, 2.0], [0.2, -0.3, 0.0, 0.1]),
    "isotonic": Calibration(
        "isotonic",
        [1.0, 0.5, 1.0, 1.0],
        [0.0, 0.1, 0.0, 0.0],
        {
            0: Curve(np.array([-1.0, -0.5, 0.2, 1.0]), np.array([0.1, 0.3, 0.3, 0.9])),
            2: Curve(np.array([0.3]), np.array([0.4])),
        },
    ),
}


@pytest.fixture(scope="session")
def texts():
    """The bundled messages, and some that are odd."""
    path = files("multilabel_bert") / "demo_data" / "test.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][:60] + MORE_TEXTS


@pytest.fixture(scope="session")
def make_model(minilm):
    """Makes classifiers of random weights with the real vocabulary of MiniLM."""
    lines = (minilm / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]
    rng = np.random.default_rng(0)
    config = BertConfig(len(vocabulary), 16, 4, 2, 32, "gelu_new", max_position_embeddings=48)
    tensors = {
        name: rng.normal(name.endswith("gamma"), 0.3, shape).astype(np.float32)
        for name, shape in expected_tensors(config).items()
    }

    def make(pooling="pooled", calibration="none", lower=True, **changes):
        rng = np.random.default_rng(3)
        features = representation_size(pooling, config.hidden_size)
        values = {
            "config": config,
            "tensors": tensors,
            "kernel": rng.normal(size=(features, len(NAMES))).astype(np.float32),
            "bias": rng.normal(size=len(NAMES)).astype(np.float32),
            "pooling": pooling,
            "label_names": NAMES,
            "tokenizer": BertTokenizer(vocabulary, do_lower_case=lower),
            "max_seq_length": 32,
            "rule": DecisionRule([0.5, 0.3, 0.7, 0.6], calibration=CALIBRATIONS[calibration]),
            "precision": "float32",
        }
        return ClassifierModel(**(values | changes))

    return make


@pytest.fixture(scope="session")
def saved(make_model, tmp_path_factory):
    """A model directory; read only."""
    path = tmp_path_factory.mktemp("models") / "model"
    save_model(make_model(), path)
    return path
