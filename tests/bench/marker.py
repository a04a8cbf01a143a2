"""The marks of a venue, in a process of their own: those of all contracts, again and again, at times fixed before.

Opens a chain for each contract. Then it reads jobs as JSON lines and answers each twice. Before anything is sent: the
last mark_time, in µs. At the end, in seconds: when which were sent, how late they were at most, how long calls took,
and how far behind the server was, from when another one would have been due until the last answer.
"""

import asyncio
import json
import sys
import time
from decimal import Decimal
from typing import Any

import grpc

from rollbook.v1 import execution_pb2, mark_pb2
from rollbook.v1 import ledger_service_pb2 as pb
from tests.bench.caller import EXPIRIES
from tests.bench.watchers import OPTIONS
from tests.support.load import Desk

_SERVICE = "/rollbook.v1.LedgerService"
_BATCH = 500
_SOON = 0.2
"""Seconds from the first answer to the first call."""


async def _open(channel: grpc.aio.Channel, symbols: list[str]) -> None:
    """A chain of one leg for each contract."""
    desk = Desk("marked", 1, expiries=EXPIRIES)
    executions = [desk.open(f"marked-{n}", symbol).to_proto() for n, symbol in enumerate(symbols)]
    call: Any = channel.unary_unary(f"{_SERVICE}/RecordExecutions")
    for first in range(0, len(executions), _BATCH):
        batch = pb.RecordExecutionsRequest(executions=executions[first : first + _BATCH])
        await call(batch.SerializeToString())


def _marks(symbols: list[str], number: int) -> pb.UpdateMarksRequest:
    """A mark of each contract, another one than that of the number before; its time comes later."""
    request = pb.UpdateMarksRequest(mode=execution_pb2.MODE_LIVE)
    for n, symbol in enumerate(symbols):
        price = Decimal(100 + (n + number) % 300) / 10_000
        request.marks.append(mark_pb2.Mark(symbol=symbol, mark_price=str(price), index_price=str(110_000 + number)))
    return request


async def _mark(channel: grpc.aio.Channel, symbols: list[str], job: dict[str, Any]) -> dict[str, Any]:
    """Sends marks at times, whether or not those before were taken."""
    call: Any = channel.unary_unary(f"{_SERVICE}/UpdateMarks")
    made = [_marks(symbols, number) for number in range(job["times"])]
    begin, mark_time = time.monotonic() + _SOON, int((time.time() + _SOON) * 1e6)
    times = [mark_time + int(number * job["period"] * 1e6) for number in range(job["times"])]
    bodies = []
    for request, at in zip(made, times, strict=True):
        for mark in request.marks:
            mark.mark_time.FromMicroseconds(at)
        bodies.append(request.SerializeToString())
    print(json.dumps({"last": times[-1]}), flush=True)
    late: list[float] = []
    taken: list[float] = []
    sent: list[tuple[int, float]] = []

    async def send(number: int) -> None:
        due = begin + number * job["period"]
        await asyncio.sleep(due - time.monotonic())
        started = time.monotonic()
        sent.append((times[number], started))
        late.append(started - due)
        answer = pb.UpdateMarksResponse.FromString(await call(bodies[number], timeout=60))
        assert answer.accepted == len(symbols)
        taken.append(time.monotonic() - started)

    await asyncio.gather(*(send(number) for number in range(job["times"])))
    behind = max(0, time.monotonic() - begin - job["times"] * job["period"])
    return {"sent": sent, "late": max(late), "taken": taken, "behind": behind}


async def _main(target: str, contracts: int) -> None:
    symbols = [f"BTC-{EXPIRIES[n % 2]}-{100_000 + n // 2}-C" for n in range(contracts)]
    async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
        await _open(channel, symbols)
        print(json.dumps({"open": contracts}), flush=True)
        for line in sys.stdin:
            print(json.dumps(await _mark(channel, symbols, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
