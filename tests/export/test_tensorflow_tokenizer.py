"""The tokenizer in the graph gives the ids that ours gives."""

import random
import unicodedata

import numpy as np
import pytest

pytest.importorskip("tensorflow_text")

from multilabel_bert.errors import SettingsError
from multilabel_bert.export.tensorflow_tokenizer import GraphTokenizer
from multilabel_bert.text.long_texts import LongTexts
from multilabel_bert.text.tokenizer import BertTokenizer

HARD = [
    "", " ", "\t\n", "[SEP] [UNK] [MASK]", "##s ##", "don't U.S.A. e-mail@x.org $5 100%",
    "Ça coûte très cher, où est l'œuf?", "Straße GROẞ ﬁne ŉ", "ΟΔΟΣ Σ σας", "İstanbul IĞDIR",
    "包裹在哪里？我要退款。", "日本語のテキスト", "한국어 각", "مرحبا بالعالم", "שלום", "नमस्ते",
    "ไทย",
    "a\u200bb\u00adc\u0000d\ufffde", "\u202eright to left", "e\u0301e\u0308 \u0301", "😀😀 👩‍👩‍👧",
    "a" * 199, "a" * 200, "a" * 201, "é" * 200 + " " + "é" * 201, "\U00010400 \U000e0001 \ue000",
    "x\u2028y\u2029z\u00a0w\u3000v\x85u", "late " * 100, "𠀀𪜀豈 㐀", "٠١٢ ½ ² ①", "`~^|<>=+$",
]  # fmt: skip


def assert_same(model, texts, pairs=None):
    import tensorflow as tf

    theirs = GraphTokenizer(model).encode(
        tf.constant(texts), None if pairs is None else tf.constant(pairs)
    )
    ours = model.tokenizer.encode(
        texts, pairs, max_seq_length=model.max_seq_length, long_texts=model.long_texts
    ).pad(np.arange(len(texts)))
    for name, array in ours.items():
        np.testing.assert_array_equal(theirs[name].numpy(), array, err_msg=name)


@pytest.mark.parametrize(
    "rules",
    [
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
    ],
    ids=str,
)
def test_texts_in_many_scripts(make_model, texts, rules):
    model = make_model(max_seq_length=48)
    tokenizer = BertTokenizer(model.tokenizer.vocabulary, **rules)
    assert_same(make_model(max_seq_length=48, tokenizer=tokenizer), HARD + texts)


@pytest.mark.parametrize("truncation", ["head", "tail", "head+tail"])
def test_pairs_are_cut_alike(make_model, texts, truncation):
    for length in (4, 5, 24):
        model = make_model(max_seq_length=length, long_texts=LongTexts(truncation))
        assert_same(model, HARD, random.Random(length).sample(HARD + texts, len(HARD)))
        assert_same(model, HARD)


@pytest.mark.parametrize("lower", [True, False])
def test_every_character(make_model, lower):
    characters = [
        chr(point)
        for point in range(1, 0x30000)
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")
    ]
    rng = random.Random(0)
    rng.shuffle(characters)
    # Some hundred in one text, each between letters.
    joined = [
        " ".join(f"ab{char}cd" for char in characters[start : start + 500])
        for start in range(0, len(characters), 500)
    ]
    assert_same(make_model(lower=lower, max_seq_length=10_000), joined)


def test_no_texts(make_model):
    import tensorflow as tf

    encoded = GraphTokenizer(make_model()).encode(tf.constant([], tf.string))
    assert encoded["input_ids"].shape == (0, 0)


def test_windows_are_refused(make_model):
    with pytest.raises(SettingsError, match="windows='mean'.* Export without strings"):
        GraphTokenizer(make_model(long_texts=LongTexts(windows="mean")))
