"""Training with unknown labels, end to end: any share of them, whole columns and whole rows."""

import csv
import json

import numpy as np
import pytest

from multilabel_bert import MultiLabelClassifier, cross_validate


def classifier(encoder, **parameters):
    return MultiLabelClassifier(
        encoder, max_seq_length=16, num_train_epochs=8, verbose=False, **parameters
    )


def hidden(labels, share, seed=0):
    return np.where(np.random.default_rng(seed).random(labels.shape) < share, np.nan, labels)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_any_share_may_be_unknown(tiny_encoder, labelled_texts, share):
    texts, labels = labelled_texts
    model = classifier(tiny_encoder, baseline=True).fit(texts, hidden(labels, share))
    assert np.isfinite(model.decision_function(texts)).all()
    # Random weights of the encoder: better than chance is all they allow.
    assert model.evaluate(texts, labels).metrics["macro_roc_auc"] > 0.5
    assert model.compare(texts, labels).baseline.metrics["macro_roc_auc"] > 0.7


def test_unknown_is_not_no(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    # Most positives are forgotten: as zeros they would teach "no".
    masked = labels.astype(float)
    forgotten = np.random.default_rng(0).random(labels.shape) < 0.7
    masked[forgotten & (labels == 1)] = np.nan
    as_no = np.nan_to_num(masked)
    chances = [
        classifier(tiny_encoder).fit(texts, given).predict_proba(texts)[labels == 1].mean()
        for given in (masked, as_no)
    ]
    assert chances[0] > 1.2 * chances[1]


def test_label_without_a_known_cell_leaves_the_others_as_they_are(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    partly = labels.astype(float)
    partly[:, 1] = np.nan
    options = {"validation_data": (texts, partly)}
    model = classifier(tiny_encoder, baseline=True, dropout=0.0).fit(texts, partly, **options)
    assert not model.predict(texts)[:, 1].any()
    assert not model.baseline_.rule.predict(
        1 / (1 + np.exp(-model.baseline_.predict_logits(texts)))
    )[:, 1].any()
    scores = {row.label: row for row in model.dev_evaluation_.per_label}
    unknown, known = (scores[str(model.label_names_[column])] for column in (1, 0))
    assert (unknown.known, known.known) == (0, len(texts))
    assert known.roc_auc > 0.5


def test_row_without_a_known_label_teaches_nothing(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    more = [*texts, *["late refund thanks"] * 40]
    masked = np.vstack([labels.astype(float), np.full((40, 3), np.nan)])
    # One batch of all texts, so that those without a label change no batch of the others.
    given = {"dev_fraction": 0.0, "standardize": False, "dropout": 0.0}
    models = [
        classifier(tiny_encoder, train_batch_size=200, **given).fit(*data)
        for data in ((texts, labels), (more, masked))
    ]
    first, second = (model.predict_proba(texts) for model in models)
    np.testing.assert_allclose(second, first, atol=1e-3)


def test_cross_validation_takes_them(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    found = cross_validate(classifier(tiny_encoder), texts, hidden(labels, 0.5), folds=2)
    assert np.isfinite(found.probabilities).all()
    assert found.overall.metrics["known_cells"] < 0.6 * labels.size


def test_empty_cells_of_a_table_are_unknown(tiny_encoder, labelled_texts, tmp_path):
    import contextlib
    import io

    from multilabel_bert.cli.app import run

    texts, labels = labelled_texts
    masked = hidden(labels, 0.5)
    with (tmp_path / "some.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "delay", "refund", "praise"])
        for text, row in zip(texts, masked, strict=True):
            writer.writerow([text, *("" if value != value else int(value) for value in row)])
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        run(
            ["train", "--encoder", str(tiny_encoder), "--train", str(tmp_path / "some.csv"),
             "--output", str(tmp_path / "model"), "--max-seq-length", "16", "--json", "--quiet",
             "--num-train-epochs", "2"]
        )  # fmt: skip
    assert not ended.value.code
    assert json.loads(out.getvalue())["known_cells"] < 36
