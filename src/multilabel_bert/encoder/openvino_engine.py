"""Runs an OpenVINO model over many batches."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.cpu_features import choose_precision
from multilabel_bert.encoder.openvino_import import import_openvino
from multilabel_bert.errors import SettingsError

HINTS = {"throughput": "THROUGHPUT", "latency": "LATENCY"}
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVINOEngine:
    """A compiled model. It can be used by several threads at once.

    Args:
        model: an ``openvino.Model``, from `build_graph`, or the path of an ``.xml`` file.
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"``; see `choose_precision`.
        hint: ``"throughput"`` for many batches side by side, ``"latency"`` for one at a time.
        streams: batches computed at the same time, at least 1; None leaves it to the hint.
        threads: CPU threads in all, at least 1; None for all cores.
        cache_directory: where compiled models are kept, so that the next start is a little
            faster; None for nowhere.

    Raises:
        SettingsError: if an argument is out of range.
    """

    name = "openvino"

    def __init__(
        self,
        model: Any,
        *,
        precision: str = "auto",
        hint: str = "throughput",
        streams: int | None = None,
        threads: int | None = None,
        cache_directory: str | Path | None = None,
    ) -> None:
        if hint not in HINTS:
            raise SettingsError(f"hint={hint!r} is unknown. Use one of {', '.join(HINTS)}.")
        for name, value in (("streams", streams), ("threads", threads)):
            if value is not None and value < 1:
                raise SettingsError(f"{name}={value}: expected at least 1, or None.")
        self.precision = choose_precision(precision)
        settings: dict[str, Any] = {
            # Set always: OpenVINO's own default is bfloat16 wherever it can.
            "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[self.precision],
            "PERFORMANCE_HINT": HINTS[hint],
        }
        if streams is not None:
            settings["NUM_STREAMS"] = streams
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        if cache_directory is not None:
            # OpenVINO 2026.4 takes a model compiled for float32 for one in bfloat16 too, and then
            # gives NaN or writes where it must not.
            settings["CACHE_DIR"] = str(Path(cache_directory) / self.precision)
        core = import_openvino().Core()
        graph = core.read_model(str(model)) if isinstance(model, str | Path) else model
        # Models saved by other programs, or for other devices, have no such operation.
        self.packs = any(node.get_type_name() == "NonZero" for node in graph.get_ops())
        self._compiled = core.compile_model(graph, "CPU", settings)
        self.input_names = tuple(port.get_any_name() for port in self._compiled.inputs)
        self.output_names = tuple(port.get_any_name() for port in self._compiled.outputs)
        # Asked once: while batches are computed, OpenVINO answers only when one of them is done.
        self._jobs = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        # Used again and again, since to make one takes as long.
        self._idle: deque[Any] = deque(maxlen=4 * self._jobs)

    @property
    def jobs(self) -> int:
        """Batches that are computed at the same time."""
        return self._jobs

    def run(self, batches: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Compute batches side by side.

        `batches` is read at most ``2 * jobs`` ahead, so a file of any size streams through in
        constant memory.

        Args:
            batches: each maps the model's input names to arrays; integer inputs of another width
                are converted, other names are left aside.

        Yields:
            Output name to array, for each batch, in the order of `batches`.

        Raises:
            ValueError: if the inputs of a batch differ in B or T.
        """
        # Requests in turn and no callbacks: a callback may hold the last reference to the
        # compiled model, which would then be destroyed by its own worker thread and abort.
        # Twice as many requests as run at once, so that a slow batch does not leave a core idle.
        most = 2 * self._jobs
        requests: list[Any] = []
        started = 0
        taken = 0
        try:
            for batch in batches:
                if started - taken == most:
                    yield self._finish(requests[taken % most])
                    taken += 1
                if started < most:
                    requests.append(self._idle_request())
                requests[started % most].start_async(self._inputs(batch))
                started += 1
            while taken < started:
                yield self._finish(requests[taken % most])
                taken += 1
        finally:
            for index in range(taken, started):
                # Only after an error or an early end: what they give is not wanted any more.
                with contextlib.suppress(RuntimeError):
                    requests[index % most].wait()
            self._idle.extend(requests)

    def _inputs(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        inputs = {name: batch[name] for name in self.input_names}
        # OpenVINO would find it out too, but may then fail on the batches that follow.
        # What has one axis only are rows of a shared graph.
        if len({array.shape[:2] for array in inputs.values() if array.ndim > 1}) > 1:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
            raise ValueError(f"the inputs of a batch differ in texts or tokens: {shapes}")
        return inputs

    def _finish(self, request: Any) -> dict[str, np.ndarray]:
        request.wait()
        # The request's tensors are overwritten by its next batch.
        outputs = [np.array(tensor.data) for tensor in request.output_tensors]
        return dict(zip(self.output_names, outputs, strict=True))

    def infer(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute one batch; see `run`."""
        (outputs,) = self.run([batch])
        return outputs

    def _idle_request(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()
