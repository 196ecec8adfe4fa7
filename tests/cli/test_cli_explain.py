"""`multilabel explain`: what is printed and written, and what is said of mistakes."""

import json

import pytest

TEXT = ("--text", "parcel late, login slow")


def test_words_and_numbers_are_printed(cli, trained):
    result = cli("explain", trained, *TEXT, "--label", "delay", "--label", "praise")
    assert result.code == 0, result.err
    assert "parcel late, login slow" in result.out
    assert [line.split()[0] for line in result.out.splitlines() if "given" in line] == [
        "delay",
        "praise",
    ]
    # Five words, a label has no more lines than that.
    assert sum(line.split()[-1] == "slow" for line in result.out.splitlines() if line) >= 2


def test_json_is_the_same_as_in_python(cli, trained):
    from multilabel_bert import Predictor

    result = cli("explain", trained, *TEXT, "--pair", "thanks", "--json")
    assert result.code == 0, result.err
    (found,) = json.loads(result.out)
    expected = Predictor.load(trained).explain("parcel late, login slow", "thanks").to_dict()
    assert found["words"] == expected["words"]
    assert [word["part"] for word in found["words"]] == ["text"] * 5 + ["pair"]
    assert found["labels"] == expected["labels"]


def test_a_page_is_written_once(cli, trained, tmp_path):
    page = tmp_path / "why.html"
    arguments = ("explain", trained, *TEXT, "--text", "<b>late", "--html", page)
    assert cli(*arguments).code == 0
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "&lt;" in html
    assert "<b>late" not in html
    again = cli(*arguments)
    assert (again.code, again.err) == (
        2,
        f"Error: {page} exists already. Choose another --html, or --overwrite.\n",
    )
    assert cli(*arguments, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), 'Nothing to explain. Give a text: --text "my parcel never came".'),
        (
            (*TEXT, "--pair", "a", "--pair", "b"),
            "--text is there 1 times, but --pair 2 times. Give one --pair for each --text.",
        ),
        (
            (*TEXT, "--label", "delays"),
            "Unknown label 'delays'. Did you mean 'delay'?",
        ),
        (
            (*TEXT, "--method", "shap"),
            "--method shap is unknown. Use one of occlusion, gradient, integrated_gradients.",
        ),
    ],
)
def test_mistakes_are_explained(cli, trained, arguments, message):
    result = cli("explain", trained, *arguments)
    assert (result.code, result.err) == (2, f"Error: {message}\n")
