"""The results of one call, in batches or one by one, and the side of a call that sends."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from credenza import _types as t
from credenza._convert import batch_from_proto, progress_from_proto, results_from_proto, summary_from_proto
from credenza._errors import CredenzaError, passing, refused
from credenza._handoff import Handoff
from credenza._sources import CHUNK_RECORDS, Chunk, Packer, log, repeatable
from credenza.v1 import classification_service_pb2, job_service_pb2

Event = classification_service_pb2.ClassifyFeedResponse | job_service_pb2.WatchJobResponse
M = TypeVar("M")
R = TypeVar("R", bound="Results")
A = TypeVar("A", bound="AsyncResults")


class _Seen:
    """What the reader of a stream has seen so far."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.summary: t.Summary | None = None
        self.progress = t.Progress(0, 0, 0)

    def take(self, event: Event) -> bool:
        """Keep what is no result, and report whether the event is a batch."""
        kind = event.WhichOneof("event")
        if kind == "batch":
            self.progress = progress_from_proto(event.batch.progress)
            return True
        if kind == "summary":
            self.summary = summary_from_proto(event.summary)
        elif kind == "notice":
            log.warning("%s", event.notice.message)
        self.consumed(event)
        return False

    def results(self, event: Event) -> Iterator[t.Result]:
        """Yield the results of a batch. The last one has the token behind the batch."""
        last = len(event.batch.results)
        for place, result in enumerate(results_from_proto(event.batch.results), 1):
            if place == last:
                self.consumed(event)
            yield result

    def consumed(self, event: Event) -> None:
        """Move the token behind the event."""
        self.token = getattr(event, "resume_token", "") or self.token


class _Stream:
    """What synchronous and asynchronous results have in common."""

    _seen: _Seen

    @property
    def summary(self) -> t.Summary | None:
        """The counts of the call, once the last result has come; None before."""
        return self._seen.summary

    @property
    def progress(self) -> t.Progress:
        """The state of the call with the current batch."""
        return self._seen.progress


class _Token:
    """The place in a job's results."""

    _seen: _Seen

    @property
    def token(self) -> str:
        """A token with which a later watch, of any program, continues after what was taken.

        Within a loop over batches() that is the current batch: store the two together. Results
        one by one move it with the last one of each batch, so that none is missed.
        """
        return self._seen.token


class Results(_Stream, Iterator[t.Result]):
    """The results of a call, to be iterated over once by one thread.

    The call ends when the loop ends, or is left and this object is closed or goes away. A
    failure of the call is a CredenzaError from the iteration.
    """

    def __init__(self, events: Generator[Event, None, None], token: str = "") -> None:
        self._events = events
        self._seen = _Seen(token)
        self._results = _one_by_one(events, self._seen)

    def __iter__(self) -> Iterator[t.Result]:
        return self._results

    def __next__(self) -> t.Result:
        return next(self._results)

    def batches(self) -> Iterator[t.Batch]:
        """Iterate over whole batches instead, as the server sends them."""
        return _in_batches(self._events, self._seen)

    def close(self) -> None:
        """End the call."""
        self._results.close()
        self._events.close()

    def __enter__(self: R) -> R:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Watch(_Token, Results):
    """The results of a job, from the beginning or a token on, then live until its end.

    It outlives its server: while that is away, the iteration waits and continues where it was.
    """


def _one_by_one(events: Iterator[Event], seen: _Seen) -> Generator[t.Result, None, None]:
    for event in events:
        if seen.take(event):
            yield from seen.results(event)


def _in_batches(events: Iterator[Event], seen: _Seen) -> Generator[t.Batch, None, None]:
    for event in events:
        if seen.take(event):
            seen.consumed(event)
            yield batch_from_proto(event.batch)


