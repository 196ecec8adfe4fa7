"""The tokenizer equals Google's, and says what it decided."""

import json

import numpy as np
import pytest

from multilabel_bert.errors import CheckpointError, SettingsError
from multilabel_bert.text.tokenized_texts import pair_lengths
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.text.tokenizer_files import TokenizerFiles

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "[", "sep", "]", "x"]


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(PIECES, do_lower_case=True)


def files(pieces=PIECES, origin="somewhere", **more):
    return TokenizerFiles(origin=origin, vocabulary="".join(f"{p}\n" for p in pieces), **more)


def test_all_fixture_cases_equal_googles(shared_fixtures):
    folder = shared_fixtures / "google_bert"
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8")
    by_case = {
        lower: BertTokenizer.from_files(
            TokenizerFiles("fixture", vocabulary=vocabulary), do_lower_case=lower
        )
        for lower in (True, False)
    }
    cases = [
        json.loads(line)
        for line in (folder / "tokenization.jsonl").read_text(encoding="utf-8").split("\n")
        if line
    ]
    assert len(cases) == 64
    for case in cases:
        ours = by_case[case["do_lower_case"]]
        assert ours.tokenize(case["text"]) == case["tokens"], case["text"]
        ids = ours.encode([case["text"]], max_seq_length=512).text_ids(0)
        expected = [ours.cls_token_id, *case["ids"], ours.sep_token_id]
        if len(expected) <= 512:
            assert ids.tolist() == expected


def test_golden_batches_equal_googles_features(shared_fixtures):
    folder = shared_fixtures / "google_bert"
    golden = np.load(folder / "tiny" / "golden.npz")
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8")
    ours = BertTokenizer.from_files(TokenizerFiles("x", vocabulary=vocabulary))
    for row, (text, second) in enumerate(json.loads(t) for t in golden["texts"]):
        pairs = None if second is None else [second]
        batch = ours.encode([text], pairs, max_seq_length=48).pad(np.array([0]), length=48)
        np.testing.assert_array_equal(batch["input_ids"][0], golden["input_ids"][row])
        np.testing.assert_array_equal(batch["attention_mask"][0], golden["input_mask"][row])
        np.testing.assert_array_equal(batch["token_type_ids"][0], golden["segment_ids"][row])


def test_special_tokens_in_a_text_are_plain_text(tokenizer):
    assert tokenizer.tokenize("the [SEP]") == ["the", "[", "sep", "]"]


def test_an_empty_text_is_cls_and_sep(tokenizer):
    assert tokenizer.encode([""]).text_ids(0).tolist() == [2, 3]


def test_a_pair_has_two_segments(tokenizer):
    batch = tokenizer(["the cat"], ["cats"])
    assert batch["input_ids"].tolist() == [[2, 5, 6, 3, 6, 7, 3]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1]]


def test_an_empty_second_text_makes_no_segment(tokenizer):
    assert tokenizer(["the cat"], [""])["input_ids"].tolist() == [[2, 5, 6, 3]]


def test_truncation_is_counted(tokenizer):
    tokenized = tokenizer.encode(["the cat " * 5, "the"], max_seq_length=6)
    assert tokenized.lengths.tolist() == [6, 3]
    assert tokenized.full_lengths.tolist() == [12, 3]
    assert tokenized.truncated.tolist() == [True, False]
    assert tokenized.truncation_summary() == (
        "1 of 2 texts (50.0%) were cut to 6 tokens; they lost 6 tokens on average, "
        "40.0% of all tokens."
    )
    assert tokenizer.encode(["the"]).truncation_summary() is None


def test_unknown_pieces_are_counted(tokenizer):
    assert tokenizer.encode(["the dog", "cat"]).unknown_counts.tolist() == [1, 0]


def google_truncation(first, second, budget):
    a, b = list(range(first)), list(range(second))
    while len(a) + len(b) > budget:
        (a if len(a) > len(b) else b).pop()
    return len(a), len(b)


def test_pairs_are_cut_as_google_cuts_them():
    for first in range(12):
        for second in range(12):
            for budget in range(1, 14):
                expected = google_truncation(first, second, budget)
                assert pair_lengths(first, second, budget) == expected, (first, second, budget)


