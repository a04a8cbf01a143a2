"""One watcher who does not read, and two hundred who do: he costs them nothing, and the server no memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from rollbook import Action, AsyncClient, ExecutionResult, ExecutionStatus
from rollbook.v1 import watch_pb2
from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tests.support.proxy import OWN_CONNECTION, Proxy
from tests.support.server import RunningServer
from tests.support.trading import execution, sold

MIB = 2**20
LIVE, CHANNELS = 200, 10
WARM, ROUNDS = 25, 25
"""Batches before the memory is measured first, when all caches are full, and between that and the second time."""
LIGHT, HEAVY = 8, 40
"""Executions in a batch: of the account that the live ones watch, and of another one, of about 32 KiB each."""
ERRORS = tuple(f"{number:02} {'x' * 1_000}" for number in range(32))

BACKLOG = ROUNDS * HEAVY * 32_000
"""Bytes that come for the stalled one while the memory is measured; none of them may wait in the server."""
BOUND = BACKLOG // 2
"""Bytes by which the server's memory may grow: what 200 connections and SQLite's caches take is far less."""

Seen = list[tuple[int, int]]
"""(revision, sequence) of entries."""


@asynccontextmanager
async def _channel(target: str) -> AsyncIterator[Any]:
    """A connection of its own."""
    async with grpc.aio.insecure_channel(target, [*OWN_CONNECTION, ("grpc.enable_http_proxy", 0)]) as channel:
        yield LedgerServiceStub(channel)


async def _read(call: Any, seen: Seen, count: int) -> None:
    """Reads until so many entries have come in all."""
    while len(seen) < count:
        message = await call.read()
        seen += [(entry.revision, entry.sequence) for entry in message.entries]


async def _write(client: AsyncClient, batches: int) -> None:
    for _ in range(batches):
        opened = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(LIGHT)]
        await client.record_executions([*opened, *(_failed() for _ in range(HEAVY))])


def _failed() -> ExecutionResult:
    """It moved nothing, and says at length why."""
    return execution(Action.OPEN, account="heavy", status=ExecutionStatus.ERROR, errors=ERRORS)


def _memory(server: RunningServer) -> int:
    """Bytes that the server has resident."""
    status = Path(f"/proc/{server.pid}/status")
    if not status.exists():
        pytest.fail("a process's memory is read from /proc: this test needs Linux")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1_024


async def _known(client: AsyncClient, account: str) -> Seen:
    return [(entry.revision, entry.sequence) async for entry in client.iterate_entries(account=account, page_size=500)]


async def test_a_stalled_watcher_among_two_hundred(tmp_path: Path) -> None:
    """While one watcher of everything reads nothing, 200 others get each entry of their account, the server's memory
    does not grow by what he has not read, and when he reads at last, he has missed nothing."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            writer = await enter(AsyncClient(server.target, account="light", deadline=60))
            proxy = await enter(Proxy(server.target))
            stalled = (await enter(_channel(proxy.target))).WatchEntries(watch_pb2.WatchEntriesRequest())
            stubs = [await enter(_channel(server.target)) for _ in range(CHANNELS)]
            request = watch_pb2.WatchEntriesRequest(account="light")
            live: list[tuple[Any, Seen]] = [(stubs[n % CHANNELS].WatchEntries(request), []) for n in range(LIVE)]
            while (await writer.get_server_status()).watchers < LIVE + 1:
                pass

            async def catch_up(batches: int) -> None:
                async with asyncio.timeout(60):
                    await asyncio.gather(*(_read(call, seen, batches * LIGHT) for call, seen in live))

            await asyncio.gather(_write(writer, WARM), catch_up(WARM))
            before, sent = _memory(server), proxy.sent  # the windows of his connection are full by now
            await asyncio.gather(_write(writer, ROUNDS), catch_up(WARM + ROUNDS))
            grown = _memory(server) - before
            assert proxy.sent - sent < 10_000  # he is stalled indeed
            assert grown < BOUND, f"{grown / MIB:.1f} MiB"
            known = await _known(writer, "light")
            assert len(known) == (WARM + ROUNDS) * LIGHT
            assert all(seen == known for _, seen in live)

            everything, late = await _known(writer, ""), list[tuple[int, int]]()
            async with asyncio.timeout(60):
                await _read(stalled, late, len(everything))
            assert late == everything
