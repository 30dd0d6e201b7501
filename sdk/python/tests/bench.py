"""Items/s from the client and from its generated stubs alone, in turn, on an offline server."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from conftest import Server

from credenza import Client, Item, Options
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import item_pb2, options_pb2
from credenza.v1.classification_service_pb2_grpc import ClassificationServiceStub

ITEMS, ROUNDS = 50_000, 5
TEXT = "Linen cover, walnut legs, two seats"


def stubs(target: str, batch_size: int) -> None:
    """Classify as a program with the generated code does: chunks of 100, category or reason."""
    options = options_pb2.ClassifyOptions(batch_size=batch_size)

    def requests() -> Iterator[services.ClassifyFeedRequest]:
        yield services.ClassifyFeedRequest(spec=services.FeedSpec(options=options))
        for start in range(0, ITEMS, 100):
            places = range(start, start + 100)
            items = [item_pb2.Item(id=str(i), product_name=f"Oak sofa {i}", description=TEXT) for i in places]
            yield services.ClassifyFeedRequest(items=item_pb2.ItemChunk(items=items))

    with grpc.insecure_channel(target) as channel:
        seen = 0
        for response in ClassificationServiceStub(channel).ClassifyFeed(requests()):
            for result in response.batch.results:
                assert result.classification.category or result.error.reason
                seen += 1
    assert seen == ITEMS


def client(target: str, data: Callable[[], Any], batch_size: int = 0) -> None:
    """Classify with the client."""
    with Client(target) as c:
        results = c.classify(data(), options=Options(batch_size=batch_size))
        assert sum(1 for r in results if r.category or r.error) == ITEMS


def items() -> Iterator[Item]:
    for i in range(ITEMS):
        yield Item(f"Oak sofa {i}", id=str(i), description=TEXT)


def rows() -> Iterator[dict[str, str]]:
    for i in range(ITEMS):
        yield {"id": str(i), "product_name": f"Oak sofa {i}", "description": TEXT}


def main() -> None:
    """Play all in turn, so that other load falls on each of them, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        runs: dict[str, Callable[[], None]] = {
            "stubs, the server's batches of 10": lambda: stubs(server.target, 0),
            "stubs, batches of 100": lambda: stubs(server.target, 100),
            "client, items": lambda: client(server.target, items),
            "client, a list of items": lambda: client(server.target, lambda: list(items())),
            "client, items, batches of 10": lambda: client(server.target, items, 10),
            "client, rows": lambda: client(server.target, rows),
        }
        rates: dict[str, list[float]] = {name: [] for name in runs}
        try:
            for _ in range(ROUNDS):
                for name, run in runs.items():
                    start = time.perf_counter()
                    run()
                    rates[name].append(ITEMS / (time.perf_counter() - start))
        finally:
            server.stop()
    for name, values in rates.items():
        print(f"{name:36} median {statistics.median(values):7.0f} items/s, best {max(values):7.0f}")


if __name__ == "__main__":
    main()
