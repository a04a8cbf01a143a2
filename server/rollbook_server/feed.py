"""The feed wakes whoever watches. It carries a revision and no data, so there is no queue to overflow."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rollbook_server.domain.errors import Reason, Unavailable


class Feed:
    """The newest committed revision, on one event loop."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.watchers = 0
        """Streams that are open."""
        self._moved = asyncio.Event()
        self._closed = False

    def publish(self, revision: int) -> None:
        """A revision is on disk."""
        if revision > self.revision:
            self.revision = revision
            self._wake()

    def close(self) -> None:
        """The server stops: whoever waits is told."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def beyond(self, revision: int, seconds: float) -> None:
        """Waits for a newer revision than this, at most so long. Raises Unavailable when the server stops."""
        if self.revision <= revision and not self._closed:
            try:
                await asyncio.wait_for(self._moved.wait(), seconds)
            except TimeoutError:
                return
        if self._closed:
            raise Unavailable(Reason.STOPPING, "the server is stopping; watch again from the last cursor")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Counts a watcher."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1
