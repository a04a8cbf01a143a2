"""The page as a process: its address is printed when it answers, and a signal ends it within a moment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from rollbook_web.app import build
from rollbook_web.connection import Connection
from rollbook_web.settings import Settings

GRACE = 3
"""Seconds for answers under way at a stop."""


class _Server(uvicorn.Server):
    """Uvicorn that says its address, and ends with 0 after a signal: that is how it is stopped."""

    def __init__(self, config: uvicorn.Config, connection: Connection, address: str) -> None:
        super().__init__(config)
        self._connection = connection
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Rollbook's page: http://{self._address}/ (server {self._connection.target})", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self._connection.closing.set()  # streams end; else they would be waited for
        self.force_exit = self.should_exit  # a second signal waits for nothing
        self.should_exit = True


def serve(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM. Raises OSError if the address is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.create_server((settings.host, settings.port), family=family, backlog=128) as listening:
        host, port = listening.getsockname()[:2]
        asyncio.run(_serve(settings, listening, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))


async def _serve(settings: Settings, listening: socket.socket, address: str) -> None:
    app, connection = build(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who asks is who is connected
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    await _Server(config, connection, address).serve([listening])
