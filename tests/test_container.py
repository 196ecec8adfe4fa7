"""The container: what its files say, and its steps run without a container engine where asked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from check_container import is_sent, read_dockerfile  # noqa: E402


@pytest.fixture(scope="module")
def stages():
    return read_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)==(\S+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def test_the_lock_of_the_server_is_part_of_that_of_the_tests():
    serve, dev = pins("serve.txt"), pins("dev.txt")
    assert {"fastapi", "uvicorn", "prometheus-client", "openvino", "tokenizers"} <= set(serve)
    assert {name: serve[name] for name in serve} == {name: dev.get(name) for name in serve}
    assert not {"tensorflow", "tensorflow-cpu", "keras", "torch", "matplotlib"} & set(serve)
    assert "://" not in (ROOT / "requirements/serve.txt").read_text(encoding="utf-8")


def test_what_is_taken_out_is_in_the_lock(stages):
    (removed,) = [v for name, v in stages[0].steps if name == "RUN" and "uninstall" in v]
    names = removed.partition("--yes ")[2].split()
    assert set(names) - {"pip"} <= set(pins("serve.txt"))


def test_the_image_is_plain_not_root_and_watched(stages):
    assert {stage.image for stage in stages} == {"python:3.13-slim"}
    last = stages[-1]
    assert int(last.last("USER").partition(":")[0]) > 0
    assert last.last("VOLUME") == "/model"
    assert "/health" in json.loads(last.last("HEALTHCHECK").partition("CMD ")[2])[-1]
    # Lists, so that the signal that ends a container reaches the server and not a shell.
    assert json.loads(last.last("ENTRYPOINT"))[:2] == ["multilabel", "serve"]
    assert json.loads(last.last("CMD")) == ["/model"]
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"https?://(?!127\.0\.0\.1:8080/health)", text) == []


def test_everything_that_is_copied_is_sent_and_nothing_else(stages):
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    copied = [
        source for name, value in stages[0].steps if name == "COPY" for source in value.split()[:-1]
    ]
    assert all((ROOT / source).exists() and is_sent(source, ignore) for source in copied)
    assert not any(is_sent(name, ignore) for name in ("tests", "benchmarks", ".git", ".venv"))


@pytest.mark.slow
def test_the_steps_run_and_the_server_answers(tmp_path, tiny_encoder, labelled_texts):
    """Downloads packages: MULTILABEL_CHECK_CONTAINER names the Python to run the steps with."""
    python = os.environ.get("MULTILABEL_CHECK_CONTAINER")
    if not python:
        pytest.skip("downloads: set MULTILABEL_CHECK_CONTAINER to a Python, such as python3.13")
    from multilabel_bert import MultiLabelClassifier

    model = MultiLabelClassifier(tiny_encoder, num_train_epochs=1, max_seq_length=16)
    model.fit(*labelled_texts).save(tmp_path / "model")
    result = subprocess.run(
        [python, ROOT / "scripts/check_container.py", tmp_path / "model"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    facts = json.loads(result.stdout)
    assert facts["labels_answered"] == 3
    assert facts["size_mb"] < 500
