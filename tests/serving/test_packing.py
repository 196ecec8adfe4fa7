"""Batches of a plan: every sequence once, within the budget, at the least cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilabel_bert.serving.packing import cheapest_batches

BATCH_SLOTS = 128


def slots(lengths, batches):
    return sum(len(rows) * int(lengths[rows].max()) for rows in batches)


def cost(lengths, batches):
    return slots(lengths, batches) + BATCH_SLOTS * len(batches)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=80), st.sampled_from([64, 256, 1024]))
def test_every_sequence_is_in_one_batch_within_the_budget(lengths, budget):
    lengths = np.array(lengths)
    batches = cheapest_batches(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget
    alone = [
        rows
        for length in np.unique(lengths)
        for rows in of_one_length(np.flatnonzero(lengths == length), budget // length)
    ]
    assert cost(lengths, batches) <= cost(lengths, alone)


def of_one_length(rows, most):
    most = max(1, most)
    return [rows[start : start + most] for start in range(0, len(rows), most)]


def best_by_trying(lengths, budget):
    ordered = sorted(lengths, reverse=True)
    if not ordered:
        return 0
    return min(
        size * ordered[0] + BATCH_SLOTS + best_by_trying(ordered[size:], budget)
        for size in range(1, len(ordered) + 1)
        if size == 1 or size * ordered[0] <= budget
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_cut_of_the_sorted_lengths_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.choice(np.arange(1, 200), 9, replace=False)
    assert cost(lengths, cheapest_batches(lengths, 512)) == best_by_trying(lengths, 512)


def test_the_longest_come_first():
    lengths = np.array([3, 900, 5, 400])
    firsts = [int(lengths[rows].max()) for rows in cheapest_batches(lengths, 1024)]
    assert firsts == sorted(firsts, reverse=True)
