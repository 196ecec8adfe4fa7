"""The routes: what each answers, its errors, and what is said of them."""

import asyncio
import json

import httpx
import numpy as np
import pytest
from served import LABELS, Lines, in_process, make_service, random_texts

from multilabel_bert.model.predictor import Predictor
from multilabel_bert.serving import schemas
from multilabel_bert.serving.application import create_application
from multilabel_bert.serving.limits import Limits

TEXT = "late parcel refund"
OTHER = "thanks kind"
THRESHOLDS = [0.5, 0.3, 0.7, 0.4]


@pytest.fixture(scope="module")
def predictor(served_model):
    return Predictor(served_model)


def scores(answer):
    return {entry["label"]: entry["score"] for entry in answer}


def post(ask, path, **values):
    response = ask("POST", path, json=values)
    assert response.status_code == 200, response.text
    return response.json()


def assert_scores(answer, expected, atol=1e-6):
    assert [scores(answer)[name] for name in LABELS] == pytest.approx(expected.tolist(), abs=atol)
    values = [entry["score"] for entry in answer]
    assert values == sorted(values, reverse=True)


def test_predict_gives_all_labels_highest_first(ask, predictor):
    answer = post(ask, "/predict", inputs=TEXT)
    assert_scores(answer, predictor.predict_proba([TEXT])[0])
    assert [set(entry) for entry in answer] == [{"score", "label"}] * 4


def test_predict_two_strings_are_one_pair(ask, predictor):
    answer = post(ask, "/predict", inputs=[TEXT, OTHER])
    assert_scores(answer, predictor.predict_proba([(TEXT, OTHER)])[0])


def test_predict_a_list_of_lists_gives_a_list_of_lists(ask, predictor):
    answer = post(ask, "/predict", inputs=[[TEXT], [OTHER], [TEXT, OTHER]])
    expected = predictor.predict_proba([TEXT, OTHER, TEXT], ["", "", OTHER])
    assert len(answer) == 3
    for found, row in zip(answer, expected, strict=True):
        assert_scores(found, row)


def test_predict_raw_scores_are_logits(ask, predictor):
    answer = post(ask, "/predict", inputs=TEXT, raw_scores=True)
    assert_scores(answer, predictor.predict_logits([TEXT])[0], atol=1e-5)


def test_predict_cuts_long_texts_unless_it_must_not(ask, predictor):
    long = "late " * 100
    assert_scores(post(ask, "/predict", inputs=long), predictor.predict_proba([long])[0])
    refused = ask("POST", "/predict", json={"inputs": [[TEXT], [long]], "truncate": False})
    assert refused.status_code == 413
    assert refused.json() == {
        "error": "A text has 102 tokens, but the model reads 16. Shorten it, or allow it to be "
        "cut with truncate=true.",
        "error_type": "validation",
    }
    assert len(post(ask, "/predict", inputs=TEXT, truncate=False)) == 4


def test_a_text_without_words_is_answered(ask, predictor):
    assert_scores(post(ask, "/predict", inputs=""), predictor.predict_proba([""])[0])


def test_labels_are_decided_by_the_stored_rule(ask, predictor):
    answer = post(ask, "/v1/labels", inputs=[[TEXT], [OTHER], [""]])
    decided = predictor.predict([TEXT, OTHER, ""])
    for found, row in zip(answer, decided, strict=True):
        assert set(found["labels"]) == {LABELS[i] for i in np.flatnonzero(row)}
        by_name = {entry["label"]: entry for entry in found["scores"]}
        assert [by_name[name]["threshold"] for name in LABELS] == THRESHOLDS
        assert found["labels"] == [e["label"] for e in found["scores"] if e["decided"]]
    assert len({tuple(found["labels"]) for found in answer}) > 1


def test_labels_of_one_text_are_one_object(ask):
    assert set(post(ask, "/v1/labels", inputs=TEXT)) == {"labels", "scores"}


