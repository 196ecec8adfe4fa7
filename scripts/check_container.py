"""Runs the steps of the Dockerfile without a container engine, and then what the container runs.

Each RUN and COPY is taken from the Dockerfile itself; only places differ: what is below / there is
below a temporary directory here, and `python` of the image is the interpreter that runs this. The
server is started as the container starts it (as the same user, where this one is root and others
may run the interpreter), asked by the same health check, and ended by SIGTERM. It downloads the
packages of requirements/serve.txt.

    python3.13 scripts/check_container.py MODEL

prints sizes, seconds and memory as JSON; any step that fails ends it with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 120


@dataclass
class Stage:
    """One FROM of a Dockerfile, and the instructions after it."""

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """The argument of the last such instruction."""
        return [value for name, value in self.steps if name == instruction][-1]


def read_dockerfile(text: str) -> list[Stage]:
    """The stages of a Dockerfile."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if not line.strip():
            continue
        name, _, value = line.strip().partition(" ")
        if name == "FROM":
            image, _, alias = value.partition(" AS ")
            stages.append(Stage(image, alias))
        else:
            stages[-1].steps.append((name, value))
    return stages


def is_sent(path: str, ignore: str) -> bool:
    """Whether a file is in the build context, by a .dockerignore that allows by name."""
    allowed = [line[1:] for line in ignore.splitlines() if line.startswith("!")]
    return any(path == one or path.startswith(f"{one}/") for one in allowed)


def build(stage: Stage, root: Path) -> None:
    """Run the steps of the first stage below `root`."""
    place = root
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for name, value in stage.steps:
        if name == "WORKDIR":
            place = root / value.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = value.split()
            for source in sources:
                if not is_sent(source, ignore):
                    raise SystemExit(f"COPY {source}: .dockerignore leaves it out.")
                copy(ROOT / source, place / target, into=target.endswith("/"))
        elif name == "RUN":
            command = value.replace("/opt/", f"{root}/opt/")
            command = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command)
            print(f"RUN {value[:90]}", file=sys.stderr)
            subprocess.run(command, shell=True, check=True, cwd=place, stdout=sys.stderr)
        else:
            raise SystemExit(f"{name}: this script does not know the instruction.")


def copy(source: Path, target: Path, *, into: bool) -> None:
    """COPY of one file or directory."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def run(stage: Stage, root: Path, model: Path) -> dict[str, float]:
    """Start what the last stage starts, ask it, end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])

    def here(part: str) -> str:
        place = {"/model": str(model), "8080": port, "0.0.0.0": "127.0.0.1"}.get(part, part)
        return place.replace(":8080/", f":{port}/")

    command = [*json.loads(stage.last("ENTRYPOINT")), *json.loads(stage.last("CMD"))]
    check = json.loads(stage.last("HEALTHCHECK").partition("CMD ")[2])
    environment = {
        "PATH": f"{root}/opt/multilabel/bin:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        # A user of a container has none.
        "HOME": "/nonexistent",
    }
    number = int(stage.last("USER").partition(":")[0])
    switch = os.getuid() == 0 and open_to_all(Path(sys.executable).resolve())
    user = {"user": number, "group": number, "extra_groups": []} if switch else {}
    started = time.perf_counter()
    command = [here(part) for part in command]
    # Standard output is that of this script alone.
    server = subprocess.Popen(command, cwd="/", env=environment, stdout=sys.stderr, **user)
    try:
        healthy = [here(part) for part in check]
        while not reachable(port):
            if server.poll() is not None or time.perf_counter() - started > _START_SECONDS:
                raise SystemExit("The server did not start.")
            time.sleep(0.01)
        ready = time.perf_counter() - started
        subprocess.run(healthy, check=True, env=environment, cwd="/", **user)
        answer = ask(port)
        memory = memory_megabytes(server.pid)
        server.send_signal(signal.SIGTERM)
        if (code := server.wait(30)) != 0:
            raise SystemExit(f"The server ended with {code} after SIGTERM.")
    finally:
        server.kill()
        server.wait()
    return {
        "user": number if switch else os.getuid(),
        "seconds_to_start": round(ready, 2),
        "labels_answered": answer,
        "memory_mb": memory,
    }


def open_to_all(path: Path) -> bool:
    """Whether every user may run it: an interpreter in somebody's home may be closed to others."""
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def reachable(port: str) -> bool:
    """Whether the server says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


def ask(port: str) -> int:
    """Ask for the page, the labels of a text and why it has them; the number of labels."""
    text = {"inputs": "my parcel never came"}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
        if b"page/page.js" not in page.read():
            raise SystemExit("There is no page at /.")
    if not post(port, "v1/explain", text)["words"]:
        raise SystemExit("Nothing was explained.")
    return len(post(port, "predict", text))


def post(port: str, path: str, body: dict[str, str]) -> Any:
    """The answer to a request."""
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", content, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def memory_megabytes(process: int) -> int:
    """Resident memory, 0 where the system does not say."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1000) if found else 0


def size_megabytes(directory: Path) -> int:
    """Of all files below a directory."""
    files = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6)


def installed(root: Path) -> list[str]:
    """Names of what is installed."""
    folders = (root / "opt/multilabel").glob("lib/python*/site-packages/*.dist-info")
    return sorted(folder.name.partition("-")[0].lower() for folder in folders)


def main() -> None:
    """Build, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_RAW)
    parser.add_argument("model", type=Path, help="a directory that `multilabel train` wrote")
    model = parser.parse_args().model.resolve()
    first, last = read_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="container-") as place:
        root = Path(place)
        # The server is another user.
        root.chmod(0o755)
        build(first, root)
        names = installed(root)
        heavy = {"tensorflow", "tensorflow_cpu", "keras", "torch", "scikit_learn", "polars"}
        if found := heavy & set(names):
            raise SystemExit(f"The image would hold {', '.join(sorted(found))}.")
        facts = {"packages": len(names), "size_mb": size_megabytes(root / "opt")}
        print(json.dumps(facts | run(last, root, model), indent=2))


_RAW = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
