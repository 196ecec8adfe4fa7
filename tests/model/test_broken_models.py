"""Every file of a saved model damaged in every way: one clear error, or the same results."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert import MultiLabelClassifier, Predictor
from multilabel_bert.errors import ModelError

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


def check(found, expected, name, *, may_fail):
    if isinstance(found, str):
        assert may_fail, found
        assert Path(name).name in found
        mends = ("Copy", "copy", "ownload", "Use the", "Name the")
        assert any(mend in found for mend in mends), found
    else:
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_these_are_all_files(models):
    for model in models:
        files = [path for path in model.rglob("*") if path.is_file()]
        assert sorted(str(path.relative_to(model)) for path in files) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_damaged(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    content, expected = (model / name).read_bytes(), outcome(models[0])
    for change in CHANGES.values():
        changed = change(content)
        if changed == content:
            continue
        (model / name).write_bytes(changed)
        found = outcome(model)
        assert isinstance(found, str) == (name not in NOT_NEEDED), name
        check(found, expected, name, may_fail=name not in NOT_NEEDED)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    (model / name).unlink()
    check(outcome(model), outcome(models[0]), name, may_fail=name not in NOT_NEEDED)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_model(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    shutil.copyfile(models[1] / name, model / name)
    found = outcome(model)
    if name == "multilabel.json":
        # It describes the other files, so they are not what it says.
        assert isinstance(found, str)
        assert "multilabel.json" in found
        return
    check(found, outcome(models[0]), name, may_fail=name not in NOT_NEEDED)
    if (models[0] / name).read_bytes() != (models[1] / name).read_bytes():
        assert isinstance(found, str) == (name not in NOT_NEEDED)


@pytest.mark.parametrize("name", ["baseline/terms.json", "baseline/weights.safetensors"])
def test_a_damaged_baseline_is_told_where_it_is_read(models, tmp_path, name):
    model = shutil.copytree(models[0], tmp_path / "model")
    for change in (truncated, lambda _: b""):
        (model / name).write_bytes(change((models[0] / name).read_bytes()))
        with pytest.raises(ModelError, match="the model works without it"):
            MultiLabelClassifier.load(model)
