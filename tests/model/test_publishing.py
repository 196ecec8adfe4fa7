"""Publishing, against a stand-in of the hub on this machine; the network is never used."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub_stand_in import SHA, TOKEN, StandIn, running
from test_directory import make_model, transformers_python

from multilabel_bert.decision.calibration import Calibration
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.errors import ModelError, SettingsError, WriteError
from multilabel_bert.model.card import model_card
from multilabel_bert.model.card_usage import transformers_example, usage
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import load_model, save_model
from multilabel_bert.model.evaluation_record import KEY, EvaluatedData, evaluation_record
from multilabel_bert.model.outcome import outcome_of
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.publishing import push_model

TEXTS = ["late parcels", "thanks", "refund price slow unheard kind"]


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as address:
        point_at(address, monkeypatch)
        yield address


def point_at(address, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.mark.parametrize("pooling", ["pooled", "mean", "mean_last4"])
def test_a_published_model_is_the_one_that_comes_back(checkpoint, hub, pooling):
    model = make_model(checkpoint, pooling)
    assert push_model(model, "me/parcels", private=True) == f"{hub}/me/parcels"
    (created,) = StandIn.created
    assert (created["name"], created["visibility"]) == ("parcels", "private")
    again = Predictor.from_pretrained("me/parcels")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), Predictor(model).predict_proba(TEXTS))
    assert again.model.rule == model.rule
    # The graph came along: the weights are not read for prediction.
    assert "openvino/openvino_model.bin" in StandIn.served
    # And again from the cache, where nothing is downloaded twice.
    served = len(StandIn.served)
    assert load_model("me/parcels").label_names == model.label_names
    assert len(StandIn.served) == served


def test_all_files_come_in_one_commit_and_old_ones_go(checkpoint, hub):
    push_model(make_model(checkpoint, "mean"), "me/parcels")
    StandIn.repositories["me/parcels"]["notes.txt"] = b"by hand"
    StandIn.repositories["me/parcels"]["baseline/words.json"] = b"{}"
    push_model(make_model(checkpoint), "me/parcels", commit_message="Now pooled")
    files = StandIn.repositories["me/parcels"]
    assert len(StandIn.commits) == 2
    branch, lines = StandIn.commits[1]
    assert (branch, lines[0]["value"]["summary"]) == ("main", "Now pooled")
    assert not {"modules.json", "2_Dense/model.safetensors", "baseline/words.json"} & set(files)
    assert {"notes.txt", ".gitattributes", "multilabel.json", "README.md"} <= set(files)
    assert Predictor.load("me/parcels").model.pooling == "pooled"


def test_a_name_alone_is_one_of_ones_own(checkpoint, hub):
    more = {"license": "mit", "language": "en"}
    address = push_model(make_model(checkpoint), "parcels", metadata=more)
    assert address.endswith("/me/parcels")
    card = StandIn.repositories["me/parcels"]["README.md"].decode()
    assert 'Predictor.load("me/parcels")' in card
    assert "\n# parcels\n" in card
    assert (card_of(card).data.license, card_of(card).data.language) == ("mit", "en")


def test_a_branch_is_written_and_read_by_its_name(checkpoint, hub):
    push_model(make_model(checkpoint), "me/parcels")
    other = make_model(checkpoint, names=("a", "b", "c"))
    for _ in range(2):
        push_model(other, "me/parcels", revision="trial")
    assert [branch for branch, _ in StandIn.commits] == ["main", "trial", "trial"]
    with pytest.raises(ModelError, match="has it, but no revision 'lost'"):
        Predictor.from_pretrained("me/parcels", revision="lost")


def test_paths_and_the_baseline_stay_on_this_machine(checkpoint, hub):
    secret = {"source": "/home/ann/secret project/train.csv", "texts": 3, "sha256": "ab"}
    model = replace(
        make_model(checkpoint),
        provenance={"encoder": "/home/ann/bert", "train": secret, "continued_from": [secret]},
        settings={"given": {"init_checkpoint": "/home/ann/bert/model.ckpt", "loss": "focal"}},
    )
    push_model(model, "me/parcels")
    for content in StandIn.repositories["me/parcels"].values():
        assert b"/home/ann" not in content
        assert b"secret project" not in content
    back = load_model("me/parcels")
    assert back.provenance["train"]["source"] == "train.csv"
    assert back.settings["given"] == {"init_checkpoint": "model.ckpt", "loss": "focal"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("them/parcels", r"the token may not write there \(status 403\). Take one that may"),
        ("busy/parcels", r"the hub asks to wait \(status 429\). Try again later"),
    ],
)
def test_what_the_hub_refuses_is_said(checkpoint, hub, name, message):
    with pytest.raises(WriteError, match=f"Cannot publish {name}: {message}"):
        push_model(make_model(checkpoint), name)


def test_an_unknown_token_is_said_and_not_shown(checkpoint, hub):
    with pytest.raises(WriteError, match=r"does not know the token \(status 401\). Log in") as info:
        push_model(make_model(checkpoint), "me/parcels", token="hf_wrongButSecret")
    assert "hf_wrong" not in str(info.value)
    assert StandIn.repositories == {}


def test_a_commit_that_fails_leaves_the_old_model(checkpoint, hub):
    push_model(make_model(checkpoint), "me/parcels")
    before = dict(StandIn.repositories["me/parcels"])
    StandIn.broken_commits = True
    with pytest.raises(WriteError, match=r"status 500.*one commit: all of them or none"):
        push_model(make_model(checkpoint, names=("a", "b", "c")), "me/parcels")
    assert StandIn.repositories["me/parcels"] == before


def test_no_token_is_said_before_anything_is_sent(checkpoint, hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(WriteError, match="There is no token for the Hugging Face hub. Log in"):
        push_model(make_model(checkpoint), "me/parcels")
    assert StandIn.created == []


def test_a_hub_that_cannot_be_reached_is_said(checkpoint, hub, monkeypatch):
    point_at("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(WriteError, match="the Hugging Face hub cannot be reached. Check the"):
        push_model(make_model(checkpoint), "me/parcels")
    with pytest.raises(ModelError, match="There is no model at me/lost: .* cannot be reached"):
        load_model("me/lost")


def test_a_repository_without_a_model_or_none_at_all(hub):
    StandIn.repositories["me/encoder"] = {"config.json": b"{}"}
    with pytest.raises(ModelError, match="has no multilabel.json"):
        load_model("me/encoder")
    with pytest.raises(ModelError, match="There is no model at me/lost: .* has no such model"):
        load_model("me/lost")


@pytest.mark.parametrize("name", ["a/b/c", "me/with space", "", "me/a..b", None])
def test_a_name_that_is_none(checkpoint, hub, name):
    with pytest.raises(SettingsError, match="can be no name on the hub. Expected 'owner/name'"):
        push_model(make_model(checkpoint), name)


def test_paths_are_never_looked_for_on_the_hub(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for path in ("my-model", "models/lost", "./my/model", tmp_path / "lost", "a/b/c"):
        with pytest.raises(ModelError, match="There is no model at .*. Check the name."):
            load_model(path)
    with pytest.raises(ModelError, match="revision='v1' is of a repository on the hub"):
        load_model("my-model", revision="v1")


def test_the_classifier_is_published_and_opened_again(checkpoint, hub, tmp_path):
    from multilabel_bert import MultiLabelClassifier

    save_model(make_model(checkpoint), tmp_path / "model")
    classifier = MultiLabelClassifier.from_pretrained(tmp_path / "model")
    # Not as a foreign checkpoint, whose thresholds would be 0.5.
    np.testing.assert_array_equal(
        classifier.model_.rule.thresholds, np.array([0.5, 0.3, 0.7], np.float32)
    )
    evaluation = classifier.record_evaluation(TEXTS * 7, [["delay"], ["praise"], []] * 7)
    classifier.push_to_hub("me/parcels")
    again = MultiLabelClassifier.from_pretrained("me/parcels", loss="focal")
    assert again.loss == "focal"
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    card = StandIn.repositories["me/parcels"]["README.md"].decode()
    assert f"| macro_f1 | {evaluation.metrics['macro_f1']:.4f} | 0." in card
    with pytest.raises(SettingsError, match="is a saved model, which has its own. Leave it out"):
        MultiLabelClassifier.from_pretrained("me/parcels", max_seq_length=8)


def test_a_model_on_the_hub_is_not_tuned_there(checkpoint, hub):
    from multilabel_bert.model.directory import update_manifest

    model = make_model(checkpoint)
    push_model(model, "me/parcels")
    load_model("me/parcels")
    with pytest.raises(ModelError, match="is on the Hugging Face hub, and cannot be changed there"):
        update_manifest(model, "me/parcels")


def test_a_classifier_of_others_keeps_its_way_in(checkpoint, hub, tmp_path):
    from multilabel_bert import MultiLabelClassifier

    save_model(make_model(checkpoint), tmp_path / "model")
    names = ("config.json", "model.safetensors", "vocab.txt")
    files = {name: (tmp_path / "model" / name).read_bytes() for name in names}
    StandIn.repositories["org/theirs"] = files
    classifier = MultiLabelClassifier.from_pretrained("org/theirs")
    assert list(classifier.label_names_) == ["delay", "refund", "praise"]
    assert set(classifier.model_.rule.thresholds) == {0.5}
    MultiLabelClassifier.from_pretrained("org/theirs", revision=SHA)


def test_the_command_publishes_and_the_name_predicts(checkpoint, hub, tmp_path):
    save_model(make_model(checkpoint), tmp_path / "model")

    def command(*arguments):
        return subprocess.run(
            [Path(sys.executable).with_name("multilabel"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
                "HF_ENDPOINT": hub,
                "HF_HOME": str(tmp_path / "home"),
                "HF_HUB_DISABLE_XET": "1",
                "HF_TOKEN": TOKEN,
            },
        )

    pushed = command("push", "model", "me/parcels", "--private", "--json")
    assert json.loads(pushed.stdout) == {"url": f"{hub}/me/parcels"}, pushed.stderr
    predicted = command("predict", "me/parcels", "--text", "late parcel", "--json")
    own = command("predict", "model", "--text", "late parcel", "--json")
    assert predicted.stdout == own.stdout != ""
    refused = command("push", "model", "them/parcels")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].startswith("Error: Cannot publish them/parcels: the to")
    assert "Traceback" not in refused.stderr
    assert TOKEN not in pushed.stdout + pushed.stderr + predicted.stderr + refused.stderr


def evaluated(model: ClassifierModel, *, texts=60, **data) -> ClassifierModel:
    rng = np.random.default_rng(0)
    targets = (rng.random((texts, model.num_labels)) < 0.4).astype(np.int8)
    logits = (targets * 4 - 2 + rng.normal(0, 2, targets.shape)).astype(np.float32)
    outcome = outcome_of(model.rule, model.label_names, targets, logits)
    named = {"source": "data/test.csv", "texts": texts, "sha256": "ab" * 32} | data
    record = evaluation_record(model, targets, outcome, EvaluatedData(**named))
    return replace(model, provenance={KEY: json.loads(json.dumps(record))})


def card_of(text):
    from huggingface_hub import ModelCard

    return ModelCard(text)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_metadata_is_what_the_hub_reads(checkpoint, pooling):
    card = card_of(model_card(evaluated(make_model(checkpoint, pooling)), "me/parcels"))
    assert card.data.pipeline_tag == "text-classification"
    assert "multi-label-classification" in card.data.tags
    expected = "transformers" if pooling == "pooled" else "sentence-transformers"
    assert card.data.library_name in (expected, "multilabel-bert")
    assert card.data.model_name == "parcels"
    figures = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert 0 < figures["Macro-F1"] < 1
    assert {result.dataset_name for result in card.data.eval_results} == {"test.csv"}


def test_a_card_without_an_evaluation_makes_no_claim(checkpoint):
    text = model_card(replace(make_model(checkpoint), metrics={"macro_f1": 0.5}))
    assert card_of(text).data.eval_results is None
    assert "a little too good" in text
    assert "How sure its figures are was not measured" in text


def test_figures_on_texts_of_the_training_are_not_advertised(checkpoint):
    text = model_card(evaluated(make_model(checkpoint), seen="train"))
    assert card_of(text).data.eval_results is None
    assert "**The model was trained on these very texts, so all figures are too good.**" in text


def test_an_evaluation_of_another_rule_is_not_shown(checkpoint):
    model = evaluated(make_model(checkpoint))
    assert "95% interval" in model_card(model)
    tuned = replace(model, rule=DecisionRule([0.5, 0.3, 0.6]))
    assert "95% interval" not in model_card(tuned)


def test_rare_labels_are_named_in_the_limits(checkpoint):
    text = model_card(evaluated(make_model(checkpoint), texts=30))
    assert "Fewer than 20 of the evaluated texts have these labels" in text


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "![x](http://x/y.png)",
        "a|b",
        "`code`",
        "a\n---\nb: c",
        "\ud800",
    ],
)
def test_names_of_labels_and_data_cannot_write_the_card(checkpoint, name, tmp_path):
    model = evaluated(make_model(checkpoint, names=(name, "b", "c")), source=name)
    text = model_card(model)
    _, body = text.split("\n---\n", 1)
    assert "<script" not in body
    assert "![x](" not in body
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    widths = {line.replace("\\|", "").count("|") for line in rows}
    assert widths <= {7, 4, 5, 6}
    card_of(text)


def with_calibration(model, slopes, intercepts):
    slopes, intercepts = (np.array(part, np.float64) for part in (slopes, intercepts))
    calibration = Calibration(method="platt", slopes=slopes, intercepts=intercepts)
    return replace(model, rule=replace(model.rule, calibration=calibration))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "calibrated", "mean"])
def test_the_example_of_the_card_gives_our_labels(kind, checkpoint, tmp_path):
    python = transformers_python()
    model = make_model(checkpoint, "mean" if kind == "mean" else "pooled")
    model = replace(model, max_seq_length=16)
    if kind == "calibrated":
        model = with_calibration(model, [0.5, 2.0, 1.5], [0.5, -0.2, 0.1])
    path = tmp_path / "model"
    save_model(model, path)
    code = transformers_example(model, str(path))
    if kind == "mean":
        code = usage(model, str(path)).split("```python\n")[2].split("```")[0]
    texts = [*TEXTS, "broken " * 40, "kind", "slow login price"]
    assert '["a text", "another one"]' in code
    run = subprocess.run(
        [python, "-c", code.replace('["a text", "another one"]', json.dumps(texts))],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    if "No module named 'sentence_transformers'" in run.stderr:
        pytest.skip("sentence-transformers is not installed for the tests: run `make interchange`")
    assert run.returncode == 0, run.stderr
    predictor = Predictor(load_model(path), precision="float32")
    expected = [
        f"{text} {[n for n, given in zip(model.label_names, row, strict=True) if given]}"
        for text, row in zip(texts, predictor.predict(texts).tolist(), strict=True)
    ]
    assert run.stdout.splitlines()[-len(texts) :] == expected


def test_nothing_of_the_token_is_printed(checkpoint, hub):
    said = io.StringIO()
    with redirect_stderr(said):
        push_model(make_model(checkpoint), "me/parcels")
    assert TOKEN not in said.getvalue()


def test_the_server_takes_a_repository_as_a_model(checkpoint, hub):
    pytest.importorskip("fastapi")
    from multilabel_bert.serving.served_models import load_models

    push_model(make_model(checkpoint), "me/parcels")
    assert load_models(["me/parcels"]).names == ("parcels",)
