"""Near duplicates against all pairs, and what texts are made of."""

import itertools

import numpy as np
import pytest

from multilabel_bert.data import near_duplicates
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.label_implications import co_occurrence
from multilabel_bert.data.near_duplicates import find_near_duplicates
from multilabel_bert.data.text_content import text_content

WORDS = ["parcel", "late", "refund", "money", "thanks", "login", "broken", "slow", "price", "kind"]


def shingles(text):
    text = " ".join(text.casefold().split())
    return {text[i : i + 5] for i in range(len(text) - 4)}


def alike(first, second):
    a, b = shingles(first), shingles(second)
    return len(a & b) / len(a | b)


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(6, 20))) for _ in range(150)]
    for original in texts[:60]:
        words = original.split()
        for _ in range(rng.integers(0, 3)):
            words[rng.integers(len(words))] += "s"
        texts.append(" ".join(words))
    return texts


def test_what_is_found_is_what_all_pairs_say(texts):
    found = find_near_duplicates({"train": Dataset.from_arrays(texts)}, most_pairs=1000)
    different = list(dict.fromkeys(texts))
    expected = {}
    for first, second in itertools.combinations(different, 2):
        similarity = alike(first, second)
        if similarity >= 0.8 and similarity > expected.get(second, 0):
            expected[second] = similarity
    assert 20 < len(expected) < 100
    assert {pair.text: pytest.approx(pair.similarity) for pair in found.pairs} == expected
    assert found.texts == len(expected)


def test_copies_short_texts_and_rows_of_the_file(texts):
    long = "the parcel never came and nobody answers the telephone"
    data = {
        "train": Dataset.from_arrays([long, "ok thanks", "ok thank"], [["a"], ["a"], ["b"]]),
        "test": Dataset.from_arrays([long.upper(), f"{long}!", ""], [["a"], ["b"], []]),
    }
    found = find_near_duplicates(data)
    (pair,) = found.pairs
    assert (pair.of_split, pair.of_row, pair.split, pair.row) == ("train", 1, "test", 2)
    assert pair.contradictory
    assert (found.texts, found.contradictory, found.across_splits) == (1, 1, 1)


def test_of_too_many_texts_nothing_is_said(monkeypatch, texts):
    monkeypatch.setattr(near_duplicates, "MOST_ROWS", 100)
    assert find_near_duplicates({"train": Dataset.from_arrays(texts)}) is None
    assert find_near_duplicates({"train": Dataset.from_arrays([])}).texts == 0


def test_scripts_html_and_characters_nobody_sees():
    html = ["plain 3 < 4 & 5", "<b>bold</b>", "a &#39; b"]
    odd = ["\x07bell", "\ud800half", "br\ufffdken", "привет", "二"]
    found = text_content([*html, *odd])
    assert (found.html_texts, found.control_texts, found.broken_texts) == (2, 2, 1)
    assert found.examples["html_texts"] == "<b>bold</b>"
    assert [name for name, _ in found.scripts] == ["Latin", "Cyrillic", "Han"]
    assert sum(share for _, share in found.scripts) == pytest.approx(1, abs=0.01)
    assert text_content([]).describe_scripts() == "no letters"


def test_implications_are_shares_and_lifts():
    labels = [[1, 1, 0]] * 12 + [[1, 0, 0]] * 4 + [[0, 0, 1]] * 84
    data = Dataset.from_arrays(["x"] * 100, labels, label_names=["a", "b", "c"])
    found = co_occurrence({"train": data})
    first, second = found.implications
    assert (first.label, first.implies, first.texts, first.share) == ("b", "a", 12, 1.0)
    assert first.lift == pytest.approx(1 / 0.16)
    assert (second.label, second.share) == ("a", 0.75)
    assert found.shares[0, 1] == 0.75
    assert np.isnan(found.shares[0, 2])
    assert co_occurrence({"train": Dataset.from_arrays(["x"])}) is None
