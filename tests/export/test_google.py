"""Google's checkpoint: TensorFlow reads it, our own reader too, and every tensor is the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import SettingsError
from multilabel_bert.export import to_google
from multilabel_bert.model.classifier_model import model_from_checkpoint
from multilabel_bert.model.predictor import Predictor


@pytest.fixture(scope="module")
def written(make_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("google") / "out"
    to_google(make_model(), path)
    return path


def test_tensorflow_reads_every_variable(written, make_model):
    import tensorflow as tf

    model = make_model()
    reader = tf.train.load_checkpoint(str(written / "bert_model.ckpt"))
    shapes = reader.get_variable_to_shape_map()
    expected = {f"bert/{name}": value for name, value in model.tensors.items()}
    expected |= {"output_weights": model.kernel.T, "output_bias": model.bias}
    assert set(shapes) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(reader.get_tensor(name), value)
    assert tf.train.latest_checkpoint(str(written)) == str(written / "bert_model.ckpt")


def test_our_reader_gives_the_same_bits_and_probabilities(written, make_model, texts):
    model = make_model()
    again = model_from_checkpoint(
        load_checkpoint(written), label_names=model.label_names, max_seq_length=32
    )
    assert again.config == model.config
    for name, value in model.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)
    np.testing.assert_array_equal(
        Predictor(replace(again, precision="float32")).predict_proba(texts),
        Predictor(model).predict_proba(texts),
    )


def test_the_configuration_is_googles(written):
    config = json.loads((written / "bert_config.json").read_text(encoding="utf-8"))
    # The keys of the published releases.
    assert set(config) == {
        "attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size",
        "initializer_range", "intermediate_size", "max_position_embeddings",
        "num_attention_heads", "num_hidden_layers", "type_vocab_size", "vocab_size",
    }  # fmt: skip
    assert config["hidden_act"] == "gelu"


def test_googles_own_release_comes_back_as_it_was(shared_fixtures, tmp_path):
    folder = shared_fixtures / "google_bert"
    source = load_checkpoint(
        bert_config_file=folder / "tiny" / "bert_config.json",
        init_checkpoint=folder / "tiny" / "finetuned" / "model.ckpt-12",
        vocab_file=folder / "vocab.txt",
    )
    to_google(model_from_checkpoint(source, max_seq_length=48), tmp_path / "out")
    again = load_checkpoint(tmp_path / "out")
    assert again.config == source.config
    assert again.tensors.keys() == source.tensors.keys()
    for name, value in source.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)
    np.testing.assert_array_equal(again.head.kernel, source.head.kernel)
    np.testing.assert_array_equal(again.head.bias, source.head.bias)
    published = json.loads((folder / "tiny" / "bert_config.json").read_text(encoding="utf-8"))
    written = json.loads((tmp_path / "out" / "bert_config.json").read_text(encoding="utf-8"))
    assert {key: published[key] for key in written} == written


def test_calibration_goes_into_the_head(make_model, texts, tmp_path):
    model = make_model(calibration="platt")
    to_google(model, tmp_path / "out")
    again = model_from_checkpoint(load_checkpoint(tmp_path / "out"), max_seq_length=32)
    np.testing.assert_allclose(
        Predictor(replace(again, precision="float32")).predict_proba(texts),
        Predictor(model).predict_proba(texts),
        atol=1e-5,
    )
    labels = json.loads((tmp_path / "out" / "labels.json").read_text(encoding="utf-8"))
    assert labels["calibration"] == "in the weights of the head"


def test_rows_beyond_the_vocabulary_are_left_out(make_model, tmp_path):
    model = make_model()
    words = "embeddings/word_embeddings"
    padded = np.concatenate([model.tensors[words], np.ones((6, 16), np.float32)])
    config = replace(model.config, vocab_size=len(padded))
    model = replace(model, config=config, tensors={**model.tensors, words: padded})
    to_google(model, tmp_path / "out")
    assert len(load_checkpoint(tmp_path / "out").tensors[words]) == len(padded) - 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "gelu"}, 'exact GELU, but Google\'s "gelu" is the tanh form'),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps=1e-05, but Google's is the constant 1e-12"),
        ({"hidden_act": "silu"}, "hidden_act is 'silu', which Google's code does not have"),
    ],
)
def test_what_googles_code_computes_otherwise_is_refused(make_model, tmp_path, changes, message):
    model = make_model()
    model = replace(model, config=replace(model.config, **changes))
    with pytest.raises(SettingsError, match=message):
        to_google(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    if "silu" in changes.values():
        return
    export = to_google(model, tmp_path / "out", approximate=True)
    assert any("probabilities differ a little" in note for note in export.notes)


def test_other_representations_are_refused(make_model, tmp_path):
    with pytest.raises(SettingsError, match="'mean', but run_classifier.py's head is on the pool"):
        to_google(make_model("mean"), tmp_path / "out")
