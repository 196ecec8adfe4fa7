"""What is public, and what importing it costs."""

import subprocess
import sys

import multilabel_bert
from multilabel_bert import errors


def test_the_public_names_are_these():
    assert multilabel_bert.__all__ == [
        "BertEncoder",
        "BertTokenizer",
        "Dataset",
        "DecisionRule",
        "Evaluation",
        "Example",
        "MultiLabelClassifier",
        "MultilabelError",
        "Predictor",
        "Search",
        "SharedPredictor",
        "cross_validate",
        "describe",
        "evaluate",
        "find_label_errors",
        "find_suspects",
        "load_tokenizer",
        "read_dataset",
        "read_splits",
        "report",
        "split_dataset",
        "tune_thresholds",
    ]
    for name in multilabel_bert.__all__:
        assert getattr(multilabel_bert, name).__doc__


def test_every_error_is_a_multilabel_error_and_drawn_in_the_tree():
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, errors.MultilabelError)
            assert name in errors.__doc__


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_the_package_imports_nothing_heavy():
    loaded = modules_after("import multilabel_bert")
    assert not loaded & {"numpy", "tensorflow", "keras", "openvino", "sklearn", "polars"}


def test_prediction_imports_nothing_that_trains(tiny_encoder, tmp_path):
    import numpy as np

    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.model.classifier_model import ClassifierModel
    from multilabel_bert.model.directory import save_model
    from multilabel_bert.text.tokenizer import BertTokenizer

    checkpoint = load_checkpoint(tiny_encoder)
    model = ClassifierModel(
        config=checkpoint.config,
        tensors=checkpoint.tensors,
        kernel=np.ones((16, 2), np.float32),
        bias=np.zeros(2, np.float32),
        pooling="mean",
        label_names=("a", "b"),
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=8,
        rule=DecisionRule.fixed(2),
    )
    save_model(model, tmp_path / "model")
    loaded = modules_after(
        "from multilabel_bert import Predictor\n"
        f"Predictor.load({str(tmp_path / 'model')!r}).predict(['late parcel'])"
    )
    assert "openvino" in loaded
    assert not loaded & {"tensorflow", "keras", "sklearn", "scipy", "pandas", "polars", "torch"}
    assert "openvino_telemetry" not in loaded
