"""`multilabel tune`: calibration, conditions, costs, thresholds from a file, what is printed."""

import json
import shutil

import pytest

LABELS = ("delay", "refund", "praise")


@pytest.fixture
def model(trained, tmp_path):
    """A copy of the trained model, to be changed."""
    return shutil.copytree(trained, tmp_path / "model")


def rule_of(model):
    return json.loads((model / "multilabel.json").read_text())["decision_rule"]


def message_of(result):
    assert result.code == 2, result.err
    return " ".join(result.err.split())


def test_calibration_is_stored_and_used(cli, model, table):
    before = json.loads(cli("evaluate", model, table, "--json").out)
    done = cli("tune", model, table, "--calibration", "platt", "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert "platt" in answer["calibration"]
    assert rule_of(model)["calibration"]["method"] == "platt"
    after = json.loads(cli("evaluate", model, table, "--json").out)
    assert after["loss"] == pytest.approx(answer["after"]["loss"])
    assert before["loss"] == pytest.approx(answer["before"]["loss"])
    assert after["loss"] != before["loss"]
    # Without the option it is fitted again, in the way it was.
    assert cli("tune", model, table, "--quiet").code == 0
    assert rule_of(model)["calibration"]["method"] == "platt"
    result = cli("tune", model, table, "--calibration", "none")
    assert "Calibration: none any more" in result.out
    assert "calibration" not in rule_of(model)


def test_conditions_and_costs(cli, model, table):
    result = cli("tune", model, table, "--threshold-metric", "precision_at_recall:0.9", "--json")
    answer = json.loads(result.out)
    assert answer["condition_missed"] == {}
    assert all(row["recall"] >= 0.9 for row in answer["after"]["per_label"])
    costs = model.parent / "costs.csv"
    costs.write_text("label,false_positive,false_negative\nrefund,1,4\n")
    options = ["--threshold-metric", "cost", "--threshold-strategy", "fixed"]
    assert cli("tune", model, table, *options, "--costs", costs).code == 0
    assert rule_of(model)["thresholds"] == pytest.approx([0.5, 0.2, 0.5])
    assert cli("tune", model, table, *options, "--costs", "3,1").code == 0
    assert rule_of(model)["thresholds"] == pytest.approx([0.75] * 3)
    assert rule_of(model)["costs"] == [[3, 1]] * 3


def test_thresholds_from_a_file(cli, model, table):
    before = rule_of(model)["thresholds"]
    file = model.parent / "thresholds.json"
    file.write_text('{"refund": 0.25}')
    result = cli("tune", model, "--thresholds", file)
    assert result.code == 0, result.err
    assert "1 of 3 thresholds changed." in result.out
    assert "refund" in result.out
    assert rule_of(model)["thresholds"] == [before[0], 0.25, before[2]]
    assert rule_of(model)["tuned_for"] is None
    file = file.with_suffix(".csv")
    file.write_text("label,threshold\npraise,0.125\ndelay,0.5\n")
    answer = json.loads(cli("tune", model, table, "--thresholds", file, "--json").out)
    assert answer["thresholds"]["praise"]["after"] == 0.125
    assert "before" in answer
    assert rule_of(model)["thresholds"] == [0.5, 0.25, 0.125]


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (
            '{"refnd": 0.25}',
            [],
            "names 'refnd', which is no label of the model. Did you mean 'refund'? Labels: delay, "
            "refund, praise.",
        ),
        ('{"refund": 1.5}', [], "the threshold of 'refund' is 1.5. Expected a probability"),
        (
            "refund,high\n",
            [],
            "row 1, label 'refund': found high. Expected CSV, a row label,threshold each, such as "
            'late,0.3; or JSON, such as {"late": 0.3}.',
        ),
        ("refund,0.1\nrefund,0.2\n", [], "row 2: 'refund' is there twice. Remove one of them."),
        ('{"refund": 0.1', [], "is no JSON"),
        ("", [], "names no label."),
        (
            '{"refund": 0.1}',
            ["--threshold-metric", "micro_f1"],
            "sets the thresholds, and --threshold-metric micro_f1 chooses them. Leave one of them "
            "out.",
        ),
    ],
)
def test_mistakes_in_a_file_of_thresholds(cli, trained, tmp_path, content, options, expected):
    file = tmp_path / "thresholds"
    file.write_text(content)
    before = (trained / "multilabel.json").read_bytes()
    message = message_of(cli("tune", trained, "--thresholds", file, *options))
    assert expected in message, message
    assert (trained / "multilabel.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--calibration", "plat"], "--calibration plat is unknown. Did you mean 'platt'?"),
        (["--costs", "1,5"], "--costs 1,5 needs --threshold-metric cost. Add it."),
        (
            ["--costs", "1", "--threshold-metric", "cost"],
            "--costs 1: expected two numbers, what a false positive and a false negative cost",
        ),
        (
            ["--costs", "nowhere.csv", "--threshold-metric", "cost"],
            "--costs nowhere.csv: expected what a false positive and a false negative cost, such "
            "as 1,5, or a file that says it by label.",
        ),
        (
            ["--threshold-metric", "recall_at_precision:2"],
            "--threshold-metric recall_at_precision:2: expected a share above 0",
        ),
    ],
)
def test_mistakes_in_options(cli, trained, table, options, expected):
    message = message_of(cli("tune", trained, table, *options))
    assert expected in message, message


def test_a_table_is_needed_to_choose(cli, trained):
    assert "There is no table with labels" in message_of(cli("tune", trained))
    assert "--calibration platt is fitted on a table" in message_of(
        cli("tune", trained, "--calibration", "platt", "--thresholds", __file__)
    )


def test_reliability_curves_are_written(cli, trained, table, tmp_path):
    file = tmp_path / "reliability.json"
    metrics = json.loads(cli("evaluate", trained, table, "--reliability", file, "--json").out)
    curves = json.loads(file.read_text())
    assert set(curves) == {"equal_width", "equal_mass"}
    together = curves["equal_width"]["all"]
    assert together["calibration_error"] == pytest.approx(metrics["micro_calibration_error"])
    assert sum(together["cells"]) == metrics["known_cells"]
    assert list(curves["equal_mass"]["labels"]) == list(LABELS)
