"""What a call needs besides the waiting: the channel's options, ids, the size check, and when to try again.

Nothing here waits, so that the asyncio client and its synchronous twin share it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from rollbook.errors import (
    Command,
    DeadlineExceeded,
    InvalidArgument,
    LedgerError,
    ResourceExhausted,
    Unavailable,
    Unconfirmed,
)
from rollbook.models import (
    BacktestSpec,
    Cursor,
    ErrorReason,
    ExecutionResult,
    ExitStyle,
    LabCursor,
    LedgerEntry,
    RecordFillsRequest,
    RecordSettlementRequest,
    SweepAxis,
)

Single = TypeVar("Single", ExecutionResult, RecordFillsRequest, RecordSettlementRequest)
AnyCursor = TypeVar("AnyCursor", Cursor, LabCursor)
__all__ = ["new_request_id"]

log = logging.getLogger("rollbook")

Options = Iterable[tuple[str, Any]]

MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""A server's limit unless it is told otherwise, and ours is not."""

GROUP = uuid.UUID("3c0d0c0e-52c7-5c0b-9a35-6a1f0f1f6f0d")
"""Namespace of the request_ids that are made from a group's id. Another one would queue every old group again."""

LONGEST_DEADLINE = 1e9
"""Seconds; gRPC takes what is far beyond for over, and each attempt would end at once."""
FIRST_PAUSE = 0.05
"""Seconds before the second attempt; each later pause is twice as long …"""
LONGEST_PAUSE = 0.5
"""… up to this, which is also the longest that the channel waits before it dials again."""
LAST_ATTEMPT = 0.1
"""Seconds of the deadline that are kept for one last attempt: less is too short for an answer."""
SHORTEST_PAUSE = 0.001
"""Seconds; less would come to a loop without pauses when the deadline is near."""

OPTIONS: dict[str, Any] = {
    # gRPC's own backoff grows to two minutes: the server would be back long before the bot notices.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
    # Without these a connection that a firewall has forgotten looks alive until the deadline. The second one is also
    # the socket's TCP_USER_TIMEOUT, so it is short enough to leave time for another attempt.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 4_000,
    # A bot may trade once a day: firewalls keep its connection in mind, and a dead one is found before a call has to
    # find it. Without the second line gRPC pings an idle connection once a minute at most. The server allows a ping
    # every 10 s, and hangs up on who pings more often.
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.max_pings_without_data": 0,
    # A chain with all its entries has no pages, and the default of 4 MiB would make it unreadable.
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
}


def new_request_id() -> str:
    """A fresh UUID for a command. Store it with the command before sending: only then can a bot that crashed before
    the answer send the same command again, and have it counted once.
    """
    return str(uuid.uuid4())


def completed(command: Single, account: str) -> Single:
    """The command with what its sender left to the client: the account and the request_id."""
    return dataclasses.replace(
        command, account=command.account or account, request_id=command.request_id or new_request_id()
    )


def exit_styles(spec: BacktestSpec) -> tuple[BacktestSpec, BacktestSpec]:
    """The spec held to expiry, which has no rules of exit, and with take profit and rolls."""
    return (
        dataclasses.replace(spec, exit_style=ExitStyle.HOLD_TO_EXPIRY, exits=None),
        dataclasses.replace(spec, exit_style=ExitStyle.TP_AND_ROLL),
    )


def member_id(group_id: str, spec: BacktestSpec) -> str:
    """The request_id of a group's run, by its exit style."""
    return str(uuid.uuid5(GROUP, f"{group_id}/{spec.exit_style}"))


def sweep_axes(axes: Mapping[str, Iterable[object]]) -> tuple[SweepAxis, ...]:
    """Fields and their values as a sweep takes them: texts, and None is unset."""
    return tuple(SweepAxis(field=field, values=tuple(map(_spelled, values))) for field, values in axes.items())


