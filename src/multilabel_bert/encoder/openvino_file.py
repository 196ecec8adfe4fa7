"""An encoder's OpenVINO graph on disk: written once, read with the outputs that are needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multilabel_bert.encoder.openvino_import import import_openvino
from multilabel_bert.errors import CheckpointError

_INFO = "multilabel_bert"


def write_graph(graph: Any, path: Path, info: Mapping[str, str]) -> None:
    """Write a graph as ``path`` (.xml) and, beside it, its constants in float32 (.bin).

    Args:
        graph: an ``openvino.Model``.
        path: ends in ``.xml``.
        info: what is noted in it; `read_graph` can ask for it.
    """
    for name, value in info.items():
        graph.set_rt_info(value, [_INFO, name])
    path.parent.mkdir(parents=True, exist_ok=True)
    import_openvino().save_model(graph, str(path), compress_to_fp16=False)


def read_graph(path: Path, outputs: Sequence[str], info: Mapping[str, str] | None = None) -> Any:
    """Read a graph that `write_graph` wrote; its constants are memory-mapped.

    Args:
        path: of the ``.xml`` file.
        outputs: the outputs that are kept, in this order; what only the others need is not
            computed.
        info: what must be noted in it.

    Raises:
        CheckpointError: if it cannot be read, lacks an output, or has another note.
    """
    openvino = import_openvino()
    core = openvino.Core()
    if sys.platform == "win32":
        # There a mapped file cannot be replaced, and a model may be trained anew.
        core.set_property({"ENABLE_MMAP": False})
    try:
        model = core.read_model(str(path))
        kept = [model.output(name) for name in outputs]
    except RuntimeError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise CheckpointError(
            f"{path} cannot be used ({reason}). It is damaged, or of a newer OpenVINO."
        ) from None
    for name, value in (info or {}).items():
        noted = str(model.get_rt_info([_INFO, name]).astype(str)) if _has(model, name) else "none"
        if noted != value:
            raise CheckpointError(f"{path} has the {name} {noted}; expected {value}.")
    opset = openvino.opset14
    results = []
    for name, output in zip(outputs, kept, strict=True):
        # A tensor may have several names, and the engine's outputs are called as asked for.
        output.set_names({name})
        results.append(opset.result(output.get_node().input_value(0), name=f"result/{name}"))
    return openvino.Model(results, model.get_parameters(), "bert")


def _has(model: Any, name: str) -> bool:
    return bool(model.has_rt_info([_INFO, name]))
