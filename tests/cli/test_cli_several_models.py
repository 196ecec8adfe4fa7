"""`multilabel predict A B FILE`: one pass, each model's answers under its name, clear refusals."""

import csv
import json
import shutil

import numpy as np
import polars as pl
import pytest

from multilabel_bert.cli import partial_output
from multilabel_bert.model.directory import load_model
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor

TRAIN = ("--max-seq-length", "16", "--num-train-epochs", "2")
LABELS = ("delay", "refund", "praise")


@pytest.fixture(scope="module")
def models(tmp_path_factory, table, tiny_encoder, quiet_cli, trained):
    """Two heads on one encoder, and a model whose top layer was trained."""
    folder = tmp_path_factory.mktemp("several")
    shutil.copytree(trained, folder / "a")
    for name, options in (("b", ("--pooling", "mean")), ("top", ("--train-layers", "1"))):
        done = quiet_cli(
            ["train", "--encoder", tiny_encoder, "--train", table, "--output", folder / name,
             *TRAIN, *options]
        )  # fmt: skip
        assert done.code == 0, done.err
    return folder


def one_by_one(models, texts):
    return {
        name: Predictor.load(models / name, precision="float32").predict_proba(texts)
        for name in ("a", "b", "top")
    }


def texts_of(table):
    with table.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def columns_of(name):
    return [f"{name}/{label}" for label in LABELS]


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "jsonl"])
def test_each_model_answers_under_its_name(cli, models, table, tmp_path, form):
    output = tmp_path / f"labels.{form}"
    paths = [models / name for name in ("a", "b", "top")]
    done = cli("predict", *paths, table, "--output", output, "--precision", "float32")
    assert done.code == 0, done.err
    expected = one_by_one(models, texts_of(table))
    if form == "jsonl":
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert list(rows[0]) == ["id", "text", "models"]
        found = {
            name: np.array([list(row["models"][name]["probabilities"].values()) for row in rows])
            for name in expected
        }
        labels = {name: [row["models"][name]["labels"] for row in rows] for name in expected}
    else:
        if form == "parquet":
            frame = pl.read_parquet(output)
        else:
            frame = pl.read_csv(output, separator="," if form == "csv" else "\t")
        assert frame.columns == [
            "id", "text",
            *(c for n in expected for c in (f"{n}/labels", *columns_of(n))),
        ]  # fmt: skip
        found = {name: frame.select(columns_of(name)).to_numpy() for name in expected}
        labels = {
            name: [
                value if form == "parquet" else json.loads(value)
                for value in frame[f"{name}/labels"].to_list()
            ]
            for name in expected
        }
    for name, probabilities in expected.items():
        np.testing.assert_allclose(found[name], probabilities, rtol=0, atol=1e-5)
        rule = load_model(models / name).rule
        given = rule.predict(found[name].astype(np.float32))
        assert labels[name] == [[LABELS[column] for column in np.flatnonzero(row)] for row in given]


def test_what_the_models_share_is_computed_once(models):
    shared = SharedPredictor.load({name: models / name for name in ("a", "b", "top")})
    assert [group.names for group in shared.groups] == [("a", "b", "top")]


def test_one_model_writes_as_ever(cli, models, table):
    header = cli("predict", models / "a", table).out.splitlines()[0]
    assert header == "id,text,labels,delay,refund,praise"


def test_texts_on_the_line(cli, models):
    done = cli("predict", models / "a", models / "top", "--text", "late parcel", "--text", "thanks")
    assert done.code == 0, done.err
    lines = [line.strip() for line in done.out.splitlines()]
    assert [line for line in lines if line in ("late parcel", "thanks", "a", "top")] == [
        "late parcel", "a", "top", "thanks", "a", "top",
    ]  # fmt: skip
    assert done.out.count("threshold") == 12
    as_json = cli("predict", models / "a", models / "top", "--text", "late", "--json")
    assert list(json.loads(as_json.out)["models"]) == ["a", "top"]


