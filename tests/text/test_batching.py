"""Batches hold every text once, within the budget, with little padding."""

import csv

import numpy as np
import pytest

from multilabel_bert.errors import SettingsError
from multilabel_bert.text.batching import fill_rate, fixed_size_batches, token_budget_batches
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.text.tokenizer_files import TokenizerFiles


@pytest.fixture(scope="module")
def lengths():
    return np.random.default_rng(0).geometric(0.05, size=3000).clip(2, 128)


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_each_text_is_in_one_batch_within_the_budget(lengths, seed):
    batches = token_budget_batches(lengths, 1024, seed=seed)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert max(len(b) * lengths[b].max() for b in batches) <= 1024
    assert fill_rate(lengths, batches) > 0.95


def test_a_text_over_the_budget_is_alone():
    batches = token_budget_batches(np.array([3, 50, 4]), 10)
    assert [b.tolist() for b in batches] == [[1], [2, 0]]


def test_seeds_repeat_and_differ(lengths):
    first, again, other = (token_budget_batches(lengths, 512, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_fixed_sizes():
    assert [b.tolist() for b in fixed_size_batches(5, 2)] == [[0, 1], [2, 3], [4]]
    assert sorted(np.concatenate(fixed_size_batches(9, 4, seed=3))) == list(range(9))


@pytest.mark.parametrize("call", [lambda: token_budget_batches(np.ones(2), 0)])
def test_a_budget_must_be_positive(call):
    with pytest.raises(SettingsError, match="max_tokens=0 must be positive"):
        call()


def test_goemotions_batches_are_full(shared_data, shared_fixtures):
    with (shared_data / "goemotions" / "train.tsv").open(encoding="utf-8", newline="") as file:
        texts = [row[0] for row in csv.reader(file, delimiter="\t")]
    assert len(texts) == 43410
    vocabulary = (shared_fixtures / "google_bert" / "vocab.txt").read_text(encoding="utf-8")
    tokenizer = BertTokenizer.from_files(TokenizerFiles("x", vocabulary=vocabulary))
    lengths = tokenizer.encode(texts).lengths
    for seed in (None, 0):
        assert fill_rate(lengths, token_budget_batches(lengths, 1024, seed=seed)) >= 0.95
