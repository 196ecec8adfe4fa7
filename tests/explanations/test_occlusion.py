"""Occlusion: equal to predictions of texts changed by hand, and without TensorFlow."""

import pickle
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from explanations_planted import PLANTED, planted_predictor

from multilabel_bert.errors import DataError, SettingsError
from multilabel_bert.explanations import Explanation, explain_text
from multilabel_bert.text.long_texts import LongTexts

TEXT = "parcel late  login slow kind thanks"


def by_hand(predictor, text, replacement):
    """What each logit loses without each word, by predictions of changed texts."""
    words = text.split()
    whole = predictor.predict_logits([text])[0]
    lost = []
    for index in range(len(words)):
        changed = " ".join(replacement if i == index else word for i, word in enumerate(words))
        lost.append(whole - predictor.predict_logits([changed])[0])
    return np.array(lost)


def test_words_are_left_out_unless_told_otherwise(planted):
    found = planted.explain(TEXT, labels=list(PLANTED))
    np.testing.assert_allclose(found.attributions, by_hand(planted, TEXT, ""), atol=1e-5)


@pytest.mark.parametrize(("replacement", "typed"), [("remove", ""), ("unk", "zebra")])
def test_equals_predictions_of_texts_changed_by_hand(planted, replacement, typed):
    found = explain_text(planted, TEXT, labels=list(PLANTED), replacement=replacement)
    assert found.words == TEXT.split()
    np.testing.assert_allclose(found.attributions, by_hand(planted, TEXT, typed), atol=1e-5)


def test_a_hidden_word_can_be_a_mask(planted):
    found = explain_text(planted, TEXT, labels=list(PLANTED), replacement="mask")
    ids = planted.tokenizer.encode([TEXT]).text_ids(0)[1:-1].tolist()
    mask = planted.tokenizer.vocabulary.index("[MASK]")
    whole, *others = planted.logits_of_ids(
        [ids, *([*ids[:i], mask, *ids[i + 1 :]] for i in range(len(ids)))]
    )
    np.testing.assert_allclose(found.attributions, whole - np.array(others), atol=1e-5)
    np.testing.assert_allclose(found.logits, planted.predict_logits([TEXT])[0], atol=1e-5)


def test_pairs_equal_predictions_of_pairs_changed_by_hand(planted):
    found = explain_text(
        planted, ("parcel late", "kind thanks"), labels="praise", replacement="remove"
    )
    whole, *others = planted.predict_logits(
        [("parcel late", "kind thanks"), ("late", "kind thanks"), ("parcel", "kind thanks"),
         ("parcel late", "thanks"), ("parcel late", "kind")]
    )  # fmt: skip
    np.testing.assert_allclose(
        found.attributions[:, 0], [(whole - other)[2] for other in others], atol=1e-5
    )
    assert [span.part for span in found.spans] == ["text", "text", "pair", "pair"]


def test_cut_texts_lose_nothing_by_what_is_not_seen(tiny_encoder):
    predictor = planted_predictor(tiny_encoder, max_seq_length=6)
    found = explain_text(
        predictor, "parcel slow kind price late late", labels="delay", replacement="remove"
    )
    assert [(s.text, s.seen) for s in found.spans][-1] == ("late late", False)
    assert found.attributions[-1] == 0
    assert [span.text for span in found.not_seen] == ["late late"]
    # Without "parcel", the text that is left is not filled up by what was cut.
    other = predictor.predict_logits(["slow kind price"])[0] - found.logits[0]
    np.testing.assert_allclose(found.attributions[0, 0], -other[0], atol=1e-5)


def test_what_is_kept_of_a_long_text_is_seen(tiny_encoder):
    predictor = planted_predictor(tiny_encoder, max_seq_length=6)
    text = "late slow kind price broken login parcel"
    tail = predictor.with_model(replace(predictor.model, long_texts=LongTexts("tail")))
    found = tail.explain(text, labels="delay")
    assert [(s.text, s.seen) for s in found.spans][:2] == [
        ("late slow kind", False), ("price", True),
    ]  # fmt: skip
    np.testing.assert_allclose(found.logits, tail.predict_logits([text])[0, :1], atol=1e-5)


