"""Errors of calls: their details, tokens, TLS, deadlines, and which calls are repeated."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from conftest import Server, free_port
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from credenza import AsyncClient, Client, CredenzaError, Item, Options
from credenza.v1 import classification_service_pb2 as services
from credenza.v1 import job_service_pb2 as jobs
from credenza.v1.classification_service_pb2_grpc import (
    ClassificationServiceServicer,
    add_ClassificationServiceServicer_to_server,
)
from credenza.v1.job_service_pb2_grpc import JobServiceServicer, add_JobServiceServicer_to_server


def test_an_invalid_request_names_its_fields(client: Client) -> None:
    with pytest.raises(CredenzaError) as caught:
        list(client.classify([Item("Bed")], options=Options(batch_size=5000)))
    e = caught.value
    assert (e.code, e.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert [f.field for f in e.fields] == ["spec.options.batch_size"]
    assert "1000" in e.fields[0].message
    assert "INVALID_ARGUMENT (INVALID_REQUEST)" in str(e)


def test_an_unknown_model_and_an_unknown_job(client: Client) -> None:
    with pytest.raises(CredenzaError) as caught:
        client.classify_one(Item("Bed"), options=Options(model="no-such-model"))
    assert (caught.value.code, caught.value.reason) == ("INVALID_ARGUMENT", "UNKNOWN_MODEL")
    with pytest.raises(CredenzaError) as caught:
        client.jobs.get("no-such-job")
    assert caught.value.code == "NOT_FOUND"
    with pytest.raises(CredenzaError) as caught:
        list(client.jobs.watch("no-such-job"))
    assert caught.value.code == "NOT_FOUND"


def test_a_wrong_choice_is_refused_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(ValueError, match="mode is 'texts': use one of 'auto', 'text', 'image'"):
        client.classify([Item("Bed")], options=Options(mode="texts"))  # type: ignore[arg-type]


def test_a_deadline_ends_a_call(client: Client) -> None:
    def items() -> Iterator[Item]:
        yield Item("Bed")
        time.sleep(3)

    start = time.monotonic()
    with pytest.raises(CredenzaError) as caught:
        list(client.classify(items(), timeout=0.5))
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - start < 2.5
    assert client.classify_one(Item("Bed")).ok


TOKEN = "a-token-for-tests"


@pytest.fixture
def guarded(new_server: Callable[..., Server], tmp_path: Path) -> Server:
    """A server that asks for a token."""
    callers = tmp_path / "tokens.yaml"
    callers.write_text(
        f"callers:\n  - name: shop\n    sha256: {hashlib.sha256(TOKEN.encode()).hexdigest()}\n    scopes: [classify]\n"
    )
    callers.chmod(0o600)
    return new_server(token_file=str(callers)).start()


def test_tokens(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(guarded.target, token=TOKEN) as client:
        assert client.classify_one(Item("Two-seat sofa")).category == "SOFA"
        assert [r.category for r in client.classify([Item("Two-seat sofa")])] == ["SOFA"]
        assert list(client.jobs.list()) == []
    for wrong in ("", "another"):
        with Client(guarded.target, token=wrong) as client, pytest.raises(CredenzaError) as caught:
            client.classify_one(Item("Two-seat sofa"))
        assert caught.value.code == "UNAUTHENTICATED"
    monkeypatch.setenv("CREDENZA_TOKEN", TOKEN + "\n")
    with Client(guarded.target) as client:
        assert client.classify_one(Item("Two-seat sofa")).category == "SOFA"


def test_a_token_never_leaves_this_machine_without_tls() -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Client("shop.example:50051", token=TOKEN, tls=False)
    with pytest.raises(ValueError, match="give the token alone"):
        Client("localhost:50051", token="two lines\n")
    for target in ("shop.example:443", "dns:///shop.example", "[2001:db8::1]:443"):
        Client(target, token=TOKEN).close()
    for target in ("localhost:1", "dns:///127.0.0.1:1", "[::1]:1", "::1", "unix:///run/credenza"):
        Client(target, token=TOKEN, tls=False).close()
    client = Client("shop.example:443", token=TOKEN)
    assert TOKEN not in repr(vars(client))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    subprocess.run([*command.split(), "-out", cert, "-keyout", key], check=True, capture_output=True)
    return cert, key


def test_tls(new_server: Callable[..., Server], certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    server = new_server(tls_cert=str(cert), tls_key=str(key)).start()
    with Client(server.target, tls=grpc.ssl_channel_credentials(cert.read_bytes())) as client:
        assert client.classify_one(Item("Two-seat sofa")).category == "SOFA"
    with Client(server.target, tls=True, max_retries=0) as client, pytest.raises(CredenzaError) as caught:
        client.classify_one(Item("Two-seat sofa"))
    assert caught.value.code == "UNAVAILABLE"


class Failing(ClassificationServiceServicer, JobServiceServicer):  # the other methods are UNIMPLEMENTED
    """A server whose calls fail in the same way a number of times."""

    def __init__(self, code: grpc.StatusCode, reason: str, times: int, retry_after: float | None = None) -> None:
        self.code, self.reason, self.times, self.retry_after = code, reason, times, retry_after
        self.calls: dict[str, int] = {}

    def _fail(self, name: str, context: Any) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.calls[name] > self.times:
            return
        details = [error_details_pb2.ErrorInfo(reason=self.reason, domain="credenza.dev", metadata={"cap": "jobs"})]
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(int(self.retry_after * 1000))
            details.append(retry)
        status = status_pb2.Status(code=self.code.value[0], message="as told")
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(self.code, "as told")

    def Classify(self, request: Any, context: Any) -> services.ClassifyResponse:
        self._fail("Classify", context)
        return services.ClassifyResponse()

    def GetTaxonomy(self, request: Any, context: Any) -> services.GetTaxonomyResponse:
        self._fail("GetTaxonomy", context)
        return services.GetTaxonomyResponse()

    def ClassifyFeed(self, requests: Any, context: Any) -> Iterator[services.ClassifyFeedResponse]:
        items = sum(len(r.items.items) for r in requests)
        self._fail("ClassifyFeed", context)
        response = services.ClassifyFeedResponse()
        response.summary.total = items
        yield response

    def CreateJob(self, requests: Any, context: Any) -> jobs.CreateJobResponse:
        items = sum(len(r.items.items) for r in requests)
        self._fail("CreateJob", context)
        return jobs.CreateJobResponse(job=jobs.Job(job_id=f"{items} items"))

    def DeleteJob(self, request: Any, context: Any) -> jobs.DeleteJobResponse:
        self._fail("DeleteJob", context)
        return jobs.DeleteJobResponse()


@pytest.fixture
def failing() -> Iterator[Callable[..., tuple[Failing, str]]]:
    servers: list[grpc.Server] = []

    def start(*args: Any) -> tuple[Failing, str]:
        service = Failing(*args)  # type: ignore[abstract]
        server = grpc.server(futures.ThreadPoolExecutor(4))
        add_ClassificationServiceServicer_to_server(service, server)
        add_JobServiceServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return service, f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None)


def attempts(call: Callable[[], object]) -> CredenzaError | None:
    try:
        call()
    except CredenzaError as e:
        return e
    return None


UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
ITEMS = [Item("Bed"), Item("Sofa")]


def test_reads_and_jobs_with_a_request_id_are_repeated_and_nothing_else(
    failing: Callable[..., tuple[Failing, str]],
) -> None:
    service, target = failing(UNAVAILABLE, "SHUTTING_DOWN", 2)
    with Client(target) as client:
        assert attempts(client.taxonomy) is None
        assert client.jobs.submit(ITEMS, request_id="once").job_id == "2 items"
        for call in (
            lambda: client.classify_one(ITEMS[0]),
            lambda: list(client.classify(ITEMS)),
            lambda: client.jobs.delete("job"),
        ):
            error = attempts(call)
            assert error is not None
            assert (error.code, error.reason) == ("UNAVAILABLE", "SHUTTING_DOWN")
    assert service.calls == {"GetTaxonomy": 3, "CreateJob": 3, "Classify": 1, "ClassifyFeed": 1, "DeleteJob": 1}


def test_a_job_without_a_request_id_or_with_data_that_are_used_up_is_not_repeated(
    failing: Callable[..., tuple[Failing, str]],
) -> None:
    service, target = failing(UNAVAILABLE, "SHUTTING_DOWN", 2)
    with Client(target) as client:
        assert attempts(lambda: client.jobs.submit(ITEMS)) is not None
        assert attempts(lambda: client.jobs.submit(iter(ITEMS), request_id="once")) is not None
    assert service.calls == {"CreateJob": 2}


def test_a_server_that_is_full_is_asked_again_after_the_time_it_names(
    failing: Callable[..., tuple[Failing, str]],
) -> None:
    service, target = failing(EXHAUSTED, "SERVER_FULL", 1, 0.7)
    start = time.monotonic()
    with Client(target) as client:
        assert attempts(lambda: client.classify_one(ITEMS[0])) is None
        assert time.monotonic() - start >= 0.7
        results = client.classify(ITEMS)
        assert list(results) == []
        assert results.summary is not None
        assert results.summary.total == 2
        assert attempts(lambda: client.jobs.submit(ITEMS)) is None
    assert service.calls == {"Classify": 2, "ClassifyFeed": 2, "CreateJob": 2}


def test_a_cap_is_left_to_the_caller(failing: Callable[..., tuple[Failing, str]]) -> None:
    service, target = failing(EXHAUSTED, "CAP_REACHED", 9, 0.1)
    with Client(target) as client:
        error = attempts(client.taxonomy)
    assert error is not None
    assert (error.cap, error.retry_after) == ("jobs", 0.1)
    assert service.calls == {"GetTaxonomy": 1}


def test_repetitions_are_bounded_by_number_and_time(failing: Callable[..., tuple[Failing, str]]) -> None:
    # The second attempt has 0.8 s, and the third would come too late, whatever the pauses by chance.
    service, target = failing(UNAVAILABLE, "STORAGE_AWAY", 99, 1.2)
    with Client(target, max_retries=2) as client:
        assert attempts(client.taxonomy) is not None
    assert service.calls == {"GetTaxonomy": 3}
    start = time.monotonic()
    with Client(target, max_retries=99, timeout=2) as client:
        error = attempts(client.taxonomy)
    assert error is not None
    assert error.code == "UNAVAILABLE"
    assert service.calls == {"GetTaxonomy": 5}
    assert time.monotonic() - start < 3


def test_the_asynchronous_client_repeats_the_same_calls(failing: Callable[..., tuple[Failing, str]]) -> None:
    service, target = failing(UNAVAILABLE, "SHUTTING_DOWN", 2)

    async def calls() -> None:
        async with AsyncClient(target) as client:
            await client.taxonomy()
            assert (await client.jobs.submit(ITEMS, request_id="once")).job_id == "2 items"
            with pytest.raises(CredenzaError):
                await client.classify_one(ITEMS[0])
            with pytest.raises(CredenzaError):
                [r async for r in client.classify(ITEMS)]

    asyncio.run(calls())
    assert service.calls == {"GetTaxonomy": 3, "CreateJob": 3, "Classify": 1, "ClassifyFeed": 1}


def test_a_proxy_is_not_asked_for_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "http_proxy" in os.environ
    with Client(server.target, max_retries=0) as client:
        assert client.taxonomy().version


class Cut(JobServiceServicer):  # the other methods are UNIMPLEMENTED
    """A server whose first watch breaks off, and that answers no later one."""

    def __init__(self) -> None:
        self.watches = 0
        self.ended = threading.Event()

    def WatchJob(self, request: Any, context: Any) -> Iterator[jobs.WatchJobResponse]:
        self.watches += 1
        if self.watches == 1:
            context.abort(UNAVAILABLE, "going down")
        self.ended.wait(10)
        yield jobs.WatchJobResponse()


@pytest.fixture
def cut() -> Iterator[tuple[Cut, str]]:
    service = Cut()  # type: ignore[abstract]
    server = grpc.server(futures.ThreadPoolExecutor(4))
    add_JobServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, f"127.0.0.1:{port}"
    service.ended.set()
    server.stop(None)


def test_a_watch_whose_time_ends_in_an_attempt_keeps_the_outages_error(cut: tuple[Cut, str]) -> None:
    service, target = cut
    with Client(target) as client:
        error = attempts(lambda: list(client.jobs.watch("one", timeout=0.8)))
        assert error is not None
        assert (error.code, error.message) == ("UNAVAILABLE", "going down")
        assert service.watches == 2
        error = attempts(lambda: list(client.jobs.watch("one", timeout=0.3)))
        assert error is not None
        assert error.code == "DEADLINE_EXCEEDED"


def test_an_asynchronous_watch_whose_time_ends_in_an_attempt_keeps_the_outages_error(cut: tuple[Cut, str]) -> None:
    service, target = cut

    async def run() -> CredenzaError | None:
        async with AsyncClient(target) as client:
            try:
                async for _ in client.jobs.watch("one", timeout=0.8):
                    pass
            except CredenzaError as e:
                return e
        return None

    error = asyncio.run(run())
    assert error is not None
    assert (error.code, error.message) == ("UNAVAILABLE", "going down")
    assert service.watches == 2
