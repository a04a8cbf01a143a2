"""The load, in a process of its own: unary calls with so many in flight, and how long each took.

Reads jobs as JSON lines and answers each with a line: rate and latencies, and if asked when it had which answer.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import grpc

from rollbook.v1 import ledger_service_pb2 as pb
from tests.bench.served import METHODS
from tests.support.load import Desk

EXPIRIES = ("27DEC30", "31JAN31")
"""Contracts that still trade, as a bot's do: expired ones cost a look for their delivery price."""


def requests(desk: Desk, calls: int, size: int) -> list[bytes]:
    """Chains opened, rolled and closed: one execution a call, or `size` of them in a batch."""
    made: list[bytes] = []
    while len(made) < calls:
        if not size:
            made += [pb.RecordExecutionRequest(execution=e.to_proto()).SerializeToString() for e in desk.rolled()]
            continue
        items = [execution for _ in range(size // 3 + 1) for execution in desk.rolled()]
        batch = pb.RecordExecutionsRequest(executions=[execution.to_proto() for execution in items[:size]])
        made.append(batch.SerializeToString())
    return made[:calls]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def _measure(channel: grpc.aio.Channel, job: dict[str, Any]) -> dict[str, Any]:
    """One round: each desk sends its requests one after the other, all desks at once."""
    size = job["size"]
    theirs = [
        requests(Desk(f"{job['name']}-{n}", 1, expiries=EXPIRIES), job["calls"], size) for n in range(job["in_flight"])
    ]
    answers = pb.RecordExecutionsResponse if size else pb.RecordExecutionResponse
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS[job["method"]])
    taken: list[float] = []
    acks: list[tuple[int, float]] = []

    async def run(mine: list[bytes]) -> None:
        for request in mine:
            started = time.perf_counter()
            answer = await call(request, timeout=60)
            taken.append(time.perf_counter() - started)
            if job["acks"]:
                acks.append((answers.FromString(answer).revision, time.monotonic()))

    now, began = time.monotonic(), time.perf_counter()
    await asyncio.gather(*(run(mine) for mine in theirs))
    seconds = time.perf_counter() - began
    taken.sort()
    return {
        "rate": len(taken) * max(size, 1) / seconds,
        "p50": percentile(taken, 0.50),
        "p99": percentile(taken, 0.99),
        "began": now,
        "acks": sorted(acks),
    }


async def _main(target: str) -> None:
    async with grpc.aio.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        for line in sys.stdin:
            print(json.dumps(await _measure(channel, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
