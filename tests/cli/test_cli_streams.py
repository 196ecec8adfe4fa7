"""What goes where: results to standard output, progress and errors to standard error."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from multilabel_bert.progress import Progress

COMMAND = Path(sys.executable).with_name("multilabel")


def test_train_shows_no_noise_of_tensorflow(multilabel, table, tiny_encoder, tmp_path):
    done = multilabel(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model",
        "--max-seq-length", "16", "--num-train-epochs", "1", "--train-layers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in done.stderr.splitlines():
        assert line.startswith(
            ("Training table: ", "  ", "Development texts: 10% ", "Texts: ", "Encoder: ",
             "Encoding ", "In the cache: ", "Training: ", "Predicting: ")
        ), line  # fmt: skip
    # Without a terminal there are lines, no bars and no escape sequences.
    assert "\x1b" not in done.stderr + done.stdout
    assert "━" not in done.stderr
    assert done.stdout.startswith("\nOn the development texts")
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())
    assert f"Saved {tmp_path / 'model'} after" in done.stdout


def test_json_of_train_is_alone_on_standard_output_and_quiet_is_quiet(
    multilabel, table, tiny_encoder, tmp_path
):
    done = multilabel(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model",
        "--max-seq-length", "16", "--num-train-epochs", "1", "--json", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "macro_f1" in json.loads(done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "MODEL", "TABLE"],
        ["predict", "MODEL", "TABLE"],
        ["predict", "MODEL", "--text", "late"],
        ["describe", "TABLE"],
    ],
    ids=" ".join,
)
def test_quiet_says_nothing_on_standard_error(cli, trained, table, arguments):
    places = {"MODEL": trained, "TABLE": table}
    quiet = [] if arguments[0] == "describe" else ["--quiet"]
    result = cli(*(places.get(argument, argument) for argument in arguments), *quiet)
    assert result.code == 0
    assert result.err == ""
    assert result.out


_IMPORTS = """
import sys
from multilabel_bert.cli.app import run
try:
    run(sys.argv[1:])
except SystemExit as error:
    assert error.code == 0, error.code
heavy = {name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "torch", "jax"}
print("heavy:", sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["evaluate", "tune", "describe"])
def test_tensorflow_is_not_imported(trained, table, tiny_encoder, tmp_path, command):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(trained, model)
    place = [table, "--encoder", tiny_encoder] if command == "describe" else [model, table]
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, command, *map(str, place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "heavy: []"


_UNWANTED = '"jax", "sklearn", "scipy", "pandas", "huggingface_hub", "bs4"'


def imported(arguments, stdin="", more="") -> str:
    """What of the heavy packages a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS.replace('"jax"', _UNWANTED + more), *map(str, arguments)],
        input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("source", ["csv", "jsonl", "parquet", "standard input"])
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_predict_imports_nothing_that_trains(trained, table, tmp_path, source, form):
    import polars as pl

    frame, place = pl.read_csv(table), tmp_path / f"texts.{source}"
    if source == "csv":
        frame.write_csv(place)
    elif source == "jsonl":
        frame.write_ndjson(place)
    elif source == "parquet":
        frame.write_parquet(place)
    piped = source == "standard input"
    arguments = ["predict", trained, "-" if piped else place, "--output", tmp_path / f"o.{form}"]
    assert imported(arguments, frame.write_csv() if piped else "") == "heavy: []"


def test_predict_of_one_text_imports_no_tables_either(trained):
    assert imported(["predict", trained, "--text", "late"], more=', "polars"') == "heavy: []"


def test_the_predictor_imports_nothing_that_trains(trained):
    code = f"""
import sys
from multilabel_bert import Predictor
Predictor.load({str(trained)!r}).predict(["late"] * 3000)
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{
    "tensorflow", "keras", "sklearn", "scipy", "pandas", "polars", "typer", "rich", "torch"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_help_imports_nothing_heavy():
    code = _IMPORTS.replace('"jax"', '"jax", "sklearn", "scipy", "polars", "openvino"')
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stderr == "heavy: []\n"


@pytest.mark.parametrize("command", [["describe", "TABLE"], ["predict", "MODEL", "TABLE"]], ids=str)
def test_a_reader_that_stops_early_is_no_error(trained, table, command):
    places = {"MODEL": str(trained), "TABLE": str(table)}
    program = subprocess.Popen(
        [COMMAND, *(places.get(word, word) for word in command)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    program.stdout.close()
    errors = program.stderr.read().decode()
    assert program.wait(60) == 0
    assert [line for line in errors.splitlines() if not line.startswith("Predicting")] == []


def test_results_are_utf_8_in_every_locale(trained, tmp_path):
    done = subprocess.run(
        [COMMAND, "predict", trained, "--text", "déjà 晚", "--json"],
        capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert json.loads(done.stdout.decode("utf-8"))["text"] == "déjà 晚"


def test_names_of_labels_are_no_markup(cli, tiny_encoder, labelled_texts, tmp_path):
    import polars as pl

    texts, labels = labelled_texts
    columns = {"text": texts, "[red]late[/]": labels[:, 0], "paid [0/1]": labels[:, 1]}
    pl.DataFrame(columns).write_parquet(tmp_path / "t.parquet")
    described = cli("describe", tmp_path / "t.parquet")
    assert "[red]late[/]" in described.out
    assert "paid [0/1]" in described.out


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _work(progress: Progress, total: int | None = 30) -> str:
    progress.say("Begin.")
    with progress.task("Counting", total, "texts") as task:
        for _ in range(3):
            task.advance(10, "loss 0.5")
    return progress.stream.getvalue()


def test_lines_without_a_terminal():
    assert _work(Progress(stream=io.StringIO())) == (
        "Begin.\nCounting: 30 of 30 texts, 0 s, loss 0.5\n"
    )
    every = Progress(stream=io.StringIO(), seconds_between_lines=0.0)
    assert _work(every).splitlines()[1:] == [
        "Counting: 10 of 30 texts, 0 s left, loss 0.5",
        "Counting: 20 of 30 texts, 0 s left, loss 0.5",
        "Counting: 30 of 30 texts, 0 s, loss 0.5",
    ]


def test_lines_where_nobody_knows_how_many():
    assert _work(Progress(stream=io.StringIO()), None).splitlines()[1:] == [
        "Counting: 30 texts, 0 s, loss 0.5"
    ]


def test_a_bar_on_a_terminal():
    shown = _work(Progress(stream=_Terminal()))
    assert "━" in shown
    assert "30/30" in shown
    assert "loss 0.5" in shown


def test_a_bar_of_unknown_length_is_full_at_the_end():
    assert "30/30" in _work(Progress(stream=_Terminal()), None)


def test_silent_and_terminal_only():
    assert _work(Progress("silent", stream=_Terminal())) == ""
    assert _work(Progress("silent", stream=io.StringIO())) == ""
    assert _work(Progress("terminal", stream=io.StringIO())) == ""


def test_work_in_parts_advances_one_task():
    progress = Progress(stream=io.StringIO())
    with progress.task("Predicting", None, "texts") as whole:
        for _ in range(3):
            with progress.within(whole).task("Part", 10) as part:
                part.advance(10)
    assert progress.stream.getvalue() == "Predicting: 30 texts, 0 s\n"
