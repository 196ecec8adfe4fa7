"""The one place where OpenVINO is imported, without the part that reports its use."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from threading import Lock
from types import ModuleType

import numpy as np

_CONVERTER = "openvino.tools.ovc"
_LOCK = Lock()


def import_openvino() -> ModuleType:
    """Import OpenVINO without its model converter.

    ``import openvino`` also imports the converter, which sends a usage event over the network and
    doubles the time of the import. Nothing here needs it; a user's own later
    ``import openvino.tools.ovc`` still works.
    """
    with _LOCK:
        return _import()


@cache
def _import() -> ModuleType:
    openvino = _without_converter()
    # The first look at a tensor's data fills a table of types, and if two threads do it at the same
    # time, OpenVINO 2026.4 blocks for ever: one holds Python's lock and waits for the table, the
    # other fills it and waits for Python's lock.
    _ = openvino.Tensor(np.zeros(1, np.float32)).data
    return openvino


def _without_converter() -> ModuleType:
    if "openvino" not in sys.modules and _CONVERTER not in sys.modules:
        # None makes the import fail with ImportError, which openvino/__init__.py allows for.
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[_CONVERTER]
    return importlib.import_module("openvino")
