"""Streams of the API, each read by a thread of its own. What they say comes out in one place, so that whoever takes it
needs no lock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

Event = TypeVar("Event")

_WAITING = 100
"""Messages that are kept for whoever takes them; then the streams wait, and the server has to keep nothing."""
_PATIENCE = 5.0
"""Seconds for the threads to end."""


class Closing(Protocol):
    """A client."""

    def close(self) -> None: ...


class Streams(Generic[Event]):
    """What the readers put, in the order in which it came."""

    def __init__(self, client: Closing, readers: Sequence[Callable[[], None]]) -> None:
        self._client = client
        self._events: queue.Queue[Event | Exception] = queue.Queue(_WAITING)
        self._threads = [threading.Thread(target=self._run, args=(reader,), daemon=True) for reader in readers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the streams: with the client, which nothing else can interrupt."""
        self._client.close()
        end = time.monotonic() + _PATIENCE
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            with suppress(queue.Empty):  # a thread may wait for room
                self._events.get(timeout=0.02)

    def take(self, seconds: float) -> Iterator[Event]:
        """What has come; waits so long for the first. Raises what ended a stream for good."""
        with suppress(queue.Empty):
            event = self._events.get(timeout=seconds)
            for _ in range(_WAITING):
                if isinstance(event, Exception):
                    raise event
                yield event
                event = self._events.get_nowait()

    def put(self, event: Event) -> None:
        """For a reader: something has come."""
        self._events.put(event)

    def _run(self, reader: Callable[[], None]) -> None:
        try:
            reader()
        except Exception as error:
            self._events.put(error)
