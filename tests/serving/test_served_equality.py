"""A real server under many clients at once gives what prediction without a server gives."""

import asyncio

import httpx
import numpy as np
import pytest
from served import LABELS, make_service, random_model, random_texts, running

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.text.long_texts import LongTexts

CLIENTS = 12
REQUESTS = 6


def questions(texts, seed):
    """Requests of every shape: the path, the inputs, and the pairs of texts asked about."""
    rng = np.random.default_rng(seed)
    for number in range(REQUESTS):
        chosen = rng.choice(texts, rng.integers(1, 12)).tolist()
        kind = number % 3
        if kind == 0:
            yield chosen[0], [(chosen[0], "")]
        elif kind == 1:
            yield [[text] for text in chosen], [(text, "") for text in chosen]
        else:
            pairs = [(text, str(rng.choice(texts))) for text in chosen]
            yield [list(pair) for pair in pairs], pairs


def ask_all(url, texts, names):
    """Pairs of texts, model, and the probabilities that the server gave, of many clients."""
    found = []

    async def client(seed):
        name = names[seed % len(names)]
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            for inputs, pairs in questions(texts, seed):
                body = {"inputs": inputs, "model": name}
                response = await http.post("/predict", json=body)
                assert response.status_code == 200, response.text
                answers = response.json() if isinstance(inputs, list) else [response.json()]
                for pair, answer in zip(pairs, answers, strict=True):
                    scores = {entry["label"]: entry["score"] for entry in answer}
                    found.append((pair, name, [scores[label] for label in LABELS]))

    async def clients():
        await asyncio.gather(*(client(seed) for seed in range(CLIENTS)))

    asyncio.run(clients())
    return found


def differences(models, texts, precision):
    """How far each probability is from the one that is predicted in one call, [texts, X]."""
    service = make_service(models, precision=precision)
    with running(service) as url:
        found = ask_all(url, texts, list(models))
    assert len(found) > CLIENTS * REQUESTS
    far = []
    for name, model in models.items():
        pairs = [pair for pair, asked, _ in found if asked == name]
        answered = np.array([scores for _, asked, scores in found if asked == name])
        first, second = zip(*pairs, strict=True)
        expected = Predictor(model, precision=precision).predict_proba(first, second)
        far.append(np.abs(answered - expected))
    return np.concatenate(far)


def test_float32_whatever_the_batch(deep_encoder):
    checkpoint = load_checkpoint(deep_encoder)
    models = {
        "one": random_model(checkpoint),
        "same encoder": random_model(checkpoint, seed=1, pooling="cls+mean"),
        "last layers trained": random_model(checkpoint, seed=2, trained_from=3),
        "windows": random_model(checkpoint, seed=3, long_texts=LongTexts(windows="max", stride=2)),
    }
    assert differences(models, random_texts(200, longest=60), "float32").max() <= 1e-5


def test_a_real_encoder(minilm):
    checkpoint = load_checkpoint(minilm)
    assert differences({"a": random_model(checkpoint)}, random_texts(50), "float32").max() <= 1e-5


@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no bfloat16 instructions")
def test_bfloat16_is_near(minilm):
    checkpoint = load_checkpoint(minilm)
    far = differences({"a": random_model(checkpoint)}, random_texts(100), "bfloat16")
    assert np.mean(far <= 0.01) >= 0.999
    assert far.max() <= 0.03
