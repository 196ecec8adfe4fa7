"""Long texts on the command line: options, what is said, and predictions that are gone on with."""

import json

import pytest

from multilabel_bert.cli import partial_output
from multilabel_bert.model.predictor import Predictor


@pytest.fixture(scope="module")
def windowed(tmp_path_factory, table, tiny_encoder, quiet_cli):
    """A model that reads its texts in windows of three tokens; and what its training said."""
    output = tmp_path_factory.mktemp("windowed") / "model"
    result = quiet_cli(
        [
            "train", "--encoder", tiny_encoder, "--train", table, "--output", output,
            "--max-seq-length", "5", "--num-train-epochs", "2", "--windows", "max",
            "--stride", "1", "--max-windows", "2", "--truncation", "tail",
        ]
    )  # fmt: skip
    assert result.code == 0, result.err
    return output, result.err


def test_training_says_how_many_texts_have_windows_and_were_cut(windowed):
    _, said = windowed
    (line,) = [line for line in said.splitlines() if "longer than one window" in line]
    assert "2.0 windows each on average, 2 at most" in line
    assert "were cut to these and lost" in line
    assert "read in windows of 5 that share 1 tokens, at most 2" in said


def test_evaluate_and_tune_read_windows_too(cli, windowed, table):
    model, _ = windowed
    manifest = json.loads((model / "multilabel.json").read_text())
    assert manifest["long_texts"]["windows"] == "max"
    found = json.loads(cli("evaluate", model, table, "--json").out)
    assert cli("tune", model, table).code == 0
    assert (
        json.loads((model / "multilabel.json").read_text())["long_texts"]
        == (manifest["long_texts"])
    )
    again = json.loads(cli("evaluate", model, table, "--json").out)
    assert again["macro_average_precision"] == found["macro_average_precision"]


def test_a_prediction_that_was_stopped_goes_on_to_the_same_bytes(
    cli, windowed, labelled_texts, tmp_path, monkeypatch
):
    model, _ = windowed
    texts, _ = labelled_texts
    rows = tmp_path / "rows.csv"
    lines = [f"m{row},{texts[row % 120]} {texts[(row * 7) % 120]}\n" for row in range(7000)]
    rows.write_text("id,text\n" + "".join(lines))
    assert cli("predict", model, rows, "--output", tmp_path / "whole.csv").code == 0
    monkeypatch.setattr(partial_output, "_COMMIT_SECONDS", 0)
    stream = Predictor.stream_logits

    def stopped(self, *arguments, **options):
        for count, logits in enumerate(stream(self, *arguments, **options)):
            if count == 2:
                monkeypatch.setattr(Predictor, "stream_logits", stream)
                raise KeyboardInterrupt
            yield logits

    monkeypatch.setattr(Predictor, "stream_logits", stopped)
    assert cli("predict", model, rows, "--output", tmp_path / "parts.csv").code == 130
    again = cli("predict", model, rows, "--output", tmp_path / "parts.csv")
    assert "4,096 texts are predicted already" in again.err
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--windows", "sum"], "--windows sum is unknown. Use one of mean, max."),
        (["--stride", "2"], "--stride 2 needs windows, but there are none. Set --windows mean or"),
        (["--truncation", "tial"], "--truncation tial is unknown. Did you mean 'tail'?"),
    ],
)
def test_errors_speak_of_what_was_typed(cli, table, tiny_encoder, tmp_path, options, message):
    result = cli(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "m", *options
    )
    assert result.code == 2
    assert message in " ".join(result.err.split())
