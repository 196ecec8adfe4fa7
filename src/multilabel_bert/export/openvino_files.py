"""Export to OpenVINO: the graph (.xml) and its constants (.bin)."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_file import write_graph
from multilabel_bert.encoder.openvino_graph import GraphHead, build_graph
from multilabel_bert.encoder.openvino_import import import_openvino
from multilabel_bert.export.calibration_arrays import CalibrationArrays
from multilabel_bert.export.int8 import Int8, Int8Cost, measured_cost, tokenized
from multilabel_bert.export.tokenizer_file import write_tokenizer
from multilabel_bert.export.writing import Export, Target, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import check_optional
from multilabel_bert.text.batching import token_budget_batches

MAIN_FILE = "openvino_model.xml"
# Of a batch while ranges are found; nncf keeps the activations of one.
_CALIBRATION_TOKENS = 512
_PRECISION_NOTE = (
    "OpenVINO computes in bfloat16 where the CPU can, which changes probabilities in the second "
    "or third decimal; for those of float32 compile with INFERENCE_PRECISION_HINT f32"
)


def to_openvino(
    model: Any, output: str | Path, *, overwrite: bool = False, quantize: Int8 | None = None
) -> Export:
    """Write ``openvino_model.xml``, ``openvino_model.bin``, ``labels.json`` and the tokenizer.

    Inputs are ``input_ids``, ``attention_mask`` and ``token_type_ids``, int64 [B, T]; outputs
    ``logits`` and ``probabilities``, float32 [B, X], equal to those of `Predictor`. The constants
    are float32; what it computes in is chosen when it is compiled.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`.
        output: a new directory, or a file ``*.xml``.
        overwrite: whether an older export may be replaced.
        quantize: whether matrix multiplies become int8, by nncf's post-training quantization with
            the ranges that some of the texts show, and what that may cost.

    Raises:
        MissingExtraError: if openvino, or for int8 nncf, is not installed.
        WriteError: if something is at `output`.
        SettingsError: if int8 costs more than it may.
    """
    if quantize is not None:
        check_optional("nncf", extra="int8", purpose="int8 in OpenVINO")

    def write(classifier: ClassifierModel, path: Path) -> Int8Cost | None:
        graph = build_openvino(classifier)
        write_tokenizer(classifier, path.parent)
        notes = {
            "label_names": json.dumps(list(classifier.label_names), ensure_ascii=False),
            "thresholds": json.dumps([float(str(v)) for v in classifier.rule.thresholds]),
        }
        if quantize is None:
            write_graph(graph, path, notes)
            return None
        calibration, rest = quantize.calibration_split()
        write_graph(_int8(graph, classifier, quantize, calibration), path, notes)
        engine = OpenVINOEngine(path, precision="float32")
        return measured_cost(classifier, engine, quantize, rest)

    return write_export(
        model,
        output,
        Target("openvino", MAIN_FILE),
        write,
        overwrite=overwrite,
        quantize=None if quantize is None else "int8",
        notes=(_PRECISION_NOTE,),
    )


def build_openvino(model: ClassifierModel) -> Any:
    """The graph with the outputs ``logits`` and ``probabilities``."""
    graph = build_graph(
        model.config,
        model.tensors,
        outputs=("logits",),
        head=GraphHead(model.kernel, model.bias, model.pooling),
        index_type="int64",
        # For whatever device it goes to.
        packed=False,
    )
    openvino = import_openvino()
    logits = graph.output("logits").get_node().input_value(0)
    probabilities = _probabilities(openvino.opset14, logits, model)
    probabilities.output(0).set_names({"probabilities"})
    result = openvino.opset14.result(probabilities, name="result/probabilities")
    return openvino.Model([*graph.get_results(), result], graph.get_parameters(), "bert")


def _probabilities(op: Any, logits: Any, model: ClassifierModel) -> Any:
    fit = CalibrationArrays.of(model.rule.calibration)
    if fit is None:
        return op.sigmoid(logits)

    def constant(value: Any, dtype: Any = np.float32) -> Any:
        return op.constant(np.asarray(value, dtype, order="C"))

    one, two = constant(1, np.int64), constant(2, np.int64)
    sloped = op.multiply(logits, constant(fit.slopes))
    smooth = op.sigmoid(op.add(sloped, constant(fit.intercepts)))
    if not len(fit.curved):
        return smooth
    columns = op.gather(logits, constant(fit.curved, np.int64), one)
    above = op.subtract(op.unsqueeze(columns, two), constant(fit.starts))
    ramps = op.clamp(op.divide(above, constant(fit.lengths)), 0.0, 1.0)
    risen = op.reduce_sum(op.multiply(ramps, constant(fit.gains)), two, False)
    both = op.concat([smooth, risen], 1)
    return op.gather(both, constant(fit.order, np.int64), one)


def _int8(graph: Any, model: ClassifierModel, int8: Int8, rows: np.ndarray) -> Any:
    import_openvino()
    with _quiet():
        nncf = importlib.import_module("nncf")
    texts = tokenized(model, int8.data.subset(rows))
    batches = [
        {name: array.astype(np.int64) for name, array in texts.pad(indices).items()}
        for indices in token_budget_batches(texts.lengths, _CALIBRATION_TOKENS)
    ]
    int8.progress.say(f"Finding ranges with {len(rows)} texts")
    with _quiet():
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            subset_size=len(batches),
            model_type=nncf.ModelType.TRANSFORMER,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep nncf's own log and progress bars off the terminal."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
