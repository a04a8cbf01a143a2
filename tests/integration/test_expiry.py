"""Expiry, unasked: what the clock ends waits for its delivery, and is settled as soon as its price is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rollbook import Action, FailedPrecondition, LedgerEntry, LegState, Mode, RecordSettlementRequest, new_request_id
from rollbook_server.domain.clock import Micros, micros, moment
from rollbook_server.expiry import PriceFile, settle_known, watch_clock
from rollbook_server.ledger import Ledger
from rollbook_server.storage.check import check_ledger
from rollbook_server.storage.reads import ChainView
from tests.durability.inside import Lines, all_entries, opened, submission
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    EXPIRY,
    HIGHER_CALL,
    LATER_CALL,
    USDC_CALL,
    bought,
    execution,
    figures,
    june,
    mark,
    new_account,
    prove,
    sold,
    trading,
)

AT_EXPIRY = micros(EXPIRY)


class Hand:
    """A clock that is set by hand."""

    def __init__(self, time: datetime) -> None:
        self.time = micros(time)

    def now(self, event: Micros = 0) -> Micros:
        return self.time

    def saw(self, event: Micros) -> None:
        """It does not go by what happens."""


class Says(Lines):
    """Keeps what is warned of as well."""

    def __init__(self) -> None:
        super().__init__()
        self.warned: asyncio.Queue[str] = asyncio.Queue()

    def warning(self, event: str, **fields: object) -> None:
        self.warned.put_nowait(f"{event} {fields}")


async def told(ledger: Ledger, *symbols: str, account: str = "main", mode: Mode = Mode.LIVE) -> str:
    """A chain is opened; its name."""
    command = execution(
        Action.OPEN, *(sold("1", "0.02", symbol, trade_id=new_request_id()) for symbol in symbols), account=account,
        mode=mode,
    )  # fmt: skip
    answer = await ledger.record(submission(command))
    return answer.position_ids[0]


async def states(ledger: Ledger, *names: str) -> list[list[str]]:
    views: list[ChainView] = [await ledger.chain("main", name) for name in names]
    return [[leg.state for leg in view.chain.legs] for view in views]


async def until(ledger: Ledger, holds: Callable[[], bool]) -> None:
    """Waits for revisions until something holds."""
    async with asyncio.timeout(20):
        while not holds():
            await ledger.feed.beyond(ledger.feed.revision, 20)


@asynccontextmanager
async def waiting(*loops: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_at_eight_what_is_held_waits_for_its_delivery(tmp_path: Path) -> None:
    """At 08:00 UTC, and not a microsecond before, all legs of one account, mode, venue, index and expiry become
    AWAITING_DELIVERY in one revision, unasked; others stay as they are, and it happens once."""
    path, clock = tmp_path / "ledger.db", Hand(june(2))
    async with opened(path, clock) as ledger:
        one = await told(ledger, CALL, LATER_CALL)
        two = await told(ledger, HIGHER_CALL)
        usdc = await told(ledger, USDC_CALL)
        dry = await told(ledger, CALL, mode=Mode.DRY_RUN)
        clock.time = AT_EXPIRY - 1
        await ledger.expire()
        assert (ledger.revision, ledger.next_expiry) == (4, AT_EXPIRY)
        clock.time = AT_EXPIRY
        await ledger.expire()
        assert await states(ledger, one, two, usdc, dry) == [
            ["AWAITING_DELIVERY", "OPEN"],
            ["AWAITING_DELIVERY"],
            ["AWAITING_DELIVERY"],
            ["AWAITING_DELIVERY"],
        ]
        entries = (await all_entries(ledger)).entries[4:]
        assert [(entry.revision, entry.sequence, entry.position_id) for entry in entries] == [
            (5, 1, dry),
            (6, 1, one),
            (6, 2, two),
            (7, 1, usdc),
        ]
        assert {(entry.event_time, entry.recorded_time, entry.answer) for entry in entries} == {
            (AT_EXPIRY, AT_EXPIRY, None)
        }
        await ledger.expire()
        assert ledger.revision == 7
        assert (ledger.awaiting, moment(ledger.next_expiry or 0)) == (True, datetime(2025, 7, 25, 8, tzinfo=UTC))
        assert (await ledger.chain("main", one)).chain.state == "OPEN"
    report = check_ledger(path)
    assert report.ok, report.problems


async def test_the_clock_is_watched(tmp_path: Path) -> None:
    """With nobody recording anything, the expiry is recorded when the clock has come to it."""
    clock = Hand(EXPIRY - timedelta(milliseconds=200))
    async with (
        opened(tmp_path / "ledger.db", clock) as ledger,
        waiting(asyncio.create_task(watch_clock(ledger, Says()))),
    ):
        name = await told(ledger, CALL)
        assert await states(ledger, name) == [["OPEN"]]
        clock.time = AT_EXPIRY
        await until(ledger, lambda: ledger.revision == 2)
        assert await states(ledger, name) == [["AWAITING_DELIVERY"]]


async def test_what_expired_meanwhile(tmp_path: Path) -> None:
    """What is reported late, and what expired while no server ran, is recorded as expired at once."""
    path = tmp_path / "ledger.db"
    async with opened(path, Hand(june(2))) as ledger:
        first = await told(ledger, CALL)
    async with opened(path, Hand(june(28))) as ledger:
        second = await told(ledger, CALL)
        assert await states(ledger, first, second) == [["AWAITING_DELIVERY"], ["AWAITING_DELIVERY"]]
        assert ledger.revision == 3


async def test_a_delivery_price_from_a_file(tmp_path: Path) -> None:
    """A source that comes to know the price settles every scope that waits, each in one revision, without a request;
    lines that make no sense are said, and nothing is settled by them."""
    path, clock, log = tmp_path / "ledger.db", Hand(june(2)), Says()
    prices = tmp_path / "prices.csv"
    head = "venue,index_name,expiry_time,delivery_price\n"
    async with opened(path, clock, log=log) as ledger:
        names = [await told(ledger, CALL), await told(ledger, HIGHER_CALL), await told(ledger, USDC_CALL)]
        dry = await told(ledger, CALL, mode=Mode.DRY_RUN)
        clock.time = AT_EXPIRY
        prices.write_text(head + "deribit,btc_usd,2025-06-27T08:00:00Z,much\n")
        async with waiting(asyncio.create_task(settle_known(ledger, PriceFile(prices), log))):
            await ledger.expire()
            assert "line 2: delivery_price 'much' is no decimal above 0" in await asyncio.wait_for(log.warned.get(), 20)
            assert await states(ledger, *names) == [["AWAITING_DELIVERY"]] * 3
            prices.write_text(head + "deribit,btc_usd,2025-06-27T10:00:00+02:00,105000.5\n")
            await until(ledger, lambda: ledger.revision == 9)
        assert await states(ledger, *names, dry) == [["SETTLED"], ["SETTLED"], ["AWAITING_DELIVERY"], ["SETTLED"]]
        chain = (await ledger.chain("main", names[0])).chain
        assert (chain.state, chain.close_reason, chain.legs[0].delivery_price) == (
            "CLOSED",
            "SETTLED",
            Decimal("105000.5"),
        )
        settled = (await all_entries(ledger)).entries[-3:]
        assert [(entry.revision, entry.sequence, entry.position_id) for entry in settled] == [
            (8, 1, dry),
            (9, 1, names[0]),
            (9, 2, names[1]),
        ]
        bodies = [entry.body for entry in settled]
        assert {getattr(body, "request_id", "?") for body in bodies} == {""}
        assert log.errors == []
    report = check_ledger(path)
    assert report.ok, report.problems


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("venue,index,expiry,price\n", "its first line must be venue,index_name,expiry_time,delivery_price"),
        ("deribit,btc_usd,yesterday,1\n", "line 2: expiry_time 'yesterday' is no time as in ISO 8601"),
        ("deribit,btc_usd,2025-06-27T08:00:00,1\n", "line 2: expiry_time '2025-06-27T08:00:00' names no time zone"),
        ("deribit,btc_usd,2025-06-27T08:00:00Z,0\n", "line 2: delivery_price '0' is no decimal above 0"),
        ("deribit,btc_usd,2025-06-27T08:00:00Z,1e5\n", "line 2: delivery_price '1e5' is no decimal above 0"),
        ("deribit,btc_usd\n", "line 2: delivery_price None is no decimal above 0"),
        (
            "deribit,btc_usd,2025-06-27T08:00:00Z,1\nderibit,btc_usd,2025-06-27T08:00:00Z,2\n",
            "line 3: another delivery price stands above",
        ),
    ],
)
async def test_a_file_of_prices_that_makes_no_sense(text: str, complaint: str, tmp_path: Path) -> None:
    """The line is named with what is wrong."""
    prices = tmp_path / "prices.csv"
    assert await PriceFile(prices).delivery_price("deribit", "btc_usd", AT_EXPIRY) is None
    head = "" if text.startswith("venue") else "venue,index_name,expiry_time,delivery_price\n"
    prices.write_text(head + text)
    with pytest.raises(ValueError, match="prices") as raised:
        await PriceFile(prices).delivery_price("deribit", "btc_usd", AT_EXPIRY)
    assert complaint in str(raised.value)


async def test_a_price_that_contradicts_is_not_taken(tmp_path: Path) -> None:
    """A source whose price is another than the recorded one changes nothing; it is said why."""
    path, log = tmp_path / "ledger.db", Says()
    async with opened(path, Hand(june(28)), log=log) as ledger:
        await told(ledger, CALL)
        settlement = RecordSettlementRequest(
            request_id=new_request_id(), account="main", mode=Mode.LIVE, symbol=CALL, delivery_price=Decimal(100_000)
        )
        await ledger.record(submission(settlement))
        name = await told(ledger, HIGHER_CALL)
        prices = tmp_path / "prices.csv"
        prices.write_text("venue,index_name,expiry_time,delivery_price\nderibit,btc_usd,2025-06-27T08:00:00Z,100001\n")
        async with waiting(asyncio.create_task(settle_known(ledger, PriceFile(prices), log))):
            said = await asyncio.wait_for(log.warned.get(), 20)
        assert said.startswith("not_settled")
        assert "settled at 100000" in said
        assert await states(ledger, name) == [["AWAITING_DELIVERY"]]


async def test_a_server_from_open_to_settled(tmp_path: Path) -> None:
    """Over gRPC: time passes by a mark of after the expiry, the expiry is an entry that a watcher gets, the chain is
    still open, a close of after the expiry is refused, and the recorded price settles it."""
    account = new_account()
    with RunningServer(tmp_path / "ledger.db") as server:
        async with trading(server.target, account) as trader:
            opened = await trader.open(sold("1", "0.02"))
            async with aclosing(trader.client.watch_entries()) as stream:
                await trader.client.update_marks([mark(CALL, "0.01", time=EXPIRY)], mode=Mode.LIVE)
                entry = await _next_expiry(stream)
                assert entry.expiry is not None
                assert figures(entry.expiry, "symbols", "expiry_time") == ((CALL,), EXPIRY)
            chain = await trader.chain(opened.position_id)
            assert (chain.state, chain.legs[0].state) == ("OPEN", LegState.AWAITING_DELIVERY)
            value = (await trader.view(opened.position_id)).valuation
            assert value is not None
            assert figures(value, "days_to_expiry", "stale_marks") == (0, 1)
            with pytest.raises(FailedPrecondition) as raised:
                await trader.close(opened.position_id, bought("1", "0.01", time=EXPIRY + timedelta(minutes=1)))
            assert raised.value.reason == "CONTRACT_EXPIRED"
            late = bought("0.4", "0.01", time=EXPIRY - timedelta(minutes=1))
            await trader.close(opened.position_id, late)  # reported late, and counts
            await trader.settle("99000", index_name="btc_usd", expiry_time=EXPIRY)
            chain = await trader.chain(opened.position_id)
            assert (chain.state, chain.close_reason, chain.close_time) == ("CLOSED", "EXPIRED", EXPIRY)
            assert chain.legs[0].settled_quantity == Decimal("0.6")
            kinds = [_kind(entry) for entry in (await trader.client.list_entries()).entries]
            assert kinds == ["execution", "expiry", "execution", "settlement"]
    prove(tmp_path / "ledger.db")


def _kind(entry: LedgerEntry) -> str:
    return next(name for name in ("execution", "fills", "expiry", "settlement") if getattr(entry, name) is not None)


async def _next_expiry(stream: AsyncIterator[object]) -> LedgerEntry:
    async with asyncio.timeout(20):
        async for message in stream:
            for entry in getattr(message, "entries", ()):
                if entry.expiry is not None:
                    found: LedgerEntry = entry
                    return found
    raise AssertionError("the watch ended")


async def test_a_server_with_a_file_of_prices(tmp_path: Path) -> None:
    """`serve --delivery-prices FILE`, on the machine's clock: what has expired long ago is settled by what the file
    says, before anybody asks."""
    prices = tmp_path / "prices.csv"
    prices.write_text("venue,index_name,expiry_time,delivery_price\nderibit,btc_usd,2025-06-27T08:00:00Z,90000\n")
    with RunningServer(tmp_path / "ledger.db", "--delivery-prices", str(prices), clock="wall") as server:
        async with trading(server.target) as trader:
            opened = await trader.open(sold("1", "0.02"))
            async with aclosing(trader.client.watch_chains(include_closed=True)) as stream, asyncio.timeout(20):
                async for message in stream:
                    if any(chain.state == "CLOSED" for chain in message.chains):
                        break
            assert (await trader.chain(opened.position_id)).close_reason == "EXPIRED"
