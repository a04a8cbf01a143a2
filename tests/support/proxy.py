"""A way to a server that can be cut: at once, or in the middle of what the server is sending."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from types import TracebackType
from typing import Self

OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Options of a client that shall have one: else gRPC makes one for all clients of a process."""

_PATIENCE = 5
"""Seconds until a client that has its end of file is cut off all the same."""
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER that drops what is unsent and answers with a reset."""


def free_port() -> int:
    """A port that no outgoing connection is given: one of those could take it while the server is down."""
    with socket.socket() as free:
        while True:
            try:
                free.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            except OSError:
                continue
            port: int = free.getsockname()[1]
            return port


class Proxy:
    """Forwards every connection made to `target` to the server at `to`, which may be another one from a moment to the
    next; where nobody serves, it hangs up.
    """

    def __init__(self, to: str) -> None:
        self.to = to
        self.target = ""
        self.sent = 0
        """Bytes that servers have sent through it."""
        self._left: int | None = None
        self._cut = asyncio.Event()
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.target = "127.0.0.1:{1}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for serving in tuple(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self, *but: asyncio.StreamWriter) -> None:
        """Cuts all connections at once: both sides get a reset."""
        self._left = None
        self._cut.set()
        for end in self._ends.difference(but):
            _reset(end)

    def cut_after(self, count: int) -> asyncio.Event:
        """Will cut all connections when servers have sent so many bytes more; the event is set then."""
        self._left, self._cut = count, asyncio.Event()
        return self._cut

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        ends = {to_client}
        self._ends.add(to_client)
        pumps: list[asyncio.Task[None]] = []
        try:
            host, _, port = self.to.rpartition(":")
            from_server, to_server = await asyncio.open_connection(host, int(port))
            ends.add(to_server)
            self._ends.add(to_server)
            pumps = [
                asyncio.ensure_future(self._requests(from_client, to_server)),
                asyncio.ensure_future(self._answers(from_server, to_client)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if not to_client.transport.is_closing():  # it has its end of file, and closes when it has read to it
                await asyncio.wait(pumps, timeout=_PATIENCE)
        except ConnectionError:
            pass  # nobody serves there
        finally:
            self._ends -= ends
            for end in ends:
                _reset(end)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                last = self._left is not None and len(data) >= self._left
                if self._left is not None:
                    data = data[: self._left]
                    self._left -= len(data)
                writer.write(data)
                self.sent += len(data)
                if last:
                    # What was sent is to arrive: after a reset the other end's system would throw it away.
                    writer.write_eof()
                    self.cut(writer)
                    return
                await writer.drain()


def _reset(end: asyncio.StreamWriter) -> None:
    """Closes a connection without an orderly end."""
    transport = end.transport
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        transport.abort()
