"""Models that share a trunk: one pass, the answers of each alone, nothing shared that differs."""

import copy
import gc
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from test_directory import TEXTS, make_model

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.encoder.encoding import encode_parts
from multilabel_bert.encoder.layers import split_layers
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.errors import DataError, ModelError, SettingsError
from multilabel_bert.model import logits_stream, shared_predictor
from multilabel_bert.model.directory import load_model, save_model, update_manifest
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor
from multilabel_bert.text.long_texts import LongTexts

LAYERS = 5


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


def trained_from(tensors, first_layer, seed):
    """The weights after a training of the layers from `first_layer` on, and of the pooler."""
    rng = np.random.default_rng(seed)
    upper = [f"encoder/layer_{index}/" for index in range(first_layer, LAYERS)]
    return {
        name: value + rng.normal(0, 0.2, value.shape).astype(np.float32)
        if name.startswith((*upper, *(["pooler/"] if upper else [])))
        else value
        for name, value in tensors.items()
    }


def model_with(checkpoint, *, first_layer=LAYERS, seed=0, pooling="pooled", **changes):
    rng = np.random.default_rng(seed)
    model = make_model(checkpoint, pooling)
    return replace(
        model,
        kernel=rng.normal(size=model.kernel.shape).astype(np.float32),
        tensors=trained_from(checkpoint.tensors, first_layer, seed),
        **changes,
    )


@pytest.fixture(scope="module")
def models(checkpoint):
    """Two heads on the frozen encoder, tops of 1, 1, 2 and 3 layers, and one trained in all."""
    return {
        "head": model_with(checkpoint, seed=1),
        "other head": model_with(checkpoint, seed=2, pooling="cls+mean"),
        "top 1": model_with(checkpoint, first_layer=4, seed=3, pooling="mean_last4"),
        "another top 1": model_with(checkpoint, first_layer=4, seed=4),
        "top 2": model_with(checkpoint, first_layer=3, seed=5, pooling="cls+mean"),
        "top 3": model_with(checkpoint, first_layer=2, seed=6, pooling="max"),
        "all": model_with(checkpoint, first_layer=0, seed=7),
    }