def test_subset_keeps_the_texts(tokenizer):
    tokenized = tokenizer.encode(["the", "the cat", "cats x"], ["x", "cat cat", "the"])
    part = tokenized.subset(np.array([2, 0]))
    expected, got = tokenized.pad(np.array([2, 0])), part.pad(np.array([0, 1]))
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


@pytest.mark.parametrize(
    ("origin", "config", "pieces", "lower", "source"),
    [
        ("/m/uncased_L-12_H-768_A-12", {}, ["Cat"], True, "its name"),
        ("/m/cased_L-12_H-768_A-12", {}, ["cat"], False, "its name"),
        ("multi_cased_L-12_H-768_A-12/bert_model.ckpt", {}, [], False, "its name"),
        ("wwm_uncased_L-24_H-1024_A-16", {}, [], True, "its name"),
        ("chinese_L-12_H-768_A-12.zip", {}, [], True, "its name"),
        ("/m/mine", {"do_lower_case": False}, ["cat"], False, "the tokenizer's configuration"),
        ("/m/mine", {}, ["Cat"], False, "its vocabulary"),
        ("/m/mine", {}, ["cat"], True, "its vocabulary"),
    ],
)
def test_case_is_decided_in_the_stated_order(origin, config, pieces, lower, source):
    made = BertTokenizer.from_files(
        files([*PIECES, *pieces], origin=origin, tokenizer_config=config)
    )
    assert (made.do_lower_case, made.case_source) == (lower, source)


def test_an_option_against_the_release_is_an_error():
    with pytest.raises(
        SettingsError, match="do_lower_case=False contradicts .* its name .*uncased"
    ):
        BertTokenizer.from_files(files(origin="uncased_L-2_H-128_A-2"), do_lower_case=False)


def test_an_option_against_the_configuration_is_an_error():
    with pytest.raises(SettingsError, match="set do_lower_case=False"):
        BertTokenizer.from_files(
            files(tokenizer_config={"do_lower_case": False}), do_lower_case=True
        )


def test_an_option_counts_where_nothing_else_is_said():
    made = BertTokenizer.from_files(files(), do_lower_case=False)
    assert (made.do_lower_case, made.case_source) == (False, "the option do_lower_case")


def test_files_round_trip_without_vocab_txt():
    made = BertTokenizer(PIECES, do_lower_case=False)
    written = made.to_files(128)
    again = BertTokenizer.from_files(TokenizerFiles("x", tokenizer_json=written["tokenizer.json"]))
    assert again.vocabulary == made.vocabulary
    assert again.do_lower_case is False


def test_a_vocabulary_without_special_tokens_is_refused():
    with pytest.raises(CheckpointError, match=r"2 pieces, but not \[CLS\] \[SEP\] \[UNK\]"):
        BertTokenizer.from_files(files(["a", "b"]))


def test_no_vocabulary_at_all_is_refused():
    with pytest.raises(CheckpointError, match="neither vocab.txt nor tokenizer.json"):
        BertTokenizer.from_files(TokenizerFiles("somewhere"))


def test_other_kinds_of_tokenizers_are_refused():
    rules = json.dumps({"model": {"type": "BPE", "vocab": {}}})
    with pytest.raises(CheckpointError, match="holds a BPE tokenizer; BERT's is WordPiece"):
        BertTokenizer.from_files(TokenizerFiles("somewhere", tokenizer_json=rules))


def test_no_room_for_text_is_refused(tokenizer):
    with pytest.raises(SettingsError, match="max_seq_length=2 leaves no room"):
        tokenizer.encode(["the"], max_seq_length=2)


def test_blank_and_odd_lines_keep_their_ids():
    vocabulary = "[PAD]\n\n[UNK]\n[CLS]\n[SEP]\na\u2028b\nthe"
    made = BertTokenizer.from_files(TokenizerFiles("x", vocabulary=vocabulary))
    assert made.vocab_size == 7
    assert made.encode(["the"]).text_ids(0).tolist() == [3, 6, 4]
