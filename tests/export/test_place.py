"""Where an export goes: one file with its labels, never over something else, never half."""

import json

import pytest

from multilabel_bert.errors import SettingsError, WriteError
from multilabel_bert.export import export_model, to_openvino
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.text.long_texts import LongTexts


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def test_a_file_is_replaced_only_if_it_is_an_export_and_that_is_allowed(make_model, tmp_path):
    output = tmp_path / "topics.xml"
    to_openvino(make_model(), output)
    with pytest.raises(WriteError, match="holds an export already.* --overwrite"):
        to_openvino(make_model(), output)
    labels = tmp_path / "topics.labels.json"
    first = json.loads(labels.read_text(encoding="utf-8"))
    to_openvino(make_model(label_names=("a", "b", "c", "d")), output, overwrite=True)
    second = json.loads(labels.read_text(encoding="utf-8"))
    assert (first["label_names"][0], second["label_names"][0]) == ("delay", "a")
    assert names(tmp_path) == ["topics.bin", "topics.labels.json", "topics.xml"]
    labels.unlink()
    with pytest.raises(WriteError, match="is no export of this program, so it is never overwrit"):
        to_openvino(make_model(), output, overwrite=True)


def test_a_failure_leaves_the_older_export(make_model, tmp_path, monkeypatch):
    for output in (tmp_path / "directory", tmp_path / "topics.xml"):
        to_openvino(make_model(), output)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multilabel_bert.export.writing.write_labels", fail)
    for output in (tmp_path / "directory", tmp_path / "topics.xml"):
        with pytest.raises(WriteError, match="Cannot write .* The disk is full"):
            to_openvino(make_model(label_names=("a", "b", "c", "d")), output, overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_directory_is_no_file_and_a_file_no_directory(make_model, tmp_path):
    (tmp_path / "a.xml").mkdir()
    (tmp_path / "a.xml" / "mine").touch()
    (tmp_path / "b").touch()
    with pytest.raises(WriteError, match="is a directory already"):
        to_openvino(make_model(), tmp_path / "a.xml", overwrite=True)
    with pytest.raises(WriteError, match="is a file already"):
        to_openvino(make_model(), tmp_path / "b", overwrite=True)


def test_what_is_exported_may_be_a_directory_or_a_predictor(saved, make_model, tmp_path):
    for number, model in enumerate((saved, str(saved), Predictor(make_model()))):
        export_model(model, "openvino", tmp_path / str(number))
    with pytest.raises(SettingsError, match="cannot be exported. Give a model directory"):
        export_model(3, "openvino", tmp_path / "3")
    constants = [(tmp_path / str(n) / "openvino_model.bin").read_bytes() for n in range(3)]
    assert constants[0] == constants[1] == constants[2]


def test_notes_say_what_the_export_does_not_do(make_model, tmp_path):
    windows = make_model(long_texts=LongTexts(windows="mean", stride=4))
    notes = " ".join(to_openvino(windows, tmp_path / "windows").notes)
    assert "read in windows of 32" in notes
    with pytest.raises(SettingsError, match="reads long texts in windows"):
        export_model(windows, "tensorflow-text", tmp_path / "strings")


@pytest.mark.parametrize(
    ("to", "pooling", "others"),
    [
        ("huggingface", "mean", "sentence-transformers, onnx, openvino, tensorflow, keras"),
        ("huggingface", "mean_last4", "onnx, openvino, tensorflow, keras"),
        ("sentence-transformers", "cls_last4", "onnx, openvino, tensorflow, keras"),
    ],
)
def test_what_a_format_cannot_express_names_those_that_can(
    make_model, tmp_path, to, pooling, others
):
    with pytest.raises(SettingsError, match=f"{pooling}.* Export to {others}.$"):
        export_model(make_model(pooling), to, tmp_path / "out")


@pytest.mark.parametrize("to", ["huggingface", "sentence-transformers", "google"])
def test_isotonic_curves_are_not_dropped(make_model, tmp_path, to):
    if to == "google":
        pytest.importorskip("tensorflow")
    with pytest.raises(SettingsError, match="2 labels are calibrated by isotonic curves"):
        export_model(make_model("pooled", "isotonic"), to, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command(make_model, tmp_path, monkeypatch):
    import importlib.util

    from multilabel_bert.errors import MissingExtraError

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name)
    )
    monkeypatch.delitem(__import__("sys").modules, "onnx", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'multilabel-bert\[onnx\]'"):
        export_model(make_model(), "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