def test_standard_input_and_the_most_probable(multilabel, models):
    arguments = ("predict", models / "a", models / "b", "-", "--top-k", "1")
    done = multilabel(*arguments, input="late parcel\nthanks\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["late parcel", "thanks"]
    assert {len(m["probabilities"]) for row in rows for m in row["models"].values()} == {1}


def test_another_name(cli, models, table):
    done = cli("predict", models / "a", f"other={models / 'b'}", table)
    assert done.out.splitlines()[0].startswith("id,text,a/labels,a/delay,")
    assert ",other/labels,other/delay," in done.out.splitlines()[0]


def test_a_stopped_run_goes_on_to_the_same_bytes(cli, models, tmp_path, monkeypatch):
    monkeypatch.setattr(partial_output, "_COMMIT_SECONDS", 0)
    table = tmp_path / "long.csv"
    table.write_text("text\n" + "".join(f"late parcel {row}\n" for row in range(9000)))
    arguments = ("predict", models / "a", models / "b", table, "--output")
    assert cli(*arguments, tmp_path / "whole.csv").code == 0
    stream = SharedPredictor.stream_logits

    def stopped(self, *given, **options):
        for count, logits in enumerate(stream(self, *given, **options)):
            if count == 2:
                raise KeyboardInterrupt
            yield logits

    monkeypatch.setattr(SharedPredictor, "stream_logits", stopped)
    assert cli(*arguments, tmp_path / "labels.csv").code == 130
    monkeypatch.setattr(SharedPredictor, "stream_logits", stream)
    again = cli(*arguments, tmp_path / "labels.csv")
    assert "4,096 texts are predicted already: going on after them." in again.err
    assert (tmp_path / "labels.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_another_model_starts_anew(cli, models, tmp_path, monkeypatch):
    monkeypatch.setattr(partial_output, "_COMMIT_SECONDS", 0)
    table = tmp_path / "long.csv"
    table.write_text("text\n" + "late parcel\n" * 5000)
    stream = SharedPredictor.stream_logits

    def stopped(self, *given, **options):
        yield next(stream(self, *given, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(SharedPredictor, "stream_logits", stopped)
    output = ("--output", tmp_path / "labels.csv")
    assert cli("predict", models / "a", models / "b", table, *output).code == 130
    monkeypatch.setattr(SharedPredictor, "stream_logits", stream)
    done = cli("predict", models / "a", models / "top", table, *output)
    assert "Starting anew, without the 2,048 texts" in done.err
    assert "since then the models" in done.err
    assert done.code == 0


def with_layout(models, tmp_path, **changes):
    """A copy of model b that was trained on another kind of table."""
    shutil.copytree(models / "b", tmp_path / "c")
    manifest = tmp_path / "c" / "multilabel.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["layout"] |= changes
    del content["sha256_of_what_decides"]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    return tmp_path / "c"


def test_tables_that_are_read_differently_are_refused(cli, models, table, tmp_path):
    other = with_layout(models, tmp_path, text_column="comment")
    refused = cli("predict", models / "a", other, table)
    assert refused.code == 2
    assert (
        "text column is 'text' for a, but 'comment' for c. Say what this table has with "
        "--text-column, or predict with each model by itself."
    ) in refused.err
    assert cli("predict", models / "a", other, table, "--text-column", "text").code == 0


def test_an_id_that_one_model_does_not_know_is_kept(cli, models, table, tmp_path):
    other = with_layout(models, tmp_path, id_column=None)
    done = cli("predict", other, models / "a", table)
    assert done.out.startswith("id,text,c/labels,")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["A", "A", "TABLE"], "a is named twice. Leave one out."),
        (["A", "x=A", "TABLE"], "a is named twice. Leave one out."),
        (["A", "OTHER_A", "TABLE"], "Two models would be called 'a'"),
        (["A", "B"], "b are all models. Give a file, - for standard input, or --text"),
        (["A"], "Nothing to predict. Give a file"),
        ([], "MODEL is missing."),
        (["TABLE"], "No model is named. Give it first: multilabel predict MODEL "),
        (["-"], "No model is named. Give it first: multilabel predict MODEL -"),
        (["A", "TABLE", "TABLE"], "is no model, and only the last argument"),
        (["A", "-", "TABLE"], "- is no model, and only the last argument"),
        (["A", "nowhere", "TABLE"], "There is no model at nowhere."),
        (["A", "B", "nowhere.csv"], "nowhere.csv"),
        (["A", "TABLE", "--text", "late"], "or --text? Give a file"),
        (["A", "nowhere", "--text", "late"], "There is no model at nowhere."),
        (["A", "B", "TABLE", "--google-output", "OUT"], "is the file of one model, but there are"),
    ],
)
def test_mistakes(cli, models, table, tmp_path, arguments, expected):
    shutil.copytree(models / "b", tmp_path / "a")
    places = {"A": models / "a", "B": models / "b", "OTHER_A": tmp_path / "a", "TABLE": table,
              "x=A": f"x={models / 'a'}", "OUT": tmp_path / "out"}  # fmt: skip
    done = cli("predict", *(places.get(argument, argument) for argument in arguments))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert expected in done.err, done.err
