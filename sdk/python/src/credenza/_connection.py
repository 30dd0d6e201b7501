"""How a server is reached, for both clients: address, TLS, token, time and repetitions."""

from __future__ import annotations

import ipaddress
import os
import re
import time
from dataclasses import dataclass

import grpc

from credenza._errors import LONGEST_WAIT, CredenzaError, pause_after

DEFAULT_SERVER = "127.0.0.1:50051"

#: Seconds that the server may see a deadline pass before its caller does.
CLOCK_SKEW = 0.05

#: An attempt that a watch's deadline cuts within so many seconds was still connecting.
BRIEF = 1.0

_OPTIONS = [
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", -1),  # the server's own limit says more
    # Windows that do not grow, so that a reader that stops delays its server early.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 256 << 10),
    # Finds a server that vanished while a stream is quiet.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A server that is back is found within seconds, not within two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
]


@dataclass(frozen=True, repr=False)
class Connection:
    """The settings of a client. It has no repr, since it has the token."""

    target: str
    credentials: grpc.ChannelCredentials | None
    metadata: tuple[tuple[str, str], ...]
    timeout: float | None
    max_retries: int
    compression: grpc.Compression

    def options(self) -> list[tuple[str, int]]:
        """Return the channel's options. No proxy can reach this machine's own addresses."""
        return [*_OPTIONS, ("grpc.enable_http_proxy", 0)] if is_local(self.target) else _OPTIONS


def connection(
    target: str | None,
    token: str | None,
    tls: bool | grpc.ChannelCredentials | None,
    timeout: float | None,
    max_retries: int,
    gzip: bool,
    plaintext_token: bool,
) -> Connection:
    """Check the settings of a client and complete them from the environment."""
    target = target or os.environ.get("CREDENZA_SERVER") or DEFAULT_SERVER
    token = os.environ.get("CREDENZA_TOKEN", "").strip() if token is None else token
    if token and not re.fullmatch(r"[!-~]+", token):
        raise ValueError("the token has a character that no token can have, such as a line's end: give the token alone")
    if tls is None:
        tls = not is_local(target)
    if token and tls is False and not (plaintext_token or is_local(target)):
        raise ValueError(f"the token would be sent without TLS to {target}: use TLS, or plaintext_token=True")
    if max_retries < 0:
        raise ValueError("max_retries is less than 0: use 0 for no repetition")
    return Connection(
        target=target,
        credentials=grpc.ssl_channel_credentials() if tls is True else tls or None,
        metadata=(("authorization", f"Bearer {token}"),) if token else (),
        timeout=timeout,
        max_retries=max_retries,
        compression=grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
    )


def is_local(target: str) -> bool:
    """Report whether the target stays on this machine: a loopback address or a Unix socket."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = re.sub(r"^(dns|ipv4|ipv6|passthrough):/*", "", target)
    host = re.sub(r":\d+$", "", host) if "]" in host or host.count(":") == 1 else host
    host = host.strip("[]")
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Attempts:
    """The attempts of one call: the time that is left, and the pauses between them."""

    def __init__(self, limit: int, timeout: float | None) -> None:
        self._limit = limit
        self._end = None if timeout is None else time.monotonic() + timeout
        self.failures = 0

    def time_left(self) -> float | None:
        """Return the seconds for the next attempt; None: no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def late(self, error: CredenzaError) -> CredenzaError:
        """Return the error of a deadline for a call that is reset when its time is over. The server
        may see that before gRPC does here, and gRPC calls the reset CANCELLED then."""
        left = self.time_left()
        if error.code == "CANCELLED" and not error.reason and left is not None and left <= CLOCK_SKEW:
            return CredenzaError("DEADLINE_EXCEEDED", "the deadline has passed")
        return error

    def pause(self, error: CredenzaError, may_repeat: bool) -> float:
        """Return the seconds to wait before the next attempt, or raise the error."""
        error = self.late(error)
        pause = pause_after(self.failures, error)
        left = self.time_left()
        self.failures += 1
        if (
            not may_repeat
            or self.failures > self._limit
            or pause > LONGEST_WAIT
            or (left is not None and pause >= left)
        ):
            raise error
        return pause


class Outage:
    """The pauses of a watch whose server is away, from the last message on."""

    def __init__(self, connection: Connection, patience: float | None) -> None:
        self._limit = connection.max_retries
        self._patience = patience
        self._failures = 0
        self._since: float | None = None  # the outage's begin
        self._error: CredenzaError | None = None  # its last one
        self._heard = False

    def message(self) -> None:
        """End the outage: the server has sent something."""
        self._heard, self._failures, self._since, self._error = True, 0, None, None

    def cause(self, error: CredenzaError, opened: float) -> CredenzaError:
        """Return the outage's error for that of an attempt, opened then, which the watch's deadline
        has cut before it could fail."""
        if error.code == "DEADLINE_EXCEEDED" and self._error and time.monotonic() - opened < BRIEF:
            return self._error
        return error

    def pause(self, error: CredenzaError, left: float | None) -> float:
        """Return the seconds to wait before the next attempt, or raise the error: before the first
        message after max_retries attempts, later when the patience is used up, and always if
        the wait takes the seconds that are left (None: no limit)."""
        self._since = self._since or time.monotonic()
        pause = pause_after(self._failures, error)
        self._failures += 1
        if not self._heard and self._failures > self._limit:
            raise error
        if self._patience is not None and time.monotonic() + pause - self._since > self._patience:
            raise error
        if left is not None and pause >= left:
            raise error
        self._error = error
        return pause
