"""A stopped training goes on from its last epoch, to the same result."""

import subprocess
import sys
import time

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from multilabel_bert import MultiLabelClassifier  # noqa: E402
from multilabel_bert.encoder.cpu_features import has_bfloat16  # noqa: E402
from multilabel_bert.errors import ModelError, SettingsError  # noqa: E402
from multilabel_bert.training.saved_state import SavedState, remove_state  # noqa: E402

SETTINGS = {
    "num_train_epochs": 4,
    "max_seq_length": 16,
    "max_batch_tokens": 64,
    "learning_rate": 1e-3,
    "cache": None,
    "verbose": False,
}


class Stops(keras.callbacks.Callback):
    """Ends the process's training as a crash would, after an epoch or in the middle of one."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.epoch, self.batch, self.now = epoch, batch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if self.batch is None and epoch == self.epoch:
            raise RuntimeError("stopped")

    def on_train_batch_end(self, batch, logs=None):
        if self.batch is not None and (self.now, batch) == (self.epoch, self.batch):
            raise RuntimeError("stopped")


def fit(tiny_encoder, labelled_texts, state=None, **more):
    texts, labels = labelled_texts
    model = MultiLabelClassifier(str(tiny_encoder), **SETTINGS | more)
    return model.fit(texts, labels, state_directory=state)


CASES = [
    # with the batch in whose middle it stops; None: after an epoch
    ({"train_layers": "all", "precision": "float32"}, 2),
    ({"train_layers": "all", "gradient_accumulation_steps": 2}, None),
    ({"train_layers": 1, "early_stopping": "macro_f1", "early_stopping_patience": 4}, None),
    ({"train_layers": "all", "ema_decay": 0.9, "early_stopping": "loss"}, 1),
    # Unfreezing goes on after the stop, which is in its last third.
    ({"train_layers": "all", "gradual_unfreezing": 0.75, "layer_decay": 0.8}, 2),
    ({"train_layers": 2, "gradual_unfreezing": 0.9, "ema_decay": 0.99, "loss": "zlpr"}, None),
]


@pytest.mark.parametrize(("settings", "batch"), CASES, ids=str)
def test_the_result_is_that_of_an_uninterrupted_run(
    tiny_encoder, labelled_texts, tmp_path, settings, batch
):
    state = tmp_path / "state"
    whole = fit(tiny_encoder, labelled_texts, **settings)
    with pytest.raises(RuntimeError, match="stopped"):
        fit(tiny_encoder, labelled_texts, state, callbacks=[Stops(2, batch)], **settings)
    assert state.is_dir()
    resumed = fit(tiny_encoder, labelled_texts, state, **settings)
    assert state.exists()  # until the model is safe
    resumed.save(tmp_path / "model")
    assert not state.exists()
    for name, tensor in whole.model_.tensors.items():
        np.testing.assert_array_equal(resumed.model_.tensors[name], tensor, err_msg=name)
    np.testing.assert_array_equal(resumed.model_.kernel, whole.model_.kernel)
    losses = [[epoch["loss"] for epoch in m.history_.epochs] for m in (whole, resumed)]
    assert losses[0] == losses[1]
    assert resumed.history_.best_epoch == whole.history_.best_epoch
    assert resumed.model_.rule.to_dict() == whole.model_.rule.to_dict()


def test_another_training_does_not_go_on_from_it(tiny_encoder, labelled_texts, tmp_path):
    state = tmp_path / "state"
    with pytest.raises(RuntimeError):
        fit(tiny_encoder, labelled_texts, state, train_layers=1, callbacks=[Stops(1)])
    with pytest.raises(SettingsError, match=r"learning_rate=0\.001, this one has 0\.002"):
        fit(tiny_encoder, labelled_texts, state, train_layers=1, learning_rate=2e-3)
    texts, labels = labelled_texts
    with pytest.raises(SettingsError, match="had training texts="):
        fit(tiny_encoder, (texts[1:], labels[1:]), state, train_layers=1)
    assert state.is_dir()


def test_a_damaged_state_is_said(tmp_path):
    state = SavedState(tmp_path / "state", {"seed": 1})
    state.save({"a": np.zeros(3)}, {"epochs": []})
    assert state.load()[1] == {"epochs": []}
    file = tmp_path / "state" / "state-0.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ModelError, match="damaged"):
        state.load()


def test_a_training_that_is_over_is_not_done_again(tiny_encoder, labelled_texts, tmp_path):
    state = tmp_path / "state"
    first = fit(tiny_encoder, labelled_texts, state, train_layers=1)
    again = fit(tiny_encoder, labelled_texts, state, train_layers=1, callbacks=[Stops(0), Stops(3)])
    np.testing.assert_array_equal(first.model_.kernel, again.model_.kernel)
    assert first.history_.epochs == again.history_.epochs


def test_a_directory_of_something_else_is_left_alone(tiny_encoder, labelled_texts, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="holds something else"):
        fit(tiny_encoder, labelled_texts, tmp_path, train_layers=1)
    assert (tmp_path / "thesis.txt").exists()


def test_only_the_last_epoch_is_kept(tmp_path):
    state = SavedState(tmp_path / "state", {})
    for epoch in (1, 2):
        state.save({"a": np.full(3, epoch)}, {"epochs": [{}] * epoch})
    names = sorted(path.name for path in (tmp_path / "state").iterdir())
    assert names == ["state-2.safetensors", "state.json"]
    remove_state(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_killed_command_resumes_to_the_same_bytes(tiny_encoder, tmp_path):
    table = tmp_path / "messages.csv"
    words = ["late", "parcel", "money", "back", "thanks", "great"]
    rows = [f"{words[i % 6]} {words[i * 5 % 6]},{i % 2},{i % 3 == 0:d}" for i in range(80)]
    table.write_text("\n".join(["text,delay,refund", *rows]) + "\n")

    def command(output, *more):
        return [
            *(sys.executable, "-m", "multilabel_bert.cli", "train", "--train", str(table)),
            *("--encoder", str(tiny_encoder), "--output", str(output), "--train-layers", "all"),
            *("--num-train-epochs", "12", "--max-batch-tokens", "32", "--max-seq-length", "16"),
            *("--quiet", *more),
        ]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    killed, state = tmp_path / "killed", tmp_path / "killed.training"
    with subprocess.Popen(command(killed), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        while not (state / "state.json").exists() and run.poll() is None:
            time.sleep(0.01)
        run.kill()
    assert state.exists()
    assert not killed.exists()
    refused = subprocess.run(command(killed), check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    subprocess.run(command(killed, "--resume"), check=True, capture_output=True)
    assert not state.exists()
    weights = [tmp_path / name / "model.safetensors" for name in ("whole", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no instructions for bfloat16")
def test_bfloat16_learns_as_float32_does(tiny_encoder, labelled_texts):
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = fit(
            tiny_encoder, labelled_texts, train_layers="all", precision=precision, dropout=0.0
        )
        losses[precision] = model.history_.epochs[-1]["loss"]
        assert all(tensor.dtype == np.float32 for tensor in model.model_.tensors.values())
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
