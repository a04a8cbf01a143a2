"""Both clients watch a real server: through kills and restarts nothing is missed and no entry is seen twice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from rollbook import (
    AsyncClient,
    ChainMirror,
    ChainState,
    Cursor,
    LedgerEntry,
    LedgerError,
    OutOfRange,
    PositionChain,
    Unavailable,
    Unconfirmed,
    WatchChainsResponse,
)
from tests.support.in_threads import CLIENTS
from tests.support.server import RunningServer
from tests.support.trading import Trader, bought, sold, trading

ROUNDS = 3


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """On a port of its own, so that it can come back to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with RunningServer(tmp_path / "ledger.db", listen=f"127.0.0.1:{port}") as running:
        yield running


@pytest.fixture(params=CLIENTS)
def connect(request: pytest.FixtureRequest) -> Callable[..., AsyncClient]:
    return CLIENTS[request.param]


async def _trade(trader: Trader, rounds: int) -> None:
    """Chains that open, and every other one closes."""
    for number in range(rounds):
        opened = await trader.open(sold("1", "0.02"))
        if number % 2:
            await trader.close(opened.position_id, bought("1", "0.01"))


async def _restart(server: RunningServer) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def test_entries_through_kills(server: RunningServer, connect: Callable[..., AsyncClient]) -> None:
    """While a bot writes and the server is killed again and again, the watcher sees each entry once, in order, and is
    told of each interruption."""
    seen: list[LedgerEntry] = []
    failures: list[LedgerError] = []
    async with trading(server.target) as trader, connect(server.target, account=trader.account) as client:

        async def watch(upto: int) -> None:
            async with aclosing(client.watch_entries(on_interruption=failures.append)) as stream:
                async for message in stream:
                    seen.extend(message.entries)
                    if seen and seen[-1].revision >= upto:
                        return

        watching = asyncio.create_task(watch(ROUNDS * 6))
        for _ in range(ROUNDS):
            await _trade(trader, 4)
            await _restart(server)
        await asyncio.wait_for(watching, 60)
        known = [entry async for entry in trader.client.iterate_entries()]
    assert seen == known
    assert [entry.revision for entry in seen] == list(range(1, ROUNDS * 6 + 1))
    assert all(isinstance(failure, Unavailable) for failure in failures)


@pytest.mark.parametrize("include_closed", [False, True])
async def test_chains_through_kills(
    include_closed: bool, server: RunningServer, connect: Callable[..., AsyncClient]
) -> None:
    """While a bot writes and the server is killed again and again, a mirror ends equal to the server's chains."""
    mirror = ChainMirror(include_closed=include_closed)
    async with trading(server.target) as trader, connect(server.target, account=trader.account) as client:

        async def watch(upto: int) -> None:
            async with aclosing(
                client.watch_chains(include_closed=include_closed, on_interruption=mirror.interrupted)
            ) as stream:
                async for message in stream:
                    mirror.apply(message)
                    if message.bookmark and mirror.cursor and mirror.cursor.revision >= upto:
                        return

        watching = asyncio.create_task(watch(ROUNDS * 6))
        for _ in range(ROUNDS):
            await _trade(trader, 4)
            await _restart(server)
        await asyncio.wait_for(watching, 60)
        states = () if include_closed else (ChainState.OPEN,)
        chains = [chain async for chain in trader.client.iterate_chains(states=states)]
    assert len(chains) == ROUNDS * (4 if include_closed else 2)
    assert mirror.chains == {(chain.account, chain.position_id): chain for chain in chains}


async def test_a_watch_goes_on_from_a_cursor_that_was_kept(
    server: RunningServer, connect: Callable[..., AsyncClient]
) -> None:
    """A program that comes back with the cursor of its last message gets what it has missed, and nothing else."""
    async with trading(server.target) as trader, connect(server.target, account=trader.account) as client:
        await _trade(trader, 1)
        cursor = await _first_cursor(client)
        assert cursor.revision == 1
        await _trade(trader, 1)
        async with aclosing(client.watch_entries(cursor=cursor)) as stream:
            message = await anext(stream)
    assert [entry.revision for entry in message.entries] == [2]


async def _first_cursor(client: AsyncClient) -> Cursor:
    async with aclosing(client.watch_chains()) as stream:
        async for message in stream:
            if message.cursor:
                return message.cursor
    raise AssertionError("the stream ended")


async def test_a_stale_cursor_starts_over(server: RunningServer, connect: Callable[..., AsyncClient]) -> None:
    """A cursor of another ledger is told as OutOfRange, and the watch begins anew by itself."""
    failures: list[LedgerError] = []
    seen: list[PositionChain] = []
    async with trading(server.target) as trader, connect(server.target, account=trader.account) as client:
        await _trade(trader, 1)
        foreign = Cursor(ledger_id="another", revision=7)
        async with aclosing(client.watch_chains(cursor=foreign, on_interruption=failures.append)) as stream:
            async for message in stream:
                seen += message.chains
                if message.bookmark:
                    break
    assert [type(failure) for failure in failures] == [OutOfRange]
    assert len(seen) == 1


async def test_close_ends_a_watch(server: RunningServer, connect: Callable[..., AsyncClient]) -> None:
    """A client that is closed ends its watches with Unconfirmed, as it ends its calls."""
    client = connect(server.target)
    await client.open()
    stream = client.watch_chains()
    await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(Unconfirmed):
        await asyncio.wait_for(waiting, 20)


def test_a_mirror_forgets_what_no_later_message_speaks_of() -> None:
    """Cut off within the first state, or in another ledger, it begins anew; a later interruption takes nothing."""
    chain = PositionChain(account="a", position_id="p", state=ChainState.OPEN)
    mirror = ChainMirror()
    mirror.apply(WatchChainsResponse(chains=(chain,)))
    mirror.interrupted(Unavailable("gone"))
    assert mirror.chains == {}
    mirror.apply(WatchChainsResponse(chains=(chain,), cursor=Cursor(ledger_id="x", revision=1), bookmark=True))
    mirror.interrupted(Unavailable("gone"))
    assert mirror.chains == {("a", "p"): chain}
    mirror.interrupted(OutOfRange("another ledger"))
    assert (mirror.chains, mirror.cursor) == ({}, None)