def _spelled(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def channel_options(target: str, options: Options) -> list[tuple[str, Any]]:
    """The channel's options; the caller's own win."""
    # An http_proxy in the environment is no way to this very machine.
    loopback = {"grpc.enable_http_proxy": 0} if is_loopback(target) else {}
    return list({**OPTIONS, **loopback, **dict(options)}.items())


def call_metadata(
    target: str, credentials: grpc.ChannelCredentials | None, token: str | None
) -> tuple[tuple[str, str], ...]:
    """The token as each call carries it. Raises ValueError if it would cross a network in clear, or cannot be sent."""
    if token is None:
        return ()
    if not (token.isascii() and token.isprintable()):  # gRPC would fail each call, and blame the server for it
        raise ValueError("a token is printable ASCII: was it read from a file, with the end of its line?")
    if credentials is None and not is_loopback(target):
        raise ValueError("a token needs TLS beyond loopback: pass credentials")
    return (("authorization", f"Bearer {token}"),)


def is_loopback(target: str) -> bool:
    """Whether a target is this machine by its very name; a name that needs a resolver may lead anywhere."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    address = target.removeprefix("dns:///").removeprefix("dns:").removeprefix("ipv4:").removeprefix("ipv6:")
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_deadline(deadline: float) -> float:
    """Seconds that a call may take: without an end, a bot would hang with its server."""
    if not 0 < deadline <= LONGEST_DEADLINE:
        raise ValueError(f"a deadline is a number of seconds above 0 and up to {LONGEST_DEADLINE:g}, not {deadline!r}")
    return deadline


def check_size(request: Message, command: Command | None) -> None:
    """Refuse what gRPC would refuse without a reason, and only after it had crossed the wire."""
    size = request.ByteSize()
    if size > MAX_REQUEST_BYTES:
        raise InvalidArgument(
            f"{request.DESCRIPTOR.name} has {size:,} bytes and a request at most {MAX_REQUEST_BYTES:,}: split it, "
            "nothing was sent",
            reason=ErrorReason.TOO_LARGE,
            command=command,
        )


def closed(command: Command | None) -> LedgerError:
    """The end of a call whose channel was closed, in the words that grpc has for it where it raises a status."""
    return Unconfirmed("Channel closed!", code=grpc.StatusCode.CANCELLED, command=command)


class Attempts:
    """The attempts of one call: how long the next may take, how long to pause before it, and when to give up.

    This is our own loop and not gRPC's retryPolicy, because that one gives up after five attempts however far the
    deadline is, cannot tell a full queue from a message that is too large (both are RESOURCE_EXHAUSTED), and keeps to
    itself why it went on. It may be used for every call: commands carry a request_id, marks and reads repeat freely.
    """

    def __init__(
        self,
        deadline: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._deadline = check_deadline(deadline)
        self._clock = clock
        self._jitter = jitter
        self._end = clock() + deadline
        self._count = 0
        self._last_told: LedgerError | None = None

    def remaining(self) -> float:
        """Seconds until the deadline; they are the next attempt's timeout, so that a slow answer is never cut off."""
        return max(self._end - self._clock(), 0.001)

    def pause_after(self, failure: LedgerError) -> float:
        """Seconds to wait before the next attempt.

        Raises the failure itself if another attempt would meet it again, and DeadlineExceeded if there is no time for
        one.
        """
        self._count += 1
        if not isinstance(failure, DeadlineExceeded):
            self._last_told = failure
        if not _passes(failure):
            raise failure
        left = self._end - self._clock() - LAST_ATTEMPT
        if left < SHORTEST_PAUSE:
            raise self._expired(failure) from (self._last_told or failure.__cause__)
        pause = min(FIRST_PAUSE * 2 ** min(self._count - 1, 10), LONGEST_PAUSE)
        return min(self._jitter(pause / 2, pause), left)

    def _expired(self, failure: LedgerError) -> DeadlineExceeded:
        told = self._last_told
        message = f"no answer within {self._deadline:g} s"
        if self._count > 1:
            message += f" and {self._count} attempts"
        if told is not None:
            message += f", the last failure was {told.code.name}{told.reason and ' '}{told.reason}: {told.message}"
        if failure.command is not None:
            message += "; whether it is recorded is unknown: send it again with the same request_id and it counts once"
        return DeadlineExceeded(
            message,
            reason=told.reason if told else failure.reason,
            metadata=told.metadata if told else failure.metadata,
            command=failure.command,
        )


Interrupted = Callable[[LedgerError], object]
"""What a watcher is told of an interruption."""


def ended() -> LedgerError:
    """A stream that the server ended without a word: it has no end of its own."""
    return Unavailable("the stream ended", code=grpc.StatusCode.UNAVAILABLE)


def interrupted(progress: Progress[Any], failure: LedgerError, tell: Interrupted | None) -> float:
    """Seconds to wait before a watch goes on. Raises the failure if it will not pass."""
    pause = progress.pause_after(failure)
    log.info("%s, watching again in %.2f s", failure, pause)
    if tell is not None:
        tell(failure)
    return pause


class Progress(Generic[AnyCursor]):
    """How far a watch has come, and how it goes on after an interruption."""

    def __init__(self, cursor: AnyCursor | None, jitter: Callable[[float, float], float] = random.uniform) -> None:
        self.cursor: AnyCursor | None = cursor
        """The next attempt goes on after it; None begins with the present state."""
        self._jitter = jitter
        self._failures = 0
        self._last_entry = (0, 0)

    def saw(self, cursor: AnyCursor | None) -> None:
        """A message came."""
        self._failures = 0
        self.cursor = cursor or self.cursor

    def new(self, entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
        """The entries that were not seen: a revision that was cut is sent again from its beginning."""
        fresh = tuple(entry for entry in entries if (entry.revision, entry.sequence) > self._last_entry)
        if fresh:
            self._last_entry = (fresh[-1].revision, fresh[-1].sequence)
        return fresh

    def pause_after(self, failure: LedgerError) -> float:
        """Seconds to wait before the next attempt. Raises the failure if another attempt would meet it again."""
        if failure.reason == ErrorReason.STALE_CURSOR and self.cursor is not None:
            self.cursor, self._last_entry = None, (0, 0)  # another ledger, or one that was set back: start over
            return 0.0
        if not _passes(failure):
            raise failure
        self._failures += 1
        pause = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        return self._jitter(pause / 2, pause)


def _passes(failure: LedgerError) -> bool:
    """Whether the failure may be gone a moment later."""
    if isinstance(failure, ResourceExhausted):
        return failure.reason == ErrorReason.QUEUE_FULL
    return isinstance(failure, Unavailable | DeadlineExceeded)
