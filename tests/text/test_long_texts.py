"""Long texts: what is kept, and windows, against the tokenizers library and ids made by hand."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from multilabel_bert.errors import SettingsError
from multilabel_bert.text.long_texts import LongTexts, pool_windows
from multilabel_bert.text.tokenizer import BertTokenizer

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]
CLS, SEP = 2, 3
TEXTS = ["", "a", "a b c d e f", "a b c d e f g", " ".join("abcdefghijklmnopqrstuvwxyz" * 2)]


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(VOCABULARY, do_lower_case=True)


@pytest.fixture(scope="module")
def hugging_face(tokenizer):
    """What transformers' fast tokenizers are made of."""
    return Tokenizer.from_str(tokenizer.to_files(16)["tokenizer.json"])


def rows(tokenized, text=None):
    first, last = 0, len(tokenized)
    if text is not None:
        first, last = tokenized.window_offsets[text : text + 2]
    return [tokenized.text_ids(row).tolist() for row in range(first, last)]


@pytest.mark.parametrize("side", ["head", "tail"])
@pytest.mark.parametrize("length", [3, 8, 12])
def test_head_and_tail_are_truncation_sides_of_tokenizers(tokenizer, hugging_face, side, length):
    hugging_face.enable_truncation(length, direction={"head": "right", "tail": "left"}[side])
    found = tokenizer.encode(TEXTS, max_seq_length=length, long_texts=LongTexts(side))
    assert rows(found) == [encoding.ids for encoding in hugging_face.encode_batch(TEXTS)]
    hugging_face.no_truncation()


def test_head_and_tail_of_510_tokens_are_128_and_382():
    ids = list(range(600))
    assert LongTexts("head+tail").keep(ids, 510) == ids[:128] + ids[-382:]
    assert LongTexts("head+tail").keep(ids[:510], 510) == ids[:510]


def test_a_pair_keeps_the_tail_of_each_text(tokenizer):
    found = tokenizer.encode(
        ["a b c d e f"], ["u v w x y z"], max_seq_length=9, long_texts=LongTexts("tail")
    )
    letters = {letter: index for index, letter in enumerate(VOCABULARY)}
    d, e, f, x, y, z = (letters[letter] for letter in "defxyz")
    assert rows(found) == [[CLS, d, e, f, SEP, x, y, z, SEP]]
    assert found.first_lengths.tolist() == [5]
    assert found.full_lengths.tolist() == [15]


@pytest.mark.parametrize("stride", [0, 1, 2])
@pytest.mark.parametrize("length", [8, 9, 28])
def test_windows_are_the_overflow_of_tokenizers(tokenizer, hugging_face, stride, length):
    hugging_face.enable_truncation(length, stride=stride)
    long_texts = LongTexts(windows="mean", stride=stride, max_windows=None)
    found = tokenizer.encode(TEXTS, max_seq_length=length, long_texts=long_texts)
    for index, encoding in enumerate(hugging_face.encode_batch(TEXTS)):
        expected = [encoding.ids, *(more.ids for more in encoding.overflowing)]
        assert rows(found, index) == expected
    hugging_face.no_truncation()
    assert not found.truncated.any()


def test_each_window_of_a_pair_has_the_second_text(tokenizer, hugging_face):
    hugging_face.enable_truncation(9, stride=1, strategy="only_first")
    pairs = ["", "y z", "x y z"]
    texts = [TEXTS[3], TEXTS[3], TEXTS[0]]
    long_texts = LongTexts(windows="max", stride=1)
    found = tokenizer.encode(texts, pairs, max_seq_length=9, long_texts=long_texts)
    expected = [hugging_face.encode(texts[0])] + [
        hugging_face.encode(*both) for both in zip(texts[1:], pairs[1:], strict=True)
    ]
    hugging_face.no_truncation()
    for index, encoding in enumerate(expected):
        windows = [encoding, *encoding.overflowing]
        assert rows(found, index) == [window.ids for window in windows]
        start = found.window_offsets[index]
        batch = found.pad(np.arange(start, start + len(windows)), 9)
        for row, window in enumerate(windows):
            types = batch["token_type_ids"][row][: len(window.ids)]
            assert types.tolist() == window.type_ids


