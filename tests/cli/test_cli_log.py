"""`multilabel train --log-dir`."""

import csv

import pytest

pytest.importorskip("tensorflow")


def test_a_log_is_written_and_replaced_only_when_asked(cli, table, tiny_encoder, tmp_path):
    log = tmp_path / "log"

    def train(*more):
        return cli(
            *("train", "--encoder", tiny_encoder, "--train", table, "--max-seq-length", "16"),
            *("--output", tmp_path / "model", "--log-dir", log, "--num-train-epochs", "2", *more),
        )

    assert train("--num-train-epochs", "3").code == 0
    (log / "notes.txt").write_text("mine")
    assert train().code == 2  # because of the model
    (tmp_path / "model").rename(tmp_path / "first-model")
    result = train()
    assert (result.code, result.err) == (
        2,
        f"Error: --log-dir: {log} holds the log of another training. Name another directory for "
        "this one, or add --overwrite.\n",
    )
    assert train("--overwrite").code == 0
    with (log / "training.csv").open(encoding="utf-8", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert len(list(log.glob("events.out.tfevents.*"))) == 1
    assert (log / "notes.txt").exists()
