"""The worked examples run as a user runs them, and open as notebooks."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
PAGES = {"data.html", "report.html", "model"}
MADE = {
    "toxic_comments": PAGES,
    "consumer_complaints": PAGES | {"told.csv"},
    "stackoverflow_tags": PAGES,
    "goemotions": PAGES,
    "bert_in_your_keras_model": {"messages.keras"},
}
# Of the real data, where they are, few rows are taken.
REAL = {
    "toxic_comments": ("jigsaw-sample", 300),
    "consumer_complaints": ("consumer-complaints", 120),
    "goemotions": ("goemotions", 200),
}


def cells(path: Path) -> list[tuple[str, str]]:
    """The cells of a script in percent format: ("markdown" or "code", its lines)."""
    _, *parts = re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    kinds = ["markdown" if title.strip() == "[markdown]" else "code" for title in parts[::2]]
    return list(zip(kinds, parts[1::2], strict=True))


def run(name: str, output: Path, encoder: Path, rows: int, data: Path | None = None) -> str:
    """Run an example on few rows; what it printed."""
    settings = {"ENCODER": str(encoder), "EXAMPLE_ROWS": str(rows), "OUTPUT": str(output)}
    given = {key: value for key, value in os.environ.items() if key != "DATA"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        env=given | settings | ({} if data is None else {"DATA": str(data)}),
        cwd=output.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def figure(printed: str, row: str, column: int = 0) -> float:
    """A number of the row of a printed table that starts with `row`."""
    found = re.search(rf"^│ {re.escape(row)}\s+┆ (.*)│$", printed, re.MULTILINE)
    assert found, f"no row {row!r} in:\n{printed}"
    return float(found[1].split("┆")[column])


def made(output: Path) -> set[str]:
    return {path.name for path in output.iterdir()}


def test_every_example_is_run_and_listed():
    assert {path.stem for path in SCRIPTS} == set(MADE)
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"]({name}.py)" in index for name in MADE)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_opens_as_a_notebook(path):
    found = cells(path)
    kinds = [kind for kind, _ in found]
    assert kinds[0] == "markdown", "a reader should be told first what this is"
    assert found[0][1].startswith("# # "), "the first cell starts with a title"
    assert kinds.count("markdown") >= 5
    for kind, lines in found:
        if kind == "markdown":
            assert all(line == "" or line.startswith("#") for line in lines.splitlines()), lines
        else:
            # A cell on its own is whole: no statement goes on in the next one.
            assert ast.parse(lines).body, "a cell without code"
    assert path.read_text(encoding="utf-8").startswith("# %% [markdown]\n"), "nothing before it"


def test_toxic_comments(tmp_path, minilm):
    printed = run("toxic_comments", tmp_path / "out", minilm, 90)
    assert made(tmp_path / "out") >= MADE["toxic_comments"]
    assert figure(printed, "macro_roc_auc") > 0.7
    assert "idiot" not in printed.split("macro-F1")[0], "texts of the data are not printed"


def test_consumer_complaints(tmp_path, minilm):
    printed = run("consumer_complaints", tmp_path / "out", minilm, 90)
    assert made(tmp_path / "out") >= MADE["consumer_complaints"]
    # Product, issue, both; 6 and 12 values, equally frequent.
    assert figure(printed, "most frequent") < 0.3
    assert figure(printed, "each column alone", 0) > 0.5
    assert figure(printed, "best pair that occurs", 2) > 0.2


def test_stackoverflow_tags(tmp_path, minilm):
    printed = run("stackoverflow_tags", tmp_path / "out", minilm, 90)
    assert made(tmp_path / "out") >= MADE["stackoverflow_tags"]
    assert figure(printed, "macro_roc_auc") > 0.7
    first_text = printed.splitlines()[2]
    assert "<p>" in printed.splitlines()[1]
    assert "<" not in first_text, "HTML is taken out"


def test_the_two_tables_of_stacksample_are_read(tmp_path, minilm):
    """One row a tag, and Windows' Latin letters, as on Kaggle."""
    import polars as pl

    questions = pl.read_csv(EXAMPLES / "data/stackoverflow/questions.csv", infer_schema=False)
    folder = tmp_path / "stacksample"
    folder.mkdir()
    table = questions.select("Id", "Title", pl.col("Body") + "<p>na\u00efve</p>")
    (folder / "Questions.csv").write_bytes(table.write_csv().encode("latin-1", "replace"))
    tags = questions.select("Id", pl.col("Tags").str.extract_all(r"[^<>]+")).explode("Tags")
    tags.rename({"Tags": "Tag"}).write_csv(folder / "Tags.csv")
    printed = run("stackoverflow_tags", tmp_path / "out", minilm, 0, folder)
    assert "na\u00efve" in printed.partition("questions; the first body:")[2]
    assert figure(printed, "python") == 20


def test_goemotions(tmp_path, minilm):
    printed = run("goemotions", tmp_path / "out", minilm, 84)
    assert made(tmp_path / "out") >= MADE["goemotions"]
    assert "step 3 is left out" in printed
    # 28 labels, one test text for most: average precision by chance is some 0.1.
    assert figure(printed, "head on pooled output") > 0.2


def test_bert_in_your_keras_model(tmp_path, minilm):
    printed = run("bert_in_your_keras_model", tmp_path / "out", minilm, 48)
    assert made(tmp_path / "out") >= MADE["bert_in_your_keras_model"]
    assert figure(printed, "macro_roc_auc") > 0.6
    assert "urgent" in printed.splitlines()[-1]


@pytest.mark.parametrize("name", REAL)
def test_an_example_reads_the_real_data(name, tmp_path, minilm, shared_data):
    folder, rows = REAL[name]
    run(name, tmp_path / "out", minilm, rows, shared_data / folder)
    assert made(tmp_path / "out") >= MADE[name]
