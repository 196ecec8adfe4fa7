"""A classifier as an ONNX graph, built straight from the tensors."""

# B = texts, T = tokens, H = hidden size, N = attention heads, D = H / N, X = labels

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multilabel_bert.encoder.pooling import LOWEST, layers_below, pooling_parts
from multilabel_bert.export.calibration_arrays import CalibrationArrays
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import import_optional

# The first that has Gelu in both its forms; onnxruntime 1.17 and later run it. Its runtime fuses
# the erf spelt out, this operator, and the Attention of opset 23 about equally well (within 5%).
OPSET = 20
# Of the file format, what onnx 1.15 wrote: the oldest that has that opset.
_IR_VERSION = 9
# The name of the head, as its weights have it.
HEAD = "classifier"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def build_onnx(model: ClassifierModel) -> Any:
    """Build the whole classifier, with dynamic batch and length.

    Inputs are ``input_ids``, ``attention_mask`` and ``token_type_ids``, int64 [B, T]; outputs
    ``logits`` and ``probabilities``, float32 [B, X]: what `Predictor` gives.

    Returns:
        An ``onnx.ModelProto`` in float32, of the opset `OPSET` and no other operators.

    Raises:
        MissingExtraError: if onnx is not installed.

    Source: Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """
    onnx: Any = import_optional("onnx", extra="onnx", purpose="an export to ONNX")
    graph = _Graph(model, onnx)
    logits, probabilities = graph.classifier()
    types, helper = onnx.TensorProto, onnx.helper

    def value(name: str, kind: int, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    outputs = {"logits": logits, "probabilities": probabilities}
    built = helper.make_graph(
        [
            *graph.nodes,
            *(helper.make_node("Identity", [node], [name]) for name, node in outputs.items()),
        ],
        "multilabel_bert",
        [value(name, types.INT64, "batch", "sequence") for name in INPUTS],
        [value(name, types.FLOAT, "batch", model.num_labels) for name in outputs],
        graph.constants,
    )
    return helper.make_model(
        built,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="multilabel-bert",
    )


class _Graph:
    """Collects nodes and constants; a value is the name of the tensor that holds it."""

    def __init__(self, model: ClassifierModel, onnx: Any) -> None:
        self.model, self.config, self.tensors = model, model.config, model.tensors
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        node = self.onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, value: Any, name: str | None = None, dtype: Any = np.float32) -> str:
        name = name or f"constant_{len(self.constants)}"
        array = np.asarray(value, dtype, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def axes(self, *values: int) -> str:
        return self.constant(values, dtype=np.int64)

    def classifier(self) -> tuple[str, str]:
        states = [self.embeddings()]
        mask = self.op("Cast", "attention_mask", to=self.onnx.TensorProto.FLOAT)
        bias = self.attention_bias(mask)
        for index in range(self.config.num_hidden_layers):
            states.append(self.transformer_layer(f"encoder/layer_{index}", states[-1], bias))
        parts = [self.part(name, states, mask) for name in pooling_parts(self.model.pooling)]
        features = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)
        logits = self.affine(features, HEAD, self.model.kernel, self.model.bias)
        return logits, self.probabilities(logits)

    def embeddings(self) -> str:
        words = self.lookup("embeddings/word_embeddings", "input_ids")
        kinds = self.lookup("embeddings/token_type_embeddings", "token_type_ids")
        length = self.op("Gather", self.op("Shape", "input_ids"), self.axes(1), axis=0)
        name = "embeddings/position_embeddings"
        table = self.constant(self.tensors[name], name)
        positions = self.op("Slice", table, self.axes(0), length, self.axes(0))  # [T, H]
        return self.layer_norm(
            "embeddings/LayerNorm", self.op("Add", self.op("Add", words, kinds), positions)
        )

    def lookup(self, name: str, ids: str) -> str:
        table = self.constant(self.tensors[name], name)
        return self.op("Gather", table, ids, axis=0)  # [B, T] -> [B, T, H]

    def attention_bias(self, mask: str) -> str:
        # Google's constant: 0 for a real token, -10000 for padding, whose exp() is 0 in float32.
        missing = self.op("Sub", self.constant(1.0), mask)
        masked = self.op("Mul", missing, self.constant(-10000.0))
        return self.op("Unsqueeze", masked, self.axes(1, 2))  # [B, 1, 1, T]

    def transformer_layer(self, prefix: str, hidden: str, bias: str) -> str:
        context = self.self_attention(f"{prefix}/attention/self", hidden, bias)
        attended = self.dense(f"{prefix}/attention/output/dense", context)
        hidden = self.layer_norm(
            f"{prefix}/attention/output/LayerNorm", self.op("Add", attended, hidden)
        )
        wide = self.activation(self.dense(f"{prefix}/intermediate/dense", hidden))
        narrow = self.dense(f"{prefix}/output/dense", wide)
        return self.layer_norm(f"{prefix}/output/LayerNorm", self.op("Add", narrow, hidden))

    def self_attention(self, prefix: str, hidden: str, bias: str) -> str:
        heads, width = self.config.num_attention_heads, self.config.hidden_size
        size = width // heads
        shape = self.axes(0, 0, heads, size)

        def project(name: str, *order: int) -> str:
            split = self.op("Reshape", self.dense(f"{prefix}/{name}", hidden), shape)
            return self.op("Transpose", split, perm=order)

        query = project("query", 0, 2, 1, 3)  # [B, N, T, D]
        key = project("key", 0, 2, 3, 1)  # [B, N, D, T]
        value = project("value", 0, 2, 1, 3)
        scores = self.op("MatMul", query, key)
        scaled = self.op("Div", scores, self.constant(math.sqrt(size)))
        weights = self.op("Softmax", self.op("Add", scaled, bias), axis=-1)  # [B, N, T, T]
        context = self.op("Transpose", self.op("MatMul", weights, value), perm=(0, 2, 1, 3))
        return self.op("Reshape", context, self.axes(0, 0, width))

    def activation(self, x: str) -> str:
        name = self.config.hidden_act
        if name == "gelu":
            return self.op("Gelu", x)
        if name in ("gelu_new", "gelu_pytorch_tanh"):
            return self.op("Gelu", x, approximate="tanh")
        if name in ("silu", "swish"):
            return self.op("Mul", x, self.op("Sigmoid", x))
        return self.op({"relu": "Relu", "tanh": "Tanh"}[name], x)

    def dense(self, prefix: str, x: str) -> str:
        kernel, bias = (self.tensors[f"{prefix}/{part}"] for part in ("kernel", "bias"))
        return self.affine(x, prefix, kernel, bias)

    def affine(self, x: str, prefix: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        product = self.op("MatMul", x, self.constant(kernel, f"{prefix}/kernel"))
        return self.op("Add", product, self.constant(bias, f"{prefix}/bias"))

    def layer_norm(self, prefix: str, x: str) -> str:
        scale, shift = (
            self.constant(self.tensors[f"{prefix}/{part}"], f"{prefix}/{part}")
            for part in ("gamma", "beta")
        )
        epsilon = self.config.layer_norm_eps
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)

    def part(self, name: str, states: list[str], mask: str) -> str:
        hidden = states[-1 - layers_below(name)]
        how = name.partition("-")[0]
        if how == "cls":
            return self.op("Gather", hidden, self.constant(0, dtype=np.int64), axis=1)
        if how == "pooled":
            return self.op("Tanh", self.dense("pooler/dense", self.part("cls", states, mask)))
        weights = self.op("Unsqueeze", mask, self.axes(2))  # [B, T, 1]
        if how == "max":
            real = self.op("Greater", weights, self.constant(0.0))
            kept = self.op("Where", real, hidden, self.constant(LOWEST))
            return self.op("ReduceMax", kept, self.axes(1), keepdims=0)
        total = self.op("ReduceSum", self.op("Mul", hidden, weights), self.axes(1), keepdims=0)
        # A text always has [CLS]; the maximum only keeps an empty row from becoming NaN.
        tokens = self.op("ReduceSum", mask, self.axes(1), keepdims=1)
        return self.op("Div", total, self.op("Max", tokens, self.constant(1.0)))

    def probabilities(self, logits: str) -> str:
        fit = CalibrationArrays.of(self.model.rule.calibration)
        if fit is None:
            return self.op("Sigmoid", logits)
        sloped = self.op("Mul", logits, self.constant(fit.slopes))
        smooth = self.op("Sigmoid", self.op("Add", sloped, self.constant(fit.intercepts)))
        if not len(fit.curved):
            return smooth
        columns = self.op("Gather", logits, self.axes(*fit.curved), axis=1)
        pieces = self.op("Unsqueeze", columns, self.axes(2))  # [B, C, 1]
        above = self.op("Sub", pieces, self.constant(fit.starts))
        share = self.op("Div", above, self.constant(fit.lengths))
        ramps = self.op("Clip", share, self.constant(0.0), self.constant(1.0))
        risen = self.op("Mul", ramps, self.constant(fit.gains))
        curves = self.op("ReduceSum", risen, self.axes(2), keepdims=0)
        both = self.op("Concat", smooth, curves, axis=1)
        return self.op("Gather", both, self.axes(*fit.order), axis=1)
