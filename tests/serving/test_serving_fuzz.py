"""Whatever a body holds, the answer is 200 or one clear error, and the next request is answered."""

import asyncio
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import LABELS, make_service

from multilabel_bert.serving.application import create_application
from multilabel_bert.serving.limits import Limits

ROUTES = ("/predict", "/v1/labels", "/v1/explain")
REFUSALS = {400: {"validation", "empty"}, 404: {"not_found"}, 413: {"validation"}}
REFUSALS[422] = {"validation"}
# Bodies of one example: hypothesis itself takes longer than the server. Three tests of 300 examples
# are 10,800 bodies.
AT_ONCE = 12
quick = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


class Caller:
    """Calls the application as a server would, without one."""

    def __init__(self, model):
        self.service = make_service({"one": model}, Limits(max_texts=8, max_text_characters=2000))
        self.app = create_application(self.service)
        self.loop = asyncio.new_event_loop()
        self.count = 0

    def post(self, path, body):
        return self.loop.run_until_complete(self._post(path, body))

    async def _post(self, path, body):
        self.count += 1
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent = []
        forever = asyncio.Event()

        async def receive():
            if messages:
                return messages.pop()
            return await forever.wait()

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "http_version": "1.1",
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "root_path": "",
        }
        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])

    def check(self, path, body):
        status, answer = self.post(path, body)
        found = json.loads(answer)
        if status == 200:
            check_answer(path, found)
        else:
            assert set(found) == {"error", "error_type"}, (status, body)
            assert found["error_type"] in REFUSALS[status], (status, body)
            assert 5 < len(found["error"]) < 1000
        assert self.service.batcher.waiting_texts == 0
        assert self.service.held.held == 0
        return status

    def close(self):
        assert self.check("/predict", b'{"inputs": "late"}') == 200
        self.service.close()
        self.loop.close()


def check_answer(path, found):
    if path == "/v1/explain":
        for label in found["labels"]:
            assert len(label["weights"]) == len(found["words"])
    elif path == "/predict":
        for answer in found if isinstance(found[0], list) else [found]:
            assert sorted(entry["label"] for entry in answer) == sorted(LABELS)
    else:
        for answers in (
            found.get("models", {"": found}).values() if isinstance(found, dict) else [found]
        ):
            for answer in answers if isinstance(answers, list) else [answers]:
                assert set(answer["labels"]) <= set(LABELS)
                assert answer["scores"]


@pytest.fixture(scope="module")
def caller(served_model):
    made = Caller(served_model)
    yield made
    made.close()


words = st.sampled_from(["", "late", "late parcel", "[MASK] [SEP]", "ключ", "我", "\u202eabc"])
texts = words | st.text(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | texts
    | st.sampled_from([*LABELS, "one"])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3)
)
inputs = st.one_of(
    texts,
    st.lists(texts, max_size=3),
    st.lists(st.lists(texts, min_size=1, max_size=2), max_size=9),
    anything,
)
thresholds = st.floats(0, 1) | st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1))
# Each key has a sensible value, or any.
bodies = st.fixed_dictionaries(
    {"inputs": inputs},
    optional={
        "truncate": st.booleans() | scalars,
        "raw_scores": st.booleans() | scalars,
        "model": st.just("one") | scalars,
        "models": st.just(["one"]) | anything,
        "thresholds": thresholds | anything,
        "top_k": st.integers(1, 5) | scalars,
        "labels": st.lists(st.sampled_from(LABELS), max_size=3) | anything,
        "unit": st.sampled_from(["auto", "word", "sentence"]) | scalars,
        "max_words": st.integers(1, 9) | scalars,
        "other": anything,
    },
)
requests = st.tuples(st.sampled_from(ROUTES), bodies)


@quick
@given(st.lists(requests, min_size=AT_ONCE, max_size=AT_ONCE))
def test_json_of_any_shape(caller, requests):
    for path, body in requests:
        caller.check(path, json.dumps(body).encode())


