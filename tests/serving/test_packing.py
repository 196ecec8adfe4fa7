"""Batches of a plan: every sequence once, within the budget, at the least cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilabel_bert.serving.packing import cheapest_batches
from multilabel_bert.text.batching import token_budget_batches

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


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=300))
def test_sizes_are_round_so_that_shapes_come_again(lengths):
    lengths = np.array(lengths)
    *batches, _ = cheapest_batches(lengths, 1024)  # the last one has what is left
    for rows in batches:
        assert len(rows) % 8 == 0


@pytest.mark.parametrize("count", [100, 200, 400])
def test_they_cost_less_than_full_batches(count):
    rng = np.random.default_rng(count)
    saved = []
    for _ in range(20):
        lengths = rng.gamma(4, 4.5, count).astype(int) + 3  # as of short messages
        full = token_budget_batches(lengths, 1024)
        ours = cheapest_batches(lengths, 1024)
        assert slots(lengths, ours) < slots(lengths, full)
        saved.append(1 - cost(lengths, ours) / cost(lengths, full))
    assert np.mean(saved) > 0


def test_the_longest_come_first():
    lengths = np.array([3, 900, 5, 400])
    firsts = [int(lengths[rows].max()) for rows in cheapest_batches(lengths, 1024)]
    assert firsts == sorted(firsts, reverse=True)
