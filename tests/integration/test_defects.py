"""The defects of the tracker that Rollbook replaces, each with its tests (5, 12 and 13 come with reconciliation, 15 to
18 with the lab and the page)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

import rollbook
from rollbook import (
    Action,
    ExecutionStatus,
    LegState,
    Mark,
    Mode,
    OptionType,
    OrderState,
    Side,
    StrategyKind,
    new_request_id,
)
from rollbook.payloads import closed_payload, open_payload
from tests.support.server import RunningServer, StartFailed
from tests.support.trading import (
    CALL,
    ETH_CALL,
    EXPIRY,
    FAR_CALL,
    HIGHER_CALL,
    LATER_CALL,
    PUT,
    USDC_CALL,
    JuneServers,
    Trader,
    bought,
    execution,
    figures,
    june,
    mark,
    order,
    sold,
    state_of,
    trading,
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("defects")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


async def test_defect_01_the_same_execution_sent_twice_makes_one_position(trader: Trader) -> None:
    """The same execution sent twice makes one position, with the same request_id and with another."""
    command = execution(Action.OPEN, sold("1", "0.02"))
    first = await trader.record(command)
    assert await trader.record(command) == first
    again = await trader.record(replace(command, request_id=new_request_id()))
    assert again.position_id == first.position_id
    [chain] = await trader.chains()
    assert chain.open_quantity == 1
    [row] = await trader.rows()
    assert (row.open_chains, row.net_cash) == (1, Decimal("0.02"))


async def test_defect_02_close_and_roll_go_to_the_chain_that_holds_the_named_contract(trader: Trader) -> None:
    """A close and a roll without position_id go to the chain that holds the named contract; of two nobody guesses."""
    first = await trader.open(sold("1", "0.02", CALL))
    second = await trader.open(sold("1", "0.015", HIGHER_CALL))
    third = await trader.open(sold("1", "0.015", PUT), strategy=StrategyKind.CASH_SECURED_PUT)
    closed = await trader.close("", bought("1", "0.005", HIGHER_CALL))
    assert closed.position_id == second.position_id
    rolled = await trader.roll("", bought("1", "0.01", CALL), sold("1", "0.02", LATER_CALL))
    assert rolled.position_id == first.position_id
    assert (await trader.chain(first.position_id)).num_rolls == 1
    assert (await trader.chain(second.position_id)).net_pnl == Decimal("0.01")
    assert (await trader.chain(third.position_id)).open_quantity == 1
    twin = await trader.open(sold("1", "0.02", LATER_CALL))
    with pytest.raises(rollbook.FailedPrecondition) as raised:
        await trader.close("", bought("1", "0.01", LATER_CALL))
    assert raised.value.reason == "AMBIGUOUS_CONTRACT"
    assert set(raised.value.metadata["position_ids"].split(",")) == {first.position_id, twin.position_id}
    with pytest.raises(rollbook.NotFound):
        await trader.close("", bought("1", "0.01", PUT))  # of another strategy


async def test_defect_03_a_roll_whose_second_order_failed_keeps_what_filled_and_no_more(trader: Trader) -> None:
    """Of a roll whose opening order failed the closing fill counts, no leg is made up, and the chain is FLAT and says
    why; the other way round the new leg counts and the old one stays."""
    opened = await trader.open(sold("1", "0.02"))
    await trader.roll(
        opened.position_id,
        bought("1", "0.005", fee="0.0001"),
        from_symbols=(CALL,),
        to_symbols=(LATER_CALL,),
        status=ExecutionStatus.PARTIAL,
        errors=("opening order rejected: not enough margin",),
        orders=(order("failed", symbol=LATER_CALL, state=OrderState.REJECTED),),
    )
    chain = await trader.chain(opened.position_id)
    assert (chain.state, chain.num_legs, chain.num_rolls) == ("FLAT", 1, 0)
    assert "not enough margin" in chain.flat_reason
    assert (chain.gross_pnl, chain.net_pnl) == (Decimal("0.015"), Decimal("0.0149"))
    [roll] = chain.rolls
    assert (roll.completed, roll.gross_credit) == (False, Decimal("-0.005"))

    other = await trader.open(sold("1", "0.02"))
    await trader.roll(
        other.position_id,
        sold("1", "0.03", LATER_CALL, time=june(9)),
        from_symbols=(CALL,),
        to_symbols=(LATER_CALL,),
        status=ExecutionStatus.PARTIAL,
        orders=(order("failed-too", Side.BUY, state=OrderState.REJECTED),),
        errors=("closing order rejected",),
    )
    chain = await trader.chain(other.position_id)
    assert figures(chain, "state", "num_rolls", "open_quantity") == ("OPEN", 0, 2)
    assert {leg.instrument.symbol for leg in chain.legs if leg.instrument} == {CALL, LATER_CALL}
    assert {leg.entry_price for leg in chain.legs} == {Decimal("0.02"), Decimal("0.03")}


async def test_defect_04_nothing_is_dropped_without_a_word_and_a_new_open_overwrites_nothing(trader: Trader) -> None:
    """An execution for which there is no chain is refused and listed; a new OPEN of the same underlying is a new chain,
    and the closed one keeps its history."""
    stray = execution(Action.CLOSE, bought("1", "0.01"))
    with pytest.raises(rollbook.NotFound):
        await trader.record(stray)
    [refused] = (await trader.client.list_refused_executions()).refusals
    assert refused.execution == replace(stray, account=trader.account)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 1

    first = await trader.open(sold("1", "0.02", time=june(1)))
    await trader.close(first.position_id, bought("1", "0.01", time=june(2)))
    before = await trader.view(first.position_id)
    second = await trader.open(sold("1", "0.03", time=june(3)), previous_position_id=first.position_id)
    assert second.position_id != first.position_id
    after = await trader.view(first.position_id)
    assert (after.chain, after.lines, after.entries) == (before.chain, before.lines, before.entries)
    assert len(after.entries) == 2
    assert (await trader.chain(second.position_id)).previous_position_id == first.position_id
    for position_id, reason in ((first.position_id, "POSITION_NOT_OPEN"), (second.position_id, "POSITION_EXISTS")):
        with pytest.raises(rollbook.FailedPrecondition) as raised:
            await trader.open(sold("1", "0.03", time=june(4)), position_id=position_id)
        assert (raised.value.reason, raised.value.field) == (reason, "position_id")


def _ledger_file(path: Path, chains: int = 400) -> None:
    """A real ledger, made by a server that was stopped in order."""

    async def fill() -> None:
        with RunningServer(path) as server:
            async with trading(server.target) as trader:
                batch = [execution(Action.OPEN, sold("1", "0.02"), reason="x" * 200) for _ in range(chains)]
                await trader.client.record_executions(batch)

    asyncio.run(fill())


@pytest.fixture(scope="module")
def ledger_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    _ledger_file(path)
    return path.read_bytes()


def _garbage(path: Path, whole: bytes) -> None:
    path.write_bytes(b"this was a ledger once\n" * 500)


def _old_state_file(path: Path, whole: bytes) -> None:
    path.write_text('{"positions": []}')


def _no_header(path: Path, whole: bytes) -> None:
    path.write_bytes(bytes(100) + whole[100:])


def _cut(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: len(whole) // 2 // 4096 * 4096])


def _cut_within_a_page(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: len(whole) * 2 // 3 + 77])


def _overwritten(path: Path, whole: bytes) -> None:
    middle = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:middle] + b"\xa5" * 40_960 + whole[middle + 40_960 :])


def _end_lost(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[:-81_920] + bytes(81_920))


def _newer(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    db = sqlite3.connect(path)
    [(table,)] = db.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migrations%' AND type = 'table'")
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    row = dict(zip(columns, db.execute(f"SELECT * FROM {table}").fetchone(), strict=True))
    row["name"] = "m0099_from_the_future"
    row.pop("id", None)
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    db.commit()
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()


def _draft(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE drawdowns")
    db.commit()
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()


def _foreign(path: Path, whole: bytes) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.execute("INSERT INTO bookmarks VALUES ('https://example.org')")
    db.commit()
    db.close()


def _foreign_with_entries(path: Path, whole: bytes) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, title TEXT)")
    db.commit()
    db.close()


def _foreign_with_migrations(path: Path, whole: bytes) -> None:
    migrations = Migrations("another program's")

    @migrations()
    def m0001_dogs(db: Database) -> None:
        db.execute("CREATE TABLE dogs (name TEXT)")

    db = Database(path)
    migrations.apply(db)
    db.close()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_garbage, ""),
        (_old_state_file, ""),
        (_no_header, ""),
        (_cut, ""),
        (_cut_within_a_page, ""),
        (_overwritten, ""),
        (_end_lost, ""),
        (_newer, "newer"),
        (_draft, "before the first release"),
        (_foreign, "another program"),
        (_foreign_with_entries, "another program"),
        (_foreign_with_migrations, "another program"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_defect_06_a_damaged_newer_or_foreign_file_is_never_overwritten(
    make: Callable[[Path, bytes], None], word: str, ledger_bytes: bytes, tmp_path: Path
) -> None:
    """With a damaged, newer or foreign file the server refuses to start and says which file and why; not a byte of the
    file changes, and a second attempt does not either."""
    path = tmp_path / "ledger.db"
    make(path, ledger_bytes)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StartFailed) as raised, RunningServer(path):
            pass
        said = str(raised.value)
        assert str(path) in said
        assert word in said
        assert "Traceback" not in said
        assert path.read_bytes() == before


async def test_defect_07_expired_options_are_settled(trader: Trader) -> None:
    """A delivery price settles what was open at expiry: in the money at its payoff, else worthless; the chain ends at
    the expiry, and no longer counts as open."""
    inside = await trader.open(sold("1", "0.02"))
    outside = await trader.open(sold("1", "0.01", HIGHER_CALL))
    later = await trader.open(sold("1", "0.03", LATER_CALL))
    settled = await trader.settle("105000", index_name="btc_usd", expiry_time=EXPIRY)
    assert set(settled.position_ids) == {inside.position_id, outside.position_id}
    first = await trader.chain(inside.position_id)
    [leg] = first.legs
    assert (first.state, first.close_reason, first.close_time) == ("CLOSED", "SETTLED", EXPIRY)
    assert figures(leg, "state", "settled_quantity", "delivery_price") == (LegState.SETTLED, 1, 105_000)
    assert (leg.payoff, leg.delivery_fee) == (Decimal("0.04761905"), Decimal("0.00015"))
    assert first.net_pnl == Decimal("0.02") - Decimal("0.04761905") - Decimal("0.00015")
    second = await trader.chain(outside.position_id)
    assert (second.state, second.close_reason, second.close_time) == ("CLOSED", "EXPIRED", EXPIRY)
    assert figures(second.legs[0], "payoff", "delivery_fee", "net_pnl") == (0, 0, Decimal("0.01"))
    assert (await trader.chain(later.position_id)).state == "OPEN"
    [row] = await trader.rows()
    assert (row.open_chains, row.closed_chains) == (1, 2)


async def test_defect_07_days_to_expiry_do_not_just_stop_at_zero(trader: Trader) -> None:
    """At its expiry a contract that is held waits for its delivery, unasked: it says so, in a journal entry as well,
    and counts as open until it is settled."""
    held = await trader.open(sold("1", "0.02"))
    await trader.client.update_marks([mark(CALL, "0.01", time=EXPIRY)], mode=Mode.LIVE)
    chain = await trader.chain(held.position_id)
    assert (chain.state, chain.legs[0].state) == ("OPEN", LegState.AWAITING_DELIVERY)
    expiries = [entry.expiry for entry in (await trader.view(held.position_id)).entries if entry.expiry]
    assert [figures(expiry, "symbols", "expiry_time") for expiry in expiries] == [((CALL,), EXPIRY)]
    [row] = await trader.rows()
    assert (row.open_chains, row.closed_chains) == (1, 0)
    await trader.settle("105000", CALL)
    assert (await trader.chain(held.position_id)).legs[0].state is LegState.SETTLED


async def test_defect_08_fees_parts_and_resting_orders_are_told_apart(trader: Trader) -> None:
    """A resting order is no fill; partial fills and partial closes count what they are, exactly, with their fees."""
    resting = await trader.open(
        orders=(order("o-1", quantity="0.3", limit_price=Decimal("0.02")),), status=ExecutionStatus.RESTING
    )
    chain = await trader.chain(resting.position_id)
    assert figures(chain, "state", "open_quantity", "net_cash", "num_legs") == ("PENDING", 0, 0, 0)
    assert [each.order_id for each in chain.working_orders] == ["o-1"]
    for number in range(3):  # 0.1 + 0.1 + 0.1 is 0.3, and not 0.30000000000000004
        await trader.late(sold("0.1", "0.02", order_id="o-1", fee="0.00001", time=june(2, 10 + number)))
    chain = await trader.chain(resting.position_id)
    assert (chain.state, chain.open_quantity, chain.fees) == ("OPEN", Decimal("0.3"), Decimal("0.00003"))
    assert chain.net_cash == Decimal("0.00597")
    await trader.late(orders=(state_of("o-1", OrderState.FILLED, filled_quantity=Decimal("0.3")),))
    assert (await trader.chain(resting.position_id)).working_orders == ()
    await trader.close(resting.position_id, bought("0.1", "0.005", fee="0.00002"), status=ExecutionStatus.PARTIAL)
    chain = await trader.chain(resting.position_id)
    assert (chain.state, chain.open_quantity) == ("OPEN", Decimal("0.2"))
    assert (chain.gross_pnl, chain.open_credit) == (Decimal("0.0015"), Decimal("0.004"))
    await trader.close(resting.position_id, bought("0.2", "0.001", fee="0.00001"))
    chain = await trader.chain(resting.position_id)
    assert (chain.state, chain.gross_pnl, chain.fees) == ("CLOSED", Decimal("0.0053"), Decimal("0.00006"))
    assert chain.net_cash == chain.net_pnl == Decimal("0.00524")


async def test_defect_09_percentages_are_computed_signed_right_and_never_added(trader: Trader) -> None:
    """A short that is bought back cheaper earns, dearer loses; realized_pnl_pct says how much of its premium; a total
    divides the sums and does not add the percentages."""
    gain = await trader.open(sold("1", "0.02"))
    await trader.close(gain.position_id, bought("1", "0.01"))
    loss = await trader.open(sold("3", "0.02", HIGHER_CALL))
    await trader.close(loss.position_id, bought("3", "0.03", HIGHER_CALL))
    first, second = await trader.chain(gain.position_id), await trader.chain(loss.position_id)
    assert figures(first, "net_pnl", "realized_pnl_pct") == (Decimal("0.01"), 50)
    assert figures(second, "net_pnl", "realized_pnl_pct") == (Decimal("-0.03"), -50)
    [row] = await trader.rows()
    assert row.closed_net_pnl == Decimal("-0.02")
    assert row.realized_pnl_pct == -25
    assert (row.winning_chains, row.losing_chains) == (1, 1)
    held = await trader.open(sold("1", "0.02", FAR_CALL))
    await trader.client.update_marks([mark(FAR_CALL, "0.03")], mode=Mode.LIVE)
    value = (await trader.view(held.position_id)).valuation
    assert value is not None
    assert figures(value, "unrealized_pnl", "premium_captured_pct") == (Decimal("-0.01"), -50)


async def test_defect_09_the_drawdown_is_measured(server: RunningServer) -> None:
    """What a chain was below its peak is known in money and percent, while it is open and after it closed, and a
    restart does not forget it."""
    async with trading(server.target) as trader:
        held = await trader.open(sold("1", "0.02", FAR_CALL, time=EXPIRY))
        for minute, price in enumerate(("0.01", "0.04", "0.03")):
            time = EXPIRY + timedelta(minutes=minute)
            await trader.client.update_marks([mark(FAR_CALL, price, time=time)], mode=Mode.LIVE)
        value = (await trader.view(held.position_id)).valuation
        assert value is not None
        assert figures(value, "peak_pnl", "max_drawdown") == (Decimal("0.01"), Decimal("0.03"))
        assert value.max_drawdown_pct == Decimal("2.970297029703")  # 0.03 of 1.01
        account = trader.account
    server.kill()
    server.start()
    async with trading(server.target, account) as trader:
        closed = bought("1", "0.02", FAR_CALL, time=EXPIRY + timedelta(hours=1))
        await trader.close(held.position_id, closed)
        page = await trader.client.list_chains()
        [row] = closed_payload(page.chains, page.valuations)["chains"]
        assert row["max_drawdown_pct"] == 2.970297029703


async def test_defect_10_coin_and_usd_are_never_added(trader: Trader) -> None:
    """Totals are kept per currency: BTC, ETH and USDC have rows of their own, each with its USD beside it."""
    for symbol, price, index in ((CALL, "0.02", "100000"), (ETH_CALL, "0.03", "3000"), (USDC_CALL, "1500", "100000")):
        opened = await trader.open(sold("1", price, symbol, index=index))
        half = str(Decimal(price) / 2)
        await trader.close(opened.position_id, bought("1", half, symbol, index=index))
    rows = {row.settlement_currency: row for row in await trader.rows()}
    assert {currency: row.net_pnl for currency, row in rows.items()} == {
        "BTC": Decimal("0.01"),
        "ETH": Decimal("0.015"),
        "USDC": 750,
    }
    assert {currency: row.net_pnl_usd for currency, row in rows.items()} == {"BTC": 1_000, "ETH": 45, "USDC": 750}


async def test_defect_11_marks_hold_nobody_up_and_none_is_made_up(trader: Trader) -> None:
    """A chain without a mark has none, and no value: never its entry price. Marks come as they are, the newest counts,
    and while a bot sends thousands of them the executions of another are recorded."""
    held = await trader.open(sold("1", "0.02", FAR_CALL))
    view = await trader.view(held.position_id)
    assert view.valuation is not None
    assert figures(view.valuation, "unrealized_pnl", "missing_marks", "legs") == (None, 1, ())
    [shown] = open_payload([view.chain], [view.valuation], june(5))["positions"] if view.chain else []
    assert (shown["mark_price"], shown["unrealized_pnl"], shown["missing_marks"]) == (None, None, 1)

    def marks(minute: int) -> list[Mark]:
        symbols = [FAR_CALL, *(f"BTC-26DEC98-{strike}-C" for strike in range(200_000, 202_000))]
        return [mark(symbol, "0.015", time=june(5, 9, minute)) for symbol in symbols]

    refreshed = [
        asyncio.ensure_future(trader.client.update_marks(marks(minute), mode=Mode.LIVE)) for minute in range(10)
    ]
    recorded = [await trader.open(sold("1", "0.02", FAR_CALL)) for _ in range(5)]
    assert len({each.position_id for each in recorded}) == 5
    taken = [each.accepted for each in await asyncio.gather(*refreshed)]
    assert max(taken) == 2_001
    value = (await trader.view(held.position_id)).valuation
    assert value is not None
    assert figures(value.legs[0], "mark_price", "mark_time") == (Decimal("0.015"), june(5, 9, 9))


async def test_defect_14_side_and_type_are_the_legs_own_and_every_leg_is_marked(trader: Trader) -> None:
    """A long put is shown as a long put beside a short call, and each leg of a strangle has its own mark."""
    opened = await trader.open(
        sold("1", "0.02", CALL), trade_long_put(), strategy=StrategyKind.CREDIT_SPREAD, strategy_name="collar"
    )
    chain = await trader.chain(opened.position_id)
    legs = {
        leg.instrument.symbol: (leg.side, leg.instrument.option_type, leg.open_credit)
        for leg in chain.legs
        if leg.instrument
    }
    assert legs == {
        CALL: (Side.SELL, OptionType.CALL, Decimal("0.02")),
        PUT: (Side.BUY, OptionType.PUT, Decimal("-0.01")),
    }
    await trader.client.update_marks([mark(CALL, "0.015")], mode=Mode.LIVE)
    value = (await trader.view(opened.position_id)).valuation
    assert value is not None
    assert (value.missing_marks, value.unrealized_pnl) == (1, None)
    await trader.client.update_marks([mark(PUT, "0.012")], mode=Mode.LIVE)
    value = (await trader.view(opened.position_id)).valuation
    assert value is not None
    assert {leg.symbol: (leg.mark_price, leg.unrealized_pnl) for leg in value.legs} == {
        CALL: (Decimal("0.015"), Decimal("0.005")),
        PUT: (Decimal("0.012"), Decimal("0.002")),
    }
    assert value.unrealized_pnl == Decimal("0.007")


def trade_long_put() -> rollbook.Fill:
    return bought("1", "0.01", PUT, time=june(2))
