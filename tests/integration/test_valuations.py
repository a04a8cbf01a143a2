"""What chains are worth, over gRPC: drawdown that outlives a restart, histories, and valuations in a watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    ChainMirror,
    ChainValuation,
    InvalidArgument,
    MarkFlag,
    Mode,
    ValueSample,
    WatchChainsResponse,
)
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    HIGHER_CALL,
    USDC_CALL,
    Trader,
    bought,
    figures,
    june,
    mark,
    new_account,
    sold,
    trading,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "ledger.db") as running:
        yield running


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


async def marked(trader: Trader, price: str, minutes: float = 0, symbol: str = CALL, **more: Any) -> None:
    """Marks a contract, so many minutes after 9:00 on the 5th of June."""
    given = replace(mark(symbol, price, time=june(5) + timedelta(minutes=minutes)), **more)
    await trader.client.update_marks([given], mode=Mode.LIVE)


async def value_of(trader: Trader, position_id: str) -> ChainValuation:
    value = (await trader.view(position_id)).valuation
    assert value is not None
    return value


async def test_drawdown_from_marks_and_executions(trader: Trader) -> None:
    """The drawdown follows each mark and each execution: the furthest below the peak before, over the collateral and
    the peak. A closed chain keeps it."""
    opened = await trader.open(sold("1", "0.02", fee="0.0003"))  # from here on the PnL is -0.0003 + 0.02 - mark
    for minutes, price in enumerate(("0.015", "0.03", "0.025", "0.035")):
        await marked(trader, price, minutes)
    value = await value_of(trader, opened.position_id)
    assert figures(value, "peak_pnl", "max_drawdown") == (Decimal("0.0047"), Decimal("0.02"))
    assert value.max_drawdown_pct == Decimal("1.990643973325")  # 0.02 of 1.0047
    closed_at = bought("1", "0.045", fee="0.0003", time=june(5, 10))
    await trader.close(opened.position_id, closed_at)
    value = await value_of(trader, opened.position_id)
    assert figures(value, "max_drawdown", "chain_pnl", "legs") == (
        Decimal("0.0047") + Decimal("0.0256"),
        Decimal("-0.0256"),
        (),
    )


async def test_what_is_flagged_is_not_seen(trader: Trader) -> None:
    """A wild mark, and one that was stale as it came, are shown with their flag and counted, and leave drawdown and
    history as they were."""
    opened = await trader.open(sold("1", "0.02"))
    await marked(trader, "0.015")
    await marked(trader, "0.9", 1)  # a jump that no index explains
    value = await value_of(trader, opened.position_id)
    assert (value.legs[0].flags, value.wild_marks) == ((MarkFlag.WILD,), 1)
    assert figures(value, "unrealized_pnl", "max_drawdown") == (Decimal("-0.88"), 0)
    [row] = (await trader.client.get_portfolio()).valuations
    assert figures(row, "wild_marks", "stale_marks") == (1, 0)
    await marked(trader, "0.016", 2)
    assert figures(await value_of(trader, opened.position_id), "wild_marks", "max_drawdown") == (0, Decimal("0.001"))
    await marked(trader, "0.001", 30, HIGHER_CALL)  # time goes on, and the first contract's mark is old now
    value = await value_of(trader, opened.position_id)
    assert (value.legs[0].flags, value.stale_marks, value.mark_age_ms) == ((MarkFlag.STALE,), 1, 28 * 60_000)
    await marked(trader, "0.02", 3)  # newer than what is known, and stale as it comes
    value = await value_of(trader, opened.position_id)
    assert figures(value, "stale_marks", "unrealized_pnl", "max_drawdown") == (1, 0, Decimal("0.001"))
    samples = [sample async for sample in trader.client.iterate_valuations(position_id=opened.position_id)]
    assert [sample.unrealized_pnl for sample in samples] == [Decimal("0.005"), Decimal("0.004")]


async def test_each_mark_of_a_request_is_looked_at(trader: Trader) -> None:
    """Several marks of one contract in one request count as in several."""
    opened = await trader.open(sold("1", "0.02"))
    marks = [mark(CALL, price, time=june(5, 9, minute)) for minute, price in enumerate(("0.04", "0.01", "0.03"))]
    assert (await trader.client.update_marks(marks, mode=Mode.LIVE)).accepted == 3
    value = await value_of(trader, opened.position_id)
    assert figures(value, "peak_pnl", "max_drawdown", "chain_pnl") == (
        Decimal("0.01"),
        Decimal("0.02"),
        Decimal("-0.01"),
    )


async def test_a_mark_cannot_cost_a_fill(trader: Trader) -> None:
    """A volatility next to nothing has no standard deviations; what holds the contract is valued and recorded."""
    await trader.client.update_marks([replace(mark(CALL, "0.015"), mark_volatility=5e-324)], mode=Mode.LIVE)
    opened = await trader.open(sold("1", "0.02", time=june(5, 9)))
    value = await value_of(trader, opened.position_id)
    assert figures(value, "unrealized_pnl", "distance_to_strike_sigma") == (Decimal("0.005"), None)


async def test_drawdown_outlives_a_restart(server: RunningServer) -> None:
    """Kill -9 and a restart leave peak and drawdown as they were, and the next marks go on from there; what is worth
    what is known as before."""
    account = new_account()
    async with trading(server.target, account) as trader:
        opened = await trader.open(sold("1", "0.02"))
        await marked(trader, "0.01")
        await marked(trader, "0.03", 1)
        before = await value_of(trader, opened.position_id)
        assert figures(before, "peak_pnl", "max_drawdown") == (Decimal("0.01"), Decimal("0.02"))
    server.kill()
    server.start()
    async with trading(server.target, account) as trader:
        assert await value_of(trader, opened.position_id) == before
        await marked(trader, "0.02", 2)
        assert (await value_of(trader, opened.position_id)).max_drawdown == Decimal("0.02")
        await marked(trader, "0.04", 3)
        assert (await value_of(trader, opened.position_id)).max_drawdown == Decimal("0.03")


async def test_a_mark_of_the_future_is_refused(tmp_path: Path) -> None:
    """A mark more than five minutes ahead of the server's clock is refused with its place: nothing could replace it."""
    with RunningServer(tmp_path / "wall.db", clock="wall") as server:
        async with trading(server.target) as trader:
            now = datetime.now(UTC)
            good = mark(CALL, "0.01", time=now + timedelta(minutes=4))
            with pytest.raises(InvalidArgument) as raised:
                await trader.client.update_marks(
                    [good, replace(good, mark_time=now + timedelta(minutes=7))], mode=Mode.LIVE
                )
            assert figures(raised.value, "reason", "field") == ("OUT_OF_BOUNDS", "marks[1].mark_time")
            taken = await trader.client.update_marks([good], mode=Mode.LIVE)
            assert taken.accepted == 1


