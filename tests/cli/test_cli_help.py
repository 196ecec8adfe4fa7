"""Help, versions and spellings of options; one definition for the command line and Python."""

import dataclasses
import inspect
import re
import subprocess
import sys

import pytest
import typer

from multilabel_bert import MultiLabelClassifier, __version__
from multilabel_bert.cli.app import COMMANDS
from multilabel_bert.cli.options import NewTable
from multilabel_bert.cli.spelling import GOOGLE_FLAGS
from multilabel_bert.cli.training_options import (
    CacheOptions,
    DecisionOptions,
    EncoderOptions,
    TrainingOptions,
)
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.training.settings import TrainingSettings


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def options_of(command):
    """The parameters of a command but Typer's own."""
    parameters = inspect.signature(COMMANDS[command]).parameters.values()
    return [p for p in parameters if p.annotation is not typer.Context]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_names_the_command(cli, command):
    result = cli(command, "--help")
    assert result.code == 0
    assert re.search(rf"^ (cat \S+ \| )?multilabel {command}\b.*\S", result.out, re.M)
    assert "Example" not in result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_purpose_and_a_default(command):
    for parameter in options_of(command):
        info = next(m for m in parameter.annotation.__metadata__ if hasattr(m, "show_default"))
        assert info.help, parameter.name
        assert info.help.rstrip().endswith("."), parameter.name
        if parameter.default is None and parameter.name not in _NEED_NO_DEFAULT:
            assert isinstance(info.show_default, str), f"{parameter.name}: what is its default?"


# One of several must be given, or nothing is done without them.
_NEED_NO_DEFAULT = {
    "models", "encoder", "from_model", "bert_config_file", "init_checkpoint", "vocab_file",
    "data", "text", "pair", "google_output", "reliability",
}  # fmt: skip


# Arguments, and options that are not called as their parameter.
_SPELT_OTHERWISE = {
    "model", "data", "others", "from_model", "action", "names", "as_json", "output_format",
    "directory", "repository", "license_name", "models",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_every_option_at_80_columns(cli, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = cli(command, "-h").out
    assert max(map(len, text.splitlines())) <= 80
    for name in {parameter.name for parameter in options_of(command)}:
        if name not in _SPELT_OTHERWISE:
            assert f"--{name.replace('_', '-')}" in text


def test_without_arguments_the_help_is_shown(cli):
    result = cli()
    assert result.code == 0
    assert all(command in result.out for command in COMMANDS)


def test_version(cli):
    assert cli("--version").out == f"multilabel-bert {__version__}\n"


def test_the_module_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "multilabel_bert.cli", "--version"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"multilabel-bert {__version__}\n"


def test_the_command_of_run_classifier_works(cli, table, shared_fixtures, tmp_path):
    bert = shared_fixtures / "google_bert"
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.csv").write_bytes(table.read_bytes())
    result = cli(
        "train", f"--data_dir={data}", f"--output_dir={tmp_path / 'model'}",
        f"--bert_config_file={bert}/tiny/bert_config.json",
        f"--init_checkpoint={bert}/tiny/bert_model.ckpt",
        f"--vocab_file={bert}/vocab.txt",
        "--do_lower_case=True", "--max_seq_length=16", "--train_batch_size=32",
        "--learning_rate=2e-5", "--num_train_epochs=1.0", "--warmup_proportion=0.1", "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert (tmp_path / "model" / "config.json").is_file()


def test_underscores_and_dashes_are_the_same(cli, table, tiny_encoder, tmp_path):
    for dash in "-_":
        result = cli(
            "train", "--encoder", tiny_encoder, "--train", table,
            f"--output{dash}dir", tmp_path / f"model{dash}",
            f"--max{dash}seq{dash}length=16", f"--num{dash}train{dash}epochs", "1", "--json",
        )  # fmt: skip
        assert result.code == 0, result.err


@pytest.mark.parametrize("flag", GOOGLE_FLAGS)
def test_flags_without_a_counterpart_are_explained(cli, flag):
    result = cli("train", f"{flag.replace('-', '_').replace('__', '--', 1)}=true")
    assert result.code == 2
    assert result.err.startswith(f"Error: {flag} of run_classifier.py is not needed: ")
    assert result.err.count("\n") == 1


def test_do_lower_case_takes_only_true_or_false(cli):
    result = cli("train", "--do_lower_case=perhaps")
    assert (result.code, result.err) == (
        2,
        "Error: --do-lower-case: expected True or False, got 'perhaps'.\n",
    )


def _defaults(*groups):
    return {field.name: field.default for group in groups for field in dataclasses.fields(group)}


def test_options_are_the_parameters_of_the_classifier():
    options = _defaults(EncoderOptions, TrainingOptions, DecisionOptions, CacheOptions)
    parameters = {
        name: parameter.default
        for name, parameter in inspect.signature(MultiLabelClassifier).parameters.items()
        # What only Python can give, and what several options make together.
        if name not in ("callbacks", "verbose", "warm_start", "search")
    }
    assert set(options) == set(parameters)
    options["train_layers"] = int(options["train_layers"])
    # In Python many models are trained, in searches and folds, and few need one each.
    assert options == parameters | {"baseline": True}


def test_settings_are_parameters_of_the_classifier_with_the_same_defaults():
    settings = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    parameters = inspect.signature(MultiLabelClassifier).parameters
    assert settings == {name: parameters[name].default for name in settings}


def test_options_are_the_arguments_of_read_dataset():
    arguments = inspect.signature(read_dataset).parameters
    python_only = {"path", "label_names", "layout", "require_labels"}
    options = {{"labels": "labels_file"}.get(name, name) for name in _defaults(NewTable)}
    assert options == set(arguments) - python_only
    assert arguments["unknown_labels"].default == NewTable.unknown_labels
