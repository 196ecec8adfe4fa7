"""What can go wrong with a request, as an HTTP status and the body of text-embeddings-inference."""

from __future__ import annotations

from collections.abc import Mapping

# Not of any standard, but what nginx writes to its log: nobody reads that answer.
CLIENT_LEFT = 499


class Problem(Exception):  # noqa: N818
    """A request that is not answered as it was asked.

    Args:
        status: of HTTP.
        error_type: one word for programs: ``"validation"``, ``"empty"``, ``"tokenizer"``,
            ``"overloaded"``, ``"backend"`` and ``"unhealthy"`` as text-embeddings-inference has
            them; ours are ``"unauthorized"``, ``"not_found"``, ``"timeout"`` and
            ``"client_left"``.
        message: one sentence for people.
        headers: more headers of the answer.
    """

    def __init__(
        self, status: int, error_type: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.headers = dict(headers or {})

    def to_dict(self) -> dict[str, str]:
        """The body of the answer."""
        return {"error": self.message, "error_type": self.error_type}


def bad_json(message: str) -> Problem:
    """The body is no JSON."""
    return Problem(400, "validation", message)


def unprocessable(message: str) -> Problem:
    """The body is JSON, but not of the shape that is asked for."""
    return Problem(422, "validation", message)


def too_large(message: str) -> Problem:
    """The request is above one of the limits."""
    return Problem(413, "validation", message)


def overloaded(message: str, retry_after_seconds: int) -> Problem:
    """There is too much to do; the client should come back."""
    return Problem(429, "overloaded", message, {"Retry-After": str(retry_after_seconds)})


def timed_out(message: str) -> Problem:
    """The answer would be too late."""
    return Problem(504, "timeout", message)


def stopping() -> Problem:
    """The server is being stopped and takes nothing more."""
    return Problem(
        503, "unhealthy", "The server is being stopped. Ask another.", {"Retry-After": "1"}
    )


def unknown_model(name: object, hint: str) -> Problem:
    """No model has that name."""
    return Problem(404, "not_found", f"There is no model {name!r} here.{hint}")


def client_left() -> Problem:
    """Nobody waits for the answer any more."""
    return Problem(CLIENT_LEFT, "client_left", "The client left.")


def failed() -> Problem:
    """A bug of ours, or memory ran out; details are in the server's log only."""
    return Problem(500, "backend", "The server failed on this request; its log says why.")
