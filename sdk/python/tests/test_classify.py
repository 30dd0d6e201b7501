"""Client.classify: items and rows of any size, their failures, and how calls end."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pandas as pd
import polars as pl
import pytest
from conftest import Server

from credenza import Client, CredenzaError, Item, Options

ITEMS = [Item("Two-seat sofa", id="a"), Item(id="b"), Item("Desk lamp", id="c")]


def test_items_have_results_and_their_own_errors(client: Client) -> None:
    with client.classify(ITEMS) as results:
        by_id = {result.item_id: result for result in results}
    assert by_id["a"].category == "SOFA"
    assert by_id["a"].ok
    assert by_id["a"].error is None
    classification = by_id["c"].classification
    assert classification is not None
    assert classification.category == "LIGHTING"
    assert 0 < classification.confidence <= 1
    assert classification.confidence_source == "LEXICON"
    assert by_id["c"].index == 2
    assert by_id["c"].trace.backend == "offline"
    error = by_id["b"].error
    assert error is not None
    assert (error.reason, error.retryable) == ("INVALID_ITEM", False)
    assert by_id["b"].category is None
    assert results.summary is not None
    assert (results.summary.total, results.summary.failed) == (3, 1)
    assert results.summary.failures_by_reason == {"INVALID_ITEM": 1}


def test_rows_of_any_kind_are_mapped_by_the_server(client: Client) -> None:
    rows: list[dict[object, object]] = [
        {"Titel": "Sofa mit Schlafplatz", "Preis": 899.0, "Lagerbestand": 3, 7: None},
        {"Titel": "Desk lamp", "Preis": float("nan"), "Bilder": []},
        {"Titel": float("nan"), "Preis": None},
    ]
    results = sorted(client.classify(rows), key=lambda r: r.index)
    assert [r.category for r in results] == ["SOFA", "LIGHTING", None]
    assert results[0].product_name == "Sofa mit Schlafplatz"
    assert results[2].error is not None
    assert results[2].error.reason == "INVALID_ITEM"


def test_overrides_choose_the_columns(client: Client) -> None:
    rows = [{"name": "X-100", "label": "Two-seat sofa"}]
    (result,) = client.classify(rows, columns={"product_name": "label"})
    assert (result.category, result.product_name) == ("SOFA", "Two-seat sofa")


def test_frames_are_classified_by_row(client: Client) -> None:
    frame = pd.DataFrame(
        {"title": ["Two-seat sofa", None, "Desk lamp"], "price": [899.0, float("nan"), 49.9]}, index=[7, 7, 9]
    )
    results = sorted(client.classify(frame), key=lambda r: r.index)
    assert [r.category for r in results] == ["SOFA", None, "LIGHTING"]


def test_frames_of_polars_are_classified_by_row(client: Client) -> None:
    results = client.classify(pl.DataFrame({"title": ["Two-seat sofa", "Desk lamp"]}), options=Options(in_order=True))
    assert [r.category for r in results] == ["SOFA", "LIGHTING"]


def test_a_late_column_fails_its_own_row_alone(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield from ({"title": "Desk lamp"} for _ in range(1000))
        yield {"title": "Desk lamp", "colour": "red"}

    results = sorted(client.classify(rows()), key=lambda r: r.index)
    assert [r.index for r in results if r.error] == [1000]
    assert "colour" in caplog.text


def test_in_order_results_have_the_order_of_the_items(client: Client) -> None:
    results = client.classify((Item(f"Oak bed {i}", id=str(i)) for i in range(500)), options=Options(in_order=True))
    assert [r.item_id for r in results] == [str(i) for i in range(500)]


def test_batches_have_the_size_that_is_asked_for(client: Client) -> None:
    stream = client.classify([Item(f"Oak bed {i}") for i in range(10)], options=Options(batch_size=5, in_order=True))
    batches = list(stream.batches())
    assert [len(b.results) for b in batches] == [5, 5]
    assert batches[1].progress.done == stream.progress.done == 10
    assert batches[0].processing_type == "text_multithreaded"


def test_one_item_and_the_taxonomy(client: Client) -> None:
    assert client.classify_one(Item("Two-seat sofa")).category == "SOFA"
    names = [category.name for category in client.taxonomy().categories]
    assert "SOFA" in names


def test_an_item_does_not_wait_for_others_to_fill_its_chunk(client: Client) -> None:
    answered = threading.Event()

    def items() -> Iterator[Item]:
        yield Item("Two-seat sofa")
        assert answered.wait(20)
        yield Item("Desk lamp")

    results = iter(client.classify(items()))
    assert next(results).category == "SOFA"
    answered.set()
    assert [r.category for r in results] == ["LIGHTING"]


def test_the_exception_of_an_iterable_comes_out(client: Client) -> None:
    def items() -> Iterator[Item]:
        yield Item("Two-seat sofa")
        raise LookupError("the shop is closed")

    with pytest.raises(LookupError, match="shop is closed"):
        list(client.classify(items()))
    with pytest.raises(TypeError, match="Items or rows"):
        list(client.classify([Item("Bed"), {"name": "Bed"}]))
    with pytest.raises(TypeError, match="cannot be classified"):
        client.classify("bed")  # type: ignore[arg-type]


def test_leaving_the_loop_stops_the_iterable_and_its_thread(client: Client) -> None:
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        while True:
            taken += 1
            yield Item(f"Oak bed {taken}")

    for _ in client.classify(items()):
        break
    gc.collect()
    end = time.monotonic() + 10
    while any(t.name == "credenza-rows" for t in threading.enumerate()):
        assert time.monotonic() < end, "the iterable is still read"
        time.sleep(0.01)


def test_a_reader_that_stops_stops_the_iterable(client: Client) -> None:
    """Backpressure: what is read ahead is bounded by windows, not by the data."""
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        for taken in range(200_000):
            yield Item(f"Oak bed {taken}", description="with drawers " * 20)

    with client.classify(items()) as results:
        next(results)
        before = -1
        while before != taken:
            before = taken
            time.sleep(0.5)
    assert taken < 60_000


MEMORY = """
import re, sys
from credenza import Client
def rows(n):
    for i in range(n):
        yield {"title": f"Oak bed {i}", "text": "A bed with drawers and a slatted frame", "price": i / 4}
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
client = Client(sys.argv[1])
assert sum(r.ok for r in client.classify(rows(5_000))) == 5_000
first = peak()
assert len({r.index for r in client.classify(rows(50_000))}) == 50_000
assert sum(r.ok for r in client.classify(rows(50_000))) == 50_000
print(first, peak())
"""


@pytest.mark.once
def test_the_memory_of_a_feed_of_50_000_rows_is_flat(server: Server) -> None:
    command = [sys.executable, "-c", MEMORY, server.target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=240)
    assert done.returncode == 0, done.stderr
    first, peak = map(float, done.stdout.split())
    print(f"peak after 5,000 rows {first:.0f} MiB, after 105,000 {peak:.0f} MiB")
    assert peak - first < 24, done.stdout


class Counter:
    """A way to a server that counts the bytes of its callers."""

    def __init__(self, target: str) -> None:
        self.sent = 0
        self._to = target.rsplit(":", 1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            caller, _ = self._listener.accept()
            server = socket.create_connection((self._to[0], int(self._to[1])))
            threading.Thread(target=self._copy, args=(caller, server, True), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, caller, False), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.sent += len(data) if counted else 0
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def test_gzip_compresses_requests(server: Server) -> None:
    rows = [{"title": "Two-seat sofa", "text": "linen and oak " * 100} for _ in range(300)]
    sent = {}
    for gzip in (False, True):
        counter = Counter(server.target)
        with Client(counter.target, gzip=gzip) as client:
            assert {r.category for r in client.classify(rows)} == {"SOFA"}
        sent[gzip] = counter.sent
    assert sent[False] > 400_000
    assert sent[True] < 40_000


def test_the_server_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENZA_SERVER", server.target)
    with Client() as client:
        assert client.taxonomy().version


def test_a_feed_waits_for_a_server_that_starts(new_server: Callable[..., Server]) -> None:
    server = new_server()
    taken: list[int] = []

    def items() -> Iterator[Item]:
        for i in range(3):
            taken.append(i)
            yield Item("Two-seat sofa")

    with Client(server.target, max_retries=20) as client:
        starting = threading.Timer(1.0, server.start, kwargs={"wait": False})
        starting.start()
        assert [r.category for r in client.classify(items())] == ["SOFA"] * 3
        starting.join()
    assert taken == [0, 1, 2]


def test_without_a_server_a_call_fails_soon(new_server: Callable[..., Server]) -> None:
    with Client(new_server().target, max_retries=1) as client:
        for call in (client.taxonomy, lambda: list(client.classify(ITEMS)), lambda: client.classify_one(ITEMS[0])):
            with pytest.raises(CredenzaError) as caught:
                call()
            assert (caught.value.code, caught.value.reason) == ("UNAVAILABLE", "")


def test_a_feed_whose_server_is_killed_fails_and_is_not_repeated(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    with Client(server.target) as client:
        results = iter(client.classify([Item(f"Oak bed {i}") for i in range(50_000)]))
        next(results)
        server.kill()
        with pytest.raises(CredenzaError) as caught:
            list(results)
    assert caught.value.code == "UNAVAILABLE"
