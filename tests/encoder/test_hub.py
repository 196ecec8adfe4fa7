"""Hub names, against a stand-in server on this machine; the network is never used."""

import os
import subprocess
import sys

import pytest
from hub_stand_in import StandIn, running
from tiny_checkpoints import write_hugging_face

from multilabel_bert.encoder.hub import is_hub_name

CODE = """
import sys
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import CheckpointError
try:
    checkpoint = load_checkpoint(sys.argv[1])
    print("loaded", len(checkpoint.tensors), checkpoint.origin, checkpoint.tokenizer_files.origin)
except CheckpointError as error:
    print("refused", error)
"""


@pytest.fixture
def hub():
    with running() as address:
        yield address


def publish(name, directory, **more):
    write_hugging_face(directory)
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    StandIn.repositories[name] = files | more


def load(name, endpoint, home, **environment):
    run = subprocess.run(
        [sys.executable, "-c", CODE, name],
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            **environment,
        },
    )
    return run.stdout.strip()


def test_a_hub_name_is_downloaded_once_and_without_pickles(hub, tmp_path):
    publish("org/tiny-bert", tmp_path / "published", **{"pytorch_model.bin": b"\x80", "x.md": b"x"})
    home = tmp_path / "home"
    home.mkdir()
    expected = "loaded 39 org/tiny-bert org/tiny-bert"
    assert load("org/tiny-bert", hub, home) == expected
    assert sorted(StandIn.served) == ["config.json", "model.safetensors", "vocab.txt"]
    # Afterwards the cache has it, also where the hub cannot be reached.
    assert load("org/tiny-bert", hub, home, HF_HUB_OFFLINE="1") == expected
    assert load("org/tiny-bert", "http://127.0.0.1:9", home) == expected
    assert len(StandIn.served) == 3


def test_weights_only_as_pickles_name_the_way_out(hub, tmp_path):
    publish("org/old-bert", tmp_path / "published", **{"pytorch_model.bin": b"\x80"})
    del StandIn.repositories["org/old-bert"]["model.safetensors"]
    text = load("org/old-bert", hub, tmp_path)
    assert text.startswith("refused org/old-bert has no model.safetensors on the hub.")
    assert 'AutoModel.from_pretrained("org/old-bert").save_pretrained("converted")' in text
    assert "pytorch_model.bin" not in StandIn.served


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("org/lost", "the Hugging Face hub has no such model, or it is private (then log in with"),
        ("closed/bert", "it is gated on the Hugging Face hub: accept its terms there, and log in"),
        (
            "broken/bert",
            "the Hugging Face hub answered with status 400, and the cache does not hold it",
        ),
    ],
)
def test_what_the_hub_refuses_is_said(hub, tmp_path, name, reason):
    text = load(name, hub, tmp_path)
    assert text.startswith(f"refused No encoder {name!r}: there is no such file or directory; ")
    assert reason in text


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {}])
def test_a_hub_that_cannot_be_reached_is_said(tmp_path, environment):
    text = load("org/tiny-bert", "http://127.0.0.1:9", tmp_path, **environment)
    assert "the Hugging Face hub cannot be reached, and the cache does not hold it. Give a" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bert-base-uncased", True),
        ("sentence-transformers/all-MiniLM-L6-v2", True),
        ("a/b/c", False),
        ("./bert", False),
        ("/bert", False),
        ("models\\bert", False),
        ("wwm_uncased_L-24_H-1024_A-16", False),
        ("chinese_L-12_H-768_A-12", False),
        ("-x", False),
        ("", False),
    ],
)
def test_what_can_be_a_hub_name(text, expected):
    assert is_hub_name(text) is expected
