"""Watchers, in a process of their own: so many streams, and when which of them had come how far.

Reads jobs as JSON lines and answers each with a line. The first, {"open": 100, …}, opens streams and is answered when
each has the present state. {"until": 41} makes all of them read until they have come so far, and is answered with what
each had when. Until the next job nobody reads: those who were opened as "narrow" stall, soon and truly.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from rollbook.v1 import watch_pb2 as pb

OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
"""Each channel has a connection of its own."""
_NARROW = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 2**16)]
"""Little is taken in before it is read. Otherwise gRPC takes MiBs in for whoever does not read, and nobody stalls."""
_PER_CHANNEL = 100
VALUATION_INTERVAL_MS = 250
_CURSOR = 0x0A
"""The first byte of a message that has a cursor; a byte for its length follows, because it is shorter than 128."""


def _revision(message: bytes) -> int:
    """Up to which revision a watcher has everything. The rest of the message is not looked at."""
    return pb.Cursor.FromString(message[2 : 2 + message[1]]).revision if message[0] == _CURSOR else -1


def _mark_time(message: bytes) -> int:
    """When the marks were made, in µs, at which chains are valued; those have messages of their own."""
    if message[0] == _CURSOR:
        return -1
    valuations = pb.WatchChainsResponse.FromString(message).valuations
    return valuations[-1].mark_time.ToMicroseconds() if valuations else -1


@dataclass(frozen=True)
class Kind:
    """A call, and how far one of its messages brings a watcher."""

    method: str
    request: Callable[..., Any]
    position: Callable[[bytes], int]


KINDS = {
    "entries": Kind("WatchEntries", pb.WatchEntriesRequest, _revision),
    "chains": Kind("WatchChains", pb.WatchChainsRequest, _revision),
    "values": Kind("WatchChains", pb.WatchChainsRequest, _mark_time),
}


class Watcher:
    """One stream."""

    def __init__(self, channel: grpc.aio.Channel, job: dict[str, Any]) -> None:
        kind = KINDS[job["kind"]]
        request = kind.request(**job["request"]).SerializeToString()
        call: Any = channel.unary_stream(f"/rollbook.v1.LedgerService/{kind.method}")
        self.arrivals: list[tuple[int, float]] = []
        """How far it had come when, on the clock that all processes share."""
        self._call = call(request)
        self._position = kind.position

    async def begin(self) -> None:
        """Has the present state."""
        while (await self._call.read())[0] != _CURSOR:
            pass

    async def follow(self, until: int) -> None:
        """Reads until it has come so far."""
        position = -1
        while position < until:
            message = await self._call.read()
            position = self._position(message)
            self.arrivals.append((position, time.monotonic()))


async def _main(target: str) -> None:
    channels: list[grpc.aio.Channel] = []
    watchers: list[Watcher] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        job = json.loads(line)
        if "open" in job:
            number = job["open"]
            options = OPTIONS + _NARROW if job["narrow"] else OPTIONS
            channels = [grpc.aio.insecure_channel(target, options) for _ in range(-(-number // _PER_CHANNEL))]
            watchers = [Watcher(channels[n // _PER_CHANNEL], job) for n in range(number)]
            await asyncio.gather(*(watcher.begin() for watcher in watchers))
            print(json.dumps({}), flush=True)
        else:
            for watcher in watchers:
                watcher.arrivals.clear()
            await asyncio.gather(*(watcher.follow(job["until"]) for watcher in watchers))
            print(json.dumps({"arrivals": [watcher.arrivals for watcher in watchers]}), flush=True)
    await asyncio.gather(*(channel.close() for channel in channels))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
