"""What a request, and all requests together, may take of the server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from multilabel_bert.errors import SettingsError
from multilabel_bert.serving.problems import overloaded, too_large

# The largest bodies that may be in memory at the same time.
_HELD_BODIES = 32


@dataclass(frozen=True)
class Limits:
    """Bounds; above each a request is refused, and nothing grows without one.

    Attributes:
        max_texts: texts of one request.
        max_text_characters: characters of one text; of a pair, of each of the two.
        max_body_bytes: bytes of the body of a request.
        max_waiting_texts: texts accepted and not yet answered, of all requests; more are refused
            with 429. A request is always accepted where nothing waits.
        max_connections: open connections; the next ones are refused with 503.
        timeout_seconds: for one request, from its first byte to its answer.
        max_scores: numbers of one answer: texts times labels, or times what ``top_k`` leaves.

    Raises:
        SettingsError: if a value is not positive.
    """

    max_texts: int = 1024
    max_text_characters: int = 100_000
    max_body_bytes: int = 4 * 2**20
    max_waiting_texts: int = 8192
    max_connections: int = 1024
    timeout_seconds: float = 60.0
    max_scores: int = 200_000

    @property
    def max_held_bytes(self) -> int:
        """Bytes of the bodies of all requests that are read or answered at a time."""
        return _HELD_BODIES * self.max_body_bytes

    def __post_init__(self) -> None:
        """Check every value."""
        for bound in fields(self):
            value = getattr(self, bound.name)
            if not 0 < value < math.inf:
                raise SettingsError(f"{bound.name}={value} must be above 0.")

    def check_scores(self, texts: int, labels: int) -> None:
        """Refuse what would be answered by too many numbers.

        Raises:
            Problem: 413.
        """
        if texts > 1 and texts * labels > self.max_scores:
            raise too_large(
                f"The answer to {texts} texts would hold {texts * labels} scores, more than "
                f"{self.max_scores}. Send at most {max(1, self.max_scores // labels)} texts at a "
                "time, or ask /v1/labels for the top_k."
            )


class HeldBytes:
    """Counts the bytes of the bodies that are in memory. Used by the event loop alone."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def of_request(self) -> Iterator[RequestBytes]:
        """Bytes of one request, given back at its end."""
        taken = RequestBytes(self)
        try:
            yield taken
        finally:
            self.held -= taken.count


class RequestBytes:
    """The bytes of one request."""

    def __init__(self, all_requests: HeldBytes) -> None:
        self._all = all_requests
        self.count = 0

    def add(self, count: int) -> None:
        """Some more bytes have come.

        Raises:
            Problem: if all requests together hold too much.
        """
        if self._all.held + count > self._all.most:
            raise overloaded("Too many large requests are being answered. Try again.", 1)
        self._all.held += count
        self.count += count
