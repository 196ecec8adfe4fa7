"""Every file of a saved model damaged in every way: one clear error, or the same results."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert import MultiLabelClassifier, Predictor
from multilabel_bert.cli.app import run
from multilabel_bert.errors import ModelError
from multilabel_bert.model.directory import load_model
from multilabel_bert.model.hugging_face_files import head_file

TEXTS = [f"late parcel {n}" if n % 3 else f"kind thanks {n}" for n in range(40)]
LABELS = [[int(n % 3 > 0), int(n % 3 == 0)] for n in range(40)]
# What prediction never reads.
NOT_NEEDED = {
    "README.md", "baseline/baseline.json", "baseline/terms.json", "baseline/weights.safetensors"
}  # fmt: skip
# Either holds all of the tokenizer, and the configuration of it only what is as by default.
SPARE = {"tokenizer.json", "tokenizer_config.json", "vocab.txt"}
FILES = [
    *sorted(NOT_NEEDED),
    *sorted(SPARE),
    "config.json",
    "model.safetensors",
    "multilabel.json",
    "openvino/openvino_model.bin",
    "openvino/openvino_model.xml",
]
NEEDED = [name for name in FILES if name not in NOT_NEEDED]


def saved(encoder, path, names, seed):
    model = MultiLabelClassifier(encoder, baseline=True, verbose=False, seed=seed)
    model.fit(TEXTS, LABELS, label_names=names).save(path)
    return path


@pytest.fixture(scope="module")
def models(tiny_encoder, tmp_path_factory):
    """A model, and another one of which every file could be taken for the first's."""
    folder = tmp_path_factory.mktemp("models")
    other_encoder = shutil.copytree(tiny_encoder, folder / "encoder")
    vocabulary = (other_encoder / "vocab.txt").read_text(encoding="utf-8")
    # As long as the other one: nothing but the words differ.
    swapped = vocabulary.replace("late\n", "\0\n").replace("kind\n", "late\n")
    (other_encoder / "vocab.txt").write_text(swapped.replace("\0\n", "kind\n"), encoding="utf-8")
    (other_encoder / "tokenizer.json").unlink(missing_ok=True)
    one = saved(tiny_encoder, folder / "one", ["a", "b"], 1)
    two = saved(other_encoder, folder / "two", ["c", "d"], 2)
    return one, two


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """Some bytes in the middle are others."""
    middle = len(content) // 3
    changed = bytes(byte ^ 0x5A for byte in content[middle : middle + 8])
    return content[:middle] + changed + content[middle + 8 :]


def misspelt(content: bytes) -> bytes:
    """Two letters changed places, and everything can still be read."""
    return content.replace(b"late", b"lats", 1)


CHANGES = {"truncated": truncated, "empty": lambda _: b"", "flipped": flipped, "misspelt": misspelt}


def outcome(model: Path) -> np.ndarray | str:
    """Probabilities, or the one error there may be."""
    try:
        return Predictor.load(model).predict_proba(TEXTS)
    except ModelError as error:
        return str(error)


@pytest.fixture(scope="module")
def expected(models):
    return outcome(models[0])


def check_refused(found, name):
    assert isinstance(found, str), name
    assert Path(name).name in found
    mends = ("Copy", "copy", "ownload", "Use the", "Name the")
    assert any(mend in found for mend in mends), found


