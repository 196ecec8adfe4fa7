"""The examples of docs/data-formats.md: its files are written, its Python is run."""

import doctest
import inspect
import re
from pathlib import Path

from multilabel_bert.data import read_dataset

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-formats.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_example_gives_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = []
    for language, name, content in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if name:
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(content, encoding="utf-8")
        elif language == "python":
            examples.append(content)
    assert len(examples) >= 12
    test = doctest.DocTestParser().get_doctest("\n".join(examples), {}, "page", str(PAGE), 0)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_every_option_of_reading_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    not_options = {"path", "layout", "require_labels"}
    for name in inspect.signature(read_dataset).parameters.keys() - not_options:
        assert f"`{name}=" in page, name


def test_links_within_the_page_have_their_headings():
    page = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings
