"""`multilabel serve` as a process: what it loads, what it says, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from multilabel_bert import optional
from multilabel_bert.cli.app import run
from multilabel_bert.model.directory import save_model
from multilabel_bert.serving.server import Server

# Prediction needs none of them, and each takes seconds to load.
UNWANTED = ("tensorflow", "keras", "sklearn", "pandas", "torch", "transformers")
SCRIPT = f"""
import sys
from multilabel_bert.cli.app import run
try:
    run(sys.argv[1:])
finally:
    print("loaded:", [m for m in {UNWANTED} if m in sys.modules], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def saved(served_model, other_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(served_model, folder / "complaints")
    save_model(other_model, folder / "topics")
    return folder


@contextmanager
def serving(*arguments, **environment):
    """The process, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "serve", *map(str, arguments), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        said = []
        while not said or not said[-1].startswith("Listening at "):
            said.append(process.stderr.readline())
            assert said[-1], process.stderr.read()
        yield process, said[-1].split()[2].rstrip(";"), said
    finally:
        process.kill()
        process.communicate()


def ended(process):
    """Exit code, lines of the access log, and the rest of what was said."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def test_everything_is_answered_without_tensorflow(saved):
    with serving(saved / "complaints", f"other={saved / 'topics'}") as (process, url, said):
        assert "complaints: 4 labels, float32\n" in said
        assert "other: 4 labels, float32\n" in said
        with httpx.Client(base_url=url, timeout=60) as client:
            for path in ("predict", "v1/labels", "v1/explain"):
                body = {"inputs": "late parcel", "model": "other"}
                assert client.post(path, json=body).status_code == 200
            for path in ("", "docs", "openapi.json", "v1/model", "info", "health", "metrics"):
                assert client.get(path).status_code == 200
        code, log, err = ended(process)
    assert code == 0
    assert "loaded: []" in err
    assert "Traceback" not in err
    assert len(log) == 10
    assert [entry["path"] for entry in log][:2] == ["/predict", "/v1/labels"]


def test_no_accepted_request_is_lost_by_a_signal(saved):
    with serving(saved / "complaints") as (process, url, _):
        answered, refused = [], []
        body = {"inputs": [["late parcel"]] * 30}

        def ask(number):
            try:
                # A connection of its own, for one that is kept may be closed while it is idle.
                answered.append(httpx.post(f"{url}predict", json=body, timeout=60).status_code)
            except httpx.ConnectError as error:
                refused.append(error)
            if number == 40:
                process.send_signal(signal.SIGTERM)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(150)))
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert set(answered) == {200}
    assert len(answered) + len(refused) == 150
    assert refused, "the signal came too late to test anything"
    # Each request that reached the application has its whole answer.
    assert len(out.splitlines()) == len(answered)


def test_the_key_comes_from_the_environment(saved):
    with serving(saved / "complaints", "--no-access-log", MULTILABEL_API_KEY="abc") as started:
        process, url, _ = started
        assert httpx.get(f"{url}v1/model").status_code == 401
        headers = {"Authorization": "Bearer abc"}
        assert httpx.get(f"{url}v1/model", headers=headers).status_code == 200
        assert ended(process)[:2] == (0, [])


def peak_mib(process):
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_large_requests_do_not_fill_the_memory(saved):
    large = json.dumps({"inputs": [["a" * 3900]] * 1000}).encode()
    one = json.dumps({"inputs": "a" * 1_000_000}).encode()
    with serving(saved / "complaints", "--no-access-log") as (process, url, _):
        assert httpx.post(f"{url}predict", json={"inputs": "late"}).status_code == 200
        before = peak_mib(process)

        def ask(number):
            body = large if number % 2 else one
            return httpx.post(f"{url}predict", content=body, timeout=60).status_code

        with ThreadPoolExecutor(60) as pool:
            statuses = list(pool.map(ask, range(80)))
        # 40 requests of 4 MB and 40 of 1 MB; what is too much is refused.
        assert set(statuses) <= {200, 413, 429}
        assert statuses.count(200) >= 5
        assert peak_mib(process) - before < 400
        assert httpx.post(f"{url}predict", json={"inputs": "late"}).status_code == 200


def error_of(capsys, *arguments):
    with (
        patch.object(Server, "serve_socket", side_effect=AssertionError),
        pytest.raises(SystemExit) as end,
    ):
        run(["serve", *map(str, arguments)])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return err


def test_a_port_that_is_taken_is_told(saved, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        err = error_of(capsys, saved / "complaints", "--port", port)
    assert err == (
        f"Error: Cannot listen at 127.0.0.1, port {port}: Address already in use. Choose another "
        "host or port; --port 0 takes any that is free.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "There is no model at nowhere."),
        (["complaints", "--port", "70000"], "--port 70000 is none: use 0 to 65535."),
        (["complaints", "--host", "no.such.host.invalid"], "Cannot listen at no.such.host.invalid"),
        (["complaints", "x/../complaints"], "Two models would be called 'complaints'"),
        (["complaints", "--max-texts", "0"], "--max-texts 0 must be above 0."),
        (["complaints", "--timeout-seconds", "nan"], "--timeout-seconds nan must be above 0."),
        (["complaints", "--api-key", " "], "The API key is empty."),
    ],
)
def test_mistakes_are_told(saved, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(saved)
    assert said in error_of(capsys, *arguments)


def test_without_the_extra_its_name_is_told(saved, monkeypatch, capsys):
    found = optional.importlib.util.find_spec
    monkeypatch.delitem(sys.modules, "uvicorn", raising=False)
    monkeypatch.setattr(
        optional.importlib.util,
        "find_spec",
        lambda name: None if name == "uvicorn" else found(name),
    )
    err = error_of(capsys, saved / "complaints")
    assert "pip install 'multilabel-bert[serve]'" in err
