"""Batches of a plan: every sequence once, as many tokens for each job, little padding."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multilabel_bert.serving.packing import balanced_batches


@settings(max_examples=200, deadline=None)
@example([2] * 60, 1, 64)
@given(
    st.lists(st.integers(1, 512), min_size=1, max_size=80),
    st.sampled_from([1, 2, 3, 8]),
    st.sampled_from([64, 256, 1024]),
)
def test_every_sequence_is_in_one_batch_of_little_padding(lengths, jobs, budget):
    lengths = np.array(lengths)
    batches = balanced_batches(lengths, jobs, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        tokens = lengths[rows].sum()
        assert tokens <= budget + lengths[rows].max()
        assert len(rows) * lengths[rows].max() <= 3 * tokens


@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("count", [16, 100, 400])
def test_each_job_has_as_many_tokens(jobs, count):
    lengths = np.random.default_rng(count).gamma(4, 4.5, count).astype(int) + 3
    batches = balanced_batches(lengths, jobs, 1024)
    assert len(batches) == -(-lengths.sum() // (1024 * jobs)) * jobs
    tokens = [lengths[rows].sum() for rows in batches]
    assert max(tokens) - min(tokens) <= 2 * lengths.max()


def test_a_few_tokens_are_one_batch():
    assert len(balanced_batches(np.array([20, 30, 10]), 8, 1024)) == 1
    assert len(balanced_batches(np.array([20]), 2, 1024)) == 1


def test_long_and_short_texts_are_apart():
    lengths = np.array([512] + [10] * 50)
    batches = balanced_batches(lengths, 1, 1 << 20)
    assert [len(rows) for rows in batches] == [3, 48]


def test_where_padding_is_computed_there_is_little():
    lengths = np.random.default_rng(1).integers(5, 200, 300)
    for rows in balanced_batches(lengths, 2, 1024, packs=False):
        assert len(rows) * lengths[rows].max() <= 1.2 * lengths[rows].sum()


def test_the_longest_come_first():
    lengths = np.array([3, 900, 5, 400])
    firsts = [int(lengths[rows].max()) for rows in balanced_batches(lengths, 2, 1024)]
    assert firsts == sorted(firsts, reverse=True)
