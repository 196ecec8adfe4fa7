"""The evaluation in the model card through the command line."""

import shutil

from huggingface_hub import ModelCard

from multilabel_bert.model.directory import load_model


def test_an_evaluation_is_kept_for_the_card_until_the_thresholds_change(
    cli, trained, table, tmp_path
):
    model, copy = tmp_path / "model", tmp_path / "test.csv"
    shutil.copytree(trained, model)
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    copy.write_text("".join(lines[:80]), encoding="utf-8")
    before = (model / "model.safetensors").stat()
    plain = cli("evaluate", model, copy, "--json")
    assert cli("evaluate", model, copy, "--json", "--card").out == plain.out
    card = ModelCard((model / "README.md").read_text(encoding="utf-8"))
    assert "| metric | value | 95% interval | baseline |" in card.text
    assert "On `test.csv`: 79 texts." in card.text
    assert "Baseline: TF-IDF and logistic regression" in card.text
    assert {result.dataset_name for result in card.data.eval_results} == {"test.csv"}
    assert (model / "model.safetensors").stat().st_mtime_ns == before.st_mtime_ns
    assert load_model(model).rule == load_model(trained).rule
    assert cli("tune", model, table, "--threshold-strategy", "global").code == 0
    assert "95% interval" not in (model / "README.md").read_text(encoding="utf-8")


def test_the_table_of_the_training_is_recognised(cli, trained, table, tmp_path):
    shutil.copytree(trained, tmp_path / "model")
    data = load_model(trained).provenance["train"]
    assert cli("evaluate", tmp_path / "model", table, "--card").code == 0
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    # A part of it was held out, so these are not the very texts.
    assert f"| training | messages.csv | {data['texts']:,} |" in card
    assert "| evaluation | messages.csv | 120 |" in card


def test_a_name_that_cannot_be_published_is_refused(cli, trained):
    result = cli("push", trained, "not/a/name")
    assert (result.code, result.out) == (2, "")
    assert "'not/a/name' can be no name on the hub" in result.err