async def samples_of(trader: Trader, **series: Any) -> list[ValueSample]:
    return [sample async for sample in trader.client.iterate_valuations(page_size=7, **series)]


async def test_a_history_has_the_first_value_of_each_minute(trader: Trader) -> None:
    """Per chain and per row of the portfolio: the first value of each minute; pages, either order, a range of time."""
    opened = await trader.open(sold("1", "0.02", fee="0.0003"))
    other = await trader.open(sold("2", "0.01", HIGHER_CALL), position_id="other")
    usdc = await trader.open(sold("1", "900", USDC_CALL), position_id="usdc")
    for half_minute in range(40):
        await marked(trader, f"0.0{10 + half_minute}", half_minute / 2)
    await marked(trader, "0.004", 19.8, HIGHER_CALL)
    await marked(trader, "700", 19.9, USDC_CALL)
    whole = await samples_of(trader, position_id=opened.position_id)
    assert [sample.time for sample in whole] == [june(5, 9, minute) for minute in range(20)]
    assert [sample.unrealized_pnl for sample in whole] == [
        Decimal("0.02") - Decimal(f"0.0{10 + 2 * minute}") for minute in range(20)
    ]
    assert figures(whole[0], "net_pnl", "open_credit", "index_price") == (Decimal("-0.0003"), Decimal("0.02"), 100_000)
    newest = await samples_of(trader, position_id=opened.position_id, newest_first=True)
    assert newest == whole[::-1]
    part = await samples_of(trader, position_id=opened.position_id, from_time=june(5, 9, 3), before_time=june(5, 9, 5))
    assert part == whole[3:5]
    [only] = await samples_of(trader, position_id=other.position_id)
    assert only.unrealized_pnl == Decimal("0.012")
    rows = await samples_of(trader, mode=Mode.LIVE, settlement_currency="BTC")
    assert [figures(row, "time", "unrealized_pnl", "missing_marks") for row in rows] == [
        (sample.time, sample.unrealized_pnl, 1) for sample in whole
    ]
    [dollars] = await samples_of(trader, mode=Mode.LIVE, settlement_currency="USDC")
    assert figures(dollars, "unrealized_pnl", "open_credit", "missing_marks") == (200, 900, 0)
    await trader.close(usdc.position_id, bought("1", "650", USDC_CALL, time=june(5, 11)))
    *_, last = await samples_of(trader, mode=Mode.LIVE, settlement_currency="USDC")
    assert figures(last, "time", "net_pnl", "unrealized_pnl", "open_credit") == (june(5, 11), 250, 0, 0)
    crossed = {"best_bid_price": Decimal("0.03"), "best_ask_price": Decimal("0.02")}
    await marked(trader, "0.025", 150, CALL, **crossed)  # no sample, of the chain or of the row
    assert (await samples_of(trader, mode=Mode.LIVE, settlement_currency="BTC"))[-1] == rows[-1]


