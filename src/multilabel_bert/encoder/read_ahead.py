"""Computes the items of an iterator in a thread of its own, some ahead of who takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
_END = object()
# How often a waiting thread looks whether it is still needed, and Windows for Ctrl-C.
_LOOK_SECONDS = 0.2


class ReadAhead(Generic[Item]):
    """An iterator over `items`, of which at most `ahead` more are computed in a thread.

    An error in the thread is raised here, after the items before it.

    Args:
        items: used by the thread alone.
        ahead: at least 1.
        wait_seconds: how long `close` waits for the current item; None for as long as it takes.
            An item that comes from a pipe may never come.
    """

    def __init__(
        self, items: Iterable[Item], ahead: int, *, wait_seconds: float | None = None
    ) -> None:
        self._queue: Queue[tuple[Any, BaseException | None]] = Queue(ahead)
        self._closed = Event()
        self._wait_seconds = wait_seconds
        self._thread = Thread(target=_work, args=(items, self._put), daemon=True)
        self._thread.start()

    def _put(self, item: Any, error: BaseException | None = None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put((item, error), timeout=_LOOK_SECONDS)
                return True
            except Full:
                pass
        return False

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        while not self._closed.is_set():
            try:
                item, error = self._queue.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            if error is not None or item is _END:
                self._closed.set()
            if error is not None:
                raise error
            if item is not _END:
                return item
        raise StopIteration

    def close(self) -> None:
        """End the thread after its current item; whoever waits for an item gets none.

        Any thread may call it.
        """
        self._closed.set()
        self._thread.join(self._wait_seconds)


def _work(items: Iterable[Any], put: Callable[..., bool]) -> None:
    iterator = iter(items)
    try:
        if all(put(item) for item in iterator):
            put(_END)
    except BaseException as error:  # whatever it is, it belongs to who takes the items
        put(None, error)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
