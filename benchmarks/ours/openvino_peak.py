"""The matrix-multiply peak of OpenVINO: GFLOP/s of 2048 x 2048 x 2048 with constant weights."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
from answering import answer

from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_import import import_openvino

SIZE, SECONDS = 2048, 1.0
# In a row, so that turning the input and the output to and from bfloat16 counts for little.
CHAIN = 8


@functools.cache
def _engine(precision: str, streams: int) -> OpenVINOEngine:
    openvino = import_openvino()
    op = openvino.opset14
    rng = np.random.default_rng(0)
    x = op.parameter(openvino.PartialShape([SIZE, SIZE]), np.dtype(np.float32), name="x")
    x.output(0).set_names({"x"})
    node: Any = x
    for _ in range(CHAIN):
        weights = rng.standard_normal((SIZE, SIZE), np.float32) / np.float32(SIZE**0.5)
        node = op.matmul(node, op.constant(weights), False, False)
    node.output(0).set_names({"y"})
    model = openvino.Model([op.result(node)], [x], "peak")
    return OpenVINOEngine(model, precision=precision, streams=streams)


def peak(precision: str) -> float:
    """GFLOP/s over a second: of one stream on all cores or of two streams, the better."""
    batch = {"x": np.random.default_rng(1).standard_normal((SIZE, SIZE), np.float32)}
    best = 0.0
    for streams in (1, 2):
        engine = _engine(precision, streams)
        for _ in engine.run([batch] * streams):
            pass
        done, started = 0, time.perf_counter()
        while (seconds := time.perf_counter() - started) < SECONDS:
            for _ in engine.run([batch] * 2 * streams):
                done += 1
        best = max(best, done * CHAIN * 2 * SIZE**3 / seconds / 1e9)
    return best


if __name__ == "__main__":
    answer({"peak": peak})
