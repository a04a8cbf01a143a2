"""A restart, gentle or not, changes nothing that anybody can see, and the journal's clock never goes back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    Action,
    AsyncClient,
    ExecutionStatus,
    Mark,
    Mode,
    Order,
    OrderState,
    RecordFillsRequest,
    Side,
)
from rollbook.errors import FailedPrecondition
from rollbook_server.domain.clock import EventClock, Micros, micros
from rollbook_server.storage.check import check_ledger
from tests.durability.inside import all_entries, opened, record
from tests.support.load import MORNING, Desk, send
from tests.support.server import RunningServer

SYMBOL = "BTC-26SEP25-100000-C"


async def _everything(client: AsyncClient) -> dict[str, Any]:
    """All that a client can read."""
    chains = [chain async for chain in client.iterate_chains(account="", page_size=10)]
    status = await client.get_server_status()
    return {
        "chains": chains,
        "views": [await client.get_chain(chain.position_id, account=chain.account) for chain in chains],
        "portfolio": await client.get_portfolio(account="", period_from_time=MORNING),
        "entries": [entry async for entry in client.iterate_entries(account="", page_size=50)],
        "refusals": [each async for each in client.iterate_refused_executions(account="", include_resolved=True)],
        "head": (status.ledger_id, status.revision, status.head_hash),
    }


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_everything_is_there_after_a_restart(end: str, tmp_path: Path) -> None:
    """Open chains with their values, waiting fills, marks, refusals, totals and the head are the same after SIGTERM and
    after SIGKILL; what waited still finds its order, and what was answered is answered alike."""
    db = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    with RunningServer(db) as server:
        async with AsyncClient(server.target, account="main") as client:
            stories = desk.commands()
            sent = []
            for _ in range(40):
                command = next(stories)
                sent.append((command, await send(client, command)))
            opening = desk.open("held", SYMBOL)
            await client.record_execution(opening)
            late = desk.fill(SYMBOL, Side.SELL, order_id="unreported")
            waits = RecordFillsRequest(request_id=desk.id(), account="main", mode=Mode.LIVE, fills=(late,))
            assert (await client.record_fills(waits)).unmatched_order_ids == ("unreported",)
            mark = Mark(symbol=SYMBOL, mark_price=late.price, index_price=late.index_price, mark_time=desk.now)
            await client.update_marks([mark], mode=Mode.LIVE)
            too_much = desk.execution(Action.CLOSE, "held", [desk.fill(SYMBOL, Side.BUY, "9")])
            with pytest.raises(FailedPrecondition):
                await client.record_execution(too_much)
            before = await _everything(client)
            assert before["portfolio"].unmatched_fills >= 1
            assert before["portfolio"].unresolved_refusals >= 1
            assert before["portfolio"].valuations
        if end == "kill":
            server.kill()
        else:
            assert server.stop() == 0
        server.start()
        async with AsyncClient(server.target, account="main") as client:
            assert await _everything(client) == before
            for command, recorded in sent:
                assert await send(client, command) == recorded
            with pytest.raises(FailedPrecondition):
                await client.record_execution(too_much)
            order = Order(
                order_id="unreported", symbol=SYMBOL, side=Side.SELL, quantity=late.quantity, state=OrderState.FILLED
            )
            found = await client.record_execution(
                desk.execution(Action.OPEN, "found", [], orders=(order,), status=ExecutionStatus.RESTING)
            )
            assert (await client.get_chain("found")).chain is not None
            assert found.revision == before["head"][1] + 1
            portfolio = await client.get_portfolio()
            assert portfolio.unmatched_fills == before["portfolio"].unmatched_fills - 1
            close = desk.execution(Action.CLOSE, "held", [desk.fill(SYMBOL, Side.BUY)])
            await client.record_execution(close)
            attempts = {each.request_id: each.attempts for each in (await client.list_refused_executions()).refusals}
            assert attempts[too_much.request_id] == 2
    report = check_ledger(db)
    assert report.ok, report.problems


async def test_event_clock_survives_a_restart(tmp_path: Path) -> None:
    """With --clock events a restarted server goes on from the newest event that it has recorded, so that a late report
    of an old fill is recorded at that time and not before it."""
    db = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    with RunningServer(db) as server:
        async with AsyncClient(server.target, account="main") as client:
            await client.record_execution(desk.open("one", SYMBOL))
            desk.now += timedelta(days=3)
            await client.record_execution(desk.open("two", SYMBOL))
            newest = desk.now
        server.kill()
        server.start()
        desk.now = MORNING
        async with AsyncClient(server.target, account="main") as client:
            await client.record_execution(desk.open("three", SYMBOL))
            entries = [entry async for entry in client.iterate_entries()]
    assert [entry.recorded_time for entry in entries[1:]] == [newest, newest]
    assert entries[0].recorded_time == entries[0].event_time
    assert entries[2].event_time == desk.now


class HandClock:
    """Says what it was set to."""

    def __init__(self, now: Micros) -> None:
        self.time = now

    def now(self, event: Micros = 0) -> Micros:
        return self.time

    def saw(self, event: Micros) -> None:
        """Goes on by nobody but its owner."""


async def test_recorded_time_never_goes_back(tmp_path: Path) -> None:
    """When the machine's clock jumps back, within a run or between two, entries keep the newest time that the journal
    has seen until the clock has caught up."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    start = micros(MORNING) + 1_000_000
    seen: list[int] = []
    recorded: list[int] = []
    for run in ((0, 5, 3), (1, 4), (6, 2, 7)):
        clock = HandClock(start)
        async with opened(path, clock) as ledger:
            for hour in run:
                clock.time = start + hour * 3_600_000_000
                seen.append(hour)
                await record(ledger, desk.open(f"chain-{len(seen)}", SYMBOL))
            recorded = [entry.recorded_time for entry in (await all_entries(ledger)).entries]
    hours = [(time - start) // 3_600_000_000 for time in recorded]
    assert hours == [max(seen[: number + 1]) for number in range(len(seen))] == [0, 5, 5, 5, 5, 6, 6, 7]
    report = check_ledger(path)
    assert report.ok, report.problems


async def test_refused_command_does_not_move_the_event_clock(tmp_path: Path) -> None:
    """The clock of events follows what is recorded: a refused command with a time far in the future, or a group that
    fails, leaves it where it was."""
    desk = Desk("main", 1)
    clock = EventClock()
    async with opened(tmp_path / "ledger.db", clock) as ledger:
        await record(ledger, desk.open("one", SYMBOL))
        now = clock.now()
        desk.now += timedelta(days=20_000)
        with pytest.raises(Exception, match="expired"):
            await record(ledger, desk.open("two", SYMBOL))
        assert clock.now() == now
