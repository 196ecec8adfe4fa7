"""The one place where OpenVINO is imported, without the part that reports its use."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_CONVERTER = "openvino.tools.ovc"


def import_openvino() -> ModuleType:
    """Import OpenVINO without its model converter.

    ``import openvino`` also imports the converter, which sends a usage event over the network and
    doubles the time of the import. Nothing here needs it; a user's own later
    ``import openvino.tools.ovc`` still works.
    """
    if "openvino" not in sys.modules and _CONVERTER not in sys.modules:
        # None makes the import fail with ImportError, which openvino/__init__.py allows for.
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[_CONVERTER]
    return importlib.import_module("openvino")