def test_thresholds_of_a_request(ask):
    everything = post(ask, "/v1/labels", inputs=TEXT, thresholds=0)
    assert set(everything["labels"]) == set(LABELS)
    nothing = post(ask, "/v1/labels", inputs=TEXT, thresholds=1)
    assert nothing["labels"] == []
    assert {entry["threshold"] for entry in nothing["scores"]} == {1.0}
    some = post(ask, "/v1/labels", inputs=TEXT, thresholds={"praise": 0})
    assert "praise" in some["labels"]
    by_name = {entry["label"]: entry["threshold"] for entry in some["scores"]}
    assert by_name == {**dict(zip(LABELS, THRESHOLDS, strict=True)), "praise": 0.0}
    # The next request has the stored ones again.
    again = post(ask, "/v1/labels", inputs=TEXT)["scores"]
    assert {entry["label"]: entry["threshold"] for entry in again}["praise"] == 0.7


def test_top_k_limits_the_scores_and_not_the_labels(ask):
    answer = post(ask, "/v1/labels", inputs=TEXT, thresholds=0, top_k=2)
    assert (len(answer["scores"]), len(answer["labels"])) == (2, 4)


def test_a_model_is_asked_by_name(ask, other_model):
    expected = Predictor(other_model).predict_proba([TEXT])[0]
    assert_scores(post(ask, "/predict", inputs=TEXT, model="topics"), expected)
    assert_scores(post(ask, "/predict?model=topics", inputs=TEXT), expected)
    assert_scores(post(ask, "/v1/labels", inputs=TEXT, model="topics")["scores"], expected)


def test_several_models_are_asked_at_once(ask, predictor, other_model):
    answer = post(ask, "/v1/labels", inputs=[[TEXT]], models=["topics", "complaints"])
    assert list(answer["models"]) == ["topics", "complaints"]
    (found,) = answer["models"]["complaints"]
    assert_scores(found["scores"], predictor.predict_proba([TEXT])[0])
    (found,) = answer["models"]["topics"]
    assert_scores(found["scores"], Predictor(other_model).predict_proba([TEXT])[0])


def test_explain_is_the_explanation_by_occlusion(ask, predictor):
    answer = post(ask, "/v1/explain", inputs=TEXT, labels=["praise", "delay"])
    expected = predictor.explain(TEXT, labels=["praise", "delay"])
    assert [(w["text"], w["start"], w["end"]) for w in answer["words"]] == [
        ("late", 0, 4),
        ("parcel", 5, 11),
        ("refund", 12, 18),
    ]
    assert [entry["label"] for entry in answer["labels"]] == ["praise", "delay"]
    for column, entry in enumerate(answer["labels"]):
        weights = expected.attributions[:, column].tolist()
        assert entry["weights"] == pytest.approx(weights, abs=1e-5)
        assert entry["score"] == pytest.approx(float(expected.probabilities[column]), abs=1e-6)


def test_explain_takes_sentences_where_words_are_too_many(ask):
    text = "late parcel. refund broken. thanks"
    by_word = post(ask, "/v1/explain", inputs=text)
    by_sentence = post(ask, "/v1/explain", inputs=text, max_words=3)
    assert (by_word["unit"], by_sentence["unit"]) == ("word", "sentence")
    assert len(by_sentence["words"]) == 3
    assert len(by_word["words"]) > 3


def test_explain_a_pair(ask):
    answer = post(ask, "/v1/explain", inputs=[TEXT, OTHER], model="topics")
    assert [word["part"] for word in answer["words"]] == ["text"] * 3 + ["pair"] * 2


def test_model_says_what_is_served_and_no_path(ask):
    answer = ask("GET", "/v1/model").json()
    assert answer["name"] == "complaints"
    assert answer["models"] == ["complaints", "topics"]
    assert answer["labels"] == list(LABELS)
    assert answer["thresholds"] == THRESHOLDS
    assert (answer["max_length"], answer["precision"], answer["pairs"]) == (16, "float32", False)
    assert answer["provenance"]["encoder"] == "tiny-bert"
    assert "/home" not in json.dumps(answer)
    assert ask("GET", "/v1/model?model=topics").json()["name"] == "topics"
    both = ask("GET", "/v1/models").json()["models"]
    assert [model["name"] for model in both] == ["complaints", "topics"]


