"""Configurations: both publishers' forms, and every value that cannot be."""

import json

import pytest

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.tensors import expected_tensors
from multilabel_bert.errors import CheckpointError

SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
}


def test_googles_gelu_is_the_tanh_approximation_and_hugging_faces_is_not():
    google = BertConfig.from_google({**SIZES, "hidden_act": "gelu"}, "bert_config.json")
    hugging_face = BertConfig.from_hugging_face({**SIZES, "hidden_act": "gelu"}, "config.json")
    assert google.hidden_act == "gelu_new"
    assert hugging_face.hidden_act == "gelu"
    assert google.layer_norm_eps == 1e-12


def test_extra_keys_of_releases_are_accepted():
    # What Google's chinese_L-12_H-768_A-12 and older Hugging Face files hold.
    extra = {
        "directionality": "bidi",
        "pooler_fc_size": 768,
        "pooler_type": "first_token_transform",
    }
    assert BertConfig.from_google({**SIZES, **extra}, "x").hidden_size == 8
    extra = {"gradient_checkpointing": False, "pad_token_id": None, "position_embedding_type": None}
    assert BertConfig.from_hugging_face({**SIZES, **extra}, "x").pad_token_id == 0


def test_to_dict_is_hugging_faces_form_and_reads_back():
    config = BertConfig.from_google({**SIZES, "hidden_dropout_prob": 0.3}, "x")
    written = json.loads(json.dumps(config.to_dict()))
    assert written["model_type"] == "bert"
    assert written["hidden_act"] == "gelu_new"
    assert BertConfig.from_dict(written) == config


def test_other_spellings_of_the_activation_are_mapped():
    config = BertConfig.from_hugging_face({**SIZES, "hidden_act": "gelu_fast"}, "x")
    assert config.hidden_act == "gelu_new"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hidden_size": 0}, "hidden_size must be a whole number of at least 1, got 0."),
        ({"hidden_size": "768"}, "hidden_size must be a whole number of at least 1, got '768'."),
        ({"vocab_size": True}, "vocab_size must be a whole number of at least 1, got True."),
        (
            {"hidden_size": 7},
            "hidden_size must be a multiple of num_attention_heads, got 7 and 2.",
        ),
        ({"hidden_act": "gelo"}, "swish, tanh, got 'gelo'."),
        ({"hidden_act": ["gelu"]}, "got ['gelu']"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob must be a number from 0 to below 1"),
        ({"attention_probs_dropout_prob": None}, "got None."),
        ({"layer_norm_eps": 0}, "layer_norm_eps must be a number between 0 and 1, got 0."),
        ({"initializer_range": float("nan")}, "initializer_range must be a number above 0"),
        (
            {"pad_token_id": 30},
            "pad_token_id must be a whole number from 0 to vocab_size - 1 = 29, got 30.",
        ),
        (
            {"model_type": "roberta"},
            "model_type is 'roberta', but only 'bert' is supported. Use a BERT encoder",
        ),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"embedding_size": 4}, "This looks like an ALBERT or ELECTRA checkpoint"),
        ({"is_decoder": True}, "only encoders are supported"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_key(change, expected):
    with pytest.raises(CheckpointError) as caught:
        BertConfig.from_hugging_face({**SIZES, **change}, "model/config.json")
    assert str(caught.value).startswith("model/config.json: ")
    assert expected in str(caught.value)


def test_all_wrong_sizes_are_named_at_once():
    with pytest.raises(
        CheckpointError, match=r"vocab_size .* got -1; .*num_hidden_layers .* got 0"
    ):
        BertConfig(-1, 8, 0, 2, 16)


def test_google_refuses_activations_its_code_does_not_have():
    with pytest.raises(CheckpointError, match="c.json: hidden_act must be one of gelu, relu, tanh"):
        BertConfig.from_google({**SIZES, "hidden_act": "gelu_new"}, "c.json")
    with pytest.raises(CheckpointError, match=r"got \['gelu'\]"):
        BertConfig.from_google({**SIZES, "hidden_act": ["gelu"]}, "c.json")


def test_missing_sizes_and_another_kind_of_json_are_refused():
    values = {key: SIZES[key] for key in SIZES if key not in ("vocab_size", "type_vocab_size")}
    with pytest.raises(
        CheckpointError, match="c.json: missing vocab_size, type_vocab_size. A BERT"
    ):
        BertConfig.from_google(values, "c.json")
    with pytest.raises(CheckpointError, match="c.json: expected a JSON object .* got list"):
        BertConfig.from_hugging_face([1], "c.json")


def test_expected_tensors_have_googles_names_and_orientation():
    shapes = expected_tensors(BertConfig.from_google(SIZES, "x"))
    assert shapes["embeddings/word_embeddings"] == (30, 8)
    assert shapes["encoder/layer_1/intermediate/dense/kernel"] == (8, 16)
    assert shapes["encoder/layer_1/output/dense/kernel"] == (16, 8)
    assert shapes["pooler/dense/bias"] == (8,)
    assert len(shapes) == 5 + 2 * 16 + 2
    without = expected_tensors(BertConfig.from_google(SIZES, "x"), pooler=False)
    assert set(shapes) - set(without) == {"pooler/dense/kernel", "pooler/dense/bias"}
