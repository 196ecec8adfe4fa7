"""`multilabel report` and `describe --html`: what is written and printed, and what is refused."""

import json

import pytest


@pytest.fixture(scope="module")
def with_country(tmp_path_factory, table):
    """The table with a column more, and a row without a text in the middle."""
    lines = table.read_text(encoding="utf-8").splitlines()
    lines = [f"{line},{'country' if not row else 'de' if row % 3 else 'fr'}"
             for row, line in enumerate(lines)]  # fmt: skip
    lines.insert(60, "m999,,0,0,0,it")
    path = tmp_path_factory.mktemp("country") / "messages.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_report_is_written_once_and_its_figures_are_printed(cli, trained, table, tmp_path):
    page = tmp_path / "report.html"
    result = cli("report", trained, table, "--html", page)
    assert result.code == 0, result.err
    assert "95% interval" in result.out
    assert f"The page: {page}" in result.out
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "The model was made with these very texts" not in html
    again = cli("report", trained, table, "--html", page)
    assert again.code == 2
    assert again.err == f"Error: {page} exists already. Choose another --html, or --overwrite.\n"
    assert cli("report", trained, table, "--html", page, "--overwrite", "-q").code == 0


def test_figures_as_json_are_those_of_evaluate(cli, trained, table, tmp_path):
    found = json.loads(cli("report", trained, table, "--html", tmp_path / "r.html", "--json").out)
    evaluated = json.loads(cli("evaluate", trained, table, "--json").out)
    (figures,) = found["models"].values()
    assert figures["micro_f1"] == evaluated["micro_f1"]
    assert figures["per_label"] == evaluated["per_label"]


def test_models_are_compared_and_slices_follow_the_rows(cli, trained, with_country, tmp_path):
    page = tmp_path / "r.html"
    arguments = ("--slice-column", "country", "--empty-text", "drop", "--html", page)
    result = cli("report", trained, with_country, trained, *arguments)
    assert result.code == 0, result.err
    assert "macro_f1 over" in result.out
    html = page.read_text(encoding="utf-8")
    part = html[html.index("Column country") :]
    # 40 of the 120 texts are of every third line; the row without a text is in no slice.
    assert part.index('<bdi>de</bdi></td><td data-value="80"') < part.index("<bdi>fr</bdi>")
    assert "<bdi>it</bdi>" not in part


def test_a_column_that_is_not_there_is_named(cli, trained, with_country, tmp_path):
    arguments = ("--slice-column", "contry", "--empty-text", "drop", "--html", tmp_path / "r.html")
    result = cli("report", trained, with_country, *arguments)
    assert result.code == 2
    assert "has no column 'contry' (the --slice-column). Did you mean 'country'?" in result.err
    assert not (tmp_path / "r.html").exists()


def test_the_history_of_the_training_is_in_the_model_and_drawn(cli, trained, table, tmp_path):
    manifest = json.loads((trained / "multilabel.json").read_text(encoding="utf-8"))
    history = manifest["provenance"]["history"]
    assert len(history["epochs"]) == 3
    assert cli("report", trained, table, "--html", tmp_path / "r.html", "-q").code == 0
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "3 epochs in" in html
    assert "Loss by epoch" in html


def test_describe_writes_a_page(cli, table, tiny_encoder, tmp_path):
    page = tmp_path / "data.html"
    result = cli("describe", table, "--encoder", tiny_encoder, "--html", page)
    assert result.code == 0, result.err
    assert f"The page: {page}" in result.out
    assert "Advised: --max-seq-length 16" in result.out
    assert "Lengths in tokens" in page.read_text(encoding="utf-8")
    again = cli("describe", table, "--html", page)
    assert (again.code, "--overwrite" in again.err) == (2, True)
