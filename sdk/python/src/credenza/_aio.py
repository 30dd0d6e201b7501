"""The asynchronous client. Its calls mean what those of Client mean."""

from __future__ import annotations

import asyncio
import itertools
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

import grpc
import grpc.aio

from credenza import _convert as c
from credenza._client import feed_chunk, job_chunk, job_id, job_spec, next_page, results_request
from credenza._connection import Attempts, Connection, Outage, connection
from credenza._errors import (
    CredenzaError,
    broken,
    error_from_rpc,
    error_of,
    incomplete,
    interrupted,
    passing,
    refused,
)
from credenza._frames import FrameResults, progress_bar, request_id
from credenza._sources import CHUNK_RECORDS, AsyncData, Chunk, F, Packer, check, log, repeatable
from credenza._stream import AsyncResults, AsyncWatch
from credenza._types import Item, Job, JobState, Options, Result, ResultFilter, Taxonomy
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import job_service_pb2 as jobs
from credenza.v1.classification_service_pb2_grpc import ClassificationServiceStub
from credenza.v1.job_service_pb2_grpc import JobServiceStub

T = TypeVar("T")
M = TypeVar("M")


class AsyncClient:
    """A connection to a server, for asyncio. Its settings are those of Client.

    It belongs to the event loop that is running when it is made, and many tasks may use it.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        token: str | None = None,
        tls: bool | grpc.ChannelCredentials | None = None,
        timeout: float | None = 60.0,
        max_retries: int = 4,
        gzip: bool = False,
        plaintext_token: bool = False,
    ) -> None:
        self._connection = connection(target, token, tls, timeout, max_retries, gzip, plaintext_token)
        self._calls = _Calls(self._connection)
        self.jobs = AsyncJobs(self._calls)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and end the calls in flight."""
        await self._calls.close()

    async def taxonomy(self) -> Taxonomy:
        """Return the categories and styles that the server sorts items into."""
        request = services.GetTaxonomyRequest()
        return c.taxonomy_from_proto(await self._calls.unary(self._calls.items.GetTaxonomy, request, safe=True))

    async def classify_one(self, item: Item, *, options: Options = Options(), timeout: float | None = None) -> Result:
        """Classify one item, as Client.classify_one does."""
        request = services.ClassifyRequest(
            item=c.item_to_proto(item), mode=c.mode_to_proto(options.mode), options=c.options_to_proto(options)
        )
        response = await self._calls.unary(self._calls.items.Classify, request, timeout=timeout)
        return c.result_from_proto(response.result)

    def classify(
        self,
        data: AsyncData,
        *,
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        timeout: float | None = None,
    ) -> AsyncResults:
        """Classify Items, rows or a DataFrame, as Client.classify does.

        The data may be an asynchronous iterable too. A plain iterator is read on the event loop,
        100 records at a time, and so must not block.
        """
        check(data)
        spec = services.FeedSpec(mode=c.mode_to_proto(options.mode), options=c.options_to_proto(options))
        return AsyncResults(self._feed(spec, data, columns, timeout))

    async def _feed(
        self, spec: services.FeedSpec, data: AsyncData, columns: Mapping[str, str] | None, timeout: float | None
    ) -> AsyncGenerator[services.ClassifyFeedResponse, None]:
        upload = _AsyncUpload(services.ClassifyFeedRequest(spec=spec), feed_chunk, data, columns)
        attempts = Attempts(self._connection.max_retries, timeout)
        while True:
            call = self._calls.items.ClassifyFeed(**self._calls.settings(attempts))
            status = self._calls.status(call)
            sending = asyncio.create_task(upload.send(call))
            received = complete = False
            try:
                async for event in call:
                    received, complete = True, event.HasField("summary")
                    yield event
                if not complete:
                    raise incomplete()
                return
            except (grpc.RpcError, asyncio.CancelledError) as e:
                if upload.error is not None:
                    raise upload.error from None
                error = await status.error(e)
                pause = attempts.pause(error, not received and upload.may_repeat(error))
            finally:
                call.cancel()
                await _end(sending)
            await asyncio.sleep(pause)

    async def classify_frame(
        self,
        frame: F,
        *,
        key: str = "",
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        prefix: str = "",
        progress: bool = False,
        patience: float | None = 600.0,
    ) -> F:
        """Classify a DataFrame of pandas or polars as a job, as Client.classify_frame does."""
        results = FrameResults(frame, prefix)
        if len(frame) == 0:
            return results.frame()
        job = await self.jobs.submit(
            frame, columns=columns, options=options, request_id=request_id(frame, key, columns, options), name=key
        )
        bar = progress_bar(progress, len(frame))
        try:
            async for result in self.jobs.watch(job, patience=patience):
                results.add(result)
                bar.update(1)
        finally:
            bar.close()
        return results.frame()


