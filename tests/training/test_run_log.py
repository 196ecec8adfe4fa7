"""Logs of a training, read back: `training.csv` by polars, event files by TensorFlow's reader."""

import math

import numpy as np
import polars as pl
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from multilabel_bert import MultiLabelClassifier  # noqa: E402
from multilabel_bert.errors import SettingsError, WriteError  # noqa: E402
from multilabel_bert.training.csv_log import CsvLog  # noqa: E402
from multilabel_bert.training.event_log import EventLog  # noqa: E402
from multilabel_bert.training.optimizers import WarmupDecay  # noqa: E402
from multilabel_bert.training.run_log import RunLog, remove_log  # noqa: E402

SETTINGS = {"num_train_epochs": 3, "max_seq_length": 16, "cache": None, "verbose": False}


class Stops(keras.callbacks.Callback):
    """Ends the process's training as a crash would, once an epoch is logged and not yet saved."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise RuntimeError("stopped")


def fit(encoder, labelled_texts, log_dir, state=None, **more):
    model = MultiLabelClassifier(str(encoder), log_dir=log_dir, **SETTINGS | more)
    return model.fit(*labelled_texts, state_directory=state)


def curves(directory):
    """Tag to step to value, as TensorBoard shows them: a restart hides what it comes before."""
    found = {}
    for path in sorted(directory.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.HasField("session_log"):
                assert event.session_log.status == tf.compat.v1.SessionLog.START
                for points in found.values():
                    for step in [step for step in points if step >= event.step]:
                        del points[step]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_a_head_logs_each_epoch(tiny_encoder, labelled_texts, tmp_path):
    model = fit(tiny_encoder, labelled_texts, tmp_path / "log")
    table = pl.read_csv(tmp_path / "log" / "training.csv")
    epochs = model.history_.epochs
    assert table["epoch"].to_list() == [1, 2, 3]
    updates = table["step"][0]
    assert table["step"].to_list() == [updates, 2 * updates, 3 * updates]
    metrics = [name for name in epochs[0] if name != "seconds"]
    assert {"loss", "val_loss", "val_macro_f1"} < set(metrics)
    assert table.columns == ["epoch", "step", "loss", "learning_rate", *metrics[1:], "seconds"]
    for name in metrics:
        expected = [epoch[name] for epoch in epochs]
        np.testing.assert_allclose(table[name].to_numpy(), expected, rtol=1e-5)
    total = 3 * updates
    schedule = WarmupDecay(5e-3, total, int(0.1 * total))
    rates = [float(schedule(step - 1)) for step in table["step"]]
    np.testing.assert_allclose(table["learning_rate"].to_numpy(), rates, rtol=1e-5)
    assert all(0 < seconds < 100 for seconds in table["seconds"])

    points = curves(tmp_path / "log")
    assert set(points) == {f"epoch/{name}" for name in table.columns[2:]}
    for name in metrics:
        assert list(points[f"epoch/{name}"]) == table["step"].to_list()
        np.testing.assert_allclose(
            list(points[f"epoch/{name}"].values()), table[name].to_numpy(), rtol=1e-5
        )


def test_logging_changes_nothing(tiny_encoder, labelled_texts, tmp_path):
    logged = fit(tiny_encoder, labelled_texts, tmp_path / "log")
    plain = fit(tiny_encoder, labelled_texts, None)
    np.testing.assert_array_equal(logged.model_.kernel, plain.model_.kernel)
    assert "log_dir" not in str(logged.model_.settings)


def test_a_resumed_training_goes_on_in_the_same_log(tiny_encoder, labelled_texts, tmp_path):
    log, state = tmp_path / "log", tmp_path / "state"
    settings = {"train_layers": 1, "train_batch_size": 16, "dev_fraction": 0}
    # All of one length, so that one kernel is compiled and not one a length.
    words = ["late parcel", "refund thanks", "slow login", "kind price"]
    data = [words[row % 4] for row in range(32)], labelled_texts[1][:32]
    whole = fit(tiny_encoder, data, tmp_path / "whole", **settings)
    with pytest.raises(RuntimeError, match="stopped"):
        # The user's callback comes first: in the epoch in which it stops nothing is logged.
        fit(tiny_encoder, data, log, state, callbacks=[Stops(2)], **settings)
    # What a crash between the log's row and the state leaves.
    leftover = CsvLog(log / "training.csv", epochs=2)
    leftover.add({"epoch": 3, "step": 6, "loss": 99.0})
    events = EventLog(log, first_step=10_000)
    events.add({"update/loss": 99.0}, step=10_000)
    events.close()
    fit(tiny_encoder, data, log, state, **settings)
    tables = [pl.read_csv(place / "training.csv") for place in (log, tmp_path / "whole")]
    assert tables[0]["epoch"].to_list() == [1, 2, 3]
    assert tables[0].drop("seconds").equals(tables[1].drop("seconds"))
    # Layers: each update is a point too.
    ours, theirs = curves(log), curves(tmp_path / "whole")
    assert ours["epoch/loss"] == theirs["epoch/loss"]
    updates = tables[1]["step"][-1]
    assert list(theirs["update/loss"]) == list(range(1, updates + 1))
    last = list(theirs["update/loss"].values())[-2:]
    assert np.mean(last) == pytest.approx(whole.history_.epochs[-1]["loss"], rel=1e-5)
    assert ours["update/loss"] == theirs["update/loss"]


def test_each_representation_has_a_log_of_its_own(deep_encoder, labelled_texts, tmp_path):
    model = fit(deep_encoder, labelled_texts, tmp_path, pooling="auto", num_train_epochs=2)
    assert {path.name for path in tmp_path.iterdir()} == set(model.representation_scores_)
    for name, score in model.representation_scores_.items():
        table = pl.read_csv(tmp_path / name / "training.csv")
        assert table["val_macro_average_precision"][-1] == pytest.approx(score, rel=1e-5)
        assert curves(tmp_path / name)


def test_folds_for_thresholds_are_not_logged(tiny_encoder, labelled_texts, tmp_path):
    fit(tiny_encoder, labelled_texts, tmp_path, threshold_cv=2)
    table = pl.read_csv(tmp_path / "training.csv")
    assert table["epoch"].to_list() == [1, 2, 3]
    assert table.columns == ["epoch", "step", "loss", "learning_rate", "seconds"]


def test_a_head_for_few_examples_logs_what_it_has(tiny_encoder, labelled_texts, tmp_path):
    model = fit(tiny_encoder, labelled_texts, tmp_path, few_examples=True, num_train_epochs=None)
    table = pl.read_csv(tmp_path / "training.csv")
    assert table.columns == ["epoch", "step", "loss", "seconds"]
    assert table["loss"][0] == pytest.approx(model.history_.epochs[0]["loss"], rel=1e-5)
    tried = pl.read_csv(tmp_path / "cross_validation.csv")
    assert tried.columns == ["pooling", "l2", "loss"]
    assert len(tried) == 9
    points = curves(tmp_path)
    assert points["epoch/loss"][1] == pytest.approx(table["loss"][0])
    np.testing.assert_allclose(
        list(points["cross_validation_loss/pooled"].values()), tried["loss"].to_numpy(), rtol=1e-5
    )


def test_the_log_of_another_training_is_left_alone(tiny_encoder, labelled_texts, tmp_path):
    model = fit(tiny_encoder, labelled_texts, tmp_path, num_train_epochs=1)
    before = (tmp_path / "training.csv").read_bytes()
    with pytest.raises(SettingsError, match="holds the log of another training"):
        model.fit(*labelled_texts)
    assert (tmp_path / "training.csv").read_bytes() == before
    (tmp_path / "mine.txt").write_text("notes")
    remove_log(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    model.fit(*labelled_texts)


def test_what_is_no_directory_is_refused_before_the_work(tiny_encoder, labelled_texts, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(WriteError, match="file"):
        fit(tiny_encoder, labelled_texts, file)
    for wrong in (5, "", ["a"]):
        with pytest.raises(SettingsError, match="expected the path of a directory"):
            fit(tiny_encoder, labelled_texts, wrong)


def test_a_table_that_is_none_is_said(tmp_path):
    path = tmp_path / "training.csv"
    for content in ("", "name,value\na,1\n", "epoch,loss\none,2\n", "\x00"):
        path.write_text(content)
        with pytest.raises(SettingsError, match="is not the log of a training"):
            CsvLog(path, epochs=2)


def test_what_is_no_number_is_an_empty_cell(tmp_path):
    log = CsvLog(tmp_path / "training.csv")
    log.add({"epoch": 1, "loss": 0.123456789, "val_macro_roc_auc": math.nan})
    assert (tmp_path / "training.csv").read_text() == "epoch,loss,val_macro_roc_auc\n1,0.123457,\n"


def test_tensorflow_is_named_where_it_is_missing(tmp_path, monkeypatch):
    from multilabel_bert import errors, optional

    monkeypatch.setattr(optional.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(optional.sys.modules, "tensorflow")
    with pytest.raises(errors.MissingExtraError, match=r"multilabel-bert\[train\]"):
        EventLog(tmp_path, 0)


@pytest.mark.parametrize("updates", [False, True])
def test_a_log_without_any_epoch_is_no_file(tmp_path, updates):
    (callback,) = RunLog(tmp_path).callbacks(updates=updates)
    callback.on_train_end()
    assert list(tmp_path.iterdir()) == []