def test_info_has_the_keys_of_text_embeddings_inference(ask):
    answer = ask("GET", "/info").json()
    assert answer["model_type"]["classifier"]["id2label"] == {
        str(index): name for index, name in enumerate(LABELS)
    }
    assert (answer["max_input_length"], answer["max_client_batch_size"]) == (16, 1024)


def test_health(ask):
    assert ask("GET", "/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "error_type", "said"),
    [
        ("POST", "/predict", {"content": b"{"}, 400, "validation", "not valid JSON"),
        ("POST", "/predict", {"json": {"inputs": []}}, 400, "empty", "inputs is an empty list"),
        ("POST", "/predict", {"json": {"inputs": ["a", "b", "c"]}}, 422, "validation",
         'Put each text into a list of its own: [["first text"]'),
        ("POST", "/predict", {"json": {"inputs": [["a"]] * 1025}}, 413, "validation", "1025 texts"),
        ("POST", "/predict", {"content": b"x" * (4 * 2**20 + 1)}, 413, "validation",
         "The body is above 4194304 bytes."),
        ("POST", "/predict", {"json": {"inputs": "a", "model": "complaint"}}, 404, "not_found",
         "There is no model 'complaint' here. Did you mean 'complaints'?"),
        ("POST", "/v1/labels", {"json": {"inputs": "a", "thresholds": {"prase": 1}}}, 422,
         "validation", "Did you mean 'praise'?"),
        ("POST", "/v1/explain", {"json": {"inputs": "a", "labels": ["dela"]}}, 422, "validation",
         "Unknown label 'dela'. Did you mean 'delay'?"),
        ("POST", "/v1/explain", {"json": {"inputs": "a", "unit": "line"}}, 422, "validation",
         "unit='line' is unknown."),
        ("GET", "/v1/model?model=none", {}, 404, "not_found", "The models are: complaints, topics"),
        ("GET", "/predict", {}, 405, "not_found", "There is no GET /predict here."),
        ("GET", "/nowhere", {}, 404, "not_found", "There is no GET /nowhere here. See /docs."),
        ("GET", "/page/../../../setup.py", {}, 404, "not_found", "There is no GET"),
    ],
)  # fmt: skip
def test_errors_have_a_status_a_type_and_a_sentence(
    ask, method, path, options, status, error_type, said
):
    response = ask(method, path, **options)
    assert response.status_code == status
    assert set(response.json()) == {"error", "error_type"}
    assert response.json()["error_type"] == error_type
    assert said in response.json()["error"]


def test_the_documentation_has_examples_that_the_server_answers(ask):
    described = ask("GET", "/openapi.json").json()
    answers = {"/v1/labels": schemas.Labels, "/v1/explain": schemas.Explained}
    asked = 0
    for path, operations in described["paths"].items():
        body = operations.get("post", {}).get("requestBody")
        for name, example in (
            (body or {"content": {"application/json": {}}})["content"]["application/json"]
            .get("examples", {})
            .items()
        ):
            answer = post(ask, path, **example["value"])
            told = operations["post"]["responses"]["200"]["content"]["application/json"]
            assert json.dumps(answer)[:40] == json.dumps(told["examples"][name]["value"])[:40]
            if path in answers and isinstance(answer, dict):
                answers[path].model_validate(answer, strict=True, extra="forbid")
            asked += 1
    assert asked == 6
    schemas.Model.model_validate(ask("GET", "/v1/model").json(), strict=True, extra="forbid")


def test_pages_need_nothing_from_elsewhere(ask):
    for path in ("/", "/docs"):
        response = ask("GET", path)
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "http://" not in response.text.replace("http://www.w3.org", "")
        assert "https://" not in response.text


def test_metrics_count_requests_texts_and_tokens(served_model):
    made = make_service({"one": served_model})
    app = create_application(made)

    async def requests():
        async with in_process(app) as client:
            for inputs in (TEXT, [[TEXT], [OTHER]], []):
                await client.post("/predict", json={"inputs": inputs})
            await client.get("/nowhere/at/all")
            return (await client.get("/metrics")).text

    text = asyncio.run(requests())
    made.close()
    for line in (
        'multilabel_requests_total{route="/predict",status="200"} 2.0',
        'multilabel_requests_total{route="/predict",status="400"} 1.0',
        'multilabel_requests_total{route="other",status="404"} 1.0',
        'multilabel_texts_total{model="one"} 3.0',
        'multilabel_tokens_total{kind="real"} 14.0',
        "multilabel_waiting_texts 0.0",
        'multilabel_refused_total{reason="empty"} 1.0',
    ):
        assert line in text


