"""The model directory: whole or not at all, identical when read back, open to transformers."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.pooling import POOLINGS, representation_size
from multilabel_bert.errors import ModelError, WriteError
from multilabel_bert.model.classifier_model import ClassifierModel, model_from_checkpoint
from multilabel_bert.model.directory import load_model, save_model, update_manifest
from multilabel_bert.model.hugging_face_files import expressible_as_modules
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.text.tokenizer import BertTokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["late parcels", "thanks", "", "refund price slow unheard [SEP] kind", "broken " * 40]


def make_model(checkpoint, pooling="pooled", names=("delay", "refund", "praise")):
    rng = np.random.default_rng(3)
    size = representation_size(pooling, checkpoint.config.hidden_size)
    return ClassifierModel(
        config=checkpoint.config,
        tensors=checkpoint.tensors,
        kernel=rng.normal(size=(size, len(names))).astype(np.float32),
        bias=rng.normal(size=len(names)).astype(np.float32),
        pooling=pooling,
        label_names=names,
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=16,
        rule=DecisionRule([0.5, 0.3, 0.7]),
        precision="float32",
        layout={"text_column": "text"},
    )


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_reading_back_gives_identical_probabilities(checkpoint, tmp_path, pooling):
    model = make_model(checkpoint, pooling)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(
        Predictor(model).predict_proba(TEXTS), Predictor(again).predict_proba(TEXTS)
    )
    assert again.rule == model.rule
    assert again.label_names == model.label_names
    assert (again.max_seq_length, again.layout) == (16, {"text_column": "text"})


@pytest.mark.parametrize("pooling", POOLINGS)
def test_keras_and_openvino_predict_the_same(checkpoint, pooling):
    pytest.importorskip("keras")
    model = make_model(checkpoint, pooling)
    logits = [
        Predictor(model, engine=e, precision="float32").predict_logits(TEXTS)
        for e in ("keras", "openvino")
    ]
    np.testing.assert_allclose(*logits, atol=1e-4)


def test_order_and_company_do_not_change_predictions(checkpoint):
    predictor = Predictor(make_model(checkpoint))
    together = predictor.predict_proba(TEXTS)
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(predictor.predict_proba([text])[0], together[row], atol=1e-6)


def test_no_texts_give_no_rows(checkpoint):
    assert Predictor(make_model(checkpoint)).predict_proba([]).shape == (0, 3)


def test_an_existing_model_is_only_replaced_when_told(checkpoint, tmp_path):
    path = tmp_path / "model"
    save_model(make_model(checkpoint), path)
    with pytest.raises(ModelError, match="holds a model already. .* --overwrite"):
        save_model(make_model(checkpoint), path)
    save_model(make_model(checkpoint, names=("a", "b", "c")), path, overwrite=True)
    assert load_model(path).label_names == ("a", "b", "c")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_something_else_is_never_replaced(checkpoint, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="is not a model of this program, so it is never"):
        save_model(make_model(checkpoint), tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_failed_write_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multilabel_bert.model.directory.model_card", fail)
    with pytest.raises(OSError, match="Cannot write .* The disk is full"):
        save_model(make_model(checkpoint), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_only_pooled_is_written_as_a_sequence_classifier(checkpoint, tmp_path):
    from safetensors.numpy import load_file

    for pooling in POOLINGS:
        path = tmp_path / pooling
        save_model(make_model(checkpoint, pooling), path)
        has_classifier = "classifier.weight" in load_file(path / "model.safetensors")
        assert has_classifier == (pooling == "pooled")
        assert (path / "modules.json").exists() == expressible_as_modules(pooling)
    # What neither transformers nor sentence-transformers can express has its head apart.
    assert not expressible_as_modules("mean_last4")
    assert (path / "multilabel_head.safetensors").exists()
    assert "neither transformers' classification class nor" in (path / "README.md").read_text()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "multilabel.json").unlink(), "has no multilabel.json"),
        (lambda p: (p / "multilabel.json").write_text("{"), "multilabel.json is damaged"),
        (
            lambda p: os.truncate(p / "model.safetensors", 3000),
            "model.safetensors is cut off or damaged",
        ),
        (lambda p: edit(p, format_version=99), "written by a newer version"),
        (lambda p: edit(p, label_names=["a", "b"]), "has 2 labels, but the weights have 3 labels"),
        (lambda p: edit(p, decision_rule={}), "multilabel.json: missing thresholds"),
        (lambda p: (p / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda p: (p / "tokenizer.json").write_text("[]"), "tokenizer.json is not the file that"),
        (lambda p: edit(p, format_version="x"), "damaged .format_version is 'x'"),
        (lambda p: edit(p, label_names=None), "damaged .label_names is None"),
        (lambda p: edit(p, max_seq_length="16"), "damaged .max_seq_length is '16'"),
        (lambda p: edit(p, settings=None), "damaged .settings is None"),
        (lambda p: edit(p, pooling="maen"), "has pooling='maen'; expected one of pooled"),
        (
            lambda p: edit(p, decision_rule=DecisionRule([0.5, 0.5]).to_dict()),
            "has 2 thresholds, but the weights have 3 labels",
        ),
    ],
)
def test_damage_is_one_clear_error(checkpoint, tmp_path, damage, message):
    path = tmp_path / "model"
    save_model(make_model(checkpoint), path)
    damage(path)
    with pytest.raises(ModelError, match=message):
        load_model(path)


def edit(path, **changes):
    file = path / "multilabel.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_head_of_another_representation_is_refused(checkpoint, tmp_path):
    path = tmp_path / "model"
    save_model(make_model(checkpoint, "cls+mean"), path)
    edit(path, pooling="cls")
    with pytest.raises(ModelError, match=r"shape \[32, 3\], but .* pooling='cls', which needs"):
        load_model(path)


@pytest.mark.parametrize("place", ["file/model", "a" * 300, "/proc/nowhere/model"])
def test_a_place_that_the_file_system_refuses(checkpoint, tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"Cannot write .*: choose another place"):
        save_model(make_model(checkpoint), tmp_path / place)


def test_a_line_break_in_a_name_does_not_break_the_card(checkpoint, tmp_path):
    model = make_model(checkpoint, names=("de\nlay", "a|b", "text"))
    save_model(model, tmp_path / "model")
    assert "\n| de lay | 0.500 |\n" in (tmp_path / "model" / "README.md").read_text()
    assert load_model(tmp_path / "model").label_names == model.label_names


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="There is no model at .*nowhere"):
        load_model(tmp_path / "nowhere")


def test_tuned_thresholds_are_stored_without_touching_the_weights(checkpoint, tmp_path):
    path = tmp_path / "model"
    model = make_model(checkpoint)
    save_model(model, path)
    before = (path / "model.safetensors").stat()
    update_manifest(replace(model, rule=DecisionRule([0.1, 0.2, 0.3])), path)
    assert load_model(path).rule == DecisionRule([0.1, 0.2, 0.3])
    assert (path / "model.safetensors").stat().st_mtime_ns == before.st_mtime_ns
    assert "| refund | 0.200 |" in (path / "README.md").read_text()


def test_a_fine_tuned_google_checkpoint_is_a_finished_classifier(shared_fixtures):
    folder = shared_fixtures / "google_bert"
    golden = np.load(folder / "tiny" / "golden.npz")
    checkpoint = load_checkpoint(
        bert_config_file=folder / "tiny" / "bert_config.json",
        init_checkpoint=folder / "tiny" / "finetuned" / "model.ckpt-12",
        vocab_file=folder / "vocab.txt",
    )
    model = replace(model_from_checkpoint(checkpoint, max_seq_length=48), precision="float32")
    pairs = [json.loads(text) for text in golden["texts"]]
    logits = np.concatenate(
        [Predictor(model).predict_logits([a], None if b is None else [b]) for a, b in pairs]
    )
    np.testing.assert_allclose(logits, golden["train_full_final_logits"], atol=1e-4)


def test_a_hugging_face_classifier_is_a_finished_classifier(shared_fixtures):
    folder = shared_fixtures / "hf" / "bert-tiny-multilabel"
    golden = np.load(folder / "golden.npz")
    model = model_from_checkpoint(load_checkpoint(folder))
    predictor = Predictor(model, precision="float32")
    assert predictor.label_names == ("admiration", "anger", "fear", "joy", "sadness")
    np.testing.assert_allclose(
        predictor.predict_logits([str(t) for t in golden["texts"]]), golden["logits"], atol=1e-4
    )


def test_an_encoder_without_head_is_not_a_classifier(checkpoint):
    with pytest.raises(ModelError, match="without a classification head"):
        model_from_checkpoint(checkpoint)


def test_sigmoid_keeps_small_probabilities():
    np.testing.assert_allclose(sigmoid(np.array([-30.0])), [9.357622968840175e-14], rtol=1e-6)


TRANSFORMERS = """
import json, sys
import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

path, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModelForSequenceClassification.from_pretrained(path).eval()
tokenizer = AutoTokenizer.from_pretrained(path)
with torch.no_grad():
    logits = [
        model(**tokenizer(*t, return_tensors="pt", truncation=True)).logits[0].tolist()
        for t in texts
    ]
print(json.dumps({
    "logits": logits,
    "labels": list(model.config.id2label.values()),
    "problem_type": model.config.problem_type,
}))
"""


def transformers_python():
    named = os.environ.get("MULTILABEL_TRANSFORMERS_PYTHON")
    path = Path(named) if named else ROOT / ".venv-interchange" / "bin" / "python"
    if not path.exists():
        pytest.skip("transformers is not installed for the tests: run `make interchange`")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiny", "google"])
def test_transformers_gives_the_same_logits(kind, checkpoint, tmp_path, request):
    python = transformers_python()
    if kind == "google":
        folder = request.getfixturevalue("shared_fixtures") / "google_bert"
        model = model_from_checkpoint(
            load_checkpoint(
                bert_config_file=folder / "tiny" / "bert_config.json",
                init_checkpoint=folder / "tiny" / "finetuned" / "model.ckpt-12",
                vocab_file=folder / "vocab.txt",
            ),
            max_seq_length=48,
        )
    else:
        model = make_model(checkpoint)
    save_model(model, tmp_path / "model")
    # Without the literal special token, which transformers reads as one.
    texts = [(text.replace("[SEP]", ""),) for text in TEXTS]
    pairs = [("late parcel", "refund"), ("thanks", "")]
    result = subprocess.run(
        [python, "-c", TRANSFORMERS, tmp_path / "model", json.dumps(texts + pairs)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    theirs = json.loads(result.stdout.splitlines()[-1])
    predictor = Predictor(load_model(tmp_path / "model"), precision="float32")
    ours = [
        predictor.predict_logits([text for (text,) in texts]),
        predictor.predict_logits(*(list(part) for part in zip(*pairs, strict=True))),
    ]
    np.testing.assert_allclose(theirs["logits"], np.concatenate(ours), atol=1e-4)
    assert theirs["labels"] == list(model.label_names)
    assert theirs["problem_type"] == "multi_label_classification"


SENTENCE_TRANSFORMERS = """
import json, sys
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], device="cpu")
print(json.dumps(model.encode(json.loads(sys.argv[2])).tolist()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("pooling", [p for p in POOLINGS if expressible_as_modules(p)])
def test_sentence_transformers_gives_the_same_probabilities(pooling, checkpoint, tmp_path):
    python = transformers_python()
    found = "import importlib.util as u, sys; sys.exit(not u.find_spec('sentence_transformers'))"
    if subprocess.run([python, "-c", found], check=False).returncode:
        pytest.skip("sentence-transformers is not installed for the tests: run `make interchange`")
    model = make_model(checkpoint, pooling)
    save_model(model, tmp_path / "model")
    texts = ["late parcels", "thanks", "refund price slow unheard kind"]
    result = subprocess.run(
        [python, "-c", SENTENCE_TRANSFORMERS, tmp_path / "model", json.dumps(texts)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    theirs = json.loads(result.stdout.splitlines()[-1])
    ours = Predictor(model, precision="float32").predict_proba(texts)
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