async def test_a_history_is_thinned_with_age(trader: Trader) -> None:
    """After a day one value of ten minutes stays, after a week one of an hour, after a year one of a day: the first."""
    opened = await trader.open(sold("1", "0.02"))
    for minutes in (0, 1, 9, 10, 11, 20, 61, 119):
        await marked(trader, "0.01", minutes)
    for day, left in (
        (1.5, [0, 10, 20, 61, 119]),
        (8, [0, 61]),
    ):
        await marked(trader, "0.01", day * 1440)
        first_day = await samples_of(trader, position_id=opened.position_id, before_time=june(5, 12))
        assert [(sample.time - june(5)).total_seconds() / 60 for sample in first_day if sample.time] == left


async def test_a_history_must_be_named(trader: Trader) -> None:
    """Neither a chain nor a row, half a row, or both: refused with the field."""
    for series, reason, field in (
        ({}, "MISSING_FIELD", "mode"),
        ({"mode": Mode.LIVE}, "MISSING_FIELD", "settlement_currency"),
        ({"position_id": "x", "mode": Mode.LIVE}, "CONTRADICTION", "mode"),
        ({"position_id": "x", "account": ""}, "MISSING_FIELD", "account"),
        ({"position_id": "x", "page_size": -1}, "OUT_OF_BOUNDS", "page_size"),
    ):
        with pytest.raises(InvalidArgument) as raised:
            await trader.client.list_valuations(**series)
        assert figures(raised.value, "reason", "field") == (reason, field)
    assert (await trader.client.list_valuations(position_id="nobody")).samples == ()


class Watch:
    """A watch with valuations, read message by message."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.mirror = ChainMirror()

    async def next(self) -> WatchChainsResponse:
        message: WatchChainsResponse = await asyncio.wait_for(anext(self.stream), 20)
        self.mirror.apply(message)
        return message

    async def valuations(self) -> tuple[ChainValuation, ...]:
        """Those of the next message that has some."""
        while True:
            message = await self.next()
            if message.valuations:
                assert message.cursor is None
                assert (message.chains, message.bookmark) == ((), False)
                return message.valuations


async def test_a_watch_sends_valuations_on_request(trader: Trader) -> None:
    """All of them at first, then only the newest of what has changed, apart from the ledger's changes; those of a
    closed chain leave the mirror. Who does not ask gets none."""
    opened = await trader.open(sold("1", "0.02"))
    other = await trader.open(sold("1", "0.02", HIGHER_CALL))
    await marked(trader, "0.015")
    key = (trader.account, opened.position_id)
    async with (
        aclosing(trader.client.watch_chains(valuation_interval_ms=100)) as stream,
        aclosing(trader.client.watch_chains(bookmark_interval_ms=100)) as silent,
    ):
        watch, quiet = Watch(stream), Watch(silent)
        first = {value.position_id: value for value in await watch.valuations()}
        assert set(first) == {opened.position_id, other.position_id}
        assert first[opened.position_id].unrealized_pnl == Decimal("0.005")
        assert figures(first[other.position_id], "unrealized_pnl", "missing_marks") == (None, 1)
        await marked(trader, "0.014", 1)
        [value] = await watch.valuations()
        assert figures(value, "position_id", "unrealized_pnl") == (opened.position_id, Decimal("0.006"))
        await trader.close(opened.position_id, bought("0.5", "0.01"))
        [value] = await watch.valuations()
        assert figures(value, "unrealized_pnl", "revision") == (Decimal("0.003"), 3)
        assert watch.mirror.valuations[key] == value
        await trader.close(opened.position_id, bought("0.5", "0.01"))
        while key in watch.mirror.chains:
            await watch.next()
        assert set(watch.mirror.valuations) == {(trader.account, other.position_id)}
        while quiet.mirror.cursor is None or quiet.mirror.cursor.revision < 4:
            assert (await quiet.next()).valuations == ()


async def test_a_burst_of_marks_is_one_valuation(trader: Trader) -> None:
    """Marks that come faster than the interval are sent in their newest state only; filters hold for valuations too."""
    opened = await trader.open(sold("1", "0.02"))
    await trader.open(sold("1", "900", USDC_CALL), strategy_name="other")
    async with aclosing(trader.client.watch_chains(valuation_interval_ms=1_000, strategy_name="")) as stream:
        watch = Watch(stream)
        assert [value.position_id for value in await watch.valuations()] == [opened.position_id]
        for number in range(50):
            await marked(trader, f"0.0{10 + number}", number / 60)
            await marked(trader, f"{900 + number}", number / 60, USDC_CALL)
        seen: list[ChainValuation] = []
        while not seen or seen[-1].unrealized_pnl != Decimal("0.02") - Decimal("0.059"):
            [value] = await watch.valuations()
            seen.append(value)
        assert len(seen) < 25


async def test_intervals_of_valuations_are_bounded(trader: Trader) -> None:
    """100 to 60,000 milliseconds."""
    for wrong in (99, 60_001, -1):
        with pytest.raises(InvalidArgument) as raised:
            async with aclosing(trader.client.watch_chains(valuation_interval_ms=wrong)) as stream:
                await anext(stream)
        assert figures(raised.value, "reason", "field") == ("OUT_OF_BOUNDS", "valuation_interval_ms")
