"""The lines that each export prints run in its runtime alone, and give what Predictor gives."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multilabel_bert.export import export_model
from multilabel_bert.model.predictor import Predictor

ROOT = Path(__file__).resolve().parent.parent.parent
# Texts of the snippet, and pairs for nothing: the snippets show single texts.
TEXTS_LINE = re.compile(r"^texts = \[.*\]$", re.MULTILINE)
SHOW = """
import json as _json, sys as _sys
import numpy as _np
_values = _np.asarray(probabilities, _np.float64).tolist()
print("PROBABILITIES" + _json.dumps([_values, sorted({m.split(".")[0] for m in _sys.modules})]))
"""
SHOW_PIPELINE = """
_columns = [
    {s["label"]: s["score"] for s in scores} for scores in classify(texts, truncation=True)
]
probabilities = [[row[name] for name in rule["label_names"]] for row in _columns]
"""


def interchange_python():
    """The interpreter that has transformers and sentence-transformers."""
    named = os.environ.get("MULTILABEL_TRANSFORMERS_PYTHON")
    path = Path(named) if named else ROOT / ".venv-interchange" / "bin" / "python"
    if not path.exists():
        pytest.skip("transformers is not installed for the tests: run `make interchange`")
    return path


def run_snippet(snippet, texts, python=sys.executable, more=""):
    """Probabilities [N, X] of a snippet with other texts, its output, and the modules it loads."""
    code, count = TEXTS_LINE.subn(lambda _: f"texts = {texts!r}", snippet)
    assert count == 1
    done = subprocess.run(
        [python, "-c", code + more + SHOW],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    printed, _, shown = done.stdout.partition("PROBABILITIES")
    probabilities, modules = json.loads(shown)
    return np.array(probabilities), printed, set(modules)


def check(model, exported, texts, *, python=sys.executable, more="", atol=1e-5, without=()):
    """Compare a snippet's probabilities and labels with those of `Predictor`."""
    found, printed, modules = run_snippet(exported.snippet, texts, python, more)
    expected = Predictor(model).predict_proba(texts)
    np.testing.assert_allclose(found, expected, atol=atol)
    assert np.ptp(expected) > 0.2
    lines = [ast.literal_eval(line) for line in printed.strip().splitlines()]
    # The pipeline sorts them by their scores.
    assert [sorted(line) for line in lines] == [
        sorted(names) for names in Predictor(model).predict_labels(texts)
    ]
    assert not modules & set(without)


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("onnx", {"tensorflow", "keras", "openvino", "torch", "multilabel_bert"}),
        ("openvino", {"tensorflow", "keras", "onnxruntime", "torch", "multilabel_bert"}),
        ("tensorflow", {"torch", "multilabel_bert"}),
        ("tensorflow-text", {"torch", "multilabel_bert"}),
        ("keras", {"torch"}),
    ],
)
def test_runtimes_installed_here(make_model, texts, tmp_path, name, without):
    for package in {"onnx": ["onnx", "onnxruntime"], "tensorflow-text": ["tensorflow_text"]}.get(
        name, []
    ):
        pytest.importorskip(package)
    model = make_model("cls+mean", "isotonic")
    exported = export_model(model, name, tmp_path / "out")
    check(model, exported, texts, without=without)


def test_transformers(make_model, texts, tmp_path):
    python = interchange_python()
    model = make_model("pooled", "platt")
    exported = export_model(model, "huggingface", tmp_path / "out")
    check(model, exported, texts, python=python, more=SHOW_PIPELINE, without={"multilabel_bert"})


@pytest.mark.parametrize("pooling", ["pooled", "cls+max+mean"])
def test_sentence_transformers(make_model, texts, tmp_path, pooling):
    python = interchange_python()
    model = make_model(pooling, "platt")
    exported = export_model(model, "sentence-transformers", tmp_path / "out")
    check(model, exported, texts, python=python, without={"multilabel_bert"})
