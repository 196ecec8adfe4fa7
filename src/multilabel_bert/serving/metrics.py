"""Metrics for Prometheus: requests, texts, tokens, batches, what waits."""

from __future__ import annotations

from multilabel_bert.optional import import_optional

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """What one server counts. Safe in threads."""

    def __init__(self) -> None:
        client = import_optional("prometheus_client", extra="serve", purpose="the server")
        self._client = client
        # Not the client's own: a program may have two servers, as the tests do.
        self._registry = registry = client.CollectorRegistry()
        self.requests = client.Counter(
            "multilabel_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.request_seconds = client.Histogram(
            "multilabel_request_seconds",
            "Time from a request to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.waited_seconds = client.Histogram(
            "multilabel_waited_seconds",
            "Time that the texts of a request waited before they were put into batches.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.texts = client.Counter(
            "multilabel_texts", "Texts answered.", ["model"], registry=registry
        )
        self.refused = client.Counter(
            "multilabel_refused", "Requests refused, by reason.", ["reason"], registry=registry
        )
        self.batch_seconds = client.Histogram(
            "multilabel_batch_seconds",
            "Time of one batch in the encoder.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_texts = client.Histogram(
            "multilabel_batch_texts",
            "Texts, or windows, of a batch.",
            buckets=_TEXTS,
            registry=registry,
        )
        self._tokens = client.Counter(
            "multilabel_tokens",
            "Tokens of batches: real ones, and the padding that a rectangle of them would have.",
            ["kind"],
            registry=registry,
        )
        self.waiting_texts = client.Gauge(
            "multilabel_waiting_texts", "Texts accepted and not answered yet.", registry=registry
        )
        self.models = client.Gauge(
            "multilabel_model_info",
            "Always 1: the models served.",
            ["model", "precision"],
            registry=registry,
        )
        self._real, self._padding = self._tokens.labels("real"), self._tokens.labels("padding")

    def batch_done(self, texts: int, tokens: int, slots: int, seconds: float) -> None:
        """See `batcher.Observer`."""
        self.batch_seconds.observe(seconds)
        self.batch_texts.observe(texts)
        self._real.inc(tokens)
        self._padding.inc(slots - tokens)

    @property
    def content_type(self) -> str:
        """Of `text`."""
        return str(self._client.CONTENT_TYPE_LATEST)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return bytes(self._client.generate_latest(self._registry))
