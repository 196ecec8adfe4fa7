"""The OpenVINO graph in the model directory: equal, lazy, and never of other weights."""

import json
import os
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
from test_directory import TEXTS, make_model

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.errors import DataError, ModelError
from multilabel_bert.model.directory import load_model, save_model, update_manifest
from multilabel_bert.model.hugging_face_files import expressible_as_modules
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.saved_graph import CONSTANTS, GRAPH, StoredTensors


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


@pytest.fixture
def saved(checkpoint, tmp_path):
    path = tmp_path / "model"
    save_model(make_model(checkpoint), path)
    return path


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_saved_graph_equals_the_one_built_and_keras(checkpoint, tmp_path, pooling):
    pytest.importorskip("keras")
    model = make_model(checkpoint, pooling)
    save_model(model, tmp_path / "model")
    loaded = Predictor.load(tmp_path / "model").predict_logits(TEXTS)
    np.testing.assert_array_equal(loaded, Predictor(model).predict_logits(TEXTS))
    keras = Predictor(load_model(tmp_path / "model"), engine="keras", precision="float32")
    np.testing.assert_allclose(loaded, keras.predict_logits(TEXTS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_graph_alone_gives_the_logits(checkpoint, tmp_path, pooling):
    from multilabel_bert.encoder.openvino_engine import OpenVINOEngine

    model = make_model(checkpoint, pooling)
    save_model(model, tmp_path / "model")
    engine = OpenVINOEngine(tmp_path / "model" / GRAPH, precision="float32")
    assert "logits" in engine.output_names
    assert ("last_hidden_state" in engine.output_names) == expressible_as_modules(pooling)
    batch = model.tokenizer(TEXTS, max_seq_length=16)
    np.testing.assert_allclose(
        engine.infer(batch)["logits"], Predictor(model).predict_logits(TEXTS), atol=1e-5
    )


def test_the_weights_are_read_when_they_are_asked_for(checkpoint, saved):
    predictor = Predictor.load(saved)
    predictor.predict_proba(TEXTS)
    tensors = predictor.model.tensors
    assert isinstance(tensors, StoredTensors)
    assert not tensors.are_read
    assert set(tensors) == set(checkpoint.tensors)
    assert tensors.are_read
    for name, value in checkpoint.tensors.items():
        np.testing.assert_array_equal(tensors[name], value)


def test_a_loaded_model_can_be_saved_again_even_in_its_own_place(saved, tmp_path):
    save_model(load_model(saved), tmp_path / "copy")
    save_model(load_model(saved), saved, overwrite=True)
    for name in ("model.safetensors", CONSTANTS, "tokenizer.json", "README.md"):
        assert (tmp_path / "copy" / name).read_bytes() == (saved / name).read_bytes()


def test_a_pickled_predictor_needs_no_files(saved):
    predictor = Predictor.load(saved)
    expected = predictor.predict_proba(TEXTS)
    pickled = pickle.dumps(predictor)
    shutil.rmtree(saved)
    np.testing.assert_array_equal(pickle.loads(pickled).predict_proba(TEXTS), expected)


def edit(path, **changes):
    file = path / "multilabel.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def without_graph(path):
    files = json.loads((path / "multilabel.json").read_text())["files"]
    shutil.rmtree(path / "openvino")
    edit(path, files={name: said for name, said in files.items() if "openvino" not in name})


def test_a_model_without_a_graph_works(saved):
    expected = Predictor.load(saved).predict_proba(TEXTS)
    without_graph(saved)
    np.testing.assert_array_equal(Predictor.load(saved).predict_proba(TEXTS), expected)
    edit(saved, files={}, weights_sha256="of version 0.1")
    np.testing.assert_array_equal(Predictor.load(saved).predict_proba(TEXTS), expected)


def test_a_model_is_saved_without_a_graph_where_openvino_is_missing(
    checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    save_model(make_model(checkpoint), tmp_path / "model")
    monkeypatch.undo()
    assert not (tmp_path / "model" / "openvino").exists()
    assert Predictor.load(tmp_path / "model").predict_proba(TEXTS).shape == (5, 3)


def test_new_thresholds_leave_the_graph_valid(saved):
    before = Predictor.load(saved).predict_proba(TEXTS)
    update_manifest(replace(load_model(saved), rule=DecisionRule([0.1, 0.2, 0.3])), saved)
    again = Predictor.load(saved)
    assert isinstance(again.model.tensors, StoredTensors)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), before)


def flip(path, position=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 1
    path.write_bytes(bytes(content))


def other_model(checkpoint, tmp_path):
    tensors = {name: value + np.float32(0.01) for name, value in checkpoint.tensors.items()}
    save_model(replace(make_model(checkpoint), tensors=tensors), tmp_path / "other")
    return tmp_path / "other"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: os.truncate(p / CONSTANTS, 5000), "model.bin is cut off or damaged: it has 5,0"),
        (lambda p: os.truncate(p / GRAPH, 5000), "model.xml is cut off or damaged: it has 5,000"),
        (lambda p: (p / CONSTANTS).unlink(), "model.bin is missing. Copy the model again"),
        (lambda p: (p / GRAPH).unlink(), "model.xml is missing. Copy the model again"),
        (lambda p: flip(p / CONSTANTS), "model.bin is not the file that .*multilabel.json descr"),
        (lambda p: flip(p / GRAPH), "model.xml is not the file that .*multilabel.json describes"),
        (lambda p: edit(p, files=[]), r"damaged .files is \[\]"),
    ],
)
def test_a_damaged_graph_is_one_clear_error(saved, damage, message):
    damage(saved)
    with pytest.raises(ModelError, match=message):
        Predictor.load(saved)