def test_a_long_second_text_takes_half_of_each_window(tokenizer):
    found = tokenizer.encode(
        ["a b c d"], [TEXTS[4]], max_seq_length=9, long_texts=LongTexts(windows="mean")
    )
    assert [len(row) for row in rows(found)] == [9, 7]
    assert found.first_lengths.tolist() == [5, 3]
    assert found.full_lengths.tolist() == [9, 7 + 49]
    assert "1 were cut to these and lost 49 tokens" in found.truncation_summary()


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [("head", "abcdefghi"), ("tail", "rstuvwxyz"), ("head+tail", "abtuvwxyz")],
)
def test_more_windows_than_allowed_are_cut_as_a_sequence_would_be(tokenizer, truncation, kept):
    long_texts = LongTexts(truncation, windows="mean", stride=1, max_windows=4)
    text = " ".join("abcdefghijklmnopqrstuvwxyz")
    found = tokenizer.encode([text, "a"], max_seq_length=5, long_texts=long_texts)
    letters = [[VOCABULARY[id_] for id_ in row[1:-1]] for row in rows(found, 0)]
    assert len(letters) == 4
    joined = "".join(letters[0]) + "".join("".join(window[1:]) for window in letters[1:])
    assert joined == kept
    assert found.window_offsets.tolist() == [0, 4, 5]
    assert found.truncation_summary() == (
        "1 of 2 texts (50.0%) are longer than one window: 4.0 windows each on average, 4 at most, "
        "5 of all texts. 1 were cut to these and lost 17 tokens on average."
    )


def test_parts_hold_whole_texts_in_order(tokenizer):
    long_texts = LongTexts(windows="mean")
    whole = tokenizer.encode(TEXTS, max_seq_length=8, long_texts=long_texts)
    assert np.diff(whole.window_offsets).tolist() == [1, 1, 1, 2, 9]
    parts = whole.split(4)
    assert [np.diff(part.window_offsets).tolist() for part in parts] == [[1, 1, 1], [2], [9]]
    assert [row for part in parts for row in rows(part)] == rows(whole)
    assert whole.split(100) == [whole]


def test_pooling_is_a_mean_or_a_maximum_of_the_rows_of_each_text():
    rows_ = np.array([[1, 5], [3, 1], [7, 7]], np.float32)
    offsets = np.array([0, 2, 3])
    assert pool_windows(rows_, offsets, "mean").tolist() == [[2, 3], [7, 7]]
    assert pool_windows(rows_, offsets, "max").tolist() == [[3, 5], [7, 7]]
    assert pool_windows(rows_, None, None) is rows_


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"truncation": "tial"}, "truncation='tial' is unknown. Did you mean 'tail'. Use one of h"),
        ({"windows": "sum"}, "windows='sum' is unknown. Use one of mean, max"),
        ({"stride": 4}, "stride=4 needs windows, but there are none. Set windows='mean' or"),
        ({"windows": "max", "stride": -1}, "stride=-1 must be a whole number of at least 0"),
        ({"windows": "max", "max_windows": 0}, "max_windows=0 must be a whole number of at leas"),
        (
            {"windows": "max", "stride": 8},
            "stride=8 is more than half of what a window of max_seq_length=16 holds: .* most 7",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(tokenizer, given, message):
    with pytest.raises(SettingsError, match=message):
        tokenizer.encode(["a"], max_seq_length=16, long_texts=LongTexts(**given))


def test_stored_options_come_back_and_unknown_ones_are_refused():
    long_texts = LongTexts("tail", "max", 2, None)
    assert LongTexts.from_dict(long_texts.to_dict()) == long_texts
    with pytest.raises(SettingsError, match="long_texts has 'strid'. Did you mean 'stride'"):
        LongTexts.from_dict({"strid": 1})


def test_the_saved_tokenizer_keeps_the_tail_too(tokenizer):
    assert (
        '"truncation_side": "left"'
        in tokenizer.to_files(8, LongTexts("tail"))["tokenizer_config.json"]
    )
    assert "truncation_side" not in tokenizer.to_files(8)["tokenizer_config.json"]
