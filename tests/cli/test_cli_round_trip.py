"""Train, evaluate, tune and predict through the command line, on every kind of table."""

import csv
import json

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from multilabel_bert.data.reading import read_dataset
from multilabel_bert.model.predictor import Predictor

LABELS = ["delay", "refund", "praise"]


def _frame(labelled_texts, rows=slice(None)) -> pl.DataFrame:
    texts, labels = labelled_texts
    columns = {"id": [f"m{row}" for row in range(len(texts))], "text": texts}
    columns |= {name: labels[:, i] for i, name in enumerate(LABELS)}
    return pl.DataFrame(columns)[rows]


WRITERS = {
    "csv": lambda frame, path: frame.write_csv(path),
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "jsonl": lambda frame, path: frame.write_ndjson(path),
    "parquet": lambda frame, path: frame.write_parquet(path),
}
READERS = {
    "csv": pl.read_csv,
    "tsv": lambda path: pl.read_csv(path, separator="\t"),
    "jsonl": pl.read_ndjson,
    "parquet": pl.read_parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_the_whole_way_on_every_kind_of_table(cli, tiny_encoder, labelled_texts, tmp_path, kind):
    data, model = tmp_path / "data", tmp_path / "model"
    data.mkdir()
    for name, rows in (("train", slice(0, 80)), ("dev", slice(80, 100)), ("test", slice(100, 120))):
        WRITERS[kind](_frame(labelled_texts, rows), data / f"{name}.{kind}")
    done = cli(
        "train", "--encoder", tiny_encoder, "--data-dir", data, "--output", model,
        "--max-seq-length", "16", "--num-train-epochs", "2", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    trained = json.loads(done.out)
    assert trained["rows"] == 20
    assert trained["output"] == str(model)
    assert trained["interrupted"] is False

    done = cli("evaluate", model, data / f"test.{kind}", "--json")
    assert done.code == 0, done.err
    metrics = json.loads(done.out)

    done = cli("predict", model, data / f"test.{kind}", "--output", tmp_path / f"labels.{kind}")
    assert done.code == 0, done.err
    predicted = READERS[kind](tmp_path / f"labels.{kind}")
    truth = _frame(labelled_texts, slice(100, 120))
    assert predicted["id"].to_list() == truth["id"].to_list()
    assert predicted["text"].to_list() == truth["text"].to_list()
    probabilities, decisions = _read_back(predicted, kind)
    predictor = Predictor.load(model)
    expected = predictor.predict_proba(truth["text"].to_list())
    np.testing.assert_array_equal(probabilities.astype(np.float32), expected)
    np.testing.assert_array_equal(decisions, predictor.model.rule.predict(expected))
    # The figures of evaluate, worked out again from what predict wrote.
    matrix = truth[LABELS].to_numpy()
    for average in ("micro", "macro"):
        for key, chosen in (
            (f"{average}_f1", decisions),
            (f"{average}_f1_at_0.5", expected >= 0.5),
        ):
            score = f1_score(matrix, chosen, average=average, zero_division=0)
            assert metrics[key] == pytest.approx(score), key

    done = cli(
        "tune", model, data / f"dev.{kind}", "--threshold-metric", "micro_f1",
        "--threshold-strategy", "per_label", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    tuned = json.loads(done.out)
    assert tuned["after"]["micro_f1"] >= tuned["before"]["micro_f1"]
    assert json.loads((model / "multilabel.json").read_text())["decision_rule"]["tuned_for"] == (
        "micro_f1"
    )
    again = json.loads(cli("evaluate", model, data / f"dev.{kind}", "--json").out)
    assert again["micro_f1"] == pytest.approx(tuned["after"]["micro_f1"])


def _read_back(predicted: pl.DataFrame, kind: str) -> tuple[np.ndarray, np.ndarray]:
    named = predicted["labels"].to_list()
    if kind in ("csv", "tsv"):
        named = [json.loads(cell) for cell in named]
    decisions = np.array([[name in row for name in LABELS] for row in named], np.int8)
    if kind == "jsonl":
        return predicted["probabilities"].struct.unnest()[LABELS].to_numpy(), decisions
    return predicted[LABELS].to_numpy(), decisions


def test_the_layout_of_the_model_is_used_for_columns_in_another_order(
    cli, trained, labelled_texts, tmp_path
):
    plain, shuffled = tmp_path / "plain.csv", tmp_path / "shuffled.csv"
    frame = _frame(labelled_texts)
    frame.write_csv(plain)
    other = frame.select("praise", "text", "refund", "id", "delay")
    # A column that would be taken for the text, were the layout not known.
    other = other.with_columns(comment=pl.col("text") + " and much more to say about all of it")
    other.write_csv(shuffled)
    first, second = (
        json.loads(cli("evaluate", trained, path, "--json").out) for path in (plain, shuffled)
    )
    assert first == second
    written = [cli("predict", trained, path, "--json").out for path in (plain, shuffled)]
    assert written[0] == written[1]


def test_a_column_of_another_name_can_be_said(cli, trained, labelled_texts, tmp_path):
    path = tmp_path / "renamed.csv"
    _frame(labelled_texts).rename({"text": "message"}).write_csv(path)
    refused = cli("evaluate", trained, path)
    assert refused.code == 2
    assert "--text-column" in refused.err
    assert cli("evaluate", trained, path, "--text-column", "message").code == 0
    assert cli("predict", trained, path, "--text-column", "message").code == 0


def test_json_of_evaluate_is_flat_and_alone_on_standard_output(cli, trained, table):
    result = cli("evaluate", trained, table, "--json")
    metrics = json.loads(result.out)
    assert {"micro_f1", "macro_f1", "micro_f1_at_0.5", "macro_f1_at_0.5", "loss"} <= set(metrics)
    nested = [key for key, value in metrics.items() if isinstance(value, (dict, list))]
    assert nested == ["per_label"]
    assert [row["label"] for row in metrics["per_label"]] == LABELS


def test_google_files(cli, trained, table, tmp_path):
    results = tmp_path / "results"
    metrics = json.loads(cli("evaluate", trained, table, "--json", "--google-output", results).out)
    lines = (results / "eval_results.txt").read_text().splitlines()
    values = dict(line.split(" = ") for line in lines)
    assert list(values) == sorted(values)
    assert float(values["eval_accuracy"]) == metrics["subset_accuracy"]
    assert float(values["eval_loss"]) == metrics["loss"]
    assert cli("predict", trained, table, "--google-output", results, "--quiet").code == 0
    with (results / "test_results.tsv").open() as file:
        rows = [[float(cell) for cell in line.rstrip("\n").split("\t")] for line in file]
    texts = read_dataset(table).texts
    expected = Predictor.load(trained).predict_proba(texts)
    np.testing.assert_array_equal(np.array(rows, np.float32), expected)


def test_standard_input_keeps_the_order(multilabel, trained):
    texts = ["late parcel", "refund, please", "", "thanks thanks", "late"]
    done = multilabel("predict", trained, "-", "--json", input="\n".join(texts) + "\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == texts
    assert list(rows[0]["probabilities"]) == LABELS


def test_a_text_of_the_line(cli, trained):
    for_people = cli("predict", trained, "--text", "late parcel", "--text", "thanks")
    assert for_people.out.startswith("late parcel\n")
    assert for_people.out.count("threshold") == 2 * len(LABELS)
    for_programs = cli("predict", trained, "--text", "late parcel", "--json")
    expected = Predictor.load(trained).predict_proba(["late parcel"])[0]
    values = json.loads(for_programs.out)["probabilities"].values()
    np.testing.assert_array_equal(np.array(list(values), np.float32), expected)
    table = list(
        csv.reader(cli("predict", trained, "--text", "late", "--format", "csv").out.splitlines())
    )
    assert table[0] == ["text", "labels", *LABELS]


def test_top_k_gives_the_most_probable(cli, trained, table):
    rows = [
        json.loads(line) for line in cli("predict", trained, table, "--top-k", "2").out.splitlines()
    ]
    expected = Predictor.load(trained).predict_proba([row["text"] for row in rows])
    for row, probabilities in zip(rows, expected, strict=True):
        values = list(row["probabilities"].values())
        np.testing.assert_array_equal(np.float32(values), np.sort(probabilities)[::-1][:2])
    everything = cli("predict", trained, table, "--top-k", "99")
    assert len(json.loads(everything.out.splitlines()[0])["probabilities"]) == len(LABELS)


def test_pairs(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    path, model = tmp_path / "pairs.csv", tmp_path / "model"
    columns = {"question": texts, "answer": texts[::-1], "late": labels[:, 0], "paid": labels[:, 1]}
    pl.DataFrame(columns).write_csv(path)
    done = cli(
        "train", "--encoder", tiny_encoder, "--train", path, "--output", model,
        "--text-column", "question", "--pair-column", "answer", "--num-train-epochs", "1",
        "--max-seq-length", "32",
    )  # fmt: skip
    assert done.code == 0, done.err
    expected = Predictor.load(model).predict_proba(texts, texts[::-1])
    rows = [json.loads(line) for line in cli("predict", model, path, "--json").out.splitlines()]
    got = np.array([list(row["probabilities"].values()) for row in rows], np.float32)
    np.testing.assert_array_equal(got, expected)
    line = cli("predict", model, "--text", texts[0], "--pair", texts[-1], "--json")
    one = list(json.loads(line.out)["probabilities"].values())
    np.testing.assert_allclose(one, expected[0], atol=1e-5)


def _train(cli, tiny_encoder, frame: pl.DataFrame, tmp_path, *options):
    frame.write_parquet(tmp_path / "table.parquet")
    done = cli(
        "train", "--encoder", tiny_encoder, "--train", tmp_path / "table.parquet",
        "--output", tmp_path / "model", "--max-seq-length", "16", "--num-train-epochs", "1",
        *options,
    )  # fmt: skip
    assert done.code == 0, done.err
    return tmp_path / "model"


def test_labels_called_as_other_columns(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    names = ["text", "labels", "id", "text_probability"]
    columns = {"message": texts} | {n: labels[:, i % 3] for i, n in enumerate(names)}
    model = _train(
        cli, tiny_encoder, pl.DataFrame(columns), tmp_path,
        "--text-column", "message", "--label-columns", ",".join(names),
    )  # fmt: skip
    for kind, read in READERS.items():
        output = tmp_path / f"out.{kind}"
        assert cli("predict", model, tmp_path / "table.parquet", "--output", output).code == 0
        frame = read(output)
        assert frame["text"].to_list() == texts
        if kind != "jsonl":
            assert frame.columns == [
                "text", "labels", "text_probability_probability", "labels_probability",
                "id_probability", "text_probability",
            ]  # fmt: skip


def test_one_label(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    frame = pl.DataFrame({"text": texts, "late": labels[:, 0]})
    model = _train(cli, tiny_encoder, frame, tmp_path)
    result = cli("evaluate", model, tmp_path / "table.parquet")
    assert result.code == 0
    assert "\nlate  " in result.out
    assert "1 label\n" in result.err


def test_many_labels_are_shown_shortened(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, _ = labelled_texts
    rng = np.random.default_rng(0)
    names = [f"topic{i:03}" for i in range(300)]
    columns = {"text": texts} | {n: rng.integers(0, 2, len(texts)) for n in names}
    model = _train(cli, tiny_encoder, pl.DataFrame(columns), tmp_path)
    path = tmp_path / "table.parquet"
    for command in (["evaluate", model, path], ["describe", path]):
        result = cli(*command)
        assert "… and 260 rarer labels; --json shows all.\n" in result.out
        # 40 labels, 10 pairs, 10 implications, and those of the layout.
        assert result.out.count("topic") <= 40 + 20 + 20 + 12
    shown = cli("predict", model, "--text", "late").out
    assert shown.count("topic") == 300 or "less probable labels" in shown
    assert len(json.loads(cli("evaluate", model, path, "--json").out)["per_label"]) == 300


def test_exclusive_groups(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    columns = {"text": texts} | {n: labels[:, i] for i, n in enumerate(LABELS)}
    model = _train(
        cli, tiny_encoder, pl.DataFrame(columns), tmp_path, "--exclusive-groups", "delay|praise"
    )
    rows = cli("predict", model, tmp_path / "table.parquet", "--json").out.splitlines()
    for row in map(json.loads, rows):
        assert len({"delay", "praise"} & set(row["labels"])) == 1
    # Thresholds of their labels are not used, so they are not shown.
    shown = cli("predict", model, "--text", "late").out.splitlines()
    assert [n for n in LABELS for line in shown if f" {n} " in line and "threshold" in line] == [
        "refund"
    ]


def test_categorical_columns_are_exclusive_groups(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    kind = np.where(labels[:, 0] == 1, "late", np.where(labels[:, 1] == 1, "paid", "other"))
    frame = pl.DataFrame(
        {"text": texts, "kind": kind, "tone": np.where(labels[:, 2], "up", "down")}
    )
    model = _train(
        cli, tiny_encoder, frame, tmp_path,
        "--label-columns", "kind,tone", "--label-format", "categorical",
        "--exclusive-groups", "columns",
    )  # fmt: skip
    rows = cli("predict", model, tmp_path / "table.parquet", "--json").out.splitlines()
    for row in map(json.loads, rows):
        assert [name.split("=")[0] for name in row["labels"]] == ["kind", "tone"]


def test_options_of_the_table_reach_the_reader(cli, tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    path, names, model = tmp_path / "t.data.csv", tmp_path / "names.txt", tmp_path / "model"
    names.write_text("delay\nrefund\n")
    with path.open("w", encoding="latin-1") as file:
        for text, row in zip(texts, labels.tolist(), strict=True):
            cell = "|".join(n for n, v in zip(LABELS, row, strict=True) if v)
            file.write(f"{text} caf\xe9;{cell}\n")
    table = (
        "--delimiter", ";", "--no-header", "--no-quoting", "--encoding", "latin-1",
        "--text-column", "column_1", "--label-columns", "column_2", "--label-format", "delimited",
        "--label-separator", "|", "--empty-labels", "none", "--unknown-labels", "ignore",
        "--labels", names,
    )  # fmt: skip
    done = cli(
        "train", "--encoder", tiny_encoder, "--train", path, "--output", model, *table,
        "--max-seq-length", "16", "--num-train-epochs", "1",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads((model / "multilabel.json").read_text())["label_names"] == ["delay", "refund"]
    summary = json.loads(cli("describe", path, *table, "--json").out)
    assert summary["label_names"] == ["delay", "refund"]
    assert summary["splits"]["table"]["rows"] == len(texts)
    # The layout is stored; what to do with labels that are not known is said anew.
    assert cli("evaluate", model, path).code == 2
    assert cli("evaluate", model, path, "--unknown-labels", "ignore").code == 0


def test_the_best_representation_is_taken_and_shown(cli, tiny_encoder, table, tmp_path):
    options = (
        "train", "--encoder", tiny_encoder, "--train", table, "--max-seq-length", "16",
        "--num-train-epochs", "1", "--pooling", "auto", "--output",
    )  # fmt: skip
    shown = cli(*options, tmp_path / "first")
    assert shown.code == 0, shown.err
    lines = shown.out.split("Representations, by ")[1].splitlines()[1:5]
    scores = {line.split()[0]: float(line.split()[1]) for line in lines}
    assert set(scores) == {"pooled", "cls", "mean", "cls+mean"}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    answer = json.loads(cli(*options, tmp_path / "second", "--json").out)
    assert answer["pooling"] == next(iter(scores))
