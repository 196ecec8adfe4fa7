"""Options of losses, averages and weights of texts reach the model; mistakes are explained."""

import json

import pytest

pytest.importorskip("keras")

from multilabel_bert import MultiLabelClassifier


def test_options_of_losses_and_weights_reach_the_model(cli, tiny_encoder, labelled_texts, tmp_path):
    rows = [
        f"{text},{','.join(map(str, row))},{place % 2}"
        for place, (text, row) in enumerate(zip(*labelled_texts, strict=True))
    ]
    table = tmp_path / "train.csv"
    table.write_text("\n".join(["text,a,b,c,w", *rows]) + "\n")
    result = cli(
        "train", "--encoder", tiny_encoder, "--train", table, "--output", tmp_path / "model",
        "--weight-column", "w", "--num-train-epochs", "1", "--max-seq-length", "16",
        "--loss", "asymmetric", "--asl-gamma-neg", "3", "--label-smoothing", "0.05",
        "--ema-decay", "0.9", "--json", "--quiet",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert json.loads(result.out)["pooling"] == "pooled"
    model = MultiLabelClassifier.load(tmp_path / "model")
    assert tuple(model.label_names_) == ("a", "b", "c")
    found = (model.loss, model.asl_gamma_neg, model.label_smoothing, model.ema_decay)
    assert found == ("asymmetric", 3.0, 0.05, 0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "asymetric"], "--loss asymetric is unknown. Did you mean 'asymmetric'?"),
        (["--focal-gamma", "1"], "--focal-gamma 1.0 belongs to --loss focal"),
        (
            ["--loss", "zlpr", "--class-weight", "balanced"],
            "--class-weight cannot be used with --loss zlpr",
        ),
        (["--layer-decay", "0.9"], "--layer-decay 0.9 is about layers, but --train-layers 0"),
    ],
)
def test_mistakes_are_explained_before_the_data_are_read(cli, options, message, tmp_path):
    result = cli(
        "train", "--encoder", "none", "--train", "none.csv", "--output", tmp_path / "m", *options
    )
    assert result.code == 2
    assert message in result.err
