"""The rows that predict writes: every text comes back, every number to its last digit."""

import csv
import io
import json

import numpy as np
import polars as pl
import pytest

from multilabel_bert.cli.prediction_rows import (
    DelimitedRows,
    GoogleRows,
    JsonRows,
    ParquetRows,
    Predictions,
    shortest,
    writable,
)

NAMES = ("late", 'with "quotes", and more', "text", "ünï\ncode")
TEXTS = [
    "plain", "", "a,b", 'say "x"', "line\nbreak", "return\rhere", "tab\there", " spaces ",
    "晚 é", "#no comment", "null", "[]", "\\", "0.5",
]  # fmt: skip


def predictions(ids=True):
    rng = np.random.default_rng(0)
    probabilities = (rng.random((len(TEXTS), len(NAMES))) ** 20).astype(np.float32)
    probabilities[0] = [0, 1, 1e-38, 1 / 3]
    decisions = (rng.random(probabilities.shape) < 0.4).astype(np.int8)
    rows = [f"m{row}" for row in range(len(TEXTS))]
    return Predictions(rows if ids else None, TEXTS, probabilities, decisions)


def names_of(row):
    return [name for name, given in zip(NAMES, row, strict=True) if given]


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_delimited(delimiter, ids):
    given = predictions(ids)
    rows = DelimitedRows(NAMES, delimiter)
    written = rows.header(given) + rows.rows(given)
    header, *lines = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
    first = ["id", "text"] if ids else ["text"]
    assert header == [*first, "labels", NAMES[0], NAMES[1], "text_probability", NAMES[3]]
    for row, cells in enumerate(lines):
        assert cells[: len(first)] == ([f"m{row}", TEXTS[row]] if ids else [TEXTS[row]])
        assert json.loads(cells[len(first)]) == names_of(given.decisions[row])
        numbers = np.array(cells[len(first) + 1 :], np.float32)
        np.testing.assert_array_equal(numbers, given.probabilities[row])
    assert len(lines) == len(TEXTS)


@pytest.mark.parametrize("ids", [True, False])
def test_json_lines(ids):
    given = predictions(ids)
    for row, line in enumerate(JsonRows(NAMES).rows(given).splitlines()):
        entry = json.loads(line)
        assert list(entry) == [*(["id"] if ids else []), "text", "labels", "probabilities"]
        assert entry["text"] == TEXTS[row]
        assert entry["labels"] == names_of(given.decisions[row])
        assert tuple(entry["probabilities"]) == NAMES
        numbers = np.array(list(entry["probabilities"].values()), np.float32)
        np.testing.assert_array_equal(numbers, given.probabilities[row])


def test_json_lines_of_the_most_probable():
    given = predictions()
    for row, line in enumerate(JsonRows(NAMES, top_k=2).rows(given).splitlines()):
        found = json.loads(line)["probabilities"]
        best = np.argsort(-given.probabilities[row], kind="stable")[:2]
        assert list(found) == [NAMES[i] for i in best]
    assert len(json.loads(JsonRows(NAMES, 9).rows(given).splitlines()[0])["probabilities"]) == 4


def test_google_results():
    given = predictions()
    lines = GoogleRows().rows(given).splitlines()
    numbers = np.array([line.split("\t") for line in lines], np.float32)
    np.testing.assert_array_equal(numbers, given.probabilities)


def test_parquet():
    given = predictions()
    frame = ParquetRows(NAMES).frame(given)
    assert frame["labels"].dtype == pl.List(pl.String)
    assert frame["labels"].to_list() == [names_of(row) for row in given.decisions]
    assert frame["text"].to_list() == TEXTS
    np.testing.assert_array_equal(frame[:, 3:].to_numpy(), given.probabilities)


def test_every_float32_is_told_from_the_next():
    bits = np.random.default_rng(1).integers(0, 0x3F800000, 20_000, np.uint32)
    values = bits.view(np.float32)
    np.testing.assert_array_equal(np.array(shortest(values), np.float32), values)


def test_half_a_surrogate_pair_is_a_question_mark():
    assert writable(["a\ud800b", "ü"]) == ["a?b", "ü"]
    texts = Predictions(None, ["\ud800"], np.ones((1, 4), np.float32), np.ones((1, 4), np.int8))
    for rows in (JsonRows(NAMES), DelimitedRows(NAMES, ",")):
        assert "?" in rows.rows(texts)
