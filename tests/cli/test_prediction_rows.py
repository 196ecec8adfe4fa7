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
    ModelLabels,
    ParquetRows,
    Predictions,
    shortest,
    writable,
)

NAMES = ("late", 'with "quotes", and more', "text", "ünï\ncode")
ONE = [ModelLabels(NAMES)]
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
    rows = DelimitedRows(ONE, delimiter)
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
    for row, line in enumerate(JsonRows(ONE).rows(given).splitlines()):
        entry = json.loads(line)
        assert list(entry) == [*(["id"] if ids else []), "text", "labels", "probabilities"]
        assert entry["text"] == TEXTS[row]
        assert entry["labels"] == names_of(given.decisions[row])
        assert tuple(entry["probabilities"]) == NAMES
        numbers = np.array(list(entry["probabilities"].values()), np.float32)
        np.testing.assert_array_equal(numbers, given.probabilities[row])


def test_json_lines_of_the_most_probable():
    given = predictions()
    for row, line in enumerate(JsonRows(ONE, top_k=2).rows(given).splitlines()):
        found = json.loads(line)["probabilities"]
        best = np.argsort(-given.probabilities[row], kind="stable")[:2]
        assert list(found) == [NAMES[i] for i in best]
    assert len(json.loads(JsonRows(ONE, 9).rows(given).splitlines()[0])["probabilities"]) == 4


def test_google_results():
    given = predictions()
    lines = GoogleRows().rows(given).splitlines()
    numbers = np.array([line.split("\t") for line in lines], np.float32)
    np.testing.assert_array_equal(numbers, given.probabilities)


def test_parquet():
    given = predictions()
    frame = ParquetRows(ONE).frame(given)
    assert frame["labels"].dtype == pl.List(pl.String)
    assert frame["labels"].to_list() == [names_of(row) for row in given.decisions]
    assert frame["text"].to_list() == TEXTS
    np.testing.assert_array_equal(frame[:, 3:].to_numpy(), given.probabilities)


TWO = [ModelLabels(NAMES[:1], "a"), ModelLabels(NAMES[1:], "b/c")]


def test_columns_of_several_models_bear_their_names():
    given = predictions()
    rows = DelimitedRows(TWO, ",")
    written = rows.header(given) + rows.rows(given)
    header, *lines = csv.reader(io.StringIO(written, newline=""))
    assert header == [
        "id", "text", "a/labels", "a/late", "b/c/labels",
        *(f"b/c/{name}" for name in NAMES[1:]),
    ]  # fmt: skip
    assert ParquetRows(TWO).frame(given).columns == header
    for row, cells in enumerate(lines):
        assert json.loads(cells[2]) + json.loads(cells[4]) == names_of(given.decisions[row])
        numbers = np.array([cells[3], *cells[5:]], np.float32)
        np.testing.assert_array_equal(numbers, given.probabilities[row])


@pytest.mark.parametrize("top_k", [None, 2])
def test_json_lines_of_several_models(top_k):
    given = predictions()
    for row, line in enumerate(JsonRows(TWO, top_k).rows(given).splitlines()):
        entry = json.loads(line)
        assert list(entry) == ["id", "text", "models"]
        assert list(entry["models"]) == ["a", "b/c"]
        for labels, columns in zip(TWO, (slice(0, 1), slice(1, 4)), strict=True):
            found = entry["models"][labels.model]
            decided = given.decisions[row, columns]
            assert found["labels"] == [
                name for name, d in zip(labels.label_names, decided, strict=True) if d
            ]
            expected = dict(
                zip(labels.label_names, given.probabilities[row, columns].tolist(), strict=True)
            )
            assert len(found["probabilities"]) == min(top_k or 9, len(expected))
            for name, value in found["probabilities"].items():
                assert np.float32(value) == np.float32(expected[name])


def test_every_float32_is_told_from_the_next():
    bits = np.random.default_rng(1).integers(0, 0x3F800000, 20_000, np.uint32)
    values = bits.view(np.float32)
    np.testing.assert_array_equal(np.array(shortest(values), np.float32), values)


def test_half_a_surrogate_pair_is_a_question_mark():
    assert writable(["a\ud800b", "ü"]) == ["a?b", "ü"]
    texts = Predictions(None, ["\ud800"], np.ones((1, 4), np.float32), np.ones((1, 4), np.int8))
    for rows in (JsonRows(ONE), DelimitedRows(ONE, ",")):
        assert "?" in rows.rows(texts)