@pytest.fixture(scope="module")
def paths(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, model in models.items():
        save_model(model, folder / name)
    return {name: folder / name for name in models}


@pytest.fixture(scope="module")
def shared(paths):
    return SharedPredictor.load(paths)


@pytest.fixture
def passes(monkeypatch):
    """The batches that OpenVINO computes, by the engine."""
    seen = []
    original = OpenVINOEngine.run
    monkeypatch.setattr(
        OpenVINOEngine,
        "run",
        lambda self, batches: original(self, (seen.append(self) or b for b in batches)),
    )
    return seen


def assert_equal_to_alone(found, models, texts=TEXTS, atol=1e-5):
    for name, logits in found.items():
        alone = Predictor(models[name]).predict_logits(texts)
        np.testing.assert_allclose(logits, alone, rtol=0, atol=atol, err_msg=name)


def test_each_model_answers_as_alone(shared, models):
    found = shared.predict_logits(TEXTS)
    assert list(found) == list(models)
    assert_equal_to_alone(found, models)


def test_what_shares_layers_is_one_group(shared):
    assert [set(group.names) for group in shared.groups] == [
        {"head", "other head", "top 1", "another top 1", "top 2", "top 3"},
        {"all"},
    ]


def test_one_pass_serves_all_of_a_group(shared, passes):
    shared.predict_logits(["late parcel"])
    assert len(passes) == 2
    passes.clear()
    shared.predict_logits(["late parcel"], ["head", "top 3"])
    assert len(passes) == 1


@pytest.mark.parametrize("names", [["top 2"], ["all", "head"], ["top 3", "another top 1"], []])
def test_some_of_the_models(shared, models, names):
    found = shared.predict_logits(TEXTS, names)
    assert list(found) == names
    assert_equal_to_alone(found, models)


def test_layers_of_models_that_are_not_asked_are_not_computed(shared):
    group = shared.groups[0]
    batch = shared.predictors["head"].tokenizer(TEXTS, max_seq_length=16)
    asked = group.engine(["top 1"])
    (computed,) = asked._engine.run([asked._with_rows(batch)])
    (given,) = asked.run([batch])
    assert {len(values) for values in given.values()} == {len(TEXTS)}
    assert set(given) < set(computed)
    assert {len(computed[name]) for name in set(computed) - set(given)} == {0}


@pytest.mark.parametrize("pooling", ["pooled", "mean", "cls+mean"])
def test_heads_alone_share_the_stored_graph(checkpoint, tmp_path, pooling):
    models = {name: model_with(checkpoint, seed=s, pooling=pooling) for s, name in enumerate("ab")}
    for name, model in models.items():
        save_model(model, tmp_path / name)
    shared = SharedPredictor.load({name: tmp_path / name for name in models})
    assert [group.names for group in shared.groups] == [("a", "b")]
    for name, logits in shared.predict_logits(TEXTS).items():
        alone = Predictor.load(tmp_path / name).predict_logits(TEXTS)
        np.testing.assert_array_equal(logits, alone)
        # Weights that were compared are not kept.
        assert not shared.predictors[name].model.tensors.are_read


def test_predictors_that_are_compiled_already(models):
    predictors = {name: Predictor(model) for name, model in models.items()}
    shared = SharedPredictor(predictors)
    assert len(shared.groups) == 2
    assert shared.predictors["all"] is predictors["all"]
    assert shared.predictors["head"] is not predictors["head"]
    assert_equal_to_alone(shared.predict_logits(TEXTS), models)


def test_each_predictor_of_a_group_can_be_used_alone(shared, models):
    for name in ("head", "top 1", "top 3"):
        predictor = shared.predictors[name]
        assert_equal_to_alone({name: predictor.predict_logits(TEXTS)}, models)
        explanation = predictor.explain("late parcel refund", labels="delay")
        expected = Predictor(models[name]).explain("late parcel refund", labels="delay")
        assert str(explanation) == str(expected)


def test_the_compiled_trunk_is_held_once(paths):
    shared = SharedPredictor.load({name: paths[name] for name in list(paths)[:6]})
    gc.collect()
    engines = {id(p.engine._engine) for p in shared.predictors.values()}
    assert len(engines) == 1


def other_tokenizer(model):
    tokenizer = copy.copy(model.tokenizer)
    tokenizer.do_lower_case = not tokenizer.do_lower_case
    return replace(model, tokenizer=tokenizer)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: replace(m, max_seq_length=12),
        lambda m: replace(m, long_texts=LongTexts("tail")),
        lambda m: replace(m, config=replace(m.config, layer_norm_eps=1e-5)),
        lambda m: replace(m, precision="auto") if has_bfloat16() else other_tokenizer(m),
        other_tokenizer,
    ],
)
def test_what_the_encoder_sees_otherwise_is_not_shared(models, change):
    changed = {"head": models["head"], "other": change(models["other head"])}
    shared = SharedPredictor({name: Predictor(model) for name, model in changed.items()})
    assert [group.names for group in shared.groups] == [("head",), ("other",)]
    found = shared.predict_logits(TEXTS)
    assert_equal_to_alone(found, changed)


def test_the_dropout_of_the_training_does_not_matter(models):
    other = replace(
        models["other head"], config=replace(models["head"].config, hidden_dropout_prob=0.3)
    )
    shared = SharedPredictor({"a": Predictor(models["head"]), "b": Predictor(other)})
    assert len(shared.groups) == 1


def test_keras_shares_whole_encoders(models):
    pytest.importorskip("keras")
    predictors = {
        name: Predictor(models[name], engine="keras", precision="float32")
        for name in ("head", "other head", "top 1")
    }
    shared = SharedPredictor(predictors)
    assert [group.names for group in shared.groups] == [("head", "other head"), ("top 1",)]
    assert_equal_to_alone(shared.predict_logits(TEXTS), models, atol=1e-4)


@pytest.mark.skipif(not has_bfloat16(), reason="the processor has no bfloat16")
def test_bfloat16(models):
    shared = SharedPredictor(
        {name: Predictor(model, precision="bfloat16") for name, model in models.items()}
    )
    assert len(shared.groups) == 2
    for name, probabilities in shared.predict_proba(TEXTS).items():
        alone = Predictor(models[name], precision="bfloat16").predict_proba(TEXTS)
        np.testing.assert_allclose(probabilities, alone, rtol=0, atol=0.03)