class AsyncJobs:
    """The jobs of a server, as Jobs has them."""

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls
        self._stub = calls.jobs

    async def submit(
        self,
        data: AsyncData,
        *,
        columns: Mapping[str, str] | None = None,
        options: Options = Options(),
        name: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Job:
        """Create a job, as Jobs.submit does."""
        check(data)
        upload = _AsyncUpload(jobs.CreateJobRequest(spec=job_spec(options, name, request_id)), job_chunk, data, columns)
        attempts = Attempts(self._calls.connection.max_retries, timeout)
        while True:
            call = self._stub.CreateJob(**self._calls.settings(attempts))
            status = self._calls.status(call)
            sending = asyncio.create_task(upload.send(call))
            try:
                return c.job_from_proto((await call).job)
            except (grpc.RpcError, asyncio.CancelledError) as e:
                if upload.error is not None:
                    raise upload.error from None
                error = await status.error(e)
                pause = attempts.pause(error, upload.may_repeat(error, safe=bool(request_id)))
            finally:
                call.cancel()
                await _end(sending)
            await asyncio.sleep(pause)

    def watch(
        self, job: str | Job, token: str = "", *, patience: float | None = 600.0, timeout: float | None = None
    ) -> AsyncWatch:
        """Follow a job, as Jobs.watch does."""
        return AsyncWatch(self._watch(job_id(job), token, patience, timeout), token)

    async def _watch(
        self, name: str, token: str, patience: float | None, timeout: float | None
    ) -> AsyncGenerator[jobs.WatchJobResponse, None]:
        outage, attempts = Outage(self._calls.connection, patience), Attempts(0, timeout)
        while True:
            request = jobs.WatchJobRequest(job_id=name, resume_token=token)
            opened = time.monotonic()
            call = self._stub.WatchJob(request, **self._calls.settings(attempts))
            status = self._calls.status(call)
            try:
                async for event in call:
                    outage.message()
                    token = event.resume_token or token
                    yield event
                    if event.HasField("summary"):
                        return
                error = interrupted()
            except (grpc.RpcError, asyncio.CancelledError) as e:
                error = attempts.late(await status.error(e))
                if self._calls.closed or not broken(error):
                    raise outage.cause(error, opened) from None
            finally:
                call.cancel()
            pause = outage.pause(error, attempts.time_left())
            log.info("the watch of job %s waits %.1f s: %s", name, pause, error)
            await asyncio.sleep(pause)
            if self._calls.closed:
                raise error

    async def get(self, job: str | Job) -> Job:
        """Return a job."""
        request = jobs.GetJobRequest(job_id=job_id(job))
        return c.job_from_proto((await self._calls.unary(self._stub.GetJob, request, safe=True)).job)

    async def list(self, *, state: JobState | None = None) -> AsyncIterator[Job]:
        """Iterate over the jobs, the newest first, or those in one state."""
        request = jobs.ListJobsRequest(state=c.state_to_proto(state))
        while True:
            page = await self._calls.unary(self._stub.ListJobs, request, safe=True)
            for job in page.jobs:
                yield c.job_from_proto(job)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    async def results(
        self, job: str | Job, filter: ResultFilter = "all", *, with_rows: bool = False
    ) -> AsyncIterator[Result]:
        """Iterate over the results that there are now, as Jobs.results does."""
        request = results_request(job, filter, with_rows)
        while True:
            page = await self._calls.unary(self._stub.ListJobResults, request, safe=True)
            for result in c.page_from_proto(page):
                yield result
            if not next_page(request, page):
                return

    async def retry(self, job: str | Job, *, request_id: str = "") -> Job:
        """Create a job from the items of an ended job that failed and may succeed later."""
        request = jobs.RetryJobRequest(job_id=job_id(job), request_id=request_id)
        return c.job_from_proto((await self._calls.unary(self._stub.RetryJob, request, safe=bool(request_id))).job)

    async def pause(self, job: str | Job, reason: str = "") -> Job:
        """Pause a job: no further item is begun. The reason, for people, is its message then."""
        request = jobs.PauseJobRequest(job_id=job_id(job), reason=c.text(reason))
        return c.job_from_proto((await self._calls.unary(self._stub.PauseJob, request, safe=True)).job)

    async def resume(self, job: str | Job) -> Job:
        """Continue a paused job."""
        request = jobs.ResumeJobRequest(job_id=job_id(job))
        return c.job_from_proto((await self._calls.unary(self._stub.ResumeJob, request, safe=True)).job)

    async def cancel(self, job: str | Job) -> Job:
        """End a job early. Its results so far are kept."""
        request = jobs.CancelJobRequest(job_id=job_id(job))
        return c.job_from_proto((await self._calls.unary(self._stub.CancelJob, request, safe=True)).job)

    async def delete(self, job: str | Job) -> None:
        """Delete a job with its items and results. One that runs is cancelled first."""
        await self._calls.unary(self._stub.DeleteJob, jobs.DeleteJobRequest(job_id=job_id(job)))


class _Calls:
    """The channel, and calls with one answer."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.closed = False
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        target, options = connection.target, connection.options()
        if connection.credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options)
        else:
            self._channel = grpc.aio.secure_channel(target, connection.credentials, options)
        self.items = ClassificationServiceStub(self._channel)
        self.jobs = JobServiceStub(self._channel)

    def status(self, call: Any) -> _Status:
        self._streams.add(call)
        return _Status(call, lambda: self.closed)

    async def close(self) -> None:
        self.closed = True
        for call in list(self._streams):  # older versions of grpcio leave some of them open
            call.cancel()
        await self._channel.close()

    def settings(self, attempts: Attempts) -> dict[str, Any]:
        """Return the keyword arguments of the next attempt."""
        return {
            "timeout": attempts.time_left(),
            "metadata": self.connection.metadata,
            "compression": self.connection.compression,
        }

    async def unary(
        self, method: Callable[..., Awaitable[T]], request: Any, *, safe: bool = False, timeout: float | None = None
    ) -> T:
        """Make a call. One that is safe is repeated whenever that may help."""
        attempts = Attempts(self.connection.max_retries, self.connection.timeout if timeout is None else timeout)
        while True:
            try:
                return await method(request, **self.settings(attempts))
            except grpc.RpcError as e:
                error = error_from_rpc(e)
            await asyncio.sleep(attempts.pause(error, refused(error) or (safe and passing(error))))


class _AsyncUpload(Generic[M]):
    """The requests of a call, as Upload has them, sent by a task of their own."""

    def __init__(self, first: M, wrap: Callable[[Chunk], M], data: Any, columns: Any) -> None:
        self._first, self._wrap, self._data, self._columns = first, wrap, data, columns
        self._began = False  # whether a record may have been sent
        self.error: BaseException | None = None  # of the data

    async def send(self, call: Any) -> None:
        """Send everything and close the sending side. If the data cannot be read, cancel the call,
        since half of them may not count as the whole."""
        try:
            await call.write(self._first)
            self._began = True
            async with aclosing(self._chunks()) as chunks:
                async for chunk in chunks:
                    await call.write(self._wrap(chunk))
            await call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):  # the reader of the call gets the reason
            return
        except Exception as error:
            self.error = error
            call.cancel()

    async def _chunks(self) -> AsyncGenerator[Chunk, None]:
        packer = Packer(self._columns)
        if repeatable(self._data):
            for chunk in packer.whole(self._data):
                yield chunk
            return
        async with aclosing(_parts(self._data)) as parts:
            async for part in parts:
                for chunk in packer.part(part):
                    yield chunk

    def may_repeat(self, error: CredenzaError, safe: bool = False) -> bool:
        """Report whether the call can be made again, as Upload.may_repeat does."""
        if not self._began:
            return passing(error) or refused(error)
        return repeatable(self._data) and (refused(error) or (safe and passing(error)))


async def _parts(data: Any) -> AsyncGenerator[list[Any], None]:
    """Yield the records that have come, at least one each time."""
    if not isinstance(data, AsyncIterable):
        records = iter(data)
        while part := list(itertools.islice(records, CHUNK_RECORDS)):
            yield part
        return
    queue: asyncio.Queue[Any] = asyncio.Queue(2 * CHUNK_RECORDS)
    reading = asyncio.create_task(_read(data, queue))
    try:
        while True:
            part = [await queue.get()]
            while not queue.empty():
                part.append(queue.get_nowait())
            end = part.pop() if isinstance(part[-1], _End) else None
            if part:
                yield part
            if end is not None:
                if end.error is not None:
                    raise end.error
                return
    finally:
        await _end(reading)


class _End(NamedTuple):
    """The end of an iterable, with the exception that it ended with."""

    error: Exception | None


async def _read(data: AsyncIterable[Any], queue: asyncio.Queue[Any]) -> None:
    error = None
    try:
        async for record in data:
            await queue.put(record)
    except Exception as e:  # it belongs to the caller
        error = e
    except asyncio.CancelledError as e:  # of this task, or of one that the data wait for
        error = RuntimeError("the data ended with a cancellation")
        error.__cause__ = e
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(_End(error))
        raise
    await queue.put(_End(error))


class _Status:
    """The server's status of a call.

    grpc.aio puts "Internal error from Core" in its place, for good or for a moment, if a message
    is on its way when it comes, as when a server refuses an upload at its first message.
    """

    def __init__(self, call: Any, closed: Callable[[], bool]) -> None:
        self._call, self._closed = call, closed
        self._error: CredenzaError | None = None
        call.add_done_callback(self._keep)

    def _keep(self, call: Any) -> None:
        if self._error is None or self._is_core():
            code, message, trailer = _now(call.code()), _now(call.details()), _now(call.trailing_metadata())
            self._error = error_of(code, message or "", trailer)

    def _is_core(self) -> bool:
        return self._error is not None and self._error.message == "Internal error from Core"

    async def error(self, raised: BaseException) -> CredenzaError:
        """Return the error of a call that failed, or raise the cancellation of this task.

        A call that the server ended with CANCELLED raises CancelledError, and one whose client
        was closed, as does this task's own cancellation. grpc.aio gives the last two these details.
        """
        for _ in range(50):
            if not self._is_core():
                break
            await asyncio.sleep(0.01)
            self._keep(self._call)
        if isinstance(raised, grpc.RpcError):
            return self._error or error_from_rpc(raised)
        if self._error is None or self._error.code != "CANCELLED" or _is_cancelled(unknown=False):
            raise raised
        if self._error.message != "Locally cancelled by application!":
            return self._error
        if self._closed() and not _is_cancelled(unknown=True):
            return CredenzaError("CANCELLED", "the client was closed")
        raise raised


def _is_cancelled(unknown: bool) -> bool:
    """Report whether this task was cancelled, or, in Python 3.10, that this is unknown."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return unknown if cancelling is None else cancelling() > 0


def _now(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    return None


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # has been raised elsewhere
