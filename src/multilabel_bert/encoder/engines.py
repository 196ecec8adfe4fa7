"""The choice of the engine that runs the encoder forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.errors import SettingsError

ENGINES = ("auto", "openvino", "keras")


def make_engine(
    config: BertConfig,
    tensors: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    *,
    precision: str = "auto",
    engine: str = "auto",
    last_layer: int | None = None,
) -> Engine:
    """Compile the encoder for running forward.

    Args:
        config: of the encoder.
        tensors: all weights, by canonical tensor name.
        outputs: some of `pooling.PARTS` [B, H]; or ``"sequence_output"`` [B, T, H] alone.
        precision: ``"float32"``, ``"bfloat16"``, or ``"auto"`` for bfloat16 only where the CPU
            has instructions for it.
        engine: ``"openvino"``, ``"keras"`` (float32 only), or ``"auto"`` for OpenVINO where it
            is installed.
        last_layer: how many layers run for ``"sequence_output"``; all unless given.

    Raises:
        SettingsError: for an unknown engine, or a precision that it does not have.
    """
    name, _ = choose_engine(engine, precision)
    if name == "openvino":
        from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
        from multilabel_bert.encoder.openvino_graph import build_graph

        graph = build_graph(config, tensors, outputs=outputs, last_layer=last_layer)
        return OpenVINOEngine(graph, precision=precision)
    from multilabel_bert.encoder.keras_engine import KerasEngine

    return KerasEngine(config, tensors, outputs, last_layer=last_layer)


def choose_engine(engine: str = "auto", precision: str = "auto") -> tuple[str, str]:
    """What `make_engine` takes: the name of the engine and the precision it computes in.

    Raises:
        SettingsError: as `make_engine`.
    """
    if engine not in ENGINES:
        raise SettingsError(f"engine={engine!r} is unknown. Use one of {', '.join(ENGINES)}.")
    if engine == "auto":
        engine = "openvino" if _openvino_is_installed() else "keras"
    if engine == "openvino":
        return engine, choose_precision(precision)
    if precision == "bfloat16":
        raise SettingsError(
            "precision='bfloat16' needs OpenVINO, but the engine is Keras. Install openvino, or "
            "use precision='float32'."
        )
    return engine, "float32"


def _openvino_is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("openvino") is not None
