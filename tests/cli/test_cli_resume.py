"""`multilabel predict` goes on where it was stopped, with the same bytes as if it had not been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from multilabel_bert.cli import partial_output
from multilabel_bert.model.predictor import Predictor

# As the command, but each batch is made safe at once, and so slow that a kill hits the middle.
_SLOW = """
import sys, time
from multilabel_bert.cli import partial_output
from multilabel_bert.cli.app import run
partial_output._COMMIT_SECONDS = 0
append = partial_output.PartialOutput.finish_rows
def slowly(self, count):
    append(self, count)
    time.sleep(0.02)
partial_output.PartialOutput.finish_rows = slowly
run(sys.argv[1:])
"""
ROWS = 2048


@pytest.fixture(scope="module")
def long_table(tmp_path_factory, labelled_texts) -> Path:
    """30,000 rows, fifteen batches."""
    texts, _ = labelled_texts
    path = tmp_path_factory.mktemp("long") / "messages.csv"
    lines = [f'm{row},"{texts[row % 120]}, {row}"\n' for row in range(30_000)]
    path.write_text("id,text\n" + "".join(lines))
    return path


@pytest.fixture
def commit_at_once(monkeypatch):
    monkeypatch.setattr(partial_output, "_COMMIT_SECONDS", 0)


@pytest.fixture
def stop_after(monkeypatch):
    """Makes prediction end with an error after so many batches."""

    def set_up(batches: int, error: BaseException) -> None:
        stream = Predictor.stream_logits

        def stopped(self, *arguments, **options):
            for count, logits in enumerate(stream(self, *arguments, **options)):
                if count == batches:
                    monkeypatch.setattr(Predictor, "stream_logits", stream)
                    raise error
                yield logits

        monkeypatch.setattr(Predictor, "stream_logits", stopped)

    return set_up


def files_of(directory: Path, name: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (directory / name, directory / "test_results.tsv")}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_kills_at_any_moment_change_no_byte(cli, trained, long_table, tmp_path, form):
    name = f"labels.{form}"

    def arguments(place):
        return [
            "predict", trained, long_table, "--output", tmp_path / place / name,
            "--google-output", tmp_path / place,
        ]  # fmt: skip

    assert cli(*arguments("whole")).code == 0
    moments = random.Random(form)
    kills = 0
    state = tmp_path / "killed" / f".{name}.partial" / "state.json"
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", _SLOW, *map(str, arguments("killed"))],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        before = state.read_bytes() if state.exists() else b""
        while process.poll() is None and kills < 3:
            if state.exists() and state.read_bytes() != before:
                time.sleep(moments.uniform(0, 0.12))
                process.kill()
                kills += 1
                break
            time.sleep(0.005)
        _, err = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        assert not (tmp_path / "killed" / name).exists()
    assert kills
    assert "texts are predicted already: going on after them." in err
    assert files_of(tmp_path / "killed", name) == files_of(tmp_path / "whole", name)
    assert sorted(p.name for p in (tmp_path / "killed").iterdir()) == [name, "test_results.tsv"]


def test_ctrl_c_keeps_what_is_done(cli, trained, long_table, tmp_path, stop_after):
    output = tmp_path / "labels.csv"
    stop_after(4, KeyboardInterrupt())
    stopped = cli("predict", trained, long_table, "--output", output)
    assert stopped.code == 130
    assert "8,192 texts are predicted. The same command goes on from there.\nInter" in stopped.err
    assert not output.exists()
    again = cli("predict", trained, long_table, "--output", output)
    assert again.code == 0
    assert "8,192 texts are predicted already: going on after them.\n" in again.err
    assert f"30,000 texts: {output}\n" in again.err
    assert len(output.read_text().splitlines()) == 30_001
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda a, t: t.write_text(t.read_text() + "x,late\n"), "the table"),
        (lambda a, t: a.append("--clean-html"), "the options of the table"),
        (lambda a, t: a.extend(["--google-output", t.parent]), "the options of the result"),
    ],
)
def test_a_run_of_something_else_starts_anew(
    cli, trained, long_table, tmp_path, stop_after, change, what
):
    table, output = tmp_path / "t.csv", tmp_path / "labels.csv"
    table.write_text(long_table.read_text())
    arguments = ["predict", trained, table, "--output", output]
    stop_after(2, KeyboardInterrupt())
    assert cli(*arguments).code == 130
    change(arguments, table)
    result = cli(*arguments)
    assert result.code == 0
    assert (
        "Starting anew, without the 4,096 texts that were predicted before: since then "
        f"{what} changed."
    ) in result.err
    assert len(output.read_text().splitlines()) == len(table.read_text().splitlines())


def test_another_model_starts_anew(cli, trained, long_table, tmp_path, stop_after):
    import shutil

    model, output = tmp_path / "model", tmp_path / "labels.csv"
    shutil.copytree(trained, model)
    stop_after(2, KeyboardInterrupt())
    assert cli("predict", model, long_table, "--output", output).code == 130
    manifest = json.loads((model / "multilabel.json").read_text())
    manifest["decision_rule"]["empty_prediction"] = "top1"
    del manifest["sha256_of_what_decides"]
    (model / "multilabel.json").write_text(json.dumps(manifest))
    result = cli("predict", model, long_table, "--output", output)
    assert "since then the model changed." in result.err


def test_no_resume_starts_anew_and_says_nothing(cli, trained, long_table, tmp_path, stop_after):
    output = tmp_path / "labels.csv"
    stop_after(2, KeyboardInterrupt())
    assert cli("predict", trained, long_table, "--output", output).code == 130
    result = cli("predict", trained, long_table, "--output", output, "--no-resume")
    assert result.code == 0
    assert "already" not in result.err
    assert "Starting" not in result.err


def test_a_full_disk_keeps_what_is_done_and_says_how_to_go_on(
    cli, trained, long_table, tmp_path, monkeypatch, commit_at_once
):
    output = tmp_path / "labels.jsonl"
    append, calls = partial_output.PartialOutput.append, []

    def fail(self, name, text):
        calls.append(name)
        if len(calls) == 4:
            with self._refusals():
                raise OSError(28, "No space left on device")
        append(self, name, text)

    with monkeypatch.context() as patched:
        patched.setattr(partial_output.PartialOutput, "append", fail)
        full = cli("predict", trained, long_table, "--output", output)
    assert full.code == 2
    directory = tmp_path / ".labels.jsonl.partial"
    assert full.err.endswith(
        f"Error: Cannot write {output}. The disk is full: free some space, or choose another "
        f"place. 6,144 finished rows are kept in {directory}: mend it and run the same command "
        "again, which goes on from there.\n"
    )
    result = cli("predict", trained, long_table, "--output", output)
    assert "6,144 texts are predicted already" in result.err
    assert len(output.read_text().splitlines()) == 30_000


def test_damaged_state_starts_anew(cli, trained, long_table, tmp_path, stop_after):
    output = tmp_path / "labels.csv"
    stop_after(2, KeyboardInterrupt())
    assert cli("predict", trained, long_table, "--output", output).code == 130
    os.truncate(tmp_path / ".labels.csv.partial" / "rows", 100)
    result = cli("predict", trained, long_table, "--output", output)
    assert result.code == 0
    assert "already" not in result.err
    assert len(output.read_text().splitlines()) == 30_001


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_two_processes_do_not_write_one_result(cli, trained, table, tmp_path):
    output = tmp_path / "labels.csv"
    writing = partial_output.PartialOutput(output, None)
    result = cli("predict", trained, table, "--output", output)
    assert result.code == 2
    assert f"Error: Another process is writing {output}. Wait for it, or choose ano" in result.err
    writing.close(complete=False)
    assert cli("predict", trained, table, "--output", output).code == 0


def test_standard_input_is_not_kept(trained, tmp_path):
    process = subprocess.Popen(
        [Path(sys.executable).with_name("multilabel"), "predict", trained, "-",
         "--output", tmp_path / "labels.csv"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(b"late parcel\n" * 5 * ROWS)
    process.stdin.flush()
    directory = tmp_path / ".labels.csv.partial"
    while not ((directory / "rows").exists() and (directory / "rows").stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    # It waits for more lines, in a thread; Ctrl-C ends it all the same.
    process.send_signal(signal.SIGINT)
    errors = process.stderr.read().decode()
    assert process.wait(30) == 130, errors
    assert errors.endswith("Interrupted.\n")
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_rows_that_were_not_finished_are_cut_off(tmp_path):
    from multilabel_bert.cli.partial_output import PartialOutput

    output, run = tmp_path / "labels.csv", {"the input": 1}
    partial = PartialOutput(output, run)
    partial.append("rows", "a\nb\n")
    partial.finish_rows(2)
    partial.append("rows", "c\n")  # Ctrl-C comes before it is counted
    partial.append("google", "0.5\n")
    partial.commit()
    partial.close(complete=False)
    again = PartialOutput(output, run)
    assert again.rows == 2
    assert (again.directory / "rows").read_text() == "a\nb\n"
    assert not (again.directory / "google").exists()
    again.commit()
    again.close(complete=False)
    assert PartialOutput(output, run).rows == 2


def test_a_result_that_cannot_be_repeated_says_what_it_drops(tmp_path):
    from multilabel_bert.cli.partial_output import PartialOutput

    partial = PartialOutput(tmp_path / "labels.csv", {"the table": 1})
    partial.append("rows", "a\n")
    partial.finish_rows(1)
    partial.commit()
    partial.close(complete=False)
    assert PartialOutput(tmp_path / "labels.csv", None).discarded == ("the table", 1)
