"""Hugging Face's checkpoints: every published variant, and the one list of what is wrong."""

import json

import ml_dtypes
import numpy as np
import pytest
from tiny_checkpoints import (
    assert_same_tensors,
    hugging_face_tensors,
    random_tensors,
    write_hugging_face,
)

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import CheckpointError

RNG = np.random.default_rng(1)
HEAD = {
    "classifier.weight": RNG.normal(size=(3, 8)).astype(np.float32),
    "classifier.bias": RNG.normal(size=3).astype(np.float32),
}
CLASSIFIER = {
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"2": "c", "0": "a", "1": "b"},
    "problem_type": "multi_label_classification",
}


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("shards", [1, 3])
def test_base_models_are_read_sharded_and_with_either_name(tmp_path, prefix, shards):
    written = write_hugging_face(tmp_path, prefix=prefix, shards=shards)
    checkpoint = load_checkpoint(tmp_path)
    assert_same_tensors(checkpoint.tensors, written)
    assert checkpoint.format == "hugging_face"
    assert checkpoint.config.hidden_act == "gelu"
    assert checkpoint.head is None


def test_a_classifier_has_its_head_and_the_labels_in_the_order_of_their_numbers(tmp_path):
    written = write_hugging_face(tmp_path, prefix="bert.", extra=HEAD, config=CLASSIFIER)
    checkpoint = load_checkpoint(tmp_path)
    assert_same_tensors(checkpoint.tensors, written)
    np.testing.assert_array_equal(checkpoint.head.kernel, HEAD["classifier.weight"].T)
    np.testing.assert_array_equal(checkpoint.head.bias, HEAD["classifier.bias"])
    assert checkpoint.head.label_names == ("a", "b", "c")
    assert checkpoint.head.problem_type == "multi_label_classification"


def test_what_older_versions_saved_is_accepted(tmp_path):
    def legacy(arrays):
        renamed = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): array
            for name, array in arrays.items()
        }
        renamed["bert.embeddings.position_ids"] = np.arange(16)[None]
        renamed["bert.embeddings.token_type_ids"] = np.zeros((1, 16), np.int64)
        renamed["cls.predictions.bias"] = np.zeros(20, np.float32)
        renamed["cls.predictions.transform.LayerNorm.gamma"] = np.zeros(8, np.float32)
        return renamed

    written = write_hugging_face(tmp_path, prefix="bert.", change=legacy)
    assert_same_tensors(load_checkpoint(tmp_path).tensors, written)


def test_heads_of_other_tasks_are_left_out(tmp_path):
    # A token classifier's head has the same names and must not pass for one over texts.
    config = {"architectures": ["BertForTokenClassification"]}
    tensors = random_tensors(pooler=False)
    write_hugging_face(tmp_path, tensors, prefix="bert.", extra=HEAD, config=config)
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.head is None
    assert not checkpoint.has_pooler


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_float_types_become_float32(tmp_path, dtype):
    written = random_tensors()
    write_hugging_face(
        tmp_path, written, change=lambda a: {name: x.astype(dtype) for name, x in a.items()}
    )
    expected = {name: x.astype(dtype).astype(np.float32) for name, x in written.items()}
    assert_same_tensors(load_checkpoint(tmp_path).tensors, expected)


def test_everything_that_does_not_fit_is_listed_at_once(tmp_path):
    def change(arrays):
        del arrays["bert.encoder.layer.0.intermediate.dense.weight"]
        arrays["bert.embeddings.word_embeddings.weight"] = np.zeros((21, 8), np.float32)
        arrays["bert.adapter.weight"] = np.zeros(2, np.float32)
        return arrays

    write_hugging_face(tmp_path, prefix="bert.", change=change)
    file = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    assert str(caught.value).split("\n")[:-1] == [
        f"{tmp_path} does not fit {tmp_path / 'config.json'} (1 tensors missing, 1 of another "
        "shape, 1 unexpected):",
        "  missing: bert.encoder.layer.0.intermediate.dense.weight, expected shape [12, 8]",
        "  wrong shape: bert.embeddings.word_embeddings.weight has [21, 8], expected [20, 8], in "
        f"{file}",
        f"  unexpected: bert.adapter.weight with shape [2], in {file}",
    ]