def test_a_graph_of_another_model_is_refused(checkpoint, saved, tmp_path):
    shutil.copytree(
        other_model(checkpoint, tmp_path) / "openvino", saved / "openvino", dirs_exist_ok=True
    )
    with pytest.raises(ModelError, match="is not the file that .*multilabel.json describes"):
        Predictor.load(saved)


def test_a_graph_of_other_weights_is_refused_whatever_the_manifest_says(
    checkpoint, saved, tmp_path
):
    other = other_model(checkpoint, tmp_path)
    shutil.copytree(other / "openvino", saved / "openvino", dirs_exist_ok=True)
    mine, theirs = (
        json.loads((p / "multilabel.json").read_text())["files"] for p in (saved, other)
    )
    edit(saved, files={GRAPH: theirs[GRAPH], CONSTANTS: theirs[CONSTANTS]} | {
        name: said for name, said in mine.items() if "openvino" not in name
    })  # fmt: skip
    with pytest.raises(ModelError, match="has the weights_sha256 .*; expected .* Copy the model"):
        Predictor.load(saved)


def test_weights_that_another_program_wrote_are_noticed(checkpoint, saved, tmp_path):
    shutil.copy(other_model(checkpoint, tmp_path) / "model.safetensors", saved)
    with pytest.raises(ModelError, match="model.safetensors is not the file that .* describes"):
        Predictor.load(saved)


def test_damaged_weights_are_noticed_when_they_are_read(saved):
    model = load_model(saved)
    flip(saved / "model.safetensors")
    with pytest.raises(ModelError, match="model.safetensors is not the file"):
        len(model.tensors)


@pytest.mark.parametrize("engine", ["openvino", "keras"])
def test_many_texts_are_streamed_to_the_same_values(checkpoint, engine):
    pytest.importorskip("keras")
    predictor = Predictor(make_model(checkpoint), engine=engine, precision="float32")
    texts = [TEXTS[row % 4] for row in range(5000)]
    pairs = [TEXTS[row % 3] for row in range(5000)]
    together = predictor.predict_logits(texts, pairs)
    assert together.shape == (5000, 3)
    for start in (0, 2040, 4990):
        few = predictor.predict_logits(texts[start : start + 10], pairs[start : start + 10])
        np.testing.assert_allclose(together[start : start + 10], few, atol=1e-5)


def test_a_wrong_text_in_a_stream_is_the_usual_error(checkpoint):
    predictor = Predictor(make_model(checkpoint))
    stream = predictor.stream_logits(iter([(["late"], None), (["late", None], None)]))
    with pytest.raises(DataError, match="Expected strings, got NoneType"):
        list(stream)


def test_weights_that_are_gone_when_they_are_needed(saved, tmp_path):
    model = load_model(saved)
    saved.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=r"cannot be read any more .* Was the model moved"):
        dict(model.tensors)