@quick
@given(st.lists(st.tuples(st.sampled_from(ROUTES), anything), min_size=AT_ONCE, max_size=AT_ONCE))
def test_json_that_is_no_request(caller, requests):
    for path, body in requests:
        caller.check(path, json.dumps(body).encode())


VALID = [
    '{"inputs": "late parcel"}',
    '{"inputs": [["late"], ["refund", "слово"]], "truncate": true}',
    '{"inputs": "late", "thresholds": {"delay": 0.5}, "top_k": 2}',
    '{"inputs": ["late", "\\ud83d\\ude00"], "labels": ["praise"], "unit": "word"}',
]


INSERTED = [b"\\ud800", b"\x00", b"\xff", b"[", b"{", b'"', b"1e9", b"NaN"]


def damaged(body, seed):
    """A valid body with some bytes changed, removed, doubled or cut off."""
    rng = random.Random(seed)
    data = bytearray(body.encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del data[at : at + rng.randint(1, 5)]
        elif kind == 2:
            data[at:at] = data[at : at + 20]
        elif kind == 3:
            data[at:at] = rng.choice(
                [b"\\ud800", b"\x00", b"\xff", b"[", b"{", b'"', b"1e9", b"NaN"]
            )
        else:
            del data[at:]
    return bytes(data)


changes = st.tuples(st.sampled_from(ROUTES), st.sampled_from(VALID), st.integers(0, 2**32))


@quick
@given(st.lists(changes, min_size=AT_ONCE, max_size=AT_ONCE))
def test_damaged_bodies(caller, requests):
    for path, body, seed in requests:
        caller.check(path, damaged(body, seed))


@settings(quick, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(ROUTES), st.binary(max_size=60)), min_size=4, max_size=4))
def test_bytes(caller, requests):
    for path, body in requests:
        caller.check(path, body)


HOSTILE = {
    "one character": "a" * 2000,
    "one Chinese character": "我" * 2000,
    "NUL": "late\x00parcel" + "\x00" * 500,
    "control characters": "".join(map(chr, [*range(32), *range(127, 160)])) * 9,
    "half pairs": "late \ud800\udfff\udbff parcel \udc00" * 30,
    "right to left": "\u202e\u2066\u200f" * 300 + "late",
    "zero width": "l\u200ba\u200dt\ufefee" * 100,
    "combining marks": "e" + "\u0301" * 1999,
    "spaces": " \t\r\n\u3000\u00a0" * 300,
    "pictures": "👨‍👩‍👧‍👦" * 150,
    "beyond Unicode's letters": "\U0010ffff\ue000\ufffd" * 300,
    "brackets": "[SEP] [CLS] [MASK] [PAD] [UNK]" * 60,
    "quotes": "\"'\\`${}<script>alert(1)</script>" * 40,
    "lines": "a\n" * 1000,
    "a long word of digits": "9" * 2000,
}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_answered(caller, name, path):
    text = HOSTILE[name]
    assert caller.check(path, json.dumps({"inputs": text}).encode()) == 200
    assert caller.check(path, json.dumps({"inputs": [text, text]}).encode()) == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_predicted_as_without_a_server(caller, name):
    sent = json.dumps({"inputs": HOSTILE[name]})
    # Two halves of a pair beside each other are one character in JSON.
    text = json.loads(sent)["inputs"]
    _, answer = caller.post("/predict", sent.encode())
    found = {entry["label"]: entry["score"] for entry in json.loads(answer)}
    expected = caller.service.models.default.predictor.predict_proba([text])[0]
    assert [found[label] for label in LABELS] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("character", ["a", "我", "\x00", " ", "\u202e", "\ud800"])
def test_a_megabyte_of_one_character_is_refused(caller, character):
    body = json.dumps({"inputs": character * 1_000_000}).encode()
    status, answer = caller.post("/predict", body)
    assert status == 413
    assert len(answer) < 300
