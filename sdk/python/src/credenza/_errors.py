"""The error of a call, and which calls may be repeated."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

#: A wait that the server asks for and that is longer is left to the caller.
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class FieldViolation:
    """One part of a request that is wrong, and how."""

    #: A path such as "options.batch_size".
    field: str
    message: str


class CredenzaError(Exception):
    """The error of a whole call. The failure of one item is data, see Result.error.

    code is the name of the gRPC code, such as "INVALID_ARGUMENT"; reason the server's
    stable name, such as "TOO_MANY_ITEMS", empty if the server did not answer; fields the
    parts of the request that are wrong; retry_after the seconds to wait before the call is
    repeated, None if that is not known; cap the caller's cap that is reached, such as
    "items_per_day", if the reason is "CAP_REACHED".
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str = "",
        fields: tuple[FieldViolation, ...] = (),
        retry_after: float | None = None,
        cap: str = "",
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.reason = reason
        self.fields = fields
        self.retry_after = retry_after
        self.cap = cap

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason not in ("", self.code) else ""
        return f"{self.code}{reason}: {self.message}"


def error_from_rpc(error: grpc.RpcError) -> CredenzaError:
    """Return gRPC's error, of a synchronous or an asynchronous call."""
    if not isinstance(error, (grpc.Call, grpc.aio.AioRpcError)):
        return CredenzaError("UNKNOWN", str(error))
    return error_of(error.code(), error.details() or "", error.trailing_metadata())


def error_of(
    code: grpc.StatusCode | None, message: str, trailer: Iterable[tuple[str, str | bytes]] | None
) -> CredenzaError:
    """Return the error with a code and a message, and the details in the trailer."""
    e = CredenzaError(code.name if code else "UNKNOWN", message)
    for key, value in trailer or ():
        if key == "grpc-status-details-bin":
            _add_details(e, value)
    return e


def _add_details(e: CredenzaError, encoded: str | bytes) -> None:
    status = status_pb2.Status()
    try:
        status.ParseFromString(encoded if isinstance(encoded, bytes) else encoded.encode())
    except DecodeError:  # of another program on the way; code and message still hold
        return
    info, wrong, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            e.reason, e.cap = info.reason, info.metadata.get("cap", "")
        elif detail.Unpack(wrong):
            e.fields = tuple(FieldViolation(v.field, v.description) for v in wrong.field_violations)
        elif detail.Unpack(retry):
            e.retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9


def refused(e: CredenzaError) -> bool:
    """Report whether the server did nothing for the call, so that any call may be repeated.

    A server that is full says so on arrival. A call that found no connection is known by
    the words of gRPC alone; with other words it would not be repeated.
    """
    if e.reason == "SERVER_FULL":
        return True
    unsent = ("failed to connect to all addresses", "resolution failed")
    return e.code == "UNAVAILABLE" and not e.reason and any(words in e.message for words in unsent)


def passing(e: CredenzaError) -> bool:
    """Report whether a call that changes nothing may succeed later."""
    return e.code == "UNAVAILABLE" or (e.retry_after is not None and e.reason != "CAP_REACHED")


def broken(e: CredenzaError) -> bool:
    """Report whether the connection or the server went away, or cannot serve now.

    Some servers and proxies that go away end a stream with CANCELLED or ABORTED.
    """
    return passing(e) or (e.code in ("CANCELLED", "ABORTED") and not e.reason)


def incomplete() -> CredenzaError:
    """Return the error of a stream that ended in order, but too early."""
    return CredenzaError("INTERNAL", "the stream ended without its summary: results may be missing")


def interrupted() -> CredenzaError:
    """Return the error of a watch whose stream ended in order before the job did."""
    return CredenzaError("UNAVAILABLE", "the stream ended before the job")


def pause_after(failures: int, e: CredenzaError) -> float:
    """Return the seconds to wait after a failure that followed the given number of others."""
    pause = min(5.0, 0.2 * 2.0 ** min(failures, 10))
    return max(pause * (0.5 + random.random()), e.retry_after or 0.0)
