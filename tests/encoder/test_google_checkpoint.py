"""Google's checkpoints: names, the head of a fine-tuned one, and the one list of what is wrong."""

import numpy as np
import pytest
from tiny_checkpoints import SIZES, assert_same_tensors, random_tensors, write_google

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import CheckpointError

RNG = np.random.default_rng(1)
HEAD = {
    "output_weights": RNG.normal(size=(3, 8)).astype(np.float32),
    "output_bias": RNG.normal(size=3).astype(np.float32),
}


def test_a_release_is_read_and_pre_training_heads_are_left_out(tmp_path):
    extra = {
        "cls/predictions/output_bias": np.zeros(20, np.float32),
        "cls/seq_relationship/output_weights": np.zeros((2, 8), np.float32),
    }
    written = write_google(tmp_path / "release", extra=extra)
    checkpoint = load_checkpoint(tmp_path / "release")
    assert_same_tensors(checkpoint.tensors, written)
    assert checkpoint.format == "google"
    assert checkpoint.has_pooler
    assert checkpoint.head is None
    assert checkpoint.config.hidden_act == "gelu_new"
    assert checkpoint.origin == str(tmp_path / "release")
    assert checkpoint.tokenizer_files.vocabulary.startswith("[PAD]\n[UNK]\n")


def test_a_fine_tuned_checkpoint_has_its_head_and_no_optimizer(tmp_path):
    tensors = random_tensors()
    slots = {
        f"{name}/{slot}": np.zeros_like(array)
        for name, array in ({f"bert/{k}": v for k, v in tensors.items()} | HEAD).items()
        for slot in ("adam_m", "adam_v")
    }
    steps = {"global_step": np.array(12, np.int64), "beta1_power": np.array(0.9, np.float32)}
    write_google(tmp_path, tensors, name="model.ckpt-12", extra=HEAD | slots | steps)
    checkpoint = load_checkpoint(tmp_path)
    assert_same_tensors(checkpoint.tensors, tensors)
    np.testing.assert_array_equal(checkpoint.head.kernel, HEAD["output_weights"].T)
    assert checkpoint.head.kernel.flags.c_contiguous
    np.testing.assert_array_equal(checkpoint.head.bias, HEAD["output_bias"])
    assert checkpoint.head.label_names is None


def test_no_pooler_is_allowed(tmp_path):
    write_google(tmp_path, random_tensors(pooler=False))
    checkpoint = load_checkpoint(tmp_path)
    assert not checkpoint.has_pooler
    assert not [name for name in checkpoint.tensors if name.startswith("pooler")]


def test_everything_that_does_not_fit_is_listed_at_once(tmp_path):
    tensors = random_tensors()
    del tensors["pooler/dense/bias"]
    del tensors["encoder/layer_1/output/dense/kernel"]
    tensors["embeddings/position_embeddings"] = np.zeros((9, 8), np.float32)
    tensors["encoder/layer_2/output/dense/bias"] = np.zeros(8, np.float32)
    extra = {"output_weights": np.zeros((3, 9), np.float32), "my_head/kernel": np.ones(2, "f4")}
    write_google(tmp_path, tensors, extra=extra)
    index = tmp_path / "bert_model.ckpt.index"
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path)
    assert str(caught.value).split("\n") == [
        f"{tmp_path / 'bert_model.ckpt'} does not fit {tmp_path / 'bert_config.json'} (3 tensors "
        "missing, 2 of another shape, 2 unexpected):",
        "  missing: bert/encoder/layer_1/output/dense/kernel, expected shape [12, 8]",
        "  missing: bert/pooler/dense/bias, expected shape [8]",
        "  missing: output_bias, expected shape [3]",
        "  wrong shape: bert/embeddings/position_embeddings has [9, 8], expected [16, 8], in "
        f"{index}",
        f"  wrong shape: output_weights has [3, 9], expected [3, 8], in {index}",
        f"  unexpected: bert/encoder/layer_2/output/dense/bias with shape [8], in {index}",
        f"  unexpected: my_head/kernel with shape [2], in {index}",
        "Use the configuration that was published with this checkpoint; if it is that one, "
        "download the checkpoint again.",
    ]


def test_integer_weights_are_refused(tmp_path):
    tensors = random_tensors()
    tensors["pooler/dense/bias"] = np.zeros(8, np.int64)
    write_google(tmp_path, tensors)
    with pytest.raises(CheckpointError, match="bert/pooler/dense/bias holds int64 numbers"):
        load_checkpoint(tmp_path)


def test_half_precision_becomes_float32(tmp_path):
    written = random_tensors()
    write_google(tmp_path, {name: a.astype(np.float16) for name, a in written.items()})
    expected = {name: a.astype(np.float16).astype(np.float32) for name, a in written.items()}
    assert_same_tensors(load_checkpoint(tmp_path).tensors, expected)


def test_a_configuration_of_another_encoder_is_named(tmp_path):
    write_google(tmp_path, config={**SIZES, "num_hidden_layers": 1})
    with pytest.raises(CheckpointError, match=r"\(0 tensors missing, 0 of another shape, 16 unex"):
        load_checkpoint(tmp_path)


def test_the_original_fine_tuned_checkpoint_loads_as_a_classifier(shared_fixtures):
    folder = shared_fixtures / "google_bert" / "tiny"
    golden = np.load(folder / "golden.npz")
    checkpoint = load_checkpoint(folder / "finetuned")
    expected = golden["train_full_final_output_weights"].T
    np.testing.assert_allclose(checkpoint.head.kernel, expected, atol=1e-6)
    assert checkpoint.config.num_hidden_layers == 3
    assert checkpoint.head.bias.shape == (5,)
