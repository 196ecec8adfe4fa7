"""Hub names, against a stand-in server on this machine; the network is never used."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tiny_checkpoints import write_hugging_face

from multilabel_bert.encoder.hub import is_hub_name

SHA = "0123456789abcdef0123456789abcdef01234567"
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


class StandIn(BaseHTTPRequestHandler):
    """The parts of the hub's interface that a download uses."""

    repositories: dict = {}  # noqa: RUF012 - filled by the fixture
    served: list = []  # noqa: RUF012

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = self.path.partition("?")[0].strip("/")
        for name, files in self.repositories.items():
            if path.startswith(f"api/models/{name}/tree/"):
                return self.json([self.entry(file, content) for file, content in files.items()])
            if path == f"api/models/{name}" or path.startswith(f"api/models/{name}/revision/"):
                siblings = [{"rfilename": file} for file in files]
                return self.json({"id": name, "modelId": name, "sha": SHA, "siblings": siblings})
            prefix = f"{name}/resolve/"
            if path.startswith(prefix):
                file = path[len(prefix) :].partition("/")[2]
                if file in files:
                    return self.file(file, files[file], body)
        if path.startswith("api/models/closed/"):
            return self.json({"error": "gated"}, 403, {"X-Error-Code": "GatedRepo"})
        if path.startswith("api/models/broken/"):
            return self.json({"error": "out of order"}, 400)
        return self.json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    @staticmethod
    def entry(file, content):
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": file, "size": len(content), "oid": oid}

    def json(self, value, status=200, headers=None):
        content = json.dumps(value).encode()
        self.send(content, status, {"Content-Type": "application/json", **(headers or {})})

    def file(self, name, content, body):
        if body:
            self.served.append(name)
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        self.send(content, 200, {"ETag": etag, "X-Repo-Commit": SHA}, body)

    def send(self, content, status, headers, body=True):
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    StandIn.repositories, StandIn.served = {}, []
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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
