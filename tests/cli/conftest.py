"""A small model trained through the command line, and a way to run the command in-process."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert.cli.app import run

LABELS = ("delay", "refund", "praise")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def run_quietly(arguments: list) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = exit_code(arguments)
    return Result(code, out.getvalue(), err.getvalue())


def exit_code(arguments: list) -> int:
    try:
        run([str(argument) for argument in arguments])
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    raise AssertionError("run did not exit")


@pytest.fixture(scope="session")
def quiet_cli():
    """As `cli`, for fixtures that live longer than a test."""
    return run_quietly


@pytest.fixture
def cli(capsys):
    """Runs the command line in this process: `cli("train", ...)` gives code, out and err."""

    def call(*arguments) -> Result:
        capsys.readouterr()
        code = exit_code(list(arguments))
        streams = capsys.readouterr()
        return Result(code, streams.out, streams.err)

    return call


@pytest.fixture(scope="session")
def multilabel():
    """Runs the real command as a process of its own."""

    def call(*arguments, **options) -> subprocess.CompletedProcess:
        environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        return subprocess.run(
            [Path(sys.executable).with_name("multilabel"), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
            check=False,
            **options,
        )

    return call


def write_csv(path: Path, texts, labels, names=LABELS, *, delimiter=",", ids=True) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow([*(["id"] if ids else []), "text", *names])
        for row, (text, values) in enumerate(zip(texts, np.asarray(labels).tolist(), strict=True)):
            writer.writerow([*([f"m{row}"] if ids else []), text, *values])
    return path


@pytest.fixture(scope="session")
def table(tmp_path_factory, labelled_texts) -> Path:
    """120 texts with the labels delay, refund and praise as 0/1 columns, and an id."""
    return write_csv(tmp_path_factory.mktemp("table") / "messages.csv", *labelled_texts)


TRAIN = ("--max-seq-length", "16", "--num-train-epochs", "3")


@pytest.fixture(scope="session")
def trained(tmp_path_factory, table, tiny_encoder) -> Path:
    """A model trained on the table; read only."""
    output = tmp_path_factory.mktemp("models") / "model"
    result = run_quietly(
        ["train", "--encoder", tiny_encoder, "--train", table, "--output", output, *TRAIN]
    )
    assert result.code == 0, result.err
    return output
