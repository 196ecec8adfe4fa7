"""The baseline through the command line: train fits it, evaluate shows it, tune tunes it."""

import json
import shutil
import subprocess
import sys

import pytest

from multilabel_bert import MultiLabelClassifier
from multilabel_bert.model.directory import load_baseline, load_model

TRAIN = ("--max-seq-length", "16", "--num-train-epochs", "3")


def test_train_stores_it_without_pickle_and_prediction_does_not_read_it(trained):
    names = sorted(path.name for path in (trained / "baseline").iterdir())
    assert names == ["baseline.json", "terms.json", "weights.safetensors"]
    assert load_model(trained).baseline is None
    assert load_baseline(trained).rule.tuned_for == "macro_f1"


def test_evaluate_shows_it_beside_the_model(cli, trained, table):
    result = cli("evaluate", trained, table, "--quiet")
    assert "Beside the baseline" in result.out
    assert "TF-IDF and logistic regression, C =" in result.out
    line = next(
        row for row in result.out.splitlines() if row.startswith("macro_f1  ") and " to " in row
    )
    _, model, baseline, difference, low, _, high = line.split()
    assert float(difference) == pytest.approx(float(model) - float(baseline), abs=2e-4)
    assert float(low) <= float(difference) <= float(high)


def test_evaluate_gives_flat_keys(cli, trained, table):
    values = json.loads(cli("evaluate", trained, table, "--json").out)
    for metric in ("macro_f1", "micro_f1"):
        difference = values[metric] - values[f"baseline_{metric}"]
        assert values[f"{metric}_over_baseline"] == pytest.approx(difference)
        assert values[f"{metric}_over_baseline_low"] <= difference
    without = json.loads(cli("evaluate", trained, table, "--json", "--no-baseline").out)
    assert [key for key in without if "baseline" in key] == []
    assert without["macro_f1"] == values["macro_f1"]


def test_no_baseline_leaves_it_out_and_the_model_still_evaluates(
    cli, tiny_encoder, table, tmp_path
):
    model = tmp_path / "model"
    where = ("--encoder", tiny_encoder, "--train", table, "--output", model)
    trained = cli("train", *where, *TRAIN, "--no-baseline", "--json")
    assert "baseline_macro_f1" not in json.loads(trained.out)
    assert not (model / "baseline").exists()
    values = json.loads(cli("evaluate", model, table, "--json").out)
    assert "baseline_macro_f1" not in values
    assert "Beside the baseline" not in cli("evaluate", model, table).out


def test_train_says_what_it_scores(cli, tiny_encoder, table, tmp_path):
    where = ("--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model")
    result = cli("train", *where, *TRAIN)
    assert result.code == 0, result.err
    assert "Baseline on the same texts: macro_f1 " in result.out


def test_tune_tunes_its_thresholds_too(cli, trained, table, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(trained, model)
    assert cli("tune", model, table, "--threshold-metric", "micro_f1").code == 0
    assert load_baseline(model).rule.tuned_for == "micro_f1"


def test_damaged_baseline_is_an_error_of_evaluate_alone(cli, trained, table, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(trained, model)
    (model / "baseline" / "terms.json").write_text("{")
    result = cli("evaluate", model, table)
    assert (result.code, "is damaged" in result.err) == (2, True)
    assert cli("evaluate", model, table, "--no-baseline").code == 0
    assert cli("predict", model, "--text", "late").code == 0


def test_evaluate_imports_no_tensorflow(trained, table):
    program = (
        "import sys; from multilabel_bert.cli.app import run\n"
        f"try: run(['evaluate', {str(trained)!r}, {str(table)!r}, '--json'])\n"
        "except SystemExit as error: assert not error.code, error.code\n"
        "print('found:', *{'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip().endswith("found:"), done.stderr


def test_python_has_it_saved_and_loaded(tiny_encoder, labelled_texts, tmp_path):
    texts, labels = labelled_texts
    classifier = MultiLabelClassifier(
        tiny_encoder, max_seq_length=16, num_train_epochs=1, baseline=True, verbose=False
    ).fit(texts, labels)
    assert classifier.baseline_dev_evaluation_.metrics["labels"] == 3
    classifier.save(tmp_path / "model")
    loaded = MultiLabelClassifier.load(tmp_path / "model")
    assert loaded.baseline_.rule == classifier.baseline_.rule
    found, again = classifier.compare(texts, labels), loaded.compare(texts, labels)
    assert found.baseline.metrics["macro_f1"] > 0.5
    assert again.to_dict() == found.to_dict()
    loaded.save(tmp_path / "copy")
    assert load_baseline(tmp_path / "copy").how == classifier.baseline_.how
    loaded.remove_labels([loaded.label_names_[0]])
    assert loaded.baseline_ is None


def test_without_a_development_split_its_thresholds_are_chosen_by_folds(tiny_encoder):
    texts = [f"late parcel {n}" if n % 3 else f"kind thanks {n}" for n in range(60)]
    labels = [[int(n % 3 > 0), int(n % 3 == 0)] for n in range(60)]
    model = MultiLabelClassifier(tiny_encoder, baseline=True, dev_fraction=0, verbose=False)
    model.fit(texts, labels)
    rule = model.model_.baseline.rule
    assert rule.tuned_for == "macro_f1"
    assert set(rule.thresholds) != {0.5}
    assert model.compare(texts, labels).baseline.metrics["macro_f1"] == 1