def test_the_access_log_has_a_line_a_request_and_no_text(ask, access_lines):
    before = len(access_lines.entries)
    post(ask, "/v1/labels?model=topics&text=parcel", inputs=[["refund my parcel"], ["late"]])
    ask("POST", "/predict", json={"inputs": ["refund", "my", "parcel"]})
    answered, refused = access_lines.entries[before:]
    assert answered["ms"] > 0
    assert answered["tokens"] == 8
    for name, value in {
        "method": "POST",
        "path": "/v1/labels",
        "status": 200,
        "model": "topics",
        "texts": 2,
    }.items():
        assert answered[name] == value
    assert (refused["status"], refused["path"]) == (422, "/predict")
    assert "refund" not in json.dumps(access_lines.entries)
    assert "parcel" not in json.dumps(access_lines.entries)


def test_a_bug_is_a_500_that_says_nothing_of_it(service, monkeypatch):
    lines = Lines()
    app = create_application(service, log=lines)

    def broken(*_, **__):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("multilabel_bert.serving.answers.predictions", broken)

    async def request():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/predict", json={"inputs": TEXT})

    response = asyncio.run(request())
    assert response.status_code == 500
    assert response.json()["error_type"] == "backend"
    assert "secret" not in response.text
    assert lines.entries[-1]["status"] == 500


@pytest.fixture(scope="module")
def ask_with(service):
    app = create_application(service, api_key="s3cret-ключ")

    async def request(method, path, headers, **options):
        async with in_process(app) as client:
            return await client.request(method, path, headers=headers, **options)

    return lambda *arguments, **options: asyncio.run(request(*arguments, **options))


@pytest.mark.parametrize("path", ["/v1/model", "/v1/models", "/info", "/metrics", "/nowhere"])
@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer wrong", "s3cret-ключ", "Bearer s3cret-ключ "]
)
def test_without_the_key_nothing_is_said(ask_with, path, value):
    headers = {} if value is None else {"Authorization": value.encode()}
    response = ask_with("GET", path, headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error_type"] == "unauthorized"


def test_nothing_is_computed_without_the_key(ask_with):
    for path in ("/predict", "/v1/labels", "/v1/explain"):
        assert ask_with("POST", path, {}, json={"inputs": TEXT}).status_code == 401


def test_with_the_key_it_is_answered(ask_with):
    headers = {"Authorization": "Bearer s3cret-ключ".encode()}
    assert ask_with("GET", "/v1/model", headers).status_code == 200
    assert ask_with("POST", "/predict", headers, json={"inputs": TEXT}).status_code == 200


def test_health_and_the_page_need_none(ask_with):
    for path in ("/health", "/"):
        assert ask_with("GET", path, {}).status_code == 200


def test_an_answer_of_too_many_scores_is_refused(served_model):
    made = make_service({"one": served_model, "two": served_model}, Limits(max_scores=10))

    async def requests():
        async with in_process(create_application(made)) as client:
            inputs, both = [[TEXT]] * 3, ["one", "two"]
            return [
                await client.post("/predict", json={"inputs": inputs}),
                await client.post("/predict", json={"inputs": inputs[:2]}),
                await client.post("/v1/labels", json={"inputs": inputs, "top_k": 3}),
                await client.post("/v1/labels", json={"inputs": inputs[:2], "models": both}),
            ]

    responses = asyncio.run(requests())
    made.close()
    assert [response.status_code for response in responses] == [413, 200, 200, 413]
    assert "Send at most 2 texts at a time" in responses[0].json()["error"]


def test_many_texts_are_answered_in_their_order(ask, predictor):
    texts = random_texts(300)
    answer = post(ask, "/predict", inputs=[[text] for text in texts])
    expected = predictor.predict_proba(texts)
    for found, row in zip(answer, expected, strict=True):
        assert_scores(found, row)
