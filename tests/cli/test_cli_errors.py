"""Every mistake of a user: exit code 2, one clear line on standard error, nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from multilabel_bert.files import atomic_file


def _one_line(result) -> str:
    assert result.code == 2, result
    assert result.out == ""
    error = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    assert len(error) == 1, result.err
    assert result.err.endswith(error[0] + "\n")
    assert "Traceback" not in result.err
    assert "in Python" not in result.err
    return error[0].removeprefix("Error: ")


@pytest.fixture
def train(cli, tiny_encoder, tmp_path):
    """Runs a training that is expected to fail, and gives its message."""

    def call(table, *options, output=tmp_path / "model") -> str:
        message = _one_line(
            cli(
                "train",
                "--encoder",
                tiny_encoder,
                "--train",
                table,
                "--output",
                output,
                "--max-seq-length",
                "16",
                *options,
            )
        )
        assert not output.exists() or output.parent != tmp_path
        return message

    return call


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("empty.csv", "", ["empty.csv", "empty"]),
        ("header.csv", "text,late,refund\n", ["header.csv", "no rows"]),
        ("two.csv", "text,a,b\nx,1,0\ny,2,0\n", ["two.csv", "row 3", "'2'"]),
        ("no_labels.csv", "text\nhello\nbye\n", ["--label-columns"]),
        ("latin.csv", "text,a,b\ncaf\xe9,1,0\nx,0,1\n".encode("latin-1"), ["--encoding"]),
        ("blank.csv", "text,a,b\n,1,0\nx,0,1\n", ["row 2", "--empty-text drop"]),
        ("all_blank.csv", "text,a,b\n,1,0\n,0,1\n", ["all_blank.csv", "'text'"]),
        ("all.zip", b"PK\x03\x04rest", ["all.zip"]),
        ("twice.csv", "text,a,a\nx,1,0\ny,0,1\n", ["'a'"]),
    ],
)
def test_unusable_tables(train, tmp_path, name, content, parts):
    message = train(_write(tmp_path / name, content))
    for part in parts:
        assert part in message, message


def test_missing_file_with_a_near_match(train, table):
    message = train(table.with_name("message.csv"))
    assert "message.csv" in message
    assert "messages.csv" in message


def test_directory_without_tables(train, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in train(empty)


def test_directory_without_a_training_table(train, table, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(table, data / "test.csv")
    assert "none for train" in train(data)


def test_a_damaged_test_table_does_not_stop_the_training(cli, table, tiny_encoder, tmp_path):
    shutil.copy(table, tmp_path / "train.csv")
    _write(tmp_path / "test.csv", "text,delay\nlate,7\n")
    done = cli(
        "train", "--encoder", tiny_encoder, "--train", tmp_path, "--output", tmp_path / "model",
        "--max-seq-length", "16", "--num-train-epochs", "1",
    )  # fmt: skip
    assert done.code == 0, done.err


def test_directory_instead_of_a_file(cli, trained, table):
    message = _one_line(cli("evaluate", trained, table.parent))
    assert str(table.parent) in message
    assert "directory" in message


def test_wrong_column_with_a_near_match(train, table):
    message = train(table, "--text-column", "txt")
    assert "'txt'" in message
    assert "Did you mean 'text'?" in message
    assert "--text-column" in message


def test_wrong_label_column(train, table):
    assert "Did you mean 'delay'?" in train(table, "--label-columns", "dely,refund")


def test_missing_encoder(cli, table, tmp_path):
    options = ("--train", table, "--output", tmp_path / "model")
    assert "nowhere/bert" in _one_line(
        cli("train", "--encoder", tmp_path / "nowhere" / "bert", *options)
    )
    assert "--encoder" in _one_line(cli("train", *options))
    assert "--encoder" in _one_line(cli("train", "--vocab-file", "vocab.txt", *options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--train-layers", "some"], "--train-layers some: expected 0 for"),
        (["--train-layers", "-1"], "--train-layers -1: expected 0 for"),
        (["--train-layers", "7"], "--train-layers 7"),
        (["--pooling", "poled"], "--pooling poled is unknown. Did you mean 'pooled'?"),
        (["--pooling", "auto", "--train-layers", "1"], "--pooling auto needs --train-layers 0"),
        (["--max-seq-length", "0"], "--max-seq-length 0 must be a whole number of at least 1."),
        (["--max-seq-length", "33"], "--max-seq-length 33"),
        (["--max-seq-length", "many"], "--max-seq-length: expected a whole number."),
        (["--num-train-epochs", "0"], "--num-train-epochs 0 must be"),
        (["--train-batch-size", "0"], "--train-batch-size 0 must be"),
        (["--max-batch-tokens", "0"], "--max-batch-tokens 0 must be"),
        (["--learning-rate", "0"], "--learning-rate 0.0 must be above 0"),
        (["--learning-rate", "nan"], "--learning-rate nan must be above 0"),
        (["--head-learning-rate", "-1"], "--head-learning-rate -1.0 must be above 0"),
        (["--warmup-proportion", "2"], "--warmup-proportion 2.0 must be at least 0"),
        (["--schedule", "linar"], "--schedule linar is unknown. Did you mean 'linear'?"),
        (["--optimizer", "sgd"], "--optimizer sgd is unknown."),
        (["--weight-decay", "-1"], "--weight-decay -1.0 must be"),
        (["--dropout", "1"], "--dropout 1.0 must be"),
        (
            ["--class-weight", "balancd"],
            "--class-weight: 'balancd' is not understood. Did you mean 'balanced'?",
        ),
        (["--class-weight", "delay=much"], "--class-weight: 'delay=much' is not understood."),
        (["--class-weight", "dely=2"], "--class-weight names 'dely', which is no label."),
        (["--class-weight", "delay=-2"], "--class-weight must be 3 positive numbers"),
        (["--early-stopping", "f1"], "--early-stopping f1 is no metric."),
        (["--early-stopping-patience", "0"], "--early-stopping-patience 0 must be"),
        (["--early-stopping", "loss", "--dev-fraction", "0"], "--early-stopping loss needs"),
        (["--standardize", "--train-layers", "1"], "--standardize needs --train-layers 0"),
        (["--preset", "gogle"], "--preset gogle is unknown."),
        (["--dev-fraction", "1"], "--dev-fraction 1.0 must be"),
        (["--threshold-strategy", "perlabel"], "perlabel"),
        (["--threshold-metric", "macro"], "--threshold-metric macro is no metric."),
        (["--empty-prediction", "top"], "top"),
        (["--max-labels", "0"], "--max-labels 0: expected 1 or more. Leave it out for no limit."),
        (["--exclusive-groups", "delay"], "--exclusive-groups: 'delay' is no group of labels."),
        (["--exclusive-groups", "dely|refund"], "--exclusive-groups names 'dely'"),
        (["--exclusive-groups", "columns"], "--exclusive-groups columns needs"),
        (["--seed", "-1"], "--seed -1 must be"),
        (["--precision", "float8"], "--precision float8 is unknown."),
        (["--label-format", "hot"], "hot"),
        (["--empty-text", "skip"], "--empty-text: expected error or drop or keep, got 'skip'."),
        (["--unknown-labels", "drop"], "--unknown-labels: expected error or ignore, got 'drop'."),
        (["--empty-labels", "no"], "--empty-labels"),
        (["--delimiter", "ab"], "--delimiter"),
        (["--encoding", "utf-9"], "utf-9"),
        (["--labels", "nowhere.txt"], "nowhere.txt"),
        (["--dev", "nowhere.csv"], "nowhere.csv"),
        (["--id-column", "identifier"], "'identifier'"),
        (["--pair-column", "other"], "'other'"),
        (["--trian-layers", "1"], "--trian-layers"),
    ],
)
def test_values_that_cannot_be_used(train, table, options, expected):
    message = train(table, *options)
    assert expected in message, message
    names = [option[2:].replace("-", "_") for option in options if option.startswith("--")]
    for name in names:
        if "_" in name:
            assert name not in message, message


def test_missing_options_are_named(cli, table):
    message = _one_line(cli("train", "--train", table))
    assert "--output" in message
    assert message.endswith("See: multilabel train --help")
    assert "MODEL" in _one_line(cli("predict"))
    assert "explode" in _one_line(cli("explode"))


def test_an_existing_output_is_refused_before_anything_is_read(cli, trained, tmp_path):
    nowhere = ("--encoder", "nowhere", "--train", "nowhere.csv")
    message = _one_line(cli("train", *nowhere, "--output", trained))
    assert "--overwrite" in message
    assert "in Python" not in message
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    message = _one_line(cli("train", *nowhere, "--output", precious, "--overwrite"))
    assert "is not a model of this program, so it is never overwritten" in message
    assert (precious / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("command", ["evaluate", "tune", "predict"])
def test_what_is_no_model(cli, table, tiny_encoder, command):
    assert "There is no model at nowhere" in _one_line(cli(command, "nowhere", table))
    assert "must be trained first" in _one_line(cli(command, tiny_encoder, table))


@pytest.mark.parametrize("command", ["evaluate", "tune"])
def test_a_table_without_labels_cannot_be_evaluated(cli, trained, tmp_path, command):
    texts = _write(tmp_path / "texts.csv", "text\nlate parcel\nrefund\n")
    assert "label" in _one_line(cli(command, trained, texts))


def test_an_unlabelled_test_file_of_the_real_data_is_refused(
    cli, shared_data, tiny_encoder, tmp_path
):
    data = shared_data / "semeval2018-E-c"
    done = cli(
        "train", "--encoder", tiny_encoder, "--train", data / "2018-E-c-En-dev.txt",
        "--output", tmp_path / "model", "--max-seq-length", "16", "--num-train-epochs", "1",
    )  # fmt: skip
    assert done.code == 0, done.err
    message = _one_line(cli("evaluate", tmp_path / "model", data / "2018-E-c-En-test.txt"))
    assert "2018-E-c-En-test.txt" in message
    assert "unlabelled" in message


def test_other_labels_than_the_model(cli, trained, tmp_path):
    other = _write(tmp_path / "other.csv", "text,delay,refund\nlate,1,0\nrefund,0,1\n")
    assert "'praise'" in _one_line(cli("evaluate", trained, other))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "Nothing to predict."),
        (["TABLE", "--text", "late"], "one of them"),
        (["--text", "late", "--pair", "a", "--pair", "b"], "--pair 2 times"),
        (["TABLE", "--pair", "a"], "--pair-column"),
        (["TABLE", "--format", "xml"], "--format xml is unknown."),
        (["TABLE", "--format", "jsnl"], "Did you mean 'jsonl'?"),
        (["TABLE", "--format", "parquet"], "Parquet cannot go to standard output."),
        (["TABLE", "--output", "labels.xls"], "labels.xls"),
        (["TABLE", "--output", "labels"], "--output labels"),
        (["TABLE", "--top-k", "0"], "--top-k 0: expected 1 or more."),
        (["TABLE", "--top-k", "2", "--format", "csv"], "--top-k 2 needs JSON lines"),
        (["TABLE", "--json", "--format", "csv"], "--json and --format csv contradict."),
        (["TABLE", "--text-column", "txt"], "Did you mean 'text'?"),
        (["TABLE", "--precision", "half"], "--precision half is unknown."),
        (["nowhere.csv"], "nowhere.csv"),
        (["TABLE", "--id-column", "name"], "'name'"),
    ],
)
def test_mistakes_in_predict(cli, trained, table, options, expected):
    options = [table if option == "TABLE" else option for option in options]
    message = _one_line(cli("predict", trained, *options))
    assert expected in message, message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--threshold-strategy", "perlabel"], "perlabel"),
        (["--threshold-metric", "lrap"], "--threshold-metric lrap cannot be tuned for."),
        (["--empty-prediction", "top"], "top"),
        (["--max-labels", "-1"], "--max-labels -1: expected 1 or more, or 0 for no limit."),
        (["--precision", "half"], "--precision half is unknown."),
    ],
)
def test_mistakes_in_tune(cli, trained, table, options, expected):
    before = (trained / "multilabel.json").read_bytes()
    message = _one_line(cli("tune", trained, table, *options))
    assert expected in message, message
    assert (trained / "multilabel.json").read_bytes() == before


def test_mistakes_in_describe(cli, table):
    assert "--max-seq-length 0" in _one_line(cli("describe", table, "--max-seq-length", "0"))
    assert "nowhere" in _one_line(cli("describe", "nowhere.csv"))
    assert "no-such-bert" in _one_line(cli("describe", table, "--encoder", "./no-such-bert"))


def test_an_existing_prediction_is_kept(cli, trained, table, tmp_path):
    output = _write(tmp_path / "labels.csv", "mine")
    assert "--overwrite" in _one_line(cli("predict", trained, table, "--output", output))
    assert output.read_text() == "mine"
    assert cli("predict", trained, table, "--output", output, "--overwrite").code == 0
    assert output.read_text() != "mine"
    assert "directory" in _one_line(cli("predict", trained, table, "--output", tmp_path))


def test_a_full_disk(cli, trained, table, tmp_path, monkeypatch):
    def full(self, *arguments, **options):
        raise OSError(28, os.strerror(28), str(self))

    monkeypatch.setattr(Path, "replace", full)
    message = _one_line(cli("predict", trained, table, "--output", tmp_path / "labels.csv"))
    assert "The disk is full" in message
    assert list(tmp_path.iterdir()) == []


def test_a_place_without_permission(cli, trained, table, tmp_path, monkeypatch):
    def denied(*arguments, **options):
        raise PermissionError(13, os.strerror(13), "x")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    message = _one_line(cli("evaluate", trained, table, "--google-output", tmp_path / "results"))
    assert "Permission denied" in message
    with pytest.raises(Exception, match="Permission denied"), atomic_file(tmp_path / "x"):
        pass


def test_a_full_device_as_standard_output(multilabel, trained, table):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        import subprocess
        import sys

        done = subprocess.run(
            [Path(sys.executable).with_name("multilabel"), "predict", trained, table, "--quiet"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "Error: standard output: No space left on device.\n"


def test_a_place_below_a_file_is_refused_before_the_work(cli, trained, table):
    below = table / "results"
    nowhere = ("--encoder", "nowhere", "--train", "nowhere.csv")
    commands = [
        ("train", *nowhere, "--output", below),
        ("demo", "--encoder", "nowhere", "--output", below),
        ("predict", "nowhere", "nowhere.csv", "--output", below / "labels.csv"),
        ("predict", "nowhere", "nowhere.csv", "--google-output", below),
        ("evaluate", "nowhere", "nowhere.csv", "--google-output", table),
    ]
    for command in commands:
        message = _one_line(cli(*command))
        assert message.startswith(command[-2] + " ")
        assert f"{table} is a file, not a directory." in message


def test_a_directory_without_permission_is_refused_before_the_work(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    message = _one_line(
        cli("train", "--encoder", "x", "--train", "x.csv", "--output", tmp_path / "model")
    )
    assert f"you may not write to {tmp_path}" in message


def test_an_unreadable_file(cli, trained, table, tmp_path, monkeypatch):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    secret = tmp_path / "secret.csv"
    shutil.copy(table, secret)
    secret.chmod(0)
    assert "secret.csv" in _one_line(cli("predict", trained, secret))


def test_empty_standard_input(multilabel, trained):
    done = multilabel("predict", trained, "-", input="")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "standard input" in done.stderr
    assert done.stderr.count("\n") == 1
