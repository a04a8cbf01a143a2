"""The synchronous twin of _async_connection; made by make protos, do not edit."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc
from google.protobuf.message import Message

from rollbook import _calls, errors
from rollbook._calls import Interrupted

__all__ = ["Connection"]

Services = TypeVar("Services")
Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response")

log = logging.getLogger("rollbook")


@dataclasses.dataclass(frozen=True)
class Opened(Generic[Services]):
    """A channel and the services behind it."""

    channel: grpc.Channel
    services: Services
    streams: set[Any] = dataclasses.field(default_factory=set)
    """Watches that are open: an older grpc does not end them with the channel."""


class Connection(Generic[Services]):
    """What the clients have in common."""

    def __init__(
        self,
        target: str,
        services: Callable[[grpc.Channel], Services],
        *,
        deadline: float,
        credentials: grpc.ChannelCredentials | None,
        token: str | None,
        options: _calls.Options,
    ) -> None:
        """Nothing is connected yet. `services` makes the stubs that are called."""
        self._target = target
        self._services = services
        self._deadline = _calls.check_deadline(deadline)
        self._credentials = credentials
        self._metadata = _calls.call_metadata(target, credentials, token)
        self._options = _calls.channel_options(target, options)
        self._connection: Opened[Services] | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._target!r})"

    def __del__(self) -> None:
        # Through getattr: a constructor that raised has left no channel behind.
        if getattr(self, "_connection", None) is not None:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, stacklevel=2)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Make the client ready. It connects with the first call, and again whenever the connection was lost, so that
        the server may be started later than the bot.
        """
        # Not in the constructor: a channel belongs to the process that makes it, not to its forks.
        with self._lock:  # threads that open it together would else leave a channel that nobody closes
            if self._connection is None:
                if self._credentials is None:
                    channel = grpc.insecure_channel(self._target, self._options)
                else:
                    channel = grpc.secure_channel(self._target, self._credentials, self._options)
                self._connection = Opened(channel, self._services(channel))
        return self

    def close(self) -> None:
        """Give the connection back; calls that still wait end with `Unconfirmed`. A second time does nothing."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            for stream in tuple(connection.streams):
                stream.cancel()
            connection.channel.close()

    def _opened(self) -> Services:
        return self._open_connection().services

    def _open_connection(self) -> Opened[Services]:
        if self._connection is None:
            raise RuntimeError(f"{self!r} is not open: use it in `with`, or call open()")
        return self._connection

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        deadline: float | None,
        command: errors.Command | None = None,
    ) -> Response:
        """The answer, after as many attempts as the deadline allows. Each of them sends the same bytes."""
        _calls.check_size(request, command)
        attempts = _calls.Attempts(self._deadline if deadline is None else deadline)
        failure = _calls.closed(command)
        while True:
            try:
                return method(request, timeout=attempts.remaining(), metadata=self._metadata)
            except grpc.RpcError as status:
                failure = errors.from_rpc_error(status, command)
                failure.__cause__ = status
            except ValueError:  # the channel was closed before this attempt: the last one has more to say
                raise failure from failure.__cause__
            pause = attempts.pause_after(failure)
            log.info("%s, trying again in %.2f s", failure, pause)
            time.sleep(pause)

    def _watch(
        self,
        method: Callable[[Services], grpc.UnaryStreamMultiCallable[Request, Response]],
        request: Callable[[], Request],
        progress: _calls.Progress[Any],
        on_interruption: Interrupted | None,
    ) -> Generator[Response, None, None]:
        """The messages of one stream after the other: `request` says where the next one goes on. Raises what will not
        pass by itself.
        """
        while True:
            listening = self._listen(method(self._opened()), request())
            try:
                with closing(listening) as stream:
                    yield from stream
                failure = _calls.ended()
            except errors.LedgerError as error:
                failure = error
            pause = _calls.interrupted(progress, failure, on_interruption)
            time.sleep(pause)

    def _listen(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request
    ) -> Generator[Response, None, None]:
        """The messages of one stream; its end is a LedgerError, unless the server just ends it."""
        streams = self._open_connection().streams
        try:
            call = method(request, metadata=self._metadata)
        except ValueError:
            raise _calls.closed(None) from None
        streams.add(call)
        try:
            yield from call
        except grpc.RpcError as status:
            raise errors.from_rpc_error(status, None) from status
        finally:
            streams.discard(call)
            call.cancel()
