"""A real server, offline, on a free port with a folder of its own.

CREDENZA_BIN names the program (make build). Without it the tests fail: they do not skip.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credenza import Client

REPOSITORY = Path(os.environ["CREDENZA_REPOSITORY"])


def free_port() -> int:
    """Return a port that is free, and stays so while its server is away: none of those that the
    system gives to connections."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """A server that can be killed and started again on its address and data."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.target = f"127.0.0.1:{free_port()}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CREDENZA_", "OPENAI_"))}
        self._env = kept | {
            "CREDENZA_BACKEND": "offline",
            "CREDENZA_DATA_DIR": str(folder / "data"),
            "CREDENZA_GRPC_ADDR": self.target,
            "CREDENZA_HTTP_ADDR": f"127.0.0.1:{free_port()}",
            "CREDENZA_LOG_LEVEL": "warn",
        }
        self._env |= {f"CREDENZA_{name.upper()}": value for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> Server:
        with open(self.folder / "server.log", "ab") as log:
            command = [os.environ["CREDENZA_BIN"], "serve"]
            self._process = subprocess.Popen(command, env=self._env, cwd=self.folder, stdout=log, stderr=log)
        if wait:
            self._wait()
        return self

    def _wait(self) -> None:
        host, _, port = self.target.rpartition(":")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex((host, int(port))) == 0:
                    return
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def kill(self) -> None:
        """End the server as kill -9 does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests share."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.stop()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function that makes a server for one test, not started yet."""
    servers: list[Server] = []

    def make(**settings: str) -> Server:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.target) as client:
        yield client
