"""`multilabel train --from MODEL`: a trained model goes on learning from other tables."""

import numpy as np
import pytest

from multilabel_bert.model.directory import load_model

pytest.importorskip("keras")

STILL = ("--learning-rate", "1e-30", "--dev-fraction", "0", "--num-train-epochs", "1")


@pytest.fixture
def more(tmp_path, labelled_texts):
    """Other texts with the same columns, in another order, and one of a new label."""
    texts, labels = labelled_texts
    slow = np.array(["slow" in text.split() for text in texts], np.int8)
    columns = np.column_stack([labels[:, ::-1], slow]).tolist()
    rows = [",".join(map(str, (text, *row))) for text, row in zip(texts, columns, strict=True)]
    path = tmp_path / "more.csv"
    path.write_text("\n".join(["text,praise,refund,delay,slow", *rows]) + "\n", encoding="utf-8")
    return path


def test_it_goes_on_with_head_labels_settings_and_layout(cli, trained, more, tmp_path):
    output = tmp_path / "next"
    result = cli("train", "--from", trained, "--train", more, "--output", output, *STILL)
    assert result.code == 0, result.err
    assert "Going on from the trained model" in result.err
    assert "left out: slow. To add them: --label-columns delay,refund,praise,slow" in result.err
    before, after = load_model(trained), load_model(output)
    assert after.label_names == before.label_names
    assert after.max_seq_length == 16
    np.testing.assert_allclose(after.kernel, before.kernel, atol=1e-4)
    np.testing.assert_array_equal(after.rule.thresholds, before.rule.thresholds)
    assert after.provenance["continued_from"]["sha256"] == before.digest()


def test_labels_are_added_and_removed(cli, trained, more, tmp_path):
    output = tmp_path / "next"
    result = cli(
        *("train", "--from", trained, "--train", more, "--output", output, *STILL),
        *("--label-columns", "refund,slow", "--remove-labels", "praise"),
    )
    assert result.code == 0, result.err
    assert "New labels: 'slow'" in result.err
    assert "Kept, but not in these texts, where they count as unknown: 'delay'" in result.err
    assert load_model(output).label_names == ("refund", "slow", "delay")


def test_names_in_cells_keep_the_order_of_the_model(cli, tiny_encoder, tmp_path):
    first, second, dev = (tmp_path / name for name in ("a.csv", "b.csv", "dev.csv"))
    rows = ["late,delay", "refund,refund", "thanks kind,praise;other"] * 8
    first.write_text("text,labels\n" + "\n".join(rows) + "\n")
    second.write_text("text,labels\n" + "slow late,zeal;delay\nkind thanks,praise\n" * 12)
    dev.write_text("text,labels\n" + "late,delay\nrefund,refund\nslow,zeal\nkind,praise\n" * 3)
    train = ("train", "--output")
    settings = ("--max-seq-length", "16", "--num-train-epochs", "2", "--label-separator", ";")
    one, two = tmp_path / "one", tmp_path / "two"
    result = cli(*train, one, "--encoder", tiny_encoder, "--train", first, *settings)
    assert result.code == 0, result.err
    result = cli(*train, two, "--from", one, "--train", second, "--dev", dev)
    assert result.code == 0, result.err
    assert load_model(two).label_names == (*load_model(one).label_names, "zeal")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "MODEL", "--encoder", "x"), "so --encoder cannot be given too"),
        (("--from", "MODEL", "--do-lower-case"), "so --do-lower-case cannot be given too"),
        (("--from", "nowhere"), "There is no model at nowhere"),
        (("--from", "MODEL", "--remove-labels", "refnd"), "Did you mean 'refund'"),
        (("--from", "MODEL", "--pooling", "mean"), "--pooling mean, but the head"),
        (("--from", "MODEL", "--train-layers", "0", "--resume"), "--resume needs --train-layers"),
        (("--encoder", "x", "--remove-labels", "a"), "--remove-labels needs --from"),
        ((), "go on from with --from"),
    ],
)
def test_mistakes_are_said(cli, trained, more, tmp_path, options, message):
    options = [trained if option == "MODEL" else option for option in options]
    result = cli("train", "--train", more, "--output", tmp_path / "next", *options)
    assert (result.code, message in " ".join(result.err.split())) == (2, True), result.err


def test_an_encoder_with_a_head_is_said(cli, trained, table, tmp_path):
    result = cli(
        *("train", "--encoder", trained, "--train", table, "--output", tmp_path / "next"),
        *("--num-train-epochs", "1"),
    )
    assert result.code == 0, result.err
    assert "has a trained head, which a new one replaces" in result.err
    # Its default of 128 is more than the encoder has positions for.
    assert "max_seq_length: 32, not 128" in result.err
