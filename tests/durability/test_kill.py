"""kill -9 under load: what was acknowledged is there once, whatever the moment."""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rollbook import AsyncClient, LedgerEntry
from rollbook.errors import LedgerError
from rollbook_server.storage.check import check_ledger
from tests.support.load import Command, Desk, send, trade_ids
from tests.support.server import RunningServer

DESKS = 12


class Trader:
    """Sends a desk's commands one by one; what is unanswered when the server dies is sent again as it was."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.recorded: dict[str, int] = {}
        self.trades: list[str] = []
        self.position_ids: set[str] = set()
        self.repeated = 0
        self._commands: Iterator[Command] = desk.commands()
        self._unanswered: Command | None = None

    @property
    def account(self) -> str:
        return self.desk.account

    async def trade(self, client: AsyncClient, answered: Callable[[], None]) -> None:
        """Trades until it is cancelled."""
        while True:
            await self.catch_up(client)
            self._unanswered = next(self._commands)
            await self._send(client, self._unanswered)
            answered()

    async def catch_up(self, client: AsyncClient) -> None:
        """Sends again what has no answer."""
        if self._unanswered is not None:
            self.repeated += 1
            await self._send(client, self._unanswered)

    async def _send(self, client: AsyncClient, command: Command) -> None:
        recorded = await send(client, command)
        self.recorded |= recorded.revisions
        self.trades += trade_ids(command, recorded)
        self.position_ids.update(recorded.position_ids)
        self._unanswered = None


async def _until_killed(server: RunningServer, traders: list[Trader], chance: random.Random) -> tuple[int, str]:
    """One round: trades until a random moment, kills the server, and says which head it had shown before."""
    left = chance.randrange(1, 120)
    moment = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answered() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            loop.call_later(chance.uniform(0, 0.02), moment.set)

    async with AsyncClient(server.target) as client:
        tasks = [asyncio.ensure_future(trader.trade(client, answered)) for trader in traders]
        ended = asyncio.ensure_future(moment.wait())
        await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
        assert ended.done(), [task.exception() for task in tasks if task.done()]
        status = await client.get_server_status()
        server.kill()
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError | LedgerError), outcome
    return status.revision, status.head_hash


def check(db: Path, *flags: str) -> dict[str, Any]:
    """What `rollbook-server check --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "rollbook_server", "check", "--db", str(db), "--json", *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1), done.stderr
    return report


async def _assert_once(client: AsyncClient, trader: Trader) -> None:
    """All that was acknowledged to a trader is in the journal and in the chains' lines, once."""
    revisions: dict[str, set[int]] = {}
    async for entry in client.iterate_entries(account=trader.account, page_size=500):
        if entry.expiry is None:  # which came unasked
            revisions.setdefault(_request_id(entry), set()).add(entry.revision)
    for request_id, revision in trader.recorded.items():
        assert revisions.pop(request_id, set()) == {revision}
    assert not revisions  # nothing is there that nobody was told of
    trades: Counter[str] = Counter()
    for position_id in trader.position_ids:
        answer = await client.get_chain(position_id, account=trader.account)
        trades.update(line.trade_id for line in answer.lines if line.trade_id)
    assert trades == Counter(trader.trades) - Counter(await _waiting(client, trader))


async def _waiting(client: AsyncClient, trader: Trader) -> list[str]:
    """Trades of late fills whose order nobody has reported yet: the last story may have ended in the middle."""
    waiting: dict[str, set[str]] = {}
    async for entry in client.iterate_entries(account=trader.account, page_size=500):
        if entry.fills is not None and not entry.position_id:
            for fill in entry.fills.fills:
                waiting.setdefault(fill.order_id, set()).add(fill.trade_id)
        if entry.execution is not None and entry.execution.execution is not None:
            for order in entry.execution.execution.orders:
                waiting.pop(order.order_id, None)
    return [trade_id for of_order in waiting.values() for trade_id in of_order]


def _request_id(entry: LedgerEntry) -> str:
    if entry.execution is not None and entry.execution.execution is not None:
        return entry.execution.execution.request_id
    body = entry.fills or entry.settlement
    assert body is not None
    return body.request_id


async def _survive(db: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    traders = [Trader(Desk(f"desk-{number}", seed)) for number in range(DESKS)]
    heads: list[tuple[int, str]] = []
    server = RunningServer(db)
    for number in range(rounds):
        server.start()
        heads.append(await _until_killed(server, traders, chance))
        if number % 5 == 0:  # the file as the dead server left it
            report = check_ledger(db, f"{heads[-1][0]}:{heads[-1][1]}")
            assert report.ok, report.problems
    with server:
        async with AsyncClient(server.target) as client:
            await asyncio.gather(*(trader.catch_up(client) for trader in traders))
            for trader in traders:
                await _assert_once(client, trader)
            status = await client.get_server_status()
    assert sum(trader.repeated for trader in traders) >= rounds  # the kills did hit calls under way
    for revision, head in chance.sample(heads, 2):
        report = check_ledger(db, f"{revision}:{head}")
        assert report.ok, report.problems
    proven = check(db, "--expect", f"{heads[-1][0]}:{heads[-1][1]}")
    assert proven["ok"], proven["problems"]
    assert (proven["revision"], proven["head_hash"]) == (status.revision, status.head_hash)


async def test_nothing_acknowledged_is_lost_or_doubled_by_five_kills(tmp_path: Path) -> None:
    """Five times kill -9 at random moments under load: each acknowledged command is there exactly once with the
    revision that was answered, unanswered ones sent again count once, and `check` passes with every head seen."""
    await _survive(tmp_path / "ledger.db", rounds=5, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
async def test_nothing_acknowledged_is_lost_or_doubled_by_fifty_kills(seed: int, tmp_path: Path) -> None:
    """Fifty kills keep the promise of five."""
    await _survive(tmp_path / "ledger.db", rounds=50, seed=seed)
