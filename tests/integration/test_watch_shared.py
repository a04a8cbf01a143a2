"""What was read for one watcher is given to another only where its bookmark is true for that one as well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from rollbook import Action, AsyncClient, ChainMirror, Cursor
from tests.support.proxy import OWN_CONNECTION
from tests.support.server import RunningServer
from tests.support.trading import Trader, bought, execution, new_id, sold

ACCOUNT = "main"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "ledger.db") as running:
        yield running


async def _follow(client: AsyncClient, cursor: Cursor | None, upto: int, ready: asyncio.Event) -> None:
    """A live watcher, who takes each revision as it comes; `ready` once it has seen what was there."""
    async with aclosing(client.watch_chains(cursor=cursor, include_closed=True)) as stream:
        async for message in stream:
            if message.bookmark and message.cursor:
                ready.set()
                if message.cursor.revision >= upto:
                    return


async def test_a_slow_newcomer_has_no_more_than_its_bookmark_says(server: RunningServer) -> None:
    """While a slow watcher takes in the first state, revisions follow and another watcher takes them one by one."""
    async with (
        AsyncClient(server.target, account=ACCOUNT) as client,
        AsyncClient(server.target, account=ACCOUNT, options=OWN_CONNECTION) as slow,
    ):
        trader = Trader(client, ACCOUNT)
        for _ in range(10):  # a first state of some megabytes: the buffers of a connection do not hold it
            await client.record_executions(
                [execution(Action.OPEN, sold("1", "0.02"), reason="x" * 1000) for _ in range(300)], atomic=True
            )
        last = (await client.list_chains(page_size=1)).chains[0].position_id  # comes at the end of the first state
        ready = asyncio.Event()
        live = asyncio.create_task(_follow(client, None, 11, ready))
        await ready.wait()
        mirror = ChainMirror(include_closed=True)
        async with aclosing(slow.watch_chains(include_closed=True)) as stream:
            mirror.apply(await anext(stream))  # it began at revision 10
            await trader.open(sold("1", "0.02"))
            await live  # its step from 10 to 11 is there for others
            await trader.close(last, bought("1", "0.01"))  # revision 12
            async for message in stream:
                mirror.apply(message)
                if message.bookmark:
                    break
    assert mirror.cursor is not None
    assert max(chain.revision for chain in mirror.chains.values()) <= mirror.cursor.revision


async def test_who_goes_on_misses_nothing_at_its_bookmark(server: RunningServer) -> None:
    """A watcher is cut off on a long way to catch up that others have gone revision by revision, and goes on: a chain
    that has moved on since is not left out."""
    async with (
        AsyncClient(server.target, account=ACCOUNT) as client,
        AsyncClient(server.target, account=ACCOUNT, options=OWN_CONNECTION) as slow,
    ):
        trader = Trader(client, ACCOUNT)
        ledger_id = (await client.get_server_status()).ledger_id
        named: list[list[str]] = []
        for number in range(40):
            ready = asyncio.Event()
            live = asyncio.create_task(_follow(client, Cursor(ledger_id=ledger_id, revision=number), number + 1, ready))
            await ready.wait()
            named.append([new_id("chain-") for _ in range(10)])
            await client.record_executions(
                [execution(Action.OPEN, sold("1", "0.02"), position_id=name) for name in named[-1]], atomic=True
            )
            await live
        await trader.close(named[14][0], bought("0.5", "0.01"))  # opened at revision 15, changed at 41
        mirror = ChainMirror(include_closed=True)
        cursor = Cursor(ledger_id=ledger_id)
        for messages in (1, 1_000):  # cut off after the first
            async with aclosing(slow.watch_chains(cursor=cursor, include_closed=True)) as stream:
                for _ in range(messages):
                    message = await anext(stream)
                    mirror.apply(message)
                    if message.bookmark:
                        break
            cursor = mirror.cursor or cursor
    expected = {name for group in named[: cursor.revision] for name in group}
    assert not expected - {position_id for _, position_id in mirror.chains}
