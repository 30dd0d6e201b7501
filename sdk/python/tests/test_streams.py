"""Streams that end too early, attempts that are given up, and cancellations at a bad time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from credenza import AsyncClient, Client, CredenzaError, Item
from credenza._aio import _Status
from credenza._connection import Outage, connection
from credenza._stream import Upload
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import job_service_pb2 as jobs
from credenza.v1.classification_service_pb2_grpc import (
    ClassificationServiceServicer,
    add_ClassificationServiceServicer_to_server,
)
from credenza.v1.item_pb2 import ItemChunk
from credenza.v1.job_service_pb2_grpc import JobServiceServicer, add_JobServiceServicer_to_server


class Leaving(ClassificationServiceServicer, JobServiceServicer):
    """A server whose streams end in order after one result, without a summary at first."""

    def ClassifyFeed(self, requests: Any, context: Any) -> Iterator[services.ClassifyFeedResponse]:
        response = services.ClassifyFeedResponse()
        response.batch.results.add(index=0)
        yield response

    def WatchJob(self, request: Any, context: Any) -> Iterator[jobs.WatchJobResponse]:
        if request.job_id == "reset":
            context.abort(grpc.StatusCode.CANCELLED, "reset")
        response = jobs.WatchJobResponse(resume_token="after-0")
        response.batch.results.add(index=1 if request.resume_token == "after-0" else 0)
        yield response
        if request.resume_token == "after-0":
            last = jobs.WatchJobResponse(resume_token="end")
            last.summary.total = 2
            yield last

    def CreateJob(self, requests: Any, context: Any) -> jobs.CreateJobResponse:
        return jobs.CreateJobResponse(job=jobs.Job(job_id=f"{sum(len(r.items.items) for r in requests)} items"))

    def GetTaxonomy(self, request: Any, context: Any) -> services.GetTaxonomyResponse:
        context.abort(grpc.StatusCode.CANCELLED, "the proxy goes away")
        return services.GetTaxonomyResponse()


@pytest.fixture
def leaving() -> Iterator[str]:
    service = Leaving()  # type: ignore[abstract]
    server = grpc.server(futures.ThreadPoolExecutor(4))
    add_ClassificationServiceServicer_to_server(service, server)
    add_JobServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_a_feed_without_its_summary_is_not_taken_for_complete(leaving: str) -> None:
    with Client(leaving) as client, pytest.raises(CredenzaError, match="without its summary"):
        list(client.classify([Item("Bed"), Item("Lamp")]))

    async def call() -> None:
        async with AsyncClient(leaving) as client:
            with pytest.raises(CredenzaError, match="without its summary"):
                [r async for r in client.classify([Item("Bed"), Item("Lamp")])]

    asyncio.run(call())


def test_a_watch_continues_after_a_stream_that_ends_before_the_job(leaving: str) -> None:
    with Client(leaving) as client:
        assert [r.index for r in client.jobs.watch("job")] == [0, 1]

    async def call() -> None:
        async with AsyncClient(leaving) as client:
            assert [r.index async for r in client.jobs.watch("job")] == [0, 1]

    asyncio.run(call())


def test_a_watch_does_not_wait_longer_than_its_time() -> None:
    outage, away = Outage(connection(None, None, None, None, 4, False, False), None), CredenzaError("UNAVAILABLE", "")
    assert outage.pause(away, 60) < 60
    with pytest.raises(CredenzaError):
        outage.pause(away, 0.05)


def test_a_call_that_the_server_resets_at_its_deadline_has_the_error_of_a_deadline(leaving: str) -> None:
    with Client(leaving, timeout=0.04) as client:
        for call in (client.taxonomy, lambda: list(client.jobs.watch("reset", timeout=0.04))):
            with pytest.raises(CredenzaError) as caught:
                call()
            assert caught.value.code == "DEADLINE_EXCEEDED"
    with Client(leaving) as client, pytest.raises(CredenzaError) as caught:
        client.taxonomy()
    assert caught.value.code == "CANCELLED"


def test_a_status_of_cancelled_is_an_error_and_cancels_no_task(leaving: str) -> None:
    async def call() -> None:
        async with AsyncClient(leaving) as client:
            with pytest.raises(CredenzaError, match="the proxy goes away"):
                await client.taxonomy()

    asyncio.run(call())


def upload(data: Any) -> Upload[Any]:
    return Upload("spec", lambda chunk: chunk, data, None)


def test_an_attempt_that_is_given_up_leaves_the_data_to_the_next_one() -> None:
    up = upload(iter([Item("Bed"), Item("Lamp")]))
    first = up.requests()
    assert next(first) == "spec"
    assert up.may_repeat(CredenzaError("UNAVAILABLE", "away"))
    assert list(first) == []  # gRPC asks once more, after the call has failed
    _, *chunks = up.requests()
    assert [item.product_name for c in chunks if isinstance(c, ItemChunk) for item in c.items] == ["Bed", "Lamp"]


class Call:
    """A call that remembers whether it was cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


def test_data_that_cannot_be_read_cancel_the_call_that_sends_them() -> None:
    up, first, second = upload([Item("Bed"), "no item"]), Call(), Call()
    up.requests()
    up.of(first)
    thread = threading.Thread(target=list, args=(up.requests(),))
    thread.start()
    assert not first.cancelled.wait(0.1)
    up.of(second)
    thread.join(10)
    assert second.cancelled.is_set()
    assert isinstance(up.error, TypeError)


def test_an_upload_that_ends_before_its_data_are_read_starts_no_thread() -> None:
    before = threading.active_count()
    up = upload(iter([Item("Bed")]))
    requests = up.requests()
    next(requests)
    up.stop()
    assert list(requests) == []
    assert threading.active_count() == before


class Failed:
    """A call of grpc.aio that the server failed."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    async def details(self) -> str:
        return "away"

    async def trailing_metadata(self) -> tuple[()]:
        return ()


def test_a_cancelled_task_ends_also_when_its_server_fails_at_that_moment() -> None:
    async def call() -> None:
        with pytest.raises(asyncio.CancelledError):
            await _Status(Failed(), lambda: False).error(asyncio.CancelledError())

    asyncio.run(call())


def test_data_that_wait_for_a_cancelled_task_fail_the_call(leaving: str) -> None:
    async def items() -> AsyncIterator[Item]:
        yield Item("Bed")
        raise asyncio.CancelledError

    async def call() -> None:
        async with AsyncClient(leaving) as client:
            with pytest.raises(RuntimeError, match="ended with a cancellation"):
                await asyncio.wait_for(client.jobs.submit(items()), 10)

    asyncio.run(call())
