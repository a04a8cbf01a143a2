"""Watches that are cut in the middle of many chains at once: of a large settlement, and of the first state."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sized
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import pytest

from rollbook import Action, AsyncClient, ChainMirror, Cursor, LedgerEntry, LedgerError
from tests.durability.watching import kept_chains, kept_entries
from tests.durability.writing import PATIENCE
from tests.support.proxy import OWN_CONNECTION, Proxy, free_port
from tests.support.server import RunningServer
from tests.support.trading import EXPIRY, Trader, execution, sold

Interrupted = Callable[[LedgerError], object]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "ledger.db") as running:
        yield running


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    """Has 600 chains open, of one expiry."""
    async with AsyncClient(server.target, account="main", deadline=PATIENCE) as client:
        for _ in range(2):
            await client.record_executions([execution(Action.OPEN, sold("1", "0.02")) for _ in range(300)], atomic=True)
        yield Trader(client, "main")


@pytest.fixture
async def settled(trader: Trader) -> Cursor:
    """The 600 are settled in one revision; the cursor before it."""
    before = await trader.client.get_server_status()
    await trader.settle("105000", index_name="btc_usd", expiry_time=EXPIRY)
    return Cursor(ledger_id=before.ledger_id, revision=before.revision)


async def test_entries_of_a_revision_that_is_cut(server: RunningServer, settled: Cursor) -> None:
    """Cut anywhere in the middle of a settlement of 600 chains, a watch goes on; each entry comes once, in order."""
    async with AsyncClient(server.target) as direct:
        known = [entry async for entry in direct.iterate_entries(after_revision=settled.revision, page_size=500)]
    assert [entry.sequence for entry in known] == list(range(1, 601))
    seen: list[LedgerEntry] = []

    async def watch(client: AsyncClient, interrupted: Interrupted) -> None:
        seen.clear()
        async with aclosing(client.watch_entries(cursor=settled, on_interruption=interrupted)) as stream:
            async for message in stream:
                seen.extend(message.entries)
                if message.bookmark:
                    break
        assert seen == known

    await _cut_within(server, watch, seen)


async def test_chains_of_a_revision_that_is_cut(server: RunningServer, settled: Cursor) -> None:
    """Cut anywhere in the middle of a settlement of 600 chains, a mirror goes on; it ends equal to the server."""
    async with AsyncClient(server.target) as direct:
        known = {(chain.account, chain.position_id): chain async for chain in direct.iterate_chains(page_size=500)}
    assert len(known) == 600
    mirror = ChainMirror(include_closed=True)

    async def watch(client: AsyncClient, interrupted: Interrupted) -> None:
        mirror.chains.clear()
        mirror.cursor = settled  # the settlement changes all that there is
        async with aclosing(client.watch_chains(cursor=settled, on_interruption=interrupted)) as stream:
            async for message in stream:
                mirror.apply(message)
                if message.bookmark:
                    break
        assert mirror.chains == known

    await _cut_within(server, watch, mirror.chains)


async def _cut_within(
    server: RunningServer, watch: Callable[[AsyncClient, Interrupted], Awaitable[None]], seen: Sized
) -> None:
    """Watches once without a cut, to learn how many bytes come, then with a cut after each tenth of them."""
    had: list[object] = []
    async with Proxy(server.target) as proxy:
        async with AsyncClient(proxy.target, options=OWN_CONNECTION) as client:
            await watch(client, had.append)
        assert not had
        size = proxy.sent
        for tenth in range(10):
            async with AsyncClient(proxy.target, options=OWN_CONNECTION) as client, asyncio.timeout(PATIENCE):
                cut = proxy.cut_after(1 + size * tenth // 10)
                await watch(client, lambda _: had.append(len(seen)))
                assert cut.is_set()
    assert {*had} - {0}, had  # some of it came before a cut


async def test_a_first_state_that_is_cut(server: RunningServer, trader: Trader) -> None:
    """Cut off in the middle of the first state, a mirror does not keep chains that are closed when it comes back."""
    had: list[int] = []
    gone = asyncio.Event()

    async def watch(client: AsyncClient) -> ChainMirror:
        mirror = ChainMirror()

        def interrupted(error: LedgerError) -> None:
            had.append(len(mirror.chains))
            mirror.interrupted(error)
            if not gone.is_set():  # until the chains are settled
                proxy.to = nowhere
                gone.set()

        async with aclosing(client.watch_chains(on_interruption=interrupted)) as stream:
            async for message in stream:
                mirror.apply(message)
                if message.bookmark:
                    break
        return mirror

    nowhere = f"127.0.0.1:{free_port()}"
    async with Proxy(server.target) as proxy, asyncio.timeout(PATIENCE):
        async with AsyncClient(proxy.target, options=OWN_CONNECTION) as client:
            assert len((await watch(client)).chains) == 600
        proxy.cut_after(proxy.sent * 3 // 4)
        async with AsyncClient(proxy.target, options=OWN_CONNECTION) as client:
            watching = asyncio.create_task(watch(client))
            await gone.wait()
            await trader.settle("105000", index_name="btc_usd", expiry_time=EXPIRY)
            proxy.to = server.target
            mirror = await watching
    assert 0 < had[0] < 600
    assert mirror.chains == {}


async def test_programs_that_are_killed_within_a_revision(
    server: RunningServer, settled: Cursor, tmp_path: Path
) -> None:
    """Programs that keep what has come, and are killed after one message, then after two more, then after three, come
    to have each entry once, in order, and the chains as the server has them."""
    entries, chains = tmp_path / "entries", tmp_path / "chains"
    assert await _kill_again_and_again("entries", server.target, entries) > 2
    assert await _kill_again_and_again("chains", server.target, chains) > 2
    mirror = ChainMirror(include_closed=True)
    for message in kept_chains(chains):
        mirror.apply(message)
    assert mirror.cursor == Cursor(ledger_id=settled.ledger_id, revision=settled.revision + 1)
    async with AsyncClient(server.target) as direct:
        known = [entry async for entry in direct.iterate_entries(page_size=500)]
        present = {(chain.account, chain.position_id): chain async for chain in direct.iterate_chains(page_size=500)}
    assert [entry for message in kept_entries(entries) for entry in message.entries] == known
    assert mirror.chains == present


async def _kill_again_and_again(kind: Literal["chains", "entries"], target: str, file: Path) -> int:
    """Runs `watching.py` until it has come to a bookmark; how often."""
    command = [sys.executable, "-m", "tests.durability.watching", kind, target, str(file)]
    for messages in range(1, 20):
        async with asyncio.timeout(PATIENCE):
            program = await asyncio.create_subprocess_exec(*command, str(messages), cwd=ROOT, stdout=DEVNULL)
            assert await program.wait() == -signal.SIGKILL
        kept = kept_chains(file) if kind == "chains" else kept_entries(file)
        if kept[-1].bookmark:
            return messages
    raise AssertionError("it does not come to a bookmark")
