"""Open pages without a browser, in a process of their own: what a browser says to the page's framework, and when which
figure came to whom.

Each fetches the page and its websocket, as a browser does, and answers the framework's pings and receipts. Nothing is
drawn. `{"open": 50, "url": …}` opens them, `{"want": figure}` says which one they shall wait for,
and `{"seen": true}` does so and is answered with when what came, on the clock that all processes share.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect

RECEIPT = 3.0
"""Seconds between receipts, as a browser gives them."""
LARGEST = 16 * 2**20
FIGURE = re.compile(r'main/chain-0\\".*?pnl\\": \[\\"[^\\]*\\", \\"(\+[\d.]+ BTC)')
"""The exact unrealized PnL in a message's row of the first chain."""


class Reader:
    """One open page."""

    def __init__(self) -> None:
        self.arrivals: dict[str, float] = {}
        """When each figure came first; one that a newer one overtook never did."""
        self._last = ""
        self._seen = asyncio.Event()
        self._client_id = ""
        self._next_message = 0

    async def open(self, http: httpx.AsyncClient, url: str) -> ClientConnection:
        """Fetches the page and connects."""
        page = (await http.get(url)).text
        said = re.search(r"query: \{\W*client_id\W+([\w-]+)\W+next_message_id\W+(\d+)", page)
        assert said is not None
        self._client_id, self._next_message = said[1], int(said[2])
        query = {
            "client_id": self._client_id,
            "next_message_id": self._next_message,
            "implicit_handshake": "true",
            "document_id": uuid.uuid4(),
            "tab_id": uuid.uuid4(),
        }
        address = url.replace("http://", "ws://") + "/_nicegui_ws/socket.io/?"
        socket = await connect(
            address + urlencode({**query, "EIO": 4, "transport": "websocket"}),
            proxy=None,
            max_size=LARGEST,
            origin=url,  # type: ignore[arg-type]
        )
        await socket.recv()
        await socket.send("40")
        return socket

    async def read(self, socket: ClientConnection) -> None:
        """Until it is closed."""
        receipt = time.monotonic()
        async for message in socket:
            text = message if isinstance(message, str) else message.decode(errors="replace")
            if text == "2":
                await socket.send("3")
                continue
            now = time.monotonic()
            if figure := FIGURE.search(text):
                self.arrivals.setdefault(figure[1], now)
                if figure[1] == self._last:
                    self._seen.set()
            found = re.search(r'"_id":(\d+)\}\]$', text)
            if found:
                self._next_message = int(found[1]) + 1
            if now - receipt > RECEIPT:
                receipt = now
                said = {"client_id": self._client_id, "next_message_id": self._next_message}
                await socket.send("42" + json.dumps(["ack", said]))

    def want(self, last: str) -> None:
        """Will note what comes, until this one."""
        self.arrivals.clear()
        self._last = last
        self._seen.clear()

    async def seen(self) -> None:
        """The last one has come."""
        await self._seen.wait()


async def _main() -> None:
    readers: list[Reader] = []
    tasks: list[asyncio.Task[None]] = []
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        while line := await asyncio.to_thread(sys.stdin.readline):
            job = json.loads(line)
            if "open" in job:
                readers = [Reader() for _ in range(job["open"])]
                for reader in readers:
                    socket = await reader.open(http, job["url"])
                    tasks.append(asyncio.create_task(reader.read(socket)))
                print(json.dumps({}), flush=True)
            elif "want" in job:
                for reader in readers:
                    reader.want(job["want"])
                print(json.dumps({}), flush=True)
            else:
                await asyncio.wait_for(asyncio.gather(*(reader.seen() for reader in readers)), 120)
                arrivals = [reader.arrivals for reader in readers]
                print(json.dumps({"arrivals": arrivals}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_main())
