"""A search and a head for few examples from the command line: the table, the model, mistakes."""

import csv
import json

import pytest

pytest.importorskip("keras")

from multilabel_bert import MultiLabelClassifier


@pytest.fixture
def table(labelled_texts, tmp_path):
    rows = [f"{text},{','.join(map(str, row))}" for text, row in zip(*labelled_texts, strict=True)]
    path = tmp_path / "train.csv"
    path.write_text("\n".join(["text,a,b,c", *rows]) + "\n")
    return path


def test_a_search_is_shown_and_kept_with_the_model(cli, tiny_encoder, table, tmp_path):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"pooling": ["mean", "cls"], "learning_rate": [1e-5, 0.05]}))
    result = cli(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model",
        "--num-train-epochs", "5", "--search", "--search-space", space, "--no-baseline",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "Search: the best by cross-validation" in result.out
    assert "texts that had no say in it" in result.out
    rows = list(csv.DictReader((tmp_path / "model" / "search.csv").open()))
    assert len(rows) == 5, "the settings given, pooled at 5e-3, are tried beside the space"
    assert rows[0]["learning_rate"] == "0.05"
    loaded = MultiLabelClassifier.load(tmp_path / "model")
    assert loaded.learning_rate == 0.05
    assert loaded.pooling == loaded.model_.pooling == rows[0]["pooling"]
    kept = loaded.model_.provenance
    assert kept["search"]["estimate"]["texts"] == kept["dev"]["texts"]


def test_few_examples_come_by_themselves_and_can_be_switched_off(
    cli, tiny_encoder, table, tmp_path
):
    command = ["train", "--encoder", tiny_encoder, "--train", table, "--no-baseline"]
    few = cli(*command, "--output", tmp_path / "few")
    assert few.code == 0, few.err
    assert "Few examples (120 texts)" in few.err
    assert "On the texts, by cross-validation" in few.out
    many = cli(*command, "--output", tmp_path / "many", "--no-few-examples")
    assert many.code == 0, many.err
    assert "Few examples" not in many.err
    assert "Development texts: 10% of the texts, held out" in many.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--search-configurations", "5"], "--search-configurations needs --search"),
        (["--search", "--search-space", "none.json"], "--search-space none.json: No such file"),
        (["--search", "--search-configurations", "0"], "configurations=0): expected a whole"),
        (["--few-examples", "--dropout", "0.3"], "and --dropout 0.3 has no meaning there"),
    ],
)
def test_mistakes_are_explained_before_the_data_are_read(cli, options, message, tmp_path):
    result = cli(
        "train", "--encoder", "none", "--train", "none.csv", "--output", tmp_path / "m", *options
    )
    assert result.code == 2
    assert message in result.err
