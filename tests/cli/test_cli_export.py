"""`multilabel export`: every format by the command line, int8 and its cost, and mistakes."""

import json
import shutil

import pytest

FILES = {
    "huggingface": {"config.json", "model.safetensors", "tokenizer.json"},
    "sentence-transformers": {"modules.json", "1_Pooling", "2_Dense"},
    "openvino": {"openvino_model.xml", "openvino_model.bin"},
    "onnx": {"model.onnx"},
    "tensorflow": {"saved_model.pb", "variables"},
    "keras": {"model.keras"},
    "google": {"bert_model.ckpt.index", "bert_config.json", "vocab.txt"},
}


@pytest.mark.parametrize("name", FILES)
def test_every_format(cli, trained, tmp_path, name):
    if name == "onnx":
        pytest.importorskip("onnx")
    force = ("--force",) if name == "google" else ()
    result = cli("export", trained, "--to", name, "--output", tmp_path / "out", *force)
    assert result.code == 0, result.err
    assert "To run it:" in result.out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written >= FILES[name] | {"labels.json"}
    rule = json.loads((tmp_path / "out" / "labels.json").read_text(encoding="utf-8"))
    manifest = json.loads((trained / "multilabel.json").read_text(encoding="utf-8"))
    assert rule["label_names"] == manifest["label_names"]
    # Nothing that was there is lost.
    refused = cli("export", trained, "--to", name, "--output", tmp_path / "out", *force)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    again = ("--overwrite", "--json", *force)
    answer = cli("export", trained, "--to", name, "--output", tmp_path / "out", *again)
    facts = json.loads(answer.out)
    assert facts["path"] == str(tmp_path / "out")
    assert facts["snippet"] in result.out


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_int8_says_what_it_costs_and_is_refused_above_it(cli, trained, table, tmp_path, name):
    pytest.importorskip({"onnx": "onnxruntime", "openvino": "nncf"}[name])
    where = ("export", trained, "--to", name, "--quantize", "int8", "--output", tmp_path / "out")
    missing = cli(*where)
    assert missing.code == 2
    assert "--data" in missing.err
    assert cli(*where, "--data", table, "--max-loss", "-1").code == 2
    facts = json.loads(cli(*where, "--data", table, "--force", "--json").out)
    cost = facts["int8"]
    assert cost["texts"] > 0
    points = 100 * (cost["macro_f1_float32"] - cost["macro_f1_int8"])
    assert cost["loss_points"] == pytest.approx(points)
    rule = json.loads((tmp_path / "out" / "labels.json").read_text(encoding="utf-8"))
    assert rule["quantize"] == "int8"


def test_a_loss_above_the_limit_writes_nothing(cli, trained, table, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")

    def worse(*arguments, **options):
        import numpy as np

        return np.zeros((len(arguments[2]), arguments[1].num_labels), np.float32) - 9

    monkeypatch.setattr("multilabel_bert.export.int8.logits_of", worse)
    where = ("export", trained, "--to", "onnx", "--quantize", "int8", "--data", table)
    result = cli(*where, "--output", tmp_path / "out")
    assert result.code == 2
    assert "int8 changes macro-F1 by -" in result.err
    assert "nothing was written" in result.err
    assert not (tmp_path / "out").exists()
    assert cli(*where, "--output", tmp_path / "out", "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "onx"), "Did you mean 'onnx'"),
        (("--to", "torch"), "Use one of huggingface"),
        (("--to", "keras", "--strings"), "strings is of the export to tensorflow"),
        (("--to", "openvino", "--data", "x.csv"), "Give --quantize int8 too"),
        (("--to", "openvino", "--quantize", "int4"), "--quantize int4 is unknown"),
        (("--to", "google"), "--force"),
    ],
)
def test_mistakes(cli, trained, tmp_path, arguments, message):
    result = cli("export", trained, *arguments, "--output", tmp_path / "out")
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert not (tmp_path / "out").exists()


def test_a_broken_model_and_a_foreign_directory(cli, trained, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(trained, broken)
    (broken / "model.safetensors").unlink()
    result = cli("export", broken, "--to", "openvino", "--output", tmp_path / "out")
    assert result.code == 2
    assert "model.safetensors" in result.err
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    again = cli("export", trained, "--to", "openvino", "--output", mine, "--overwrite")
    assert again.code == 2
    assert (mine / "thesis.txt").read_text() == "all of it"