def test_many_texts_are_streamed_in_their_order(shared, models, monkeypatch):
    for module in (shared_predictor, logits_stream):
        monkeypatch.setattr(module, "CHUNK_TEXTS", 16)
    texts = [TEXTS[row * row % 4] for row in range(100)]
    pairs = [TEXTS[row % 3] for row in range(100)]
    names = ["all", "top 2", "head"]
    found = shared.predict_logits(texts, names, pairs=pairs)
    for name in names:
        alone = Predictor(models[name]).predict_logits(texts, pairs)
        np.testing.assert_allclose(found[name], alone, rtol=0, atol=1e-5)
    chunks = [(texts[:30], pairs[:30]), (texts[30:31], pairs[30:31]), (texts[31:], pairs[31:])]
    streamed = list(shared.stream_logits(chunks, names))
    assert [len(part["head"]) for part in streamed] == [30, 1, 69]


def test_an_error_in_a_stream_reaches_its_user(shared):
    def chunks():
        yield ["late"], None
        raise DataError("row 2 is damaged")

    with pytest.raises(DataError, match="row 2 is damaged"):
        list(shared.stream_logits(chunks()))


def test_windows_of_long_texts(checkpoint):
    windows = LongTexts(windows="mean", stride=2)
    models = {
        name: model_with(checkpoint, first_layer=layer, seed=layer, long_texts=windows)
        for name, layer in (("a", 5), ("b", 4))
    }
    shared = SharedPredictor({name: Predictor(model) for name, model in models.items()})
    assert len(shared.groups) == 1
    assert_equal_to_alone(shared.predict_logits(TEXTS), models)


def test_batches_that_somebody_else_makes(shared, models):
    group = shared.groups[0]
    tokenized = group.tokenize(TEXTS, None)
    parts = encode_parts(group.engine(["head", "top 2"]), tokenized)
    for name in ("head", "top 2"):
        assert_equal_to_alone({name: group.logits(name, parts, tokenized)}, models)


def test_a_pickled_one_answers_the_same(shared, models):
    again = pickle.loads(pickle.dumps(shared))
    assert [group.names for group in again.groups] == [group.names for group in shared.groups]
    assert_equal_to_alone(again.predict_logits(TEXTS), models)


def test_no_texts(shared):
    assert shared.predict_logits([])["head"].shape == (0, 3)


def test_mistakes_are_told(shared, tmp_path):
    with pytest.raises(SettingsError, match=r"no model 'hed'\. Did you mean 'head'\?"):
        shared.predict_logits(TEXTS, ["hed"])
    with pytest.raises(SettingsError, match="There is no model"):
        SharedPredictor({})
    with pytest.raises(ModelError, match="There is no model at"):
        SharedPredictor.load({"a": tmp_path / "nothing"})


def without_hashes(path):
    file = path / "multilabel.json"
    content = json.loads(file.read_text())
    del content["layers"]
    file.write_text(json.dumps(content))


def test_models_without_hashes_of_layers_are_read_for_it(models, tmp_path):
    names = ("head", "other head", "top 2")
    for name in names:
        save_model(models[name], tmp_path / name)
        without_hashes(tmp_path / name)
    shared = SharedPredictor.load({name: tmp_path / name for name in names})
    assert [group.names for group in shared.groups] == [names]
    assert not any(p.model.tensors.are_read for p in shared.predictors.values())
    assert_equal_to_alone(shared.predict_logits(TEXTS), models)


def test_hashes_of_layers_outlive_new_thresholds(models, tmp_path):
    for name in ("head", "other head"):
        save_model(models[name], tmp_path / name)
    update_manifest(replace(load_model(tmp_path / "head"), metrics={"f1": 1}), tmp_path / "head")
    assert load_model(tmp_path / "head").tensors.layers == tuple(
        layer.sha256 for layer in split_layers(models["head"].config, models["head"].tensors)
    )


def test_damaged_weights_are_noticed_before_they_are_compared(tmp_path, models):
    for name in ("head", "another top 1"):
        save_model(models[name], tmp_path / name)
    weights = tmp_path / "head" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="model.safetensors is not the file"):
        SharedPredictor.load({name: tmp_path / name for name in ("head", "another top 1")})
