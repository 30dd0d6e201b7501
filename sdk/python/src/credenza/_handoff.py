"""Records on their way from the caller's iterable to the sending thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Handoff(Generic[T]):
    """Reads an iterable on a thread of its own, at most `most` records ahead.

    So a record never waits until others fill its chunk: parts are small while the connection
    is idle, and large while it is busy.
    """

    def __init__(self, source: Iterable[T], most: int) -> None:
        self._most = most
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None
        threading.Thread(target=self._read, args=(source,), name="credenza-rows", daemon=True).start()

    def _read(self, source: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            for record in source:
                if not self._put(record):
                    return
        except BaseException as e:  # it belongs to the thread that takes
            error = e
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _put(self, record: T) -> bool:
        with self._changed:
            while len(self._waiting) >= self._most and not self._stopped:
                self._changed.wait()
            self._waiting.append(record)
            if len(self._waiting) == 1:
                self._changed.notify_all()
            return not self._stopped

    def parts(self) -> Iterator[list[T]]:
        """Yield what has come, at least one record each, and raise the iterable's own error."""
        while True:
            with self._changed:
                while not (self._waiting or self._ended or self._stopped):
                    self._changed.wait()
                part = list(self._waiting)
                self._waiting.clear()
                self._changed.notify_all()
                if self._stopped or not part:
                    break
            yield part
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop the iterable at its next record, and both sides that wait."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
