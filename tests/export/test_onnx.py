"""ONNX: opened by onnxruntime, equal to Predictor, of standard operators alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import onnx  # noqa: E402

from multilabel_bert.encoder.checkpoint import load_checkpoint  # noqa: E402
from multilabel_bert.encoder.pooling import POOLINGS  # noqa: E402
from multilabel_bert.export import onnx_file, to_onnx  # noqa: E402
from multilabel_bert.export.onnx_graph import OPSET, build_onnx  # noqa: E402
from multilabel_bert.model.predictor import Predictor  # noqa: E402


def run(graph, model, texts, pairs=None):
    """Logits and probabilities, all texts in one batch; of a path, or a graph in memory."""
    source = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
    session = onnxruntime.InferenceSession(source)
    batch = model.tokenizer(texts, pairs, max_seq_length=model.max_seq_length)
    return session.run(None, {name: array.astype(np.int64) for name, array in batch.items()})


@pytest.mark.parametrize(
    ("pooling", "calibration"),
    [*((pooling, "none") for pooling in POOLINGS), ("mean", "platt"), ("mean", "isotonic")],
)
def test_it_equals_predictor(make_model, texts, pooling, calibration):
    model = make_model(pooling, calibration)
    logits, probabilities = run(build_onnx(model), model, texts)
    ours = Predictor(model).predict_logits(texts)
    np.testing.assert_allclose(logits, ours, atol=2e-5)
    np.testing.assert_allclose(probabilities, model.rule.probabilities(ours), atol=1e-5)
    assert np.ptp(ours) > 1
    plain = np.abs(probabilities - make_model(pooling).rule.probabilities(ours)).max()
    assert (plain > 0.02) == (calibration != "none")


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu", "tanh"])
def test_activations(make_model, texts, activation):
    model = make_model()
    model = replace(model, config=replace(model.config, hidden_act=activation))
    logits, _ = run(build_onnx(model), model, texts)
    np.testing.assert_allclose(logits, Predictor(model).predict_logits(texts), atol=2e-5)


def test_pairs_and_company(make_model):
    model = make_model()
    graph = build_onnx(model)
    first, second = ["where is it", "late"], ["my parcel", "refund please now " * 20]
    ours = Predictor(model).predict_proba(first, second)
    np.testing.assert_allclose(run(graph, model, first, second)[1], ours, atol=1e-5)
    for row in range(2):
        alone = run(graph, model, first[row : row + 1], second[row : row + 1])[1]
        np.testing.assert_allclose(alone[0], ours[row], atol=1e-5)


def test_the_file_says_what_it_is(make_model, texts, tmp_path):
    model = make_model()
    to_onnx(model, tmp_path / "out")
    _, probabilities = run(tmp_path / "out" / "model.onnx", model, texts)
    np.testing.assert_allclose(probabilities, Predictor(model).predict_proba(texts), atol=1e-5)
    graph = onnx.load(tmp_path / "out" / "model.onnx")
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    assert {node.domain for node in graph.graph.node} == {""}
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    labels = json.loads((tmp_path / "out" / "labels.json").read_text(encoding="utf-8"))
    for key in ("label_names", "thresholds"):
        assert json.loads(metadata[key]) == labels[key]
    dims = [[d.dim_param for d in i.type.tensor_type.shape.dim] for i in graph.graph.input]
    assert dims == [["batch", "sequence"]] * 3


def test_weights_beyond_protobufs_limit_are_in_a_file_of_their_own(
    make_model, texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(onnx_file, "LARGEST_FILE_BYTES", 100_000)
    model = make_model()
    to_onnx(model, tmp_path / "topics.onnx")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["topics.labels.json", "topics.onnx", "topics.onnx.data"]
    assert (tmp_path / "topics.onnx").stat().st_size < 200_000
    _, probabilities = run(tmp_path / "topics.onnx", model, texts)
    np.testing.assert_allclose(probabilities, Predictor(model).predict_proba(texts), atol=1e-5)


@pytest.mark.slow
def test_minilm_on_real_texts(make_model, texts, minilm):
    checkpoint = load_checkpoint(minilm)
    kernel = np.random.default_rng(0).normal(size=(768, 4)).astype(np.float32)
    model = make_model(
        "cls+mean", config=checkpoint.config, tensors=checkpoint.tensors, kernel=kernel
    )
    _, probabilities = run(build_onnx(model), model, texts)
    np.testing.assert_allclose(probabilities, Predictor(model).predict_proba(texts), atol=1e-5)
