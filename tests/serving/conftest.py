"""Small models, and an application in this process."""

import asyncio

import pytest
from served import Lines, in_process, make_service, random_model

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.serving.application import create_application


@pytest.fixture(scope="session")
def served_checkpoint(tiny_encoder):
    return load_checkpoint(tiny_encoder)


@pytest.fixture(scope="session")
def served_model(served_checkpoint):
    return random_model(served_checkpoint)


@pytest.fixture(scope="session")
def other_model(served_checkpoint):
    """Another head on the same encoder."""
    return random_model(served_checkpoint, seed=1)


@pytest.fixture(scope="module")
def service(served_model, other_model):
    made = make_service({"complaints": served_model, "topics": other_model})
    yield made
    made.close()


@pytest.fixture(scope="module")
def access_lines():
    return Lines()


@pytest.fixture(scope="module")
def app(service, access_lines):
    return create_application(service, log=access_lines)


@pytest.fixture(scope="module")
def ask(app):
    """`ask("POST", "/predict", json={...})` gives httpx's response."""

    async def request(method, path, **options):
        async with in_process(app) as client:
            return await client.request(method, path, **options)

    return lambda method, path, **options: asyncio.run(request(method, path, **options))
