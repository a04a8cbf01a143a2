"""Watches that are cut, killed and left by their server while a bot writes: nothing is missed, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Literal

import pytest

from rollbook import AsyncClient, ChainMirror, LedgerEntry, LedgerError, PositionChain
from tests.durability.watching import kept_chains, kept_entries
from tests.durability.writing import PATIENCE, History, Level, Writer
from tests.support.proxy import OWN_CONNECTION, Proxy, free_port
from tests.support.server import RunningServer

Kind = Literal["chains", "entries"]

ROOT = Path(__file__).parents[2]


class Disturbed:
    """A watcher within the test."""

    def __init__(self) -> None:
        self.level = Level()
        """The revision of its last bookmark."""
        self.interruptions = 0

    def interrupted(self, error: LedgerError) -> None:
        self.interruptions += 1


class Mirroring(Disturbed):
    """Keeps a mirror, and compares it with the history at each bookmark."""

    def __init__(self, history: History, *, include_closed: bool) -> None:
        super().__init__()
        self.compared = 0
        self._history = history
        self._include_closed = include_closed

    async def watch(self, client: AsyncClient, bookmarks: float = float("inf")) -> None:
        """Begins with an empty mirror, and leaves after so many bookmarks."""
        mirror = ChainMirror(include_closed=self._include_closed)

        def interrupted(error: LedgerError) -> None:
            self.interrupted(error)
            mirror.interrupted(error)

        watch = client.watch_chains(on_interruption=interrupted, include_closed=self._include_closed)
        async with aclosing(watch) as stream:
            async for message in stream:
                mirror.apply(message)
                if message.bookmark:
                    await compare(mirror, self._history)
                    self.compared += 1
                    bookmarks -= 1
                    assert mirror.cursor is not None
                    self.level.rise(mirror.cursor.revision)
                if not bookmarks:
                    return


class Collecting(Disturbed):
    """Collects entries."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[LedgerEntry] = []

    async def watch(self, client: AsyncClient) -> None:
        async with aclosing(client.watch_entries(on_interruption=self.interrupted)) as stream:
            async for message in stream:
                self.entries += message.entries
                if message.bookmark and message.cursor:
                    self.level.rise(message.cursor.revision)


