"""Ctrl-C: the best state so far is kept and saved in training; elsewhere nothing is written."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from multilabel_bert.cli.train import train_and_save
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.progress import Progress


class _CtrlC(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_the_best_epoch_so_far_is_saved(tiny_encoder, table, tmp_path, capsys):
    parameters = {"encoder": str(tiny_encoder), "max_seq_length": 16, "callbacks": [_CtrlC()]}
    model = tmp_path / "model"
    classifier = train_and_save(parameters, table, None, model, {}, progress=Progress())
    assert classifier.history_.interrupted
    assert len(classifier.history_.epochs) == 2
    assert "Interrupted: keeping epoch " in capsys.readouterr().err
    assert Predictor.load(model).predict_proba(["late parcel"]).shape == (1, 3)


def test_the_command_saves_and_exits_with_130(cli, tiny_encoder, table, tmp_path, monkeypatch):
    from multilabel_bert.training import trainer

    plain = trainer.train_network

    def interrupted(*arguments, **options):
        return plain(*arguments, **options | {"callbacks": [_CtrlC()]})

    monkeypatch.setattr(trainer, "train_network", interrupted)
    result = cli(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model",
        "--max-seq-length", "16", "--json", "--no-few-examples",
    )  # fmt: skip
    assert result.code == 130
    assert json.loads(result.out)["interrupted"] is True
    assert "Interrupted: keeping epoch " in result.err
    assert "Interrupted.\n" not in result.err
    assert cli("predict", tmp_path / "model", "--text", "late").code == 0


def test_ctrl_c_before_the_training_leaves_nothing(cli, tiny_encoder, table, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("multilabel_bert.data.splits.read_splits", interrupt)
    result = cli(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model"
    )
    assert (result.code, result.out, result.err) == (130, "", "Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_predict_leaves_no_half_file(cli, trained, table, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "stream_logits", interrupt)
    result = cli("predict", trained, table, "--output", tmp_path / "labels.csv")
    assert result.code == 130
    assert result.err.endswith("Interrupted.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_a_real_signal(tiny_encoder, table, tmp_path):
    program = subprocess.Popen(
        [
            Path(sys.executable).with_name("multilabel"), "train", "--encoder", tiny_encoder,
            "--train", table, "--output", tmp_path / "model", "--max-seq-length", "16",
            "--num-train-epochs", "1000000", "--train-layers", "0",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    seen = ""
    for line in program.stderr:
        seen += line
        if line.startswith("Training: "):
            program.send_signal(signal.SIGINT)
            break
    out, rest = program.communicate(timeout=60)
    assert program.returncode == 130, seen + rest
    assert "Interrupted: keeping epoch " in rest
    assert "Traceback" not in rest
    assert "Saved " in out
    assert (tmp_path / "model" / "multilabel.json").is_file()
