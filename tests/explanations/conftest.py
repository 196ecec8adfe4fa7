"""A model whose labels are decided by one word each."""

import pytest
from explanations_planted import planted_predictor


@pytest.fixture(scope="session")
def planted(tiny_encoder):
    return planted_predictor(tiny_encoder)
