"""Nodes that every part of an OpenVINO graph is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilabel_bert.encoder.openvino_import import import_openvino


class Nodes:
    """Makes nodes; `op` is OpenVINO's operator set."""

    def __init__(self) -> None:
        self.openvino = import_openvino()
        self.op = self.openvino.opset14

    def constant(self, value: Any, dtype: Any = np.float32) -> Any:
        """A constant."""
        return self.op.constant(np.asarray(value, dtype, order="C"))

    def axes(self, *values: int) -> Any:
        """A constant of axes or sizes."""
        return self.constant(values, np.int64)

    def take(self, x: Any, indices: Any, axis: int = 0) -> Any:
        """What is at the indices along an axis."""
        return self.op.gather(x, indices, self.constant(axis, np.int64))
