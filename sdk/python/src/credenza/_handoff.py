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
        # The reader appends and the taker pops without the lock. Each of them says that it waits
        # before it looks at the records a last time, so that the other one wakes it.
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._reader_waits = False
        self._taker_waits = False
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None
        threading.Thread(target=self._read, args=(source,), name="credenza-rows", daemon=True).start()

    def _read(self, source: Iterable[T]) -> None:
        error: BaseException | None = None
        waiting, most = self._waiting, self._most
        try:
            for record in source:
                waiting.append(record)
                if self._taker_waits:
                    self._wake()
                if len(waiting) >= most:
                    self._wait_for_room()
                if self._stopped:
                    return
        except BaseException as e:  # it belongs to the thread that takes
            error = e
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _wait_for_room(self) -> None:
        with self._changed:
            self._reader_waits = True
            while len(self._waiting) >= self._most and not self._stopped:
                self._changed.wait()
            self._reader_waits = False

    def _wait_for_records(self) -> None:
        with self._changed:
            self._taker_waits = True
            while not (self._waiting or self._ended or self._stopped):
                self._changed.wait()
            self._taker_waits = False

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def parts(self) -> Iterator[list[T]]:
        """Yield what has come, at least one record each, and raise the iterable's own error."""
        take = self._waiting.popleft
        while True:
            if not self._waiting:
                self._wait_for_records()
            part = [take() for _ in range(len(self._waiting))]
            if self._reader_waits:
                self._wake()
            if self._stopped or not part:
                break
            yield part
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop the iterable at its next record, and both sides that wait."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
