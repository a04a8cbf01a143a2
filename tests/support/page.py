"""A real rollbook-web as a process of its own, and its events as a browser reads them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
PATIENCE = 90.0
"""Seconds that a test waits for what has to come, on a machine that has other things to do."""


class StartFailed(Exception):
    """It ended before it answered; the message is what it said."""


class RunningPage:
    """`rollbook-web serve` on a free port of 127.0.0.1. Entering waits for its address, leaving stops it."""

    def __init__(
        self,
        target: str,
        *flags: str,
        listen: str = "127.0.0.1:0",
        env: dict[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self._command = [python, "-m", "rollbook_web", "serve", "--listen", listen, "--target", target, *flags]
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._ready = threading.Event()
        self.said: list[str] = []
        self.complained: list[str] = []
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._env
        )
        for stream, lines in ((self._process.stdout, self.said), (self._process.stderr, self.complained)):
            self._readers.append(threading.Thread(target=self._read, args=(stream, lines), daemon=True))
            self._readers[-1].start()
        self._ready.wait(PATIENCE)
        if not self.url:
            self.stop()
            raise StartFailed("\n".join(self.complained))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))
            found = re.search(r"http://\S+(?=/)", line)
            if found and stream is self._process.stdout:  # type: ignore[union-attr]
                self.url = found[0]
                self._ready.set()
        self._ready.set()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def host(self) -> str:
        """Address and port."""
        return self.url.removeprefix("http://")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """A signal, and its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._process = None
        return code

    @asynccontextmanager
    async def asked(self, **more: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
        """Somebody who asks it."""
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False, **more) as client:
            yield client


@dataclass(frozen=True)
class Said:
    """One event."""

    name: str
    data: Any
    id: str


@asynccontextmanager
async def events(
    client: httpx.AsyncClient, path: str, last_id: str = ""
) -> AsyncGenerator[AsyncGenerator[Said, None], None]:
    """The events of a stream, as a browser hears them."""
    headers = {"last-event-id": last_id} if last_id else {}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        reading = _read(answer)
        try:
            yield reading
        finally:
            await reading.aclose()


async def _read(answer: httpx.Response) -> AsyncGenerator[Said, None]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "event" in fields:
                yield Said(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


async def refused_socket(page: RunningPage, host: str = "", **more: Any) -> int | None:
    """The status that a websocket is refused with; None if it is let in."""
    address, _, port = page.host.partition(":")
    try:
        async with connect(f"ws://{host or page.host}{SOCKET}", host=address, port=int(port), proxy=None, **more) as ws:
            assert str(await ws.recv()).startswith("0{")  # the framework's greeting
    except InvalidStatus as refused:
        return refused.response.status_code
    return None
