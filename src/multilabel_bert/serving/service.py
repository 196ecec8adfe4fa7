"""What the routes of one server share: models, batcher, limits, metrics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from multilabel_bert.serving.batcher import MicroBatcher
from multilabel_bert.serving.limits import HeldBytes, Limits
from multilabel_bert.serving.metrics import Metrics
from multilabel_bert.serving.served_models import ServedModels

# Threads that mostly wait for batches.
_EXPLAINERS = 4


@dataclass
class Service:
    """Made once a server, closed at its end.

    Attributes:
        models: that are served.
        limits: of requests.
        metrics: what is counted.
        batcher: computes.
        held: bytes of bodies.
        explainers: threads in which explanations are made.
        explaining: explanations that are asked for now.
    """

    models: ServedModels
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        """Start the threads."""
        self.batcher = MicroBatcher(
            self.models.workers, self.limits.max_waiting_texts, self.metrics
        )
        self.held = HeldBytes(self.limits.max_held_bytes)
        self.explainers = ThreadPoolExecutor(_EXPLAINERS, thread_name_prefix="explainer")
        self.explaining = 0
        self.metrics.waiting_texts.set_function(lambda: self.batcher.waiting_texts)
        for model in self.models:
            self.metrics.models.labels(model.name, model.predictor.precision).set(1)

    def close(self) -> None:
        """Compute what is accepted, and end the threads."""
        self.batcher.close()
        self.explainers.shutdown()