class Program:
    """A watcher in a process of its own, see `watching.py`."""

    def __init__(self, kind: Kind, target: str, file: Path) -> None:
        self.level = Level()
        """The revision of the last bookmark that is in its file."""
        self.file = file
        self._command = (sys.executable, "-m", "tests.durability.watching", kind, target, str(file))

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(*self._command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.level.rise(int(line))

    async def kill(self) -> None:
        """kill -9; it must not have ended by itself."""
        await self.stop()
        assert self._process.returncode == -signal.SIGKILL

    async def stop(self) -> None:
        """Leaves nothing of it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._listening


async def compare(mirror: ChainMirror, history: History) -> None:
    """A mirror at a bookmark is the server at that revision, in every figure of every chain."""
    assert mirror.cursor is not None
    known = await history.at(mirror.cursor.revision, include_closed=mirror.include_closed)
    for key in [key for key, chain in known.items() if chain is None]:
        del known[key]
        if key in mirror.chains:
            known[key] = mirror.chains[key]
    if mirror.chains != known:  # said shortly: there are hundreds
        keys = [key for key in {*known, *mirror.chains} if known.get(key) != mirror.chains.get(key)]
        found = {key: (_revision(mirror.chains, key), _revision(known, key)) for key in sorted(keys)[:5]}
        raise AssertionError(f"at {mirror.cursor}, {len(keys)} chains differ in (mirror, server): {found}")
    mirror.chains = {
        key: chain for key, chain in known.items() if chain is not None
    }  # equal, and from now on the same objects: the next comparison is a quick one


def _revision(chains: Mapping[tuple[str, str], PositionChain | None], key: tuple[str, str]) -> tuple[int, str] | None:
    chain = chains.get(key)
    return None if chain is None else (chain.revision, chain.state)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """On a port to which it can come back."""
    with RunningServer(tmp_path / "ledger.db", listen=f"127.0.0.1:{free_port()}") as running:
        yield running


async def _come_and_go(newcomers: list[Mirroring], client: AsyncClient, chance: random.Random) -> None:
    """One watcher after the other begins with the present state, and stays for a while."""
    while True:
        await chance.choice(newcomers).watch(client, chance.randrange(1, 5))


async def _disturb(
    how: str, writer: Writer, proxy: Proxy, server: RunningServer, program: Program, chance: random.Random
) -> None:
    async with asyncio.timeout(PATIENCE):
        if how == "settlement":
            await writer.settles()
            await proxy.cut_after(chance.randrange(800_000)).wait()
        elif how == "cut":
            await proxy.cut_after(int(2 ** chance.uniform(0, 16))).wait()
        elif how == "kill":
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        else:
            await program.kill()
            await program.start()


async def _survive(server: RunningServer, tmp_path: Path, disturbances: Mapping[str, int], seed: int) -> None:
    """Cuts of the connections, also within a large settlement, kills of the server, deaths of watching programs: so
    many of each, in any order."""
    chance = random.Random(f"disturbances/{seed}")
    count = sum(disturbances.values())
    async with AsyncExitStack() as stack:
        direct = await stack.enter_async_context(AsyncClient(server.target, deadline=PATIENCE))
        proxy = await stack.enter_async_context(Proxy(server.target))
        clients = [await stack.enter_async_context(AsyncClient(proxy.target, options=OWN_CONNECTION)) for _ in range(4)]
        writer = Writer(direct, seed)
        history, collecting = writer.history, Collecting()
        mirrors = [Mirroring(history, include_closed=include_closed) for include_closed in (False, True)]
        newcomers = [Mirroring(history, include_closed=include_closed) for include_closed in (False, True)]
        programs = [
            Program("chains", proxy.target, tmp_path / "chains"),
            Program("entries", proxy.target, tmp_path / "entries"),
        ]
        for program in programs:
            stack.push_async_callback(program.stop)
            await program.start()
        levels = [watcher.level for watcher in (*mirrors, collecting)]
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(mirrors[0].watch(clients[0])),
                group.create_task(mirrors[1].watch(clients[1])),
                group.create_task(collecting.watch(clients[2])),
                group.create_task(_come_and_go(newcomers, clients[3], chance)),
            ]
            writing = group.create_task(writer.write())
            for disturbance in chance.sample([*disturbances], count, counts=[*disturbances.values()]):
                await writer.answered.reaches(writer.answered.number + chance.randrange(1, 6))
                await _disturb(disturbance, writer, proxy, server, chance.choice(programs), chance)
                if chance.random() < 0.7:  # else the next one comes upon those who are still coming back
                    upto = history.level.number
                    for level in levels:
                        await level.reaches(upto)
            writer.stop()
            await writing
            for level in (*levels, *(program.level for program in programs)):
                await level.reaches(history.level.number)
            for task in watching:
                task.cancel()
        for program in programs:
            await program.kill()
        entries = [entry async for entry in direct.iterate_entries(page_size=500)]
        chains = [chain async for chain in direct.iterate_chains(page_size=500)]
    assert [(entry.revision, entry.sequence) for entry in entries] == sorted(
        {(entry.revision, entry.sequence) for entry in entries}
    )
    assert collecting.entries == entries
    assert [entry for message in kept_entries(programs[1].file) for entry in message.entries] == entries
    last = await history.at(history.level.number, include_closed=True)
    assert last == {(chain.account, chain.position_id): chain for chain in chains}
    assert await _compare_kept(programs[0].file, history) >= count
    # What was promised has been tried.
    interruptions = count - disturbances["death"]
    for mirror in mirrors:
        assert mirror.compared >= count
        assert mirror.interruptions >= interruptions // 2
    assert sum(newcomer.compared for newcomer in newcomers) >= count
    assert collecting.interruptions >= interruptions // 2


async def _compare_kept(file: Path, history: History) -> int:
    """Goes through what a program has kept; the number of its bookmarks."""
    mirror, bookmarks = ChainMirror(include_closed=True), 0
    for message in kept_chains(file):
        mirror.apply(message)
        if message.bookmark:
            await compare(mirror, history)
            bookmarks += 1
    return bookmarks


@pytest.mark.parametrize("seed", [1])
async def test_nothing_is_missed_or_repeated_in_thirty_disturbances(
    seed: int, server: RunningServer, tmp_path: Path
) -> None:
    """While a bot writes, connections are cut, the server and watching programs are killed, 30 times: at every bookmark
    each mirror is the server at that revision, old mirrors and new ones, and each entry is seen once, in order."""
    await _survive(server, tmp_path, {"cut": 13, "settlement": 5, "kill": 6, "death": 6}, seed)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 12))
async def test_nothing_is_missed_or_repeated_in_a_thousand_disturbances(
    seed: int, server: RunningServer, tmp_path: Path
) -> None:
    """A thousand disturbances, a hundred in each of ten ledgers, keep the promise of thirty."""
    await _survive(server, tmp_path, {"cut": 45, "settlement": 15, "kill": 20, "death": 20}, seed)