def test_these_are_all_files(models):
    for model in models:
        files = [path for path in model.rglob("*") if path.is_file()]
        assert sorted(str(path.relative_to(model)) for path in files) == sorted(FILES)


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_that_is_damaged(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    content = (model / name).read_bytes()
    for change in CHANGES.values():
        changed = change(content)
        if changed != content:
            (model / name).write_bytes(changed)
            check_refused(outcome(model), name)


@pytest.mark.parametrize("change", ["missing", "of another model", "empty", "flipped"])
def test_what_prediction_never_reads_may_be_anything(models, expected, tmp_path, change):
    model = shutil.copytree(models[0], tmp_path / "model")
    for name in NOT_NEEDED:
        if change == "missing":
            (model / name).unlink()
        elif change == "of another model":
            shutil.copyfile(models[1] / name, model / name)
        else:
            (model / name).write_bytes(CHANGES[change]((model / name).read_bytes()))
    np.testing.assert_array_equal(outcome(model), expected)


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_that_is_missing(models, expected, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    (model / name).unlink()
    found = outcome(model)
    if isinstance(found, str):
        check_refused(found, name)
    else:
        # There is a spare one.
        assert name in SPARE
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_of_another_model(models, expected, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    shutil.copyfile(models[1] / name, model / name)
    found = outcome(model)
    if name == "multilabel.json":
        # It describes the other files, so they are not what it says.
        assert isinstance(found, str)
        assert "multilabel.json" in found
    elif (models[0] / name).read_bytes() != (models[1] / name).read_bytes():
        check_refused(found, name)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("pooling", ["mean", "mean_last4"])
def test_a_head_in_a_file_of_its_own_is_checked_too(deep_encoder, tmp_path, pooling):
    model = MultiLabelClassifier(deep_encoder, pooling=pooling, verbose=False)
    model.fit(TEXTS, LABELS).save(tmp_path / "model")
    file = tmp_path / "model" / head_file(pooling)
    content = file.read_bytes()
    for changed in (content[:-1] + bytes([content[-1] ^ 1]), content[:-4], b""):
        file.write_bytes(changed)
        found = outcome(tmp_path / "model")
        assert isinstance(found, str)
        assert str(file) in found
    file.unlink()
    assert f"{file} is missing" in outcome(tmp_path / "model")


def test_no_letter_of_what_decides_changes_unnoticed(models, tmp_path):
    model = shutil.copytree(models[0], tmp_path / "model")
    file = model / "multilabel.json"
    content = file.read_text(encoding="utf-8")
    plain = json.loads(content)
    start, end = content.index('"pooling"'), content.index('"settings"')
    for place in range(start, end, 5):
        for letter in "0", "9", "e", '"':
            changed = content[:place] + letter + content[place + 1 :]
            with contextlib.suppress(ValueError):
                if json.loads(changed) == plain:
                    continue
            file.write_text(changed, encoding="utf-8")
            with pytest.raises(ModelError, match=r"multilabel\.json"):
                load_model(model)


@pytest.mark.parametrize("command", ["predict", "evaluate", "report", "explain"])
def test_the_command_line_says_it_in_a_line(models, tmp_path, capsys, command):
    model = shutil.copytree(models[0], tmp_path / "model")
    table = tmp_path / "table.csv"
    rows = [f"{text},{a},{b}" for text, (a, b) in zip(TEXTS, LABELS, strict=True)]
    table.write_text("text,a,b\n" + "\n".join(rows) + "\n", encoding="utf-8")
    given = [str(table)]
    if command == "report":
        given += ["--html", str(tmp_path / "page.html"), "--quiet"]
    elif command == "explain":
        given = ["--text", "late parcel"]
    for name in NEEDED:
        content = (model / name).read_bytes()
        (model / name).write_bytes(flipped(content))
        with pytest.raises(SystemExit) as exit_code:
            run([command, str(model), *given])
        (model / name).write_bytes(content)
        said = capsys.readouterr()
        assert exit_code.value.code == 2, (name, said.err)
        assert said.err.startswith("Error: ")
        assert Path(name).name in said.err
        assert said.err.count("\n") == 1
        assert said.out == ""


@pytest.mark.parametrize("name", ["baseline/terms.json", "baseline/weights.safetensors"])
def test_a_damaged_baseline_is_told_where_it_is_read(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    for change in (truncated, lambda _: b""):
        (model / name).write_bytes(change((models[0] / name).read_bytes()))
        with pytest.raises(ModelError, match="the model works without it"):
            MultiLabelClassifier.load(model)
