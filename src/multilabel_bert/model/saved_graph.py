"""The OpenVINO graph inside a saved model: written with it, and run instead of its weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from multilabel_bert.encoder.encoding import Engine
from multilabel_bert.encoder.pooling import pooling_parts
from multilabel_bert.errors import CheckpointError, ModelError
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.hugging_face_files import expressible_as_modules

# Where sentence-transformers and optimum look for it.
GRAPH = "openvino/openvino_model.xml"
CONSTANTS = "openvino/openvino_model.bin"
_WEIGHTS_HASH = "weights_sha256"


def write_saved_graph(model: ClassifierModel, directory: Path, weights_sha256: str) -> list[str]:
    """Write the graph of a model; its files are as large as the weights once more.

    It gives the logits, and what this program takes: the vectors that the head is on. Where only
    sentence-transformers has modules for the model, it gives ``last_hidden_state`` too, which
    these take.

    Returns:
        The names of the files written; none where OpenVINO is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        return []
    from multilabel_bert.encoder.openvino_file import write_graph
    from multilabel_bert.encoder.openvino_graph import GraphHead, build_graph

    parts = pooling_parts(model.pooling)
    states = ("sequence_output",) if expressible_as_modules(model.pooling) else ()
    graph = build_graph(
        model.config,
        model.tensors,
        outputs=(*states, *parts, "logits"),
        head=GraphHead(model.kernel, model.bias, model.pooling),
    )
    if states:
        graph.output("sequence_output").add_names({"last_hidden_state"})
    write_graph(graph, directory / GRAPH, {_WEIGHTS_HASH: weights_sha256})
    return [GRAPH, CONSTANTS]


@dataclass(frozen=True)
class SavedGraph:
    """The graph of one saved model.

    Attributes:
        path: of its ``.xml`` file.
        weights_sha256: hash of the weights that it was built from.
        check: raises `ModelError` if its files are not those that were written.
    """

    path: Path
    weights_sha256: str
    check: Callable[[], None]

    def compile(self, outputs: tuple[str, ...], precision: str) -> Engine:
        """Compile it for running forward.

        Its constants are hashed at the same time, on another core.

        Raises:
            ModelError: if it is damaged, or of other weights.
            SettingsError: as `choose_precision`.
        """
        from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
        from multilabel_bert.encoder.openvino_file import read_graph

        with ThreadPoolExecutor(1) as pool:
            checked = pool.submit(self.check)
            try:
                graph = read_graph(self.path, outputs, {_WEIGHTS_HASH: self.weights_sha256})
                return OpenVINOEngine(graph, precision=precision)
            except (CheckpointError, RuntimeError) as error:
                checked.result()
                raise ModelError(
                    f"{error} Copy the model again; or delete the directory {self.path.parent} and "
                    '"openvino/..." in multilabel.json, and the graph is built from the weights.'
                ) from None
            finally:
                # What damaged constants gave is never used.
                checked.result()


class StoredTensors(Mapping[str, np.ndarray]):
    """The weights of a saved model, read when they are first asked for.

    Args:
        read: reads them all.
        graph: what can be run instead, if it is there.
        layers: hashes of the layers, as `encoder.layers.split_layers` makes them, if they are
            known.
    """

    def __init__(
        self,
        read: Callable[[], dict[str, np.ndarray]],
        graph: SavedGraph | None = None,
        layers: tuple[str, ...] | None = None,
    ) -> None:
        self.graph, self.layers = graph, layers
        self._read = read
        self._tensors: dict[str, np.ndarray] | None = None
        self._lock = Lock()

    @property
    def are_read(self) -> bool:
        """Whether they are in memory."""
        return self._tensors is not None

    def _all(self) -> dict[str, np.ndarray]:
        with self._lock:
            if self._tensors is None:
                self._tensors = self._read()
            return self._tensors

    def passing(self) -> Mapping[str, np.ndarray]:
        """All of them, but not to be kept in memory for a later time, unless they are already."""
        return self._read() if self._tensors is None else self._tensors

    def __getitem__(self, name: str) -> np.ndarray:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        # Elsewhere the files may not be there.
        return dict, (dict(self),)
