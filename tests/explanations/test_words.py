"""Words as users write them, with exact places, and the tokens that each became."""

import numpy as np
import pytest

from multilabel_bert.explanations.word_tokens import split_into_words
from multilabel_bert.explanations.words import sentence_spans, word_spans
from multilabel_bert.text.tokenizer import BertTokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("my parcel  is\tlate", ["my", "parcel", "is", "late"]),
        ("Don't, I've (well-known)!", ["Don't", ",", "I've", "(", "well-known", ")!"]),
        ("e.g. the U.S. paid AT&T", ["e.g.", "the", "U.S.", "paid", "AT&T"]),
        ("3.50 at 12:30.", ["3.50", "at", "12:30", "."]),
        ("Café cafe\u0301 naïve", ["Café", "cafe\u0301", "naïve"]),
        ("我爱北京。很好", ["我", "爱", "北", "京", "。", "很", "好"]),
        ("iPhone手机", ["iPhone", "手", "机"]),
        ("so 😂😂 👍🏽 👨‍👩‍👧 🇩🇪🇫🇷", ["so", "😂", "😂", "👍🏽", "👨‍👩‍👧", "🇩🇪", "🇫🇷"]),
        ("@you see #this a_b", ["@you", "see", "#this", "a_b"]),
        ("a.b@c.org, or www.d.com/e?f=1.", ["a.b@c.org", ",", "or", "www.d.com/e?f=1", "."]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("\u202eevil\u202c a\u200bb", ["evil", "a\u200bb"]),
        ("what?!... :-)", ["what", "?!...", ":-)"]),
        (" \n ", []),
        ("", []),
    ],
)  # fmt: skip
def test_words_are_those_of_the_writer(text, words):
    assert [text[start:end] for start, end in word_spans(text)] == words


def test_sentences_cover_the_text():
    text = "It came. Late? Yes...\nI want 3.50 back! 他说。好"
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert [text[start:end].strip() for start, end in spans] == [
        "It came.", "Late?", "Yes...", "I want 3.50 back!", "他说。", "好",
    ]  # fmt: skip


def test_hostile_texts_take_linear_time():
    for text in (
        "a" * 300_000,
        "a.a" * 100_000,
        "@" * 300_000,
        "\u200d" * 300_000,
        "a\u200b" * 9_999,
    ):
        word_spans(text)
        sentence_spans(text)


class Whole:
    """A scorer that sees `max_seq_length` tokens of a vocabulary."""

    def __init__(self, pieces, max_seq_length=512):
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
        self.tokenizer = BertTokenizer(vocabulary, do_lower_case=True)
        self.max_seq_length = max_seq_length

    def join_ids(self, first, second=None):
        return self.tokenizer.join(first, second, max_seq_length=self.max_seq_length)

    def logits_of_ids(self, first, second=None):
        joined = self.join_ids(first, second)
        return np.array([[joined.text_ids(i).sum()] for i in range(len(joined))], np.float32)


PIECES = ["cafe", "##s", "good", "我", "爱", "!", "don", "'", "t", "late", ".", "ha"]


@pytest.mark.parametrize(
    "text",
    [
        "Cafe\u0301s GOOD!", "Cafés\u00a0good", "我爱 don't late.", "good😂 late😂!",
        "\u202egood\u202c",
        "ha\ud800ha late", "  ", "ﬁ good ½", "한국 good", "a\x00b good \ufffd late",
    ],
)  # fmt: skip
def test_spans_are_exact_and_hold_every_token_once(text):
    scorer = Whole(PIECES)
    words = split_into_words(scorer, text)
    end = 0
    for span in words.spans:
        assert span.text == text[span.start : span.end]
        assert span.start >= end
        assert not span.text[0].isspace()
        end = span.end
    assert sorted(t for tokens in words.tokens for t in tokens) == list(range(len(words.ids[0])))
    ids = scorer.tokenizer.encode([text]).text_ids(0)
    assert [2, *words.ids[0], 3] == ids.tolist()


def test_words_that_share_a_token_are_one():
    # BERT makes one [UNK] of a word with an emoji at its end.
    words = split_into_words(Whole(PIECES), "good😂 late")
    assert [span.text for span in words.spans] == ["good😂", "late"]


def test_what_is_cut_is_not_seen():
    words = split_into_words(Whole(PIECES, 5), "good late cafes good late .")
    # Of "cafes" the encoder sees the first of two tokens.
    assert [(s.text, s.seen) for s in words.spans] == [
        ("good", True), ("late", True), ("cafes", True), ("good late .", False),
    ]  # fmt: skip
    assert words.tokens == ((0,), (1,), (2,), ())


def test_pairs_are_cut_longest_first():
    words = split_into_words(Whole(PIECES, 7), "good late cafe good", "late !")
    assert [(s.text, s.part, s.seen) for s in words.spans] == [
        ("good", "text", True), ("late", "text", True), ("cafe good", "text", False),
        ("late", "pair", True), ("!", "pair", True),
    ]  # fmt: skip


def test_hidden_words_make_way_in_three_ways():
    scorer = Whole(PIECES)
    words = split_into_words(scorer, "good cafes", "late")
    good, cafe, s, late = (5 + PIECES.index(piece) for piece in ("good", "cafe", "##s", "late"))
    removed = [[], [1], [0, 2]]
    assert words.without(removed, "mask", scorer.tokenizer) == (
        [[good, cafe, s], [good, 4, 4], [4, cafe, s]],
        [[late], [late], [4]],
    )
    assert words.without(removed, "unk", scorer.tokenizer)[0][1] == [good, 1, 1]
    assert words.without(removed, "remove", scorer.tokenizer) == (
        [[good, cafe, s], [good], [cafe, s]],
        [[late], [late], []],
    )


def test_long_texts_are_explained_by_sentences():
    sentence = "good late " * 20 + "."
    text = " ".join([sentence] * 6)
    words = split_into_words(Whole(PIECES), text)
    assert words.unit == "sentence"
    # 41 words of a sentence are two spans.
    assert len(words.spans) == 12
    assert sum(len(tokens) for tokens in words.tokens) == 6 * 41
    assert split_into_words(Whole(PIECES), text, unit="word").unit == "word"
    assert split_into_words(Whole(PIECES), "good. late", unit="sentence").spans[0].text == "good."
