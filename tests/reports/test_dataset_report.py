"""The page about data: its figures, hostile texts, and that it opens in a browser."""

import html as html_text
import json
import re

import numpy as np
import pytest
from reports_model import ATTACK, HOSTILE_NAMES, dataset_of

from multilabel_bert import describe, load_tokenizer
from multilabel_bert.data.splits import read_splits

NAMES = ("delay", "refund", "praise")


def plain(page) -> str:
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page.html, flags=re.S)
    return " ".join(html_text.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="module")
def page(labelled_texts, tiny_encoder):
    texts, labels = labelled_texts
    train = dataset_of(
        [*texts[:80], "the login was so slow &amp; the price too high, thanks", ""],
        [*labels[:80].tolist(), [1, 0, 0], [0, 0, 0]],
        NAMES,
    )
    test = dataset_of(
        [*texts[70:], "The login was so slow &amp; the price too high. Thanks"],
        [*labels[70:].tolist(), [0, 1, 0]],
        NAMES,
    )
    return describe({"train": train, "test": test}, tokenizer=load_tokenizer(tiny_encoder))


def test_the_page_has_every_part(page):
    text = plain(page)
    for words in (
        "empty texts 1 0",
        "texts of test are in train too : scores on them are too good.",
        "1 text is nearly the same as an earlier one; 1 of them have other labels, and of 1 the "
        "earlier one is in another split.",
        "Advised: --max-seq-length",
        "cut in train",
        "Latin 100.0%",
        "HTML, such as",
        "Examples of each label",
        "negatives a positive",
    ):
        assert words in text, words
    json.dumps(page.figures, allow_nan=False)
    assert page.figures["near_duplicates"]["texts"] == 1


def test_data_without_labels_or_tokenizer_have_a_page(labelled_texts):
    page = describe(dataset_of(labelled_texts[0], None, None))
    assert "Labels that come together" not in page.html
    assert page.figures["splits"]["table"]["rows"] == 120


def test_a_label_without_a_text_and_unknown_labels_are_no_hindrance():
    page = describe(dataset_of(["late"], np.array([[np.nan, 0.0]]), ["a", "b"]))
    assert "nothing can be learned of it" in plain(page)


WHITE = "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [400, 1200])
def test_hostile_texts_do_not_run(browser, tmp_path, labelled_texts, width):
    texts, labels = labelled_texts
    texts = [ATTACK, f"{ATTACK}.", "late \ud800 \u202e txt \x1b[31m \x00 &lt;b>", *texts[:60]]
    labels = [[1, 1, 0], [0, 1, 1], [0, 0, 1], *labels[:60].tolist()]
    page = describe({ATTACK: dataset_of(texts, labels, HOSTILE_NAMES)})
    assert "<img" not in page.html
    assert page.html.count("<script") == page.html.count("</script>") == 1
    page.save(tmp_path / "d.html")
    assert browser.open(tmp_path / "d.html", width=width) == []
    assert browser.run("return document.title") != "ran"
    assert browser.run("return document.images.length") == 0


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_opens_without_a_word_on_the_console(browser, page, tmp_path, width):
    page.save(tmp_path / "d.html")
    assert browser.open(tmp_path / "d.html", width=width, dark=width < 600) == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelectorAll('svg.chart').length") == 5


@pytest.mark.parametrize("width", [400, 1200])
def test_a_page_of_real_data_opens(browser, shared_data, tmp_path, width):
    # Newlines in fields, long texts, and rows without a label.
    splits = read_splits(shared_data / "jigsaw-sample", require_labels=False)
    describe(splits).save(tmp_path / "d.html")
    assert browser.open(tmp_path / "d.html", width=width) == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.shoot(tmp_path / "d.png").stat().st_size > 20_000


def test_on_paper_nothing_is_dark_cut_off_or_folded(browser, page, tmp_path):
    page.save(tmp_path / "d.html")
    browser.open(tmp_path / "d.html", width=700, dark=True)
    example = (
        "document.querySelector('details .text').checkVisibility({contentVisibilityAuto: true})"
    )
    assert not browser.run(f"return {example}")
    browser.as_printed()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == WHITE
    assert browser.run("return document.documentElement.scrollWidth") <= 700
    assert browser.run(f"return {example}")
    for hidden in ("nav", "th button"):
        found = browser.run(
            f"return document.querySelector('{hidden}') && "
            f"getComputedStyle(document.querySelector('{hidden}'), '::after').content"
        )
        assert found in (None, "none")