def test_half_a_head_is_missing_the_other_half(tmp_path):
    extra = {"classifier.weight": HEAD["classifier.weight"]}
    write_hugging_face(tmp_path, prefix="bert.", extra=extra)
    with pytest.raises(CheckpointError, match=r"missing: classifier.bias, expected shape \[3\]"):
        load_checkpoint(tmp_path)


def test_a_file_that_is_cut_off_names_the_first_lost_tensor(tmp_path):
    write_hugging_face(tmp_path)
    file = tmp_path / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-4])
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    assert f"{file} is cut off or damaged: the tensor " in str(caught.value)
    assert (
        f"ends at byte {len(content)}, but the file has {len(content) - 4}. Download or copy it"
    ) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x05", b"\xff\0\0\0\0\0\0\0{", b"not safetensors " * 9])
def test_other_damage_names_the_file(tmp_path, content):
    write_hugging_face(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="model.safetensors is cut off or damaged: .* again"):
        load_checkpoint(tmp_path)


def test_a_missing_shard_names_it_and_a_tensor(tmp_path):
    write_hugging_face(tmp_path, shards=2)
    lost = tmp_path / "model-00002-of-00002.safetensors"
    lost.unlink()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    assert f"{lost} does not exist, but by {index} the tensor " in str(caught.value)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": {}}])
def test_an_index_without_files_is_named(tmp_path, index):
    write_hugging_face(tmp_path, shards=2)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="index.json has no weight_map"):
        load_checkpoint(tmp_path)


def test_an_index_cannot_point_outside_its_directory(tmp_path):
    write_hugging_face(tmp_path / "model", shards=2)
    index = tmp_path / "model" / "model.safetensors.index.json"
    written = json.loads(index.read_text())
    written["weight_map"]["x"] = "../secret.safetensors"
    index.write_text(json.dumps(written))
    (tmp_path / "secret.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="secret.safetensors does not exist, but by"):
        load_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("names", [{"0": "a", "1": "b"}, {"0": "a", "1": "b", "3": "c"}, ["a"], 3])
def test_label_names_must_fit_the_head(tmp_path, names):
    write_hugging_face(tmp_path, prefix="bert.", extra=HEAD, config={"id2label": names})
    with pytest.raises(CheckpointError, match="config.json: id2label must name the labels 0 to 2"):
        load_checkpoint(tmp_path)


def test_quantised_weights_are_refused(tmp_path):
    def quantise(arrays):
        return arrays | {"pooler.dense.weight": np.zeros((8, 8), np.int8)}

    write_hugging_face(tmp_path, change=quantise)
    with pytest.raises(
        CheckpointError, match=r"pooler.dense.weight has the data type I8; expected"
    ):
        load_checkpoint(tmp_path)


def test_other_architectures_are_refused_by_name(shared_fixtures):
    kinds = ("roberta", "xlm-roberta", "electra", "distilbert", "albert", "modernbert")
    for kind in (*kinds, "deberta-v2"):
        folder = shared_fixtures / "hf" / f"{kind}-tiny"
        with pytest.raises(CheckpointError) as caught:
            load_checkpoint(folder)
        assert str(caught.value).startswith(
            f"{folder / 'config.json'}: model_type is {kind!r}, but only 'bert' is supported."
        )


def test_real_checkpoints_are_read(shared_fixtures, minilm):
    tiny = load_checkpoint(shared_fixtures / "hf" / "bert-tiny-multilabel")
    assert tiny.head.label_names == ("admiration", "anger", "fear", "joy", "sadness")
    assert tiny.tokenizer_files.vocabulary is None
    assert tiny.tokenizer_files.tokenizer_json is not None
    real = load_checkpoint(minilm)
    assert real.tensors["encoder/layer_5/intermediate/dense/kernel"].shape == (384, 1536)
    assert real.tokenizer_files.tokenizer_config["do_lower_case"] is True


def test_names_and_orientation_are_those_of_transformers():
    names = hugging_face_tensors(random_tensors())
    assert names["encoder.layer.0.intermediate.dense.weight"].shape == (12, 8)
    assert "embeddings.LayerNorm.bias" in names
    assert "embeddings.token_type_embeddings.weight" in names
