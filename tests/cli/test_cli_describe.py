"""`multilabel describe` on small tables and on the real data sets."""

import json

import pytest


def test_what_is_shown(cli, table, tiny_encoder):
    result = cli("describe", table, "--encoder", tiny_encoder, "--max-seq-length", "5")
    assert result.code == 0
    for part in ("Layout\n", "Texts ", "Texts of each label", "Labels that occur together",
                 "over 5 tokens", "text: column 'text'", "id: column 'id'"):  # fmt: skip
        assert part in result.out, part
    assert result.err == ""


def test_json_has_the_figures_that_are_shown(cli, table, labelled_texts):
    texts, labels = labelled_texts
    summary = json.loads(cli("describe", table, "--json").out)
    split = summary["splits"]["table"]
    assert split["rows"] == len(texts)
    positive = {count["name"]: count["positive"] for count in split["label_counts"]}
    assert positive == dict(zip(("delay", "refund", "praise"), labels.sum(0).tolist(), strict=True))
    shown = cli("describe", table).out
    assert all(f"{count}  " in shown for count in positive.values())


def test_a_table_without_labels(cli, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\nlate\nlate\nearly\n")
    result = cli("describe", path)
    assert result.code == 0
    assert "No labels were found." in result.out
    assert "--label-columns" in result.out


def test_texts_of_two_splits_are_reported(cli, tmp_path):
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("text,a,b\nlate parcel,1,0\nbroken,0,1\n")
    assert "2 texts of test are in train too" in cli("describe", tmp_path).out


@pytest.mark.parametrize(
    ("place", "options", "expected"),
    [
        ("goemotions", [], ["43,410", "neutral", "43 texts of dev are in train too"]),
        ("semeval2018-E-c", [], ["6,838", "unlabelled", "disgust"]),
        ("jigsaw-sample", [], ["severe_toxic", "902"]),
        (
            "consumer-complaints/complaints_sample.csv",
            ["--label-columns", "Product,Issue"],
            ["5,091 rows", "Product=Debt collection", "rarer labels"],
        ),
        (
            "tmdb5000/tmdb_5000_movies.csv",
            ["--label-columns", "keywords"],
            ["dystopia", "and 7,838 rarer labels"],
        ),
    ],
)  # fmt: skip
def test_real_data(cli, shared_data, place, options, expected, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = cli("describe", shared_data / place, *options)
    assert result.code == 0, result.err
    for part in expected:
        assert part in result.out, part
