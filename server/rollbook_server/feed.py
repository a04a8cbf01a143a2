"""The feed wakes whoever watches. It carries numbers and no data, so there is no queue to overflow.

Many watchers are woken seldom enough that their messages take about half of the loop's time at most: the other half is
for those who record. Changes that come meanwhile go out together.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rollbook_server.domain.errors import Reason, Unavailable

_SHARE = 0.0002
"""Seconds between two wakings, for each watcher: about twice what a message to one costs."""
_LONGEST = 0.25


class Feed:
    """The newest committed revision and the board's newest version that watchers are to know of, on one event loop."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.version = 0
        self.watchers = 0
        """Streams that are open."""
        self._newest = (revision, 0)
        self._woken = 0.0
        """When they were woken last."""
        self._waking: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        """A new revision."""
        self._stirred = asyncio.Event()
        """A new revision or version."""
        self._closed = False

    def publish(self, revision: int, version: int = 0) -> None:
        """A revision is on disk, and the board shows a version of what chains are worth."""
        self._newest = (max(revision, self._newest[0]), max(version, self._newest[1]))
        if self._waking is not None or self._newest == (self.revision, self.version):
            return
        loop = asyncio.get_running_loop()
        left = self._woken + min(self.watchers * _SHARE, _LONGEST) - loop.time()
        if left <= 0:
            self._wake()
        else:
            self._waking = loop.call_later(left, self._wake)

    def _wake(self) -> None:
        self._waking = None
        self._woken = asyncio.get_running_loop().time()
        moved = self._newest[0] > self.revision
        self.revision, self.version = self._newest
        if moved:
            self._moved = _woken(self._moved)
        self._stirred = _woken(self._stirred)

    def close(self) -> None:
        """The server stops: whoever waits is told."""
        self._closed = True
        if self._waking is not None:
            self._waking.cancel()
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
