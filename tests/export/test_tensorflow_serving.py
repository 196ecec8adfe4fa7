"""A SavedModel answers requests of TensorFlow Serving's shape, in plain TensorFlow."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from multilabel_bert.export import to_tensorflow
from multilabel_bert.model.predictor import Predictor

# What TensorFlow Serving does with the body of a request; "inputs" are columns, "instances" rows.
SERVE = """
import json, sys
sys.modules["multilabel_bert"] = None  # importing it fails
if "strings" in sys.argv:
    import tensorflow_text  # it imports Keras by itself
else:
    sys.modules["keras"] = None
import tensorflow as tf

signatures = tf.saved_model.load(sys.argv[1]).signatures
answers = []
for body in json.loads(sys.stdin.read()):
    signature = signatures[body.get("signature_name", "serving_default")]
    specs = signature.structured_input_signature[1]
    columns = body.get("inputs")
    if columns is None:
        rows = [row if isinstance(row, dict) else {name: row for name in specs}
                for row in body["instances"]]
        columns = {name: [row[name] for row in rows] for name in specs}
    outputs = signature(**{n: tf.constant(v, specs[n].dtype) for n, v in columns.items()})
    answers.append({name: value.numpy().tolist() for name, value in outputs.items()})
print("ANSWERS" + json.dumps([sorted(signatures), answers]))
"""


def serve(path, bodies, *flags):
    done = subprocess.run(
        [sys.executable, "-c", SERVE, path, *flags],
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.partition("ANSWERS")[2])


def test_every_signature_answers_as_predictor(make_model, texts, tmp_path):
    pytest.importorskip("tensorflow_text")
    model = make_model("cls+mean", "platt")
    to_tensorflow(model, tmp_path / "topics" / "1", strings=True)
    pairs = list(reversed(texts))
    ids = {name: a.tolist() for name, a in model.tokenizer(texts, max_seq_length=32).items()}
    single = {"inputs": {"text": texts}}
    paired = {"signature_name": "pairs", "inputs": {"text": texts, "text_pair": pairs}}
    names, (of_texts, of_rows, of_pairs, of_ids) = serve(
        tmp_path / "topics" / "1",
        [single, {"instances": texts}, paired, {"signature_name": "token_ids", "inputs": ids}],
        "strings",
    )
    assert names == ["pairs", "serving_default", "token_ids"]
    predictor = Predictor(model)
    expected = predictor.predict_proba(texts)
    for answer in (of_texts, of_rows, of_ids):
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
        np.testing.assert_allclose(answer["logits"], predictor.predict_logits(texts), atol=2e-5)
    second = predictor.predict_proba(texts, pairs)
    np.testing.assert_allclose(of_pairs["probabilities"], second, atol=1e-5)
    assert np.abs(second - expected).max() > 0.05


def test_token_ids_need_neither_keras_nor_tensorflow_text(make_model, texts, tmp_path):
    model = make_model()
    to_tensorflow(model, tmp_path / "out")
    ids = {name: a.tolist() for name, a in model.tokenizer(texts, max_seq_length=32).items()}
    names, (answer,) = serve(tmp_path / "out", [{"inputs": ids}])
    assert names == ["serving_default"]
    np.testing.assert_allclose(
        answer["probabilities"], Predictor(model).predict_proba(texts), atol=1e-5
    )
