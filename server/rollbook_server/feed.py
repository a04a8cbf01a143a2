"""The feed wakes whoever watches. It carries numbers and no data, so there is no queue to overflow."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rollbook_server.domain.errors import Reason, Unavailable


class Feed:
    """The newest committed revision and the board's newest version, on one event loop."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.version = 0
        self.watchers = 0
        """Streams that are open."""
        self._moved = asyncio.Event()
        """A new revision."""
        self._stirred = asyncio.Event()
        """A new revision or version."""
        self._closed = False

    def publish(self, revision: int, version: int = 0) -> None:
        """A revision is on disk, and the board shows a version of what chains are worth."""
        moved, stirred = revision > self.revision, version > self.version
        self.revision, self.version = max(revision, self.revision), max(version, self.version)
        if moved:
            self._moved = _woken(self._moved)
        if moved or stirred:
            self._stirred = _woken(self._stirred)

    def close(self) -> None:
        """The server stops: whoever waits is told."""
        self._closed = True
        self._moved, self._stirred = _woken(self._moved), _woken(self._stirred)

    async def beyond(self, revision: int, seconds: float, version: int | None = None) -> None:
        """Waits for a newer revision than this, or a newer version if one is given, at most so long.

        Raises Unavailable when the server stops.
        """
        moved = self.revision > revision or (version is not None and self.version > version)
        if not moved and not self._closed:
            event = self._moved if version is None else self._stirred
            try:
                await asyncio.wait_for(event.wait(), seconds)
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


def _woken(event: asyncio.Event) -> asyncio.Event:
    """Wakes who waits, and returns the event for those who come later."""
    event.set()
    return asyncio.Event()
