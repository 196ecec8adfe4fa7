"""OpenVINO's IR: read by plain OpenVINO, equal to Predictor."""

import json

import numpy as np
import pytest

from multilabel_bert.encoder.openvino_import import import_openvino
from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.export import to_openvino
from multilabel_bert.export.openvino_files import build_openvino
from multilabel_bert.model.predictor import Predictor

openvino = import_openvino()
FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32"}


def run(graph, model, texts):
    compiled = openvino.compile_model(graph, "CPU", FLOAT32)
    batch = model.tokenizer(texts, max_seq_length=model.max_seq_length)
    outputs = compiled({name: array.astype(np.int64) for name, array in batch.items()})
    return outputs["logits"], outputs["probabilities"]


@pytest.mark.parametrize(
    ("pooling", "calibration"),
    [
        *((pooling, "none") for pooling in POOLINGS if pooling != "mean"),
        ("mean", "platt"),
        ("mean", "isotonic"),
    ],
)
def test_it_equals_predictor(make_model, texts, pooling, calibration):
    model = make_model(pooling, calibration)
    logits, probabilities = run(build_openvino(model), model, texts)
    ours = Predictor(model).predict_logits(texts)
    np.testing.assert_allclose(logits, ours, atol=2e-5)
    np.testing.assert_allclose(probabilities, model.rule.probabilities(ours), atol=1e-5)


# OpenVINO 2026.4 adds a vector to the wrong axis of such a batch after a sum.
def test_calibration_of_as_many_texts_as_curves(make_model):
    model = make_model(calibration="isotonic")
    texts = ["where is my parcel", "thanks"]
    _, probabilities = run(build_openvino(model), model, texts)
    np.testing.assert_allclose(probabilities, Predictor(model).predict_proba(texts), atol=1e-5)


def test_the_files(make_model, texts, tmp_path):
    model = make_model()
    export = to_openvino(model, tmp_path / "topics.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "topics.bin",
        "topics.labels.json",
        "topics.xml",
    ]
    _, probabilities = run(str(tmp_path / "topics.xml"), model, texts)
    np.testing.assert_allclose(probabilities, Predictor(model).predict_proba(texts), atol=1e-5)
    graph = openvino.Core().read_model(str(tmp_path / "topics.xml"))
    names = graph.get_rt_info(["multilabel_bert", "label_names"]).astype(str)
    assert json.loads(names) == list(model.label_names)
    assert [i.get_element_type().get_type_name() for i in graph.inputs] == ["i64"] * 3
    assert all(i.get_partial_shape().is_dynamic for i in graph.inputs)
    assert any("INFERENCE_PRECISION_HINT" in note for note in export.notes)