@pytest.mark.parametrize("windows", ["mean", "max"])
def test_windows_are_explained_as_one_text(tiny_encoder, windows):
    predictor = planted_predictor(tiny_encoder, max_seq_length=6)
    model = replace(predictor.model, long_texts=LongTexts(windows=windows, stride=1))
    predictor = predictor.with_model(model)
    text = "price slow kind parcel broken login late"
    found = explain_text(predictor, text, labels="delay", replacement="unk")
    assert all(span.seen for span in found.spans)
    np.testing.assert_allclose(
        found.attributions[:, 0], by_hand(predictor, text, "zebra")[:, 0], atol=1e-5
    )
    with pytest.raises(SettingsError, match=r"reads this one in 2 windows. Use method='occlusion'"):
        predictor.explain(text, method="gradient")
    short = predictor.explain("late slow", labels="delay", method="gradient")
    assert short.attributions.shape == (2, 1)


def test_labels_are_those_of_the_rule_unless_asked_for(planted):
    both = planted.explain("late parcel thanks kind")
    probabilities = planted.predict_proba(["late parcel thanks kind"])[0]
    expected = [name for name, p in zip(PLANTED, probabilities, strict=True) if p >= 0.5]
    assert set(both.labels) == set(expected)
    assert both.given.all()
    assert (np.diff(both.probabilities) <= 0).all()
    none = planted.explain("parcel login price")
    assert len(none.labels) == 1
    assert not none.given.any()
    assert planted.explain("late", labels=("praise", "delay")).labels == ("praise", "delay")
    assert planted.explain("late", labels="praise").labels == ("praise",)


@pytest.mark.parametrize("text", ["", "   ", "\u202e", "\ud83d"])
def test_texts_without_words_have_no_attributions(planted, text):
    found = planted.explain(text)
    assert isinstance(found, Explanation)
    assert not found.attributions.any()
    logits = dict(zip(PLANTED, planted.predict_logits([text])[0], strict=True))
    np.testing.assert_allclose(found.logits, [logits[name] for name in found.labels], atol=1e-5)


def test_the_same_after_pickling(planted):
    again = pickle.loads(pickle.dumps(planted))
    np.testing.assert_array_equal(
        again.explain(TEXT).attributions, planted.explain(TEXT).attributions
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "delays"}, "Unknown label 'delays'. Did you mean 'delay'?"),
        (
            {"labels": ["x"]},
            "Unknown label 'x'. The model has: delay, refund, praise.",
        ),
        (
            {"method": "gradients"},
            "method='gradients' is unknown. Use one of occlusion, gradient, integrated_gradients. "
            "Did you mean 'gradient'?",
        ),
        ({"unit": "char"}, "unit='char' is unknown. Use one of auto, word, sentence."),
        ({"replacement": "x"}, "replacement='x' is unknown. Use one of mask, unk, remove."),
    ],
)
def test_mistakes_are_explained(planted, arguments, message):
    with pytest.raises(SettingsError) as caught:
        explain_text(planted, TEXT, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "pair", "what"),
    [
        (["a", "b"], None, "text is a list"),
        ("a", 3, "pair is a int"),
        (None, None, "text is a NoneType"),
        (("a", "b"), "c", "text is a tuple"),
    ],
)
def test_more_than_one_text_is_refused(planted, text, pair, what):
    with pytest.raises(DataError, match=f"explain: {what}; expected one string"):
        planted.explain(text, pair)


def test_asking_for_a_label_that_was_not_explained(planted):
    found = planted.explain("late", labels="delay")
    with pytest.raises(SettingsError, match=r"label='praise' was not explained; these were: delay"):
        found.top("praise")


def test_occlusion_imports_no_tensorflow(tiny_encoder):
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
        from explanations_planted import planted_predictor
        before = set(sys.modules)
        found = planted_predictor({str(tiny_encoder)!r}).explain("late parcel")
        found.to_html(), found.to_dict(), found._repr_html_()
        loaded = {{name.partition(".")[0] for name in sys.modules}}
        print(loaded & {{"tensorflow", "keras", "sklearn", "pandas", "torch"}})
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
