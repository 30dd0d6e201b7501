"""AsyncClient: the same calls for asyncio."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pandas as pd
import pytest
from conftest import Server

from credenza import AsyncClient, CredenzaError, Item, Options

MANY = 20_000


def test_items_rows_and_frames(server: Server) -> None:
    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            async with client.classify([Item("Two-seat sofa"), Item()]) as results:
                assert {r.index: r.category async for r in results} == {0: "SOFA", 1: None}
            assert results.summary is not None
            assert results.summary.failed == 1
            rows = ({"Titel": "Sofa mit Schlafplatz", "Preis": float("nan")} for _ in range(250))
            assert [r.category async for r in client.classify(rows)] == ["SOFA"] * 250
            frame = pd.DataFrame({"title": ["Two-seat sofa", "Desk lamp"]}, index=["x", "y"])
            done = await client.classify_frame(frame, progress=True)
            assert done["category"].to_dict() == {"x": "SOFA", "y": "LIGHTING"}
            assert (await client.classify_one(Item("Two-seat sofa"))).category == "SOFA"
            assert (await client.taxonomy()).styles
            batches = client.classify([Item("Bed")] * 10, options=Options(batch_size=5)).batches()
            assert [len(b.results) async for b in batches] == [5, 5]

    asyncio.run(calls())


def test_an_asynchronous_iterable_is_sent_as_it_comes(server: Server) -> None:
    async def calls() -> None:
        answered = asyncio.Event()

        async def items() -> AsyncIterator[Item]:
            yield Item("Two-seat sofa")
            await asyncio.wait_for(answered.wait(), 20)
            for _ in range(500):
                yield Item("Desk lamp")

        async with AsyncClient(server.target) as client, client.classify(items()) as results:
            assert (await results.__anext__()).category == "SOFA"
            answered.set()
            assert [r.category async for r in results] == ["LIGHTING"] * 500

    asyncio.run(calls())


def test_the_exception_of_an_iterable_comes_out(server: Server) -> None:
    async def items() -> AsyncIterator[Item]:
        yield Item("Two-seat sofa")
        raise LookupError("the shop is closed")

    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            with pytest.raises(LookupError, match="shop is closed"):
                [r async for r in client.classify(items())]
            with pytest.raises(LookupError, match="shop is closed"):
                await client.jobs.submit(items())

    asyncio.run(calls())


def test_leaving_the_loop_ends_all_tasks(server: Server) -> None:
    taken = 0

    async def items() -> AsyncIterator[Item]:
        nonlocal taken
        while True:
            taken += 1
            yield Item(f"Oak bed {taken}", description="with drawers " * 20)

    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            async with client.classify(items()) as results:
                await results.__anext__()
                before = -1
                while before != taken:  # backpressure: the reader has stopped
                    before = taken
                    await asyncio.sleep(0.5)
                assert taken < 60_000
            assert len(asyncio.all_tasks()) <= 2  # this one, and the channel's

    asyncio.run(calls())


def test_cancelling_the_task_cancels_the_call(server: Server) -> None:
    async def items() -> AsyncIterator[Item]:
        yield Item("Two-seat sofa")
        await asyncio.sleep(60)

    async def calls() -> None:
        async with AsyncClient(server.target) as client:

            async def read() -> None:
                async for _ in client.classify(items()):
                    pass

            for start in (read, lambda: client.jobs.submit(items())):
                run: Callable[[], Coroutine[Any, Any, object]] = start
                task = asyncio.create_task(run())
                await asyncio.sleep(0.3)
                begun = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert time.monotonic() - begun < 5

    asyncio.run(calls())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not know which tasks are cancelled")
def test_closing_the_client_is_an_error_of_its_calls_and_cancels_no_task(server: Server) -> None:
    async def items() -> AsyncIterator[Item]:
        yield Item("Two-seat sofa")
        await asyncio.sleep(60)

    async def calls() -> None:
        client = AsyncClient(server.target)
        results = client.classify(items())
        await results.__anext__()
        rest = asyncio.create_task(results.__anext__())
        upload = asyncio.create_task(client.jobs.submit(items()))
        await asyncio.sleep(0.3)
        await client.close()
        for task in (rest, upload):
            with pytest.raises(CredenzaError, match="the client was closed"):
                await asyncio.wait_for(task, 10)

    asyncio.run(calls())


def test_a_deadline_and_an_invalid_request(server: Server) -> None:
    async def items() -> AsyncIterator[Item]:
        yield Item("Two-seat sofa")
        await asyncio.sleep(60)

    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            with pytest.raises(CredenzaError) as caught:
                [r async for r in client.classify(items(), timeout=0.5)]
            assert caught.value.code == "DEADLINE_EXCEEDED"
            with pytest.raises(CredenzaError) as caught:
                [r async for r in client.classify([Item("Bed")], options=Options(batch_size=5000))]
            assert [f.field for f in caught.value.fields] == ["spec.options.batch_size"]

    asyncio.run(calls())


def test_a_job_whose_server_is_killed_has_each_result_once(new_server: Callable[..., Server]) -> None:
    server = new_server().start()

    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            job = await client.jobs.submit((Item(f"Oak bed {i}") for i in range(MANY)), name="many", request_id="many")
            watch = client.jobs.watch(job)
            seen: list[int] = []
            async for result in watch:
                seen.append(result.index)
                if len(seen) == 1000:
                    server.kill()
                    asyncio.get_running_loop().call_later(0.5, server.start, False)
            assert len(seen) == MANY
            assert set(seen) == set(range(MANY))
            assert watch.token
            assert (await client.jobs.get(job)).state == "SUCCEEDED"
            assert [j.job_id async for j in client.jobs.list(state="SUCCEEDED")] == [job.job_id]

    asyncio.run(calls())


def test_jobs(server: Server) -> None:
    async def calls() -> None:
        async with AsyncClient(server.target) as client:
            job = await client.jobs.submit([{"title": f"Oak bed {i}"} for i in range(5000)], name="beds")
            assert (await client.jobs.pause(job, "lunch")).state in ("PAUSED", "SUCCEEDED")
            await client.jobs.resume(job)
            watch = client.jobs.watch(job)
            async for batch in watch.batches():
                assert batch.results
                break
            rest = [r async for r in client.jobs.watch(job, watch.token)]
            assert len(rest) < 5000
            assert len([r async for r in client.jobs.results(job)]) == 5000
            assert [r async for r in client.jobs.results(job, "failed")] == []
            with pytest.raises(CredenzaError):
                await client.jobs.retry(job)
            assert (await client.jobs.cancel(job)).state == "SUCCEEDED"
            await client.jobs.delete(job)

    asyncio.run(calls())


def test_without_a_server(new_server: Callable[..., Server]) -> None:
    async def calls() -> None:
        async with AsyncClient(new_server().target, max_retries=1) as client:
            with pytest.raises(CredenzaError) as caught:
                [r async for r in client.classify([Item("Bed")])]
            assert caught.value.code == "UNAVAILABLE"

    asyncio.run(calls())
