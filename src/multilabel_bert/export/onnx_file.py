"""Export to ONNX: one file of the opset's own operators, with dynamic batch and length."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.export.int8 import Int8, Int8Cost, measured_cost
from multilabel_bert.export.onnx_graph import HEAD, build_onnx
from multilabel_bert.export.tokenizer_file import write_tokenizer
from multilabel_bert.export.writing import Export, Target, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import check_optional, import_optional

MAIN_FILE = "model.onnx"
# protobuf's messages end at 2 GiB; above, the weights are in a file beside the graph.
LARGEST_FILE_BYTES = 2**31 - 2**24
# Smaller tensors, such as shapes, stay in the graph, whose checks need them.
_SMALLEST_EXTERNAL_BYTES = 1024


def to_onnx(
    model: Any, output: str | Path, *, overwrite: bool = False, quantize: Int8 | None = None
) -> Export:
    """Write ``model.onnx``, ``labels.json`` and the tokenizer.

    Inputs are ``input_ids``, ``attention_mask`` and ``token_type_ids``, int64 [B, T]; outputs
    ``logits`` and ``probabilities``, float32 [B, X], equal to those of `Predictor` in float32.
    Labels and thresholds are also in the metadata of the file.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        output: a new directory, or a file ``*.onnx``.
        overwrite: whether an older export may be replaced.
        quantize: whether the weights become int8, a scale a column, and the activations when it
            runs (dynamic quantization), and what that may cost.

    Raises:
        MissingExtraError: if onnx, or for int8 onnxruntime, is not installed.
        WriteError: if something is at `output`.
        SettingsError: if int8 costs more than it may.
    """
    check_optional("onnx", extra="onnx", purpose="an export to ONNX")
    if quantize is not None:
        check_optional("onnxruntime", extra="onnx", purpose="int8 in ONNX")

    def write(classifier: ClassifierModel, path: Path) -> Int8Cost | None:
        graph = build_onnx(classifier)
        _note(graph, classifier)
        write_tokenizer(classifier, path.parent)
        if quantize is None:
            save(graph, path)
            return None
        return _save_int8(graph, classifier, path, quantize)

    name = None if quantize is None else "int8"
    return write_export(
        model, output, Target("onnx", MAIN_FILE), write, overwrite=overwrite, quantize=name
    )


def save(graph: Any, path: Path) -> None:
    """Write a graph, its weights apart where protobuf needs that, and check the file."""
    onnx: Any = import_optional("onnx", extra="onnx", purpose="an export to ONNX")
    size = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    if size > LARGEST_FILE_BYTES:
        onnx.save_model(
            graph,
            path,
            save_as_external_data=True,
            location=f"{path.name}.data",
            size_threshold=_SMALLEST_EXTERNAL_BYTES,
        )
    else:
        onnx.save_model(graph, path)
    onnx.checker.check_model(str(path), full_check=True)


def _note(graph: Any, model: ClassifierModel) -> None:
    notes = {
        "label_names": json.dumps(list(model.label_names), ensure_ascii=False),
        "thresholds": json.dumps([float(str(value)) for value in model.rule.thresholds]),
        "max_seq_length": str(model.max_seq_length),
    }
    for key, value in notes.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value


def _save_int8(graph: Any, model: ClassifierModel, path: Path, int8: Int8) -> Int8Cost:
    quantization: Any = import_optional(
        "onnxruntime.quantization", extra="onnx", purpose="int8 in ONNX"
    )
    whole = path.with_name("float32.onnx")
    save(graph, whole)
    head = [node.name for node in graph.graph.node if f"{HEAD}/kernel" in node.input]
    with _quiet():
        quantization.quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=["MatMul", "Gather"],
            # It is small, and its rounding would go straight into the logits.
            nodes_to_exclude=head,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            use_external_data_format=whole.with_name(f"{whole.name}.data").exists(),
        )
    for part in path.parent.glob(f"{whole.name}*"):
        part.unlink()
    return measured_cost(model, OnnxEngine(path), int8)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep a hint off the terminal: to fold constants first, of which this graph has none."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class OnnxEngine:
    """Runs an ONNX file by onnxruntime; see `encoder.encoding.Engine`."""

    name = "onnxruntime"
    precision = "float32"
    jobs = 1
    packs = False

    def __init__(self, path: Path) -> None:
        runtime: Any = import_optional("onnxruntime", extra="onnx", purpose="running ONNX")
        self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, batches: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Run the batches one after the other."""
        for batch in batches:
            inputs = {name: array.astype(np.int64) for name, array in batch.items()}
            yield dict(zip(self._outputs, self._session.run(None, inputs), strict=True))
