"""How soon a watcher has what a writer was told is recorded: both in this process, so that one clock measures.

Reads jobs as JSON lines and answers each with seconds: from an answer's arrival to that of the message that holds the
change, below zero where the watcher was first. One change is under way at a time.
"""

import asyncio
import json
import sys
import time
from typing import Any

import grpc

from rollbook.v1 import ledger_service_pb2 as pb
from tests.bench.caller import EXPIRIES, requests
from tests.bench.served import METHODS
from tests.bench.watchers import OPTIONS, Watcher
from tests.support.load import Desk


async def _measure(target: str, job: dict[str, Any]) -> list[float]:
    """One writer and one watcher."""
    taken: list[float] = []
    revision: int = job["request"]["after_revision"]
    desk = Desk(f"echo-{revision}", 1, expiries=EXPIRIES)
    async with grpc.aio.insecure_channel(target, OPTIONS) as writing, grpc.aio.insecure_channel(target, OPTIONS) as own:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = writing.unary_unary(METHODS["real"])
        watcher = Watcher(own, job)
        await watcher.begin()

        async def record(request: bytes) -> float:
            answer = await call(request, timeout=60)
            at = time.monotonic()
            assert pb.RecordExecutionResponse.FromString(answer).revision == revision
            return at

        for request in requests(desk, job["calls"], 0):
            revision += 1
            answered, _ = await asyncio.gather(record(request), watcher.follow(revision))
            taken.append(watcher.arrivals[-1][1] - answered)
    return taken


async def _main(target: str) -> None:
    for line in sys.stdin:
        print(json.dumps({"taken": await _measure(target, json.loads(line))}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
