"""Bodies of requests: the shapes of text-embeddings-inference, and one clear error for others."""

import json

import pytest

from multilabel_bert.serving.bodies import explain_request, labels_request, predict_request
from multilabel_bert.serving.limits import Limits
from multilabel_bert.serving.problems import Problem

LIMITS = Limits(max_texts=4, max_text_characters=100)


def body(value) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("inputs", "first", "second", "is_list"),
    [
        ("a", ["a"], None, False),
        ("", [""], None, False),
        (["a"], ["a"], None, False),
        (["a", "b"], ["a"], ["b"], False),
        ([["a"]], ["a"], None, True),
        ([["a"], ["b"], ["c"]], ["a", "b", "c"], None, True),
        ([["a", "b"]], ["a"], ["b"], True),
        ([["a"], ["b", "c"]], ["a", "b"], ["", "c"], True),
    ],
)
def test_shapes_of_inputs(inputs, first, second, is_list):
    found = predict_request(body({"inputs": inputs}), LIMITS).inputs
    assert (found.first, found.second, found.is_list) == (first, second, is_list)


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"", 400, 'The body is empty. Send JSON: {"inputs": "a text"}.'),
        (b"{", 400, "The body is not valid JSON: "),
        (b"\xff\xfe\xfd", 400, "The body is not valid JSON: "),
        (b"[" * 100_000, 400, "it is nested too deeply"),
        (b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "it is nested too deeply"),
        (body("a"), 422, 'The body is "a". Expected an object'),
        (body([]), 422, "The body is a list of nothing."),
        (body({}), 422, '"inputs" is missing. Expected a string, a pair'),
        (body({"inputs": None}), 422, "inputs is null. Expected a string, a pair"),
        (body({"inputs": []}), 400, "inputs is an empty list."),
        (body({"inputs": ["a", "b", "c"]}), 422, "inputs is a list of 3 strings, which could be "
         "texts or a pair. Put each text into a list of its own: "
         '[["first text"], ["second text"], ...].'),
        (body({"inputs": ["a", 1]}), 422, "inputs[1] is 1. Expected a string, as the first"),
        (body({"inputs": [["a"], "b"]}), 422, 'inputs[1] is "b". Expected a list of one or two'),
        (body({"inputs": [["a", "b", "c"]]}), 422, "inputs[0] is a list of 3. Expected a list of"),
        (body({"inputs": [[]]}), 422, "inputs[0] is a list of nothing."),
        (body({"inputs": [["a"]] * 5}), 413, "5 texts are more than the 4 of one request."),
        (body({"inputs": "a" * 101}), 413, "A text has 101 characters, more than the 100"),
        (body({"inputs": ["a", "b" * 101]}), 413, "A text has 101 characters"),
        (body({"inputs": "a", "truncate": 1}), 422, "truncate is 1. Expected true or false."),
        (body({"inputs": "a", "raw_scores": "yes"}), 422, 'raw_scores is "yes".'),
        (b'{"inputs": "a", "model": ' + b"9" * 200 + b"}", 422, "model is a very large number"),
        (b'{"inputs": "a", "model": ' + b"9" * 5000 + b"}", 400, "The body is not valid JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_reason(sent, status, said):
    with pytest.raises(Problem) as found:
        predict_request(sent, LIMITS)
    assert found.value.status == status
    assert said in found.value.message


def test_predict_has_the_defaults_of_text_embeddings_inference():
    asked = predict_request(body({"inputs": "a", "truncate": None, "parameters": {}}), LIMITS)
    assert (asked.raw_scores, asked.truncate, asked.model) == (False, True, None)


def test_half_of_a_surrogate_pair_is_read_as_javascript_writes_it():
    asked = predict_request(b'{"inputs": "late \\ud83d parcel"}', LIMITS)
    assert asked.inputs.first == ["late \ud83d parcel"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"thresholds": 1.5}, "thresholds is 1.5. Expected a number from 0 to 1"),
        ({"thresholds": True}, "thresholds is true."),
        ({"thresholds": {"delay": "high"}}, 'thresholds["delay"] is "high".'),
        ({"thresholds": [0.5]}, "thresholds is a list of 1."),
        ({"top_k": 0}, "top_k is 0. Expected a whole number of at least 1."),
        ({"top_k": 2.5}, "top_k is 2.5."),
        ({"models": []}, 'Give "model": a name, or "models"'),
        ({"models": ["a"], "model": "a"}, 'Give "model": a name, or "models"'),
        ({"models": "a"}, 'models is "a". Expected a list of names.'),
        ({"treshold": 0.5}, "Unknown key \"treshold\". Did you mean 'thresholds'?"),
    ],
)
def test_labels_refuses(changes, said):
    with pytest.raises(Problem) as found:
        labels_request(body({"inputs": "a", **changes}), LIMITS)
    assert found.value.status == 422
    assert said in found.value.message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number):
    with pytest.raises(Problem, match="Expected a number from 0 to 1"):
        labels_request(b'{"inputs": "a", "thresholds": %s}' % number.encode(), LIMITS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": [["a"], ["b"]]}, "One text at a time is explained."),
        ({"labels": "delay"}, 'labels is "delay". Expected a list of names.'),
        ({"labels": [1]}, "labels is a list of 1."),
        ({"unit": 3}, "unit is 3."),
        ({"max_words": -1}, "max_words is -1."),
    ],
)
def test_explain_refuses(changes, said):
    with pytest.raises(Problem) as found:
        explain_request(body({"inputs": "a", **changes}), LIMITS)
    assert found.value.status == 422
    assert said in found.value.message
