"""Gradients: complete, equal to numbers found otherwise, and in agreement with occlusion."""

import io

import numpy as np
import pytest
from explanations_planted import PLANTED, WORDS, planted_predictor
from rich.console import Console

from multilabel_bert.errors import SettingsError
from multilabel_bert.explanations import METHODS, explain_text
from multilabel_bert.explanations.gradients import Gradients

TEXT = "parcel late login slow kind thanks"


def gradients_of(predictor) -> Gradients:
    model = predictor.model
    return Gradients(model.config, model.tensors, model.pooling, model.kernel, model.bias)


@pytest.mark.parametrize("method", METHODS)
def test_the_planted_word_is_first(planted, method):
    rng = np.random.default_rng(3)
    others = [word for word in WORDS if word not in PLANTED.values()]
    hits = []
    for label, word in PLANTED.items():
        for _ in range(4):
            words = [*rng.choice(others, size=4), word]
            rng.shuffle(words)
            found = planted.explain(" ".join(words), labels=label, method=method)
            hits.append(found.words[int(found.attributions[:, 0].argmax())] == word)
    assert np.mean(hits) == 1


@pytest.mark.parametrize("pooling", ["pooled", "cls+mean", "max", "mean"])
def test_integrated_gradients_are_complete(tiny_encoder, pooling):
    predictor = planted_predictor(tiny_encoder, pooling=pooling)
    found = predictor.explain(TEXT, labels=list(PLANTED), method="integrated_gradients")
    difference = found.logits - found.baseline_logits
    allowed = np.maximum(0.01 * np.abs(difference), 0.01) + 1e-4
    assert (np.abs(found.attributions.sum(0) - difference) <= allowed).all()
    # The baseline is the text with every word hidden.
    mask = predictor.tokenizer.mask_token_id
    without = predictor.logits_of_ids([[mask] * 6])[0]
    np.testing.assert_allclose(found.baseline_logits, without, atol=1e-4)


def test_the_gradient_is_the_limit_of_differences(planted):
    gradients = gradients_of(planted)
    batch = planted.tokenizer([TEXT])
    embeddings = planted.model.tensors["embeddings/word_embeddings"]
    found, logits = gradients.times_input(batch, np.float32(0), np.arange(3))
    np.testing.assert_allclose(logits, planted.predict_logits([TEXT])[0], atol=1e-4)
    words = embeddings[batch["input_ids"][0]]
    for token in range(len(words)):
        # The logit's slope while one token's embedding is stretched.
        step = 1e-2
        points = np.repeat(words[None], 2, 0)
        points[0, token] *= 1 + step
        points[1, token] *= 1 - step
        up, down = np.asarray(gradients._logits(points, batch))
        np.testing.assert_allclose(found[token], (up - down) / (2 * step), atol=2e-2)


def test_one_step_of_many_is_the_mean_of_gradients(planted):
    gradients = gradients_of(planted)
    batch = planted.tokenizer([TEXT])
    start = gradients.word_embeddings(np.full(batch["input_ids"].shape[1], 4))
    few, many = (gradients.integrated(batch, start, np.arange(3), steps=n) for n in (16, 200))
    assert few.steps == 16
    assert np.abs(many.completeness_error).max() < 1e-2
    np.testing.assert_allclose(few.attributions, many.attributions, atol=0.3)


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients"])
def test_pairs_and_cut_texts(tiny_encoder, method):
    predictor = planted_predictor(tiny_encoder, max_seq_length=8)
    found = predictor.explain(
        "late parcel slow kind price", "thanks", labels="praise", method=method
    )
    assert [(s.text, s.part, s.seen) for s in found.spans] == [
        ("late", "text", True), ("parcel", "text", True), ("slow", "text", True),
        ("kind", "text", True), ("price", "text", False), ("thanks", "pair", True),
    ]  # fmt: skip
    assert found.attributions[4] == 0
    assert (found.attributions[[0, 1, 2, 3, 5]] != 0).all()


def test_word_pieces_are_summed_to_words(planted):
    found = planted.explain("lates parcel", labels="delay", method="gradient")
    batch = planted.tokenizer(["lates parcel"])
    of_tokens, _ = planted.gradients.times_input(batch, np.float32(0), np.array([0]))
    assert len(of_tokens) == 5
    np.testing.assert_allclose(
        found.attributions[:, 0], [of_tokens[1:3].sum(), of_tokens[3, 0]], rtol=1e-5
    )


def test_a_baseline_is_named(planted):
    each = [
        explain_text(
            planted, TEXT, labels="delay", method="integrated_gradients", baseline=baseline
        ).baseline_logits
        for baseline in ("mask", "unk", "pad", "zero")
    ]
    assert len(np.unique(each)) == 4
    with pytest.raises(SettingsError, match="baseline='x' is unknown. Use one of mask, unk"):
        explain_text(planted, TEXT, method="gradient", baseline="x")


def test_what_did_not_converge_is_said(planted, monkeypatch):
    every = list(PLANTED)
    found = planted.explain(TEXT, labels=every, method="integrated_gradients")
    assert found.incomplete == ()
    assert all(entry["complete"] for entry in found.to_dict()["labels"])
    monkeypatch.setattr("multilabel_bert.explanations.gradients._STEPS", (1,))
    rough = planted.explain(TEXT, labels=every, method="integrated_gradients")
    moved = np.abs(rough.logits - rough.baseline_logits)
    off = np.abs(rough.attributions.sum(0) - (rough.logits - rough.baseline_logits))
    label = every[int((off / moved).argmax())]
    assert label in rough.incomplete
    assert "did not converge" in rough.to_html()
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(rough)
    assert "did not converge" in console.export_text()