class AsyncResults(_Stream, AsyncIterator[t.Result]):
    """The results of a call, to be iterated over once by one task.

    The call ends when the loop ends, or is left and this object is closed (`async with`). A
    failure of the call is a CredenzaError from the iteration.
    """

    def __init__(self, events: AsyncGenerator[Event, None], token: str = "") -> None:
        self._events = events
        self._seen = _Seen(token)
        self._results = _one_by_one_async(events, self._seen)

    def __aiter__(self) -> AsyncIterator[t.Result]:
        return self._results

    async def __anext__(self) -> t.Result:
        return await self._results.__anext__()

    def batches(self) -> AsyncIterator[t.Batch]:
        """Iterate over whole batches instead, as the server sends them."""
        return _in_batches_async(self._events, self._seen)

    async def aclose(self) -> None:
        """End the call."""
        await self._results.aclose()
        await self._events.aclose()

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class AsyncWatch(_Token, AsyncResults):
    """The results of a job, as Watch has them."""


async def _one_by_one_async(events: AsyncIterator[Event], seen: _Seen) -> AsyncGenerator[t.Result, None]:
    async for event in events:
        if seen.take(event):
            for result in seen.results(event):
                yield result


async def _in_batches_async(events: AsyncIterator[Event], seen: _Seen) -> AsyncGenerator[t.Batch, None]:
    async for event in events:
        if seen.take(event):
            seen.consumed(event)
            yield batch_from_proto(event.batch)


class Upload(Generic[M]):
    """The requests of a call: the first one, then one for each chunk of the data.

    Data that cannot be read again are kept for a further attempt until the first request has
    been sent. gRPC asks for a request when the one before is sent, on a thread of its own, and
    may do so once more after the call has failed.
    """

    def __init__(self, first: M, wrap: Callable[[Chunk], M], data: Any, columns: Any) -> None:
        self._first, self._wrap, self._data, self._columns = first, wrap, data, columns
        self._lock = threading.Lock()
        self._attempt = _Attempt()
        self._began = False  # whether a record may have been sent
        self.error: BaseException | None = None  # of the data

    def requests(self) -> Iterator[M]:
        """Return the requests of the next attempt."""
        self._attempt = _Attempt()
        return self._requests(self._attempt)

    def _requests(self, attempt: _Attempt) -> Iterator[M]:
        """Yield the requests. If the data cannot be read, cancel the call, since half of them may
        not count as the whole."""
        yield self._first
        if not self._begin(attempt):
            return
        try:
            for chunk in self._chunks(attempt.handoff):
                yield self._wrap(chunk)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            attempt.cancel()

    def _begin(self, attempt: _Attempt) -> bool:
        """Begin to read the data, unless the attempt has ended."""
        with self._lock:
            if attempt.ended:
                return False
            self._began = True
            if not repeatable(self._data):
                attempt.handoff = Handoff(self._data, 2 * CHUNK_RECORDS)
            return True

    def _chunks(self, handoff: Handoff[Any] | None) -> Iterator[Chunk]:
        packer = Packer(self._columns)
        if handoff is None:
            yield from packer.whole(self._data)
            return
        for part in handoff.parts():
            yield from packer.part(part)

    def of(self, call: Any) -> None:
        """Name the call that sends the requests."""
        self._attempt.call = call
        self._attempt.called.set()

    def stop(self) -> None:
        """End the attempt: stop reading the data at the next record."""
        with self._lock:
            self._attempt.ended = True
        if self._attempt.handoff is not None:
            self._attempt.handoff.stop()

    def may_repeat(self, error: CredenzaError, safe: bool = False) -> bool:
        """Report whether the call, which has ended, can be made again, with all of the data and
        without paying twice. safe: the server recognizes the call by its request id."""
        with self._lock:
            self._attempt.ended = True
            began = self._began
        if not began:
            return passing(error) or refused(error)
        return repeatable(self._data) and (refused(error) or (safe and passing(error)))


class _Attempt:
    """One call that sends an upload."""

    def __init__(self) -> None:
        self.ended = False
        self.handoff: Handoff[Any] | None = None  # of data that cannot be read again
        self.call: Any = None
        self.called = threading.Event()

    def cancel(self) -> None:
        """Cancel the call, once it is known."""
        self.called.wait()
        self.call.cancel()
