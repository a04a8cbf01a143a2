"""Server-sent events: how they are written, and how a stream of them lives and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rollbook import LedgerError
from rollbook_web.problems import problem_of
from rollbook_web.shapes import encoded

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent: whatever is between knows that both ends are there."""
LAST_WORDS = 0.2
"""Seconds to end an answer that nobody reads, at a stop."""
RETRY_MS = 1000
"""After which a browser comes again."""


@dataclass(frozen=True)
class Event:
    """One event. An id is what the browser sends as Last-Event-ID when it comes again."""

    name: str
    data: object
    id: str = ""

    def written(self) -> bytes:
        """On the wire. JSON in one line has no line end that could cut it."""
        return b"".join(
            (
                f"id: {self.id}\n".encode() if self.id else b"",
                f"event: {self.name}\ndata: ".encode(),
                encoded(self.data),
                b"\n\n",
            )
        )


class EventStream(StreamingResponse):
    """An answer without an end. It ends when the browser is gone or the process stops, and with it the events.

    It asks for the next event only when the one before is on its way: who reads slowly is sent less, and costs nothing.
    """

    def __init__(self, events: AsyncGenerator[Event, None], closing: asyncio.Event) -> None:
        # A proxy that gathers would hold the events back.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__((), headers=headers, media_type="text/event-stream")
        self._events = events
        self._closing = closing

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        pump = asyncio.create_task(self._pump(send))
        gone = asyncio.create_task(_gone(receive))
        stop = asyncio.create_task(self._closing.wait())
        tasks = (pump, gone, stop)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there = not gone.done()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if there:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        if not pump.cancelled():
            pump.result()

    async def _pump(self, send: Send) -> None:
        await _say(send, f"retry: {RETRY_MS}\n\n".encode())
        following = asyncio.ensure_future(anext(self._events))
        try:
            while True:
                done, _ = await asyncio.wait((following,), timeout=HEARTBEAT)
                if not done:
                    await _say(send, b": still here\n\n")
                    continue
                try:
                    event = following.result()
                except StopAsyncIteration:
                    return
                except LedgerError as error:  # what will not pass by itself
                    await _say(send, Event("problem", problem_of(error).content).written())
                    return
                await _say(send, event.written())
                following = asyncio.ensure_future(anext(self._events))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._events.aclose()


async def _say(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
