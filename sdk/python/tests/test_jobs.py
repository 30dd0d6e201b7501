"""Jobs, and that no result is lost or doubled when either side is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pandas as pd
import polars as pl
import pytest
from conftest import Server

from credenza import Client, CredenzaError, Item, Job

MANY = 20_000


def ended(client: Client, job: Job) -> Job:
    list(client.jobs.watch(job))
    return client.jobs.get(job)


def test_a_job_from_its_begin_to_its_end(client: Client) -> None:
    items = [Item("Two-seat sofa", id="a"), Item(id="b"), Item("Desk lamp", id="c")]
    job = client.jobs.submit(items, name="Spring", request_id="jobs-1")
    assert (job.name, job.progress.total) == ("Spring", 3)
    watch = client.jobs.watch(job)
    assert {r.item_id: r.category for r in watch} == {"a": "SOFA", "b": None, "c": "LIGHTING"}
    assert watch.summary is not None
    assert watch.summary.failures_by_reason == {"INVALID_ITEM": 1}
    job = client.jobs.get(job.job_id)
    assert job.state == "SUCCEEDED"
    assert job.ended is not None
    assert job.ended >= job.created
    assert client.jobs.submit(items, request_id="jobs-1").job_id == job.job_id
    assert job.job_id in [j.job_id for j in client.jobs.list(state="SUCCEEDED")]
    with pytest.raises(CredenzaError) as caught:
        client.jobs.retry(job)
    assert caught.value.code == "FAILED_PRECONDITION"
    client.jobs.delete(job)
    with pytest.raises(CredenzaError) as caught:
        client.jobs.get(job)
    assert caught.value.code == "NOT_FOUND"


def test_results_are_listed_by_filter_and_with_their_rows(client: Client) -> None:
    rows = [{"sku": i, "title": "Two-seat sofa" if i % 3 else ""} for i in range(2500)]
    job = ended(client, client.jobs.submit(rows))
    assert len({r.index for r in client.jobs.results(job)}) == 2500
    failed = list(client.jobs.results(job, "failed"))
    assert {r.index for r in failed} == set(range(0, 2500, 3))
    assert all(not r.ok and r.row is None for r in failed)
    shown = next(client.jobs.results(job, with_rows=True))
    assert shown.row == (("sku", str(shown.index)), ("title", rows[shown.index]["title"]))
    assert all(r.classification and r.classification.needs_review for r in client.jobs.results(job, "needs_review"))


def test_results_of_a_job_that_runs_are_those_so_far(new_server: Callable[..., Server]) -> None:
    with Client(new_server().start().target) as client:
        job = client.jobs.submit([Item(f"Oak bed {i}") for i in range(MANY)])
        client.jobs.pause(job, "lunch")
        assert client.jobs.get(job).message
        seen = [r.index for r in client.jobs.results(job)]
        assert len(seen) == len(set(seen)) <= MANY
        client.jobs.cancel(job)


def test_a_job_is_paused_resumed_and_cancelled(new_server: Callable[..., Server]) -> None:
    with Client(new_server().start().target) as client:
        job = client.jobs.submit([Item(f"Oak bed {i}") for i in range(MANY)])
        job = client.jobs.pause(job, "the shop is closed")
        assert job.state == "PAUSED"
        assert "the shop is closed" in job.message
        assert client.jobs.resume(job).state in ("QUEUED", "RUNNING")
        assert client.jobs.cancel(job).state == "CANCELLED"
        with pytest.raises(CredenzaError) as caught:
            client.jobs.pause(job)
        assert caught.value.code == "FAILED_PRECONDITION"


def test_an_upload_that_breaks_off_leaves_nothing_behind(client: Client) -> None:
    before = {job.job_id for job in client.jobs.list()}

    def items() -> Iterator[Item]:
        yield from (Item(f"Oak bed {i}") for i in range(1000))
        raise LookupError("the shop is closed")

    with pytest.raises(LookupError, match="shop is closed"):
        client.jobs.submit(items())
    assert {job.job_id for job in client.jobs.list()} == before


def test_a_watch_continues_with_the_token_of_another(client: Client) -> None:
    job = client.jobs.submit([Item(f"Oak bed {i}") for i in range(1000)])
    seen: list[int] = []
    watch = client.jobs.watch(job)
    for batch in watch.batches():
        seen += [r.index for r in batch.results]
        if len(seen) >= 300:
            break
    watch.close()
    token = watch.token
    again = client.jobs.watch(job, token)
    assert again.token == token
    rest = [r.index for r in again]
    assert sorted(seen + rest) == list(range(1000))
    assert again.token != token


def test_the_token_of_single_results_misses_none(client: Client) -> None:
    job = ended(client, client.jobs.submit([Item(f"Oak bed {i}") for i in range(300)]))
    watch = client.jobs.watch(job)
    seen = [next(watch).index for _ in range(150)]
    rest = [r.index for r in client.jobs.watch(job, watch.token)]
    assert set(seen + rest) == set(range(300))
    assert len(rest) >= 150


def test_each_result_once_when_the_server_is_killed_under_a_watch(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    with Client(server.target) as client:
        job = client.jobs.submit((Item(f"Oak bed {i}") for i in range(MANY)), request_id="killed")
        watch = client.jobs.watch(job)
        seen: list[int] = []
        for result in watch:
            seen.append(result.index)
            if len(seen) in (1000, 5000):
                server.kill()
                threading.Timer(0.5, server.start, kwargs={"wait": False}).start()
        assert len(seen) == MANY
        assert set(seen) == set(range(MANY))
        assert watch.summary is not None
        assert watch.summary.total == MANY


def test_a_watch_gives_up_when_its_patience_ends(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    with Client(server.target) as client:
        job = client.jobs.submit([Item(f"Oak bed {i}") for i in range(MANY)])
        watch = client.jobs.watch(job, patience=1.0)
        next(watch)
        server.kill()
        start = time.monotonic()
        with pytest.raises(CredenzaError) as caught:
            list(watch)
        assert caught.value.code == "UNAVAILABLE"
        assert time.monotonic() - start < 8


def frame_of(rows: int) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {"title": [f"Oak bed {i}" for i in range(rows)], "price": [i / 2 for i in range(rows)]}
    )
    frame.loc[rows // 2, "title"] = None
    frame.loc[rows // 2, "price"] = float("nan")
    frame.index = pd.Index([f"row {i}" for i in range(rows)])
    return frame


def test_a_frame_keeps_its_rows_and_index_and_gets_the_results(client: Client) -> None:
    frame = pd.DataFrame(
        {"title": ["Two-seat sofa", None, "Desk lamp"], "price": [899.0, float("nan"), 49.9]}, index=[7, 7, 9]
    )
    before = frame.copy()
    done = client.classify_frame(frame, progress=True)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(done[list(frame.columns)], frame)
    assert list(done.index) == [7, 7, 9]
    assert done["category"].tolist() == ["SOFA", None, "LIGHTING"]
    assert done["error"].tolist()[0] is None
    assert done["error"].tolist()[1].startswith("INVALID_ITEM: ")
    assert done["confidence"].iloc[0] > 0
    assert pd.isna(done["confidence"].iloc[1])
    assert pd.isna(done["needs_review"].iloc[1])
    assert isinstance(done["style_tags"].iloc[0], list)
    assert len(done[done["needs_review"]]) <= 2
    assert len(client.classify_frame(frame.iloc[:0])) == 0


def test_a_frame_of_polars_gets_the_results(client: Client) -> None:
    done = client.classify_frame(pl.DataFrame({"title": ["Two-seat sofa", None]}))
    assert done["category"].to_list() == ["SOFA", None]
    assert done.schema["style_tags"] == pl.List(pl.String)


def test_columns_of_a_frame_are_never_overwritten(client: Client) -> None:
    frame = pd.DataFrame({"title": ["Two-seat sofa"], "category": ["Living"]})
    with pytest.raises(ValueError, match="'category' already: pass prefix="):
        client.classify_frame(frame)
    done = client.classify_frame(frame, prefix="credenza_")
    assert done["category"].tolist() == ["Living"]
    assert done["credenza_category"].tolist() == ["SOFA"]


def test_the_same_frame_and_key_are_one_job(new_server: Callable[..., Server]) -> None:
    with Client(new_server().start().target) as client:
        frame = frame_of(20)
        first = client.classify_frame(frame, key="spring")
        pd.testing.assert_frame_equal(client.classify_frame(frame, key="spring"), first)
        assert len(list(client.jobs.list())) == 1
        client.classify_frame(frame, key="summer")
        client.classify_frame(frame.iloc[1:], key="spring")
        assert len(list(client.jobs.list())) == 3


def test_each_result_once_when_the_server_is_killed_under_a_frame(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    frame = frame_of(MANY)
    kills: list[float] = []

    def kill_and_restart() -> None:
        with Client(server.target) as other:
            for _ in range(2000):
                running = next(iter(other.jobs.list()), None)
                if running is not None and running.progress.done > 1000:
                    break
                time.sleep(0.01)
        server.kill()
        kills.append(time.monotonic())
        time.sleep(0.5)
        server.start(wait=False)

    killing = threading.Thread(target=kill_and_restart)
    killing.start()
    # The server may be killed before it has said that it has the job: that is handed over again.
    with Client(server.target, max_retries=20) as client:
        done = client.classify_frame(frame)
        finished = time.monotonic()
        killing.join()
        assert kills[0] < finished
        (job,) = client.jobs.list()
        assert job.progress.done == MANY
    assert done["category"].isna().sum() == 1
    assert done["error"].notna().sum() == 1
    assert list(done.index) == list(frame.index)


CALLER = """
import sys, os, pandas as pd
sys.path.insert(0, os.environ["TESTS"])
from test_jobs import frame_of, MANY
from credenza import Client
import credenza._frames as frames
add = frames.FrameResults.add
count = 0
def counting(self, result):
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    add(self, result)
frames.FrameResults.add = counting
done = Client(sys.argv[1]).classify_frame(frame_of(MANY), key="spring")
print(count, done["category"].notna().sum())
"""


def test_a_frame_continues_when_its_caller_was_killed(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    env = os.environ | {"TESTS": os.path.dirname(__file__)}

    def run(killed_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CALLER, server.target, str(killed_at)]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)

    assert run(2000).returncode == -9
    done = run(0)
    assert done.stdout.split() == [str(MANY), str(MANY - 1)], done.stderr
    with Client(server.target) as client:
        (job,) = client.jobs.list()
        assert job.progress.done == MANY
