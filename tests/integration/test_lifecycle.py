"""The life of a chain over gRPC: orders and late fills, cumulative reports, rolls, settlements, modes, venues."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import rollbook
from rollbook import (
    Action,
    CloseReason,
    ContractStyle,
    ExecutionStatus,
    FailedPrecondition,
    Flag,
    Instrument,
    InvalidArgument,
    LegState,
    LineKind,
    Mode,
    NotFound,
    OptionType,
    OrderState,
    PositionEffect,
    ReportedDelivery,
    RollMove,
    SettlementPeriod,
    Side,
    StrategyKind,
)
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    EXPIRY,
    HIGHER_CALL,
    LATER_CALL,
    PUT,
    USDC_CALL,
    USDC_PUT,
    JuneServers,
    Trader,
    aggregate,
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

LONG_PUT = "BTC_USDC-27JUN25-80000-P"
SAME_STRIKE = "BTC-25JUL25-100000-C"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("lifecycle")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


async def resting(trader: Trader, order_id: str = "o-1", quantity: str = "1", **more: Any) -> str:
    """A chain whose opening order rests."""
    opened = await trader.open(orders=(order(order_id, quantity=quantity),), status=ExecutionStatus.RESTING, **more)
    return opened.position_id


# Orders and late fills


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.REJECTED])
async def test_a_never_filled_chain_ends_with_its_order(state: OrderState, trader: Trader) -> None:
    """A chain whose orders ended without a fill is closed as ORDER_CANCELLED and leaves all statistics."""
    position_id = await resting(trader)
    [row] = await trader.rows()
    assert (row.pending_chains, row.closed_chains) == (1, 0)
    await trader.late(orders=(state_of("o-1", state, reason="by the test"),))
    chain = await trader.chain(position_id)
    assert figures(chain, "state", "close_reason") == ("CLOSED", CloseReason.ORDER_CANCELLED)
    assert chain.working_orders == ()
    [row] = await trader.rows()
    assert (row.pending_chains, row.open_chains, row.closed_chains, row.winning_chains) == (0, 0, 0, 0)


async def test_an_order_cancelled_after_a_part_leaves_the_part(trader: Trader) -> None:
    """What filled before the cancel is held."""
    position_id = await resting(trader)
    await trader.late(
        sold("0.4", "0.02", order_id="o-1", time=june(3)),
        orders=(state_of("o-1", OrderState.CANCELLED, filled_quantity=Decimal("0.4"), update_time=june(4)),),
    )
    chain = await trader.chain(position_id)
    assert figures(chain, "state", "open_quantity", "working_orders") == ("OPEN", Decimal("0.4"), ())


async def test_the_newest_state_of_an_order_wins(trader: Trader) -> None:
    """An older report of an order does not bring it back to life, whenever it comes."""
    position_id = await resting(trader)
    await trader.late(orders=(state_of("o-1", OrderState.CANCELLED, update_time=june(4)),))
    await trader.late(orders=(state_of("o-1", OrderState.OPEN, update_time=june(3)),))
    assert (await trader.chain(position_id)).close_reason is CloseReason.ORDER_CANCELLED


async def test_a_fill_after_a_cancel_still_counts(trader: Trader) -> None:
    """A fill is a fact: it counts though its order was said to be cancelled."""
    position_id = await resting(trader)
    await trader.late(orders=(state_of("o-1", OrderState.CANCELLED, update_time=june(4)),))
    await trader.late(sold("0.4", "0.02", order_id="o-1", time=june(3)))
    assert figures(await trader.chain(position_id), "state", "open_quantity") == ("OPEN", Decimal("0.4"))


async def test_unmatched_fills_wait_for_their_order(trader: Trader) -> None:
    """Fills and states of an order that nobody has reported are kept and counted, and attach when the order comes."""
    late = await trader.late(
        sold("0.3", "0.02", order_id="o-7"),
        sold("0.2", "0.03", order_id="o-7", time=june(3)),
        orders=(state_of("o-7", OrderState.CANCELLED, update_time=june(3)),),
    )
    assert (late.position_ids, late.unmatched_order_ids) == ((), ("o-7",))
    assert Flag.FILLS_UNMATCHED in late.flags
    assert (await trader.client.get_portfolio()).unmatched_fills == 2
    assert await trader.chains() == ()
    opened = await trader.open(orders=(order("o-7"),), status=ExecutionStatus.RESTING)
    assert Flag.FILLS_ATTACHED in opened.flags
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "open_quantity", "open_credit") == ("OPEN", Decimal("0.5"), Decimal("0.012"))
    assert chain.working_orders == ()
    assert (await trader.client.get_portfolio()).unmatched_fills == 0
    [entry] = (await trader.view(opened.position_id)).entries
    assert entry.execution is not None
    assert [fill.quantity for fill in entry.execution.attached_fills] == [Decimal("0.3"), Decimal("0.2")]


async def test_the_state_of_an_order_that_only_a_fill_names(trader: Trader) -> None:
    """What came for an order before it was known attaches when the order comes, though only a fill names it: a cancel
    is not lost, and an older report does not bring the order back to life."""
    await trader.late(orders=(state_of("o-8", OrderState.CANCELLED, update_time=june(4)),))
    opened = await trader.open(sold("0.4", "0.02", order_id="o-8"))
    assert Flag.FILLS_ATTACHED in opened.flags
    await trader.late(orders=(state_of("o-8", OrderState.OPEN, update_time=june(3)),))
    assert (await trader.chain(opened.position_id)).working_orders == ()


async def test_late_fills_of_several_chains_make_one_revision(trader: Trader) -> None:
    """One command with fills of two chains and of an unknown order makes one revision with an entry for each."""
    first, second = await resting(trader, "o-1"), await resting(trader, "o-2")
    late = await trader.late(*(sold("1", "0.02", order_id=order_id) for order_id in ("o-1", "o-2", "o-3")))
    assert set(late.position_ids) == {first, second}
    assert late.unmatched_order_ids == ("o-3",)
    entries = (await trader.client.list_entries(after_revision=late.revision - 1)).entries
    assert [(entry.revision, entry.sequence) for entry in entries] == [(late.revision, n) for n in (1, 2, 3)]
    assert {(await trader.chain(name)).revision for name in (first, second)} == {late.revision}


async def test_late_fills_are_whole_or_not_at_all(trader: Trader) -> None:
    """One wrong fill among late fills refuses all of them, in every chain."""
    await resting(trader, "o-1")
    await resting(trader, "o-2")
    before = await trader.book()
    with pytest.raises(FailedPrecondition) as raised:
        await trader.late(sold("1", "0.02", order_id="o-1"), sold("1", "0.02", order_id="o-2", time=EXPIRY))
    assert raised.value.field == "fills[1].executed_time"
    assert await trader.book() == before


async def test_fills_in_any_order_make_the_same_chain(server: RunningServer) -> None:
    """A chain is the fold of its fills in their own time: in whichever order they are told, it comes to the same."""
    fills = (
        sold("1", "0.02", time=june(2), order_id="a", fee="0.0003"),
        bought("0.3", "0.015", time=june(3), order_id="b", fee="0.0001"),
        sold("0.7", "0.03", time=june(4), order_id="a", fee="0.0002"),
        bought("0.9", "0.01", time=june(5), order_id="b", fee=None),
    )
    seen = []
    for told in itertools.permutations(fills[1:]):
        async with trading(server.target) as other:
            opened = await other.open(fills[0], orders=(order("a", quantity="1.7"),))
            await other.close(
                opened.position_id,
                orders=(order("b", Side.BUY, "1.2"),),
                status=ExecutionStatus.RESTING,
                executed_time=june(2),
            )
            for fill in told:
                try:
                    await other.late(fill)
                except FailedPrecondition as error:
                    # Closing 0.9 before the 0.7 are told would close more than was open at that moment.
                    assert error.reason == "CLOSES_MORE_THAN_OPEN"  # noqa: PT017
            for fill in told:
                await other.late(fill)
            view = await other.view(opened.position_id)
            assert view.chain is not None
            seen.append((view.chain, view.lines))
    names = ("net_cash", "net_pnl", "gross_pnl", "open_credit", "open_quantity", "fees", "net_pnl_usd", "fees_complete")
    assert len({figures(chain, *names) for chain, _ in seen}) == 1
    assert len({tuple(figures(line, "trade_id", "cash", "realized_pnl") for line in lines) for _, lines in seen}) == 1
    chain = seen[0][0]
    assert chain.open_quantity == Decimal("0.5")
    assert chain.net_cash == Decimal("0.0273") - Decimal("0.0006") + Decimal("0.0002")


@pytest.mark.parametrize(("said", "flagged"), [("1", False), ("0.9", True), ("1.000000000000000001", True)])
async def test_filled_quantity_is_a_cross_check(said: str, flagged: bool, trader: Trader) -> None:
    """An order's filled_quantity that differs from its fills is flagged, and moves nothing."""
    position_id = await resting(trader)
    late = await trader.late(
        sold("1", "0.02", order_id="o-1"),
        orders=(state_of("o-1", OrderState.FILLED, filled_quantity=Decimal(said), update_time=june(3)),),
    )
    assert (Flag.FILLED_QUANTITY_DIFFERS in late.flags) is flagged
    assert (await trader.chain(position_id)).open_quantity == 1


async def test_a_fill_does_what_its_order_does(trader: Trader) -> None:
    """A late fill without an effect closes if its order closes; one that contradicts its order is refused."""
    opened = await trader.open(sold("1", "0.02"))
    await trader.close(
        opened.position_id, orders=(order("c", Side.BUY),), status=ExecutionStatus.RESTING, executed_time=june(3)
    )
    with pytest.raises(InvalidArgument) as contradicts:
        await trader.late(bought("1", "0.01", order_id="c", position_effect=PositionEffect.OPENING))
    assert contradicts.value.field == "fills[0].position_effect"
    with pytest.raises(FailedPrecondition) as wrong:
        await trader.late(sold("1", "0.01", order_id="c", time=june(9)))
    assert wrong.value.reason == "WRONG_SIDE"
    await trader.late(bought("1", "0.01", order_id="c"))
    assert (await trader.chain(opened.position_id)).close_reason is CloseReason.BOUGHT_BACK


async def test_an_order_belongs_to_one_chain(trader: Trader) -> None:
    """An order of one chain cannot become another's."""
    first = await resting(trader, "o-1")
    with pytest.raises(FailedPrecondition) as raised:
        await resting(trader, "o-1")
    assert (raised.value.reason, raised.value.field) == ("ORDER_OF_OTHER_CHAIN", "orders[0].order_id")
    assert [chain.position_id for chain in await trader.chains()] == [first]


@pytest.mark.parametrize("status", [ExecutionStatus.ERROR, ExecutionStatus.SKIPPED])
async def test_a_failed_execution_is_an_entry_and_moves_only_by_what_filled(
    status: ExecutionStatus, trader: Trader
) -> None:
    """An execution that failed is kept as an entry with its errors; it opens a chain only if something did fill."""
    nothing = await trader.open(status=status, errors=("no margin",), reason="tried")
    assert nothing.position_id == ""
    assert await trader.chains() == ()
    [entry] = (await trader.client.list_entries()).entries
    assert entry.execution is not None
    assert entry.execution.execution is not None
    assert entry.execution.execution.errors == ("no margin",)
    opened = await trader.open(sold("0.1", "0.02"), status=status, errors=("the rest failed",))
    assert (await trader.chain(opened.position_id)).open_quantity == Decimal("0.1")
    before = await trader.chain(opened.position_id)
    await trader.close(opened.position_id, status=status, errors=("venue down",))
    after = await trader.chain(opened.position_id)
    assert after == replace(before, revision=after.revision)


# Cumulative reports of an order


async def test_a_growing_aggregate_counts_what_it_says(trader: Trader) -> None:
    """Of an order's cumulative reports the newest counts, and the same again changes nothing."""
    position_id = await resting(trader)
    for day, (quantity, price, fee) in enumerate(
        [("0.4", "0.02", "0.0001"), ("0.7", "0.021", "0.0002"), ("0.7", "0.021", "0.0002"), ("1", "0.022", "0.0003")], 3
    ):
        await trader.late(aggregate(Side.SELL, "o-1", quantity, price, fee=fee, time=june(day)))
        chain = await trader.chain(position_id)
        assert chain.open_quantity == Decimal(quantity)
        assert chain.open_credit == Decimal(quantity) * Decimal(price)
        assert chain.fees == Decimal(fee)
    await trader.late(aggregate(Side.SELL, "o-1", "0.4", "0.02", fee="0.0001", time=june(2)))
    chain = await trader.chain(position_id)
    assert figures(chain, "open_quantity", "open_credit") == (1, Decimal("0.022"))


async def test_trades_take_the_place_of_an_aggregate(trader: Trader) -> None:
    """Real trades of an order take the place of as much of its aggregate as they carry, and the total stays exact at
    every step; when they cover all of it, they are all there is."""
    position_id = await resting(trader)
    await trader.late(aggregate(Side.SELL, "o-1", "1", "0.022", fee="0.0003"))
    trades = [("0.3", "0.0205", "0.0001"), ("0.5", "0.0225", "0.00015"), ("0.2", "0.023", "0.00005")]
    for done, (quantity, price, fee) in enumerate(trades, 1):
        await trader.late(sold(quantity, price, order_id="o-1", fee=fee))
        view = await trader.view(position_id)
        assert view.chain is not None
        assert figures(view.chain, "open_quantity", "open_credit", "fees") == (1, Decimal("0.022"), Decimal("0.0003"))
        assert view.chain.net_cash == Decimal("0.0217")
        assert len([line for line in view.lines if line.trade_id]) == done
        assert len([line for line in view.lines if not line.trade_id]) == (0 if done == 3 else 1)
    await trader.close(position_id, bought("1", "0.01"))
    chain = await trader.chain(position_id)
    assert chain.net_pnl == chain.net_cash == Decimal("0.0117")


async def test_an_aggregate_after_its_trades_counts_only_the_rest(trader: Trader) -> None:
    """An aggregate that comes when a part of its order is known by trades adds the rest, at the price that keeps the
    aggregate's total."""
    position_id = await resting(trader)
    await trader.late(sold("0.4", "0.03", order_id="o-1"))
    await trader.late(aggregate(Side.SELL, "o-1", "1", "0.024", time=june(3)))
    view = await trader.view(position_id)
    assert view.chain is not None
    assert figures(view.chain, "open_quantity", "open_credit") == (1, Decimal("0.024"))
    [rest] = [line for line in view.lines if not line.trade_id]
    assert figures(rest, "quantity", "price") == (Decimal("0.6"), Decimal("0.02"))


async def test_a_trade_covers_the_growth_that_it_was_a_part_of(trader: Trader) -> None:
    """Sold 0.4, bought back, sold 0.6 more with the same order, told by cumulative reports: the trade of the second
    sale stands for the second, so what was bought back stays bought back, and the legs keep their numbers."""
    position_id = await resting(trader)
    await trader.late(aggregate(Side.SELL, "o-1", "0.4", "0.02", time=june(3)))
    await trader.close(position_id, bought("0.4", "0.01", time=june(4)))
    await trader.late(aggregate(Side.SELL, "o-1", "1", "0.02", time=june(6)))
    for trades in (
        [sold("0.6", "0.025", order_id="o-1", time=june(5))],
        [sold("0.4", "0.0125", order_id="o-1", time=june(3))],
    ):
        before = await trader.chain(position_id)
        await trader.late(*trades)
        after = await trader.chain(position_id)
        assert after.net_cash == before.net_cash == Decimal("0.016")
        assert [figures(leg, "leg_number", "state", "opened_quantity") for leg in after.legs] == [
            (1, LegState.CLOSED, Decimal("0.4")),
            (2, LegState.OPEN, Decimal("0.6")),
        ]
    assert [leg.gross_pnl for leg in (await trader.chain(position_id)).legs] == [Decimal("0.001"), 0]


async def test_leg_one_stays_leg_one_when_its_trades_come(trader: Trader) -> None:
    """The base of the percentages is leg 1, told first by an aggregate and then by the trades themselves."""
    position_id = await resting(trader)
    await trader.late(aggregate(Side.SELL, "o-1", "1", "0.02"))
    await trader.close(position_id, bought("1", "0.01"))
    before = await trader.chain(position_id)
    await trader.late(sold("0.5", "0.02", order_id="o-1"), sold("0.5", "0.02", order_id="o-1"))
    after = await trader.chain(position_id)
    assert figures(after, "realized_pnl_pct", "num_legs") == figures(before, "realized_pnl_pct", "num_legs") == (50, 1)
    assert [leg.leg_number for leg in after.legs] == [1]


async def test_a_closing_aggregate_is_replaced_to_the_exact_result(trader: Trader) -> None:
    """A chain closed by an aggregate whose price has no end keeps its net PnL when trades replace it."""
    opened = await trader.open(sold("0.3", "0.02"))
    await trader.close(
        opened.position_id,
        orders=(order("c", Side.BUY, "0.3"),),
        status=ExecutionStatus.RESTING,
        executed_time=june(3),
    )
    await trader.late(aggregate(Side.BUY, "c", "0.3", "0.010000000000000001", time=june(9)))
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "net_pnl") == ("CLOSED", Decimal("0.0029999999999999997"))
    await trader.late(bought("0.1", "0.011", order_id="c"), bought("0.2", "0.0095", order_id="c"))
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "net_pnl", "net_cash") == ("CLOSED", Decimal("0.003"), Decimal("0.003"))
    assert (await trader.rows())[0].closed_net_pnl == Decimal("0.003")


@pytest.mark.parametrize("first", ["closing", "opening"])
@pytest.mark.parametrize(("names", "rolls"), [("named", 1), ("left out", 0)])
async def test_a_roll_told_in_two_reports_is_one(first: str, names: str, rolls: int, trader: Trader) -> None:
    """While another leg is held, the two halves of a roll belong together if both name the whole move."""
    opened = await trader.open(sold("1", "0.02"), sold("1", "0.02", PUT))
    sides = {"closing": bought("1", "0.01"), "opening": sold("1", "0.03", HIGHER_CALL, time=june(9))}
    move = {"from_symbols": (CALL,), "to_symbols": (HIGHER_CALL,)}
    only = {"closing": {"from_symbols": (CALL,)}, "opening": {"to_symbols": (HIGHER_CALL,)}}
    for side in sorted(sides, reverse=first == "opening"):
        await trader.roll(opened.position_id, sides[side], **(move if names == "named" else only[side]))
    chain = await trader.chain(opened.position_id)
    assert chain.num_rolls == rolls
    assert [roll.completed for roll in chain.rolls] == ([True] if rolls else [False, False])


# Settlement


async def test_a_settlement_of_one_contract_leaves_the_others(trader: Trader) -> None:
    """A settlement that names a contract settles that one, in every chain that holds it, in one revision; another of
    the same expiry waits for its own."""
    first = await trader.open(sold("1", "0.02"), sold("1", "0.01", HIGHER_CALL))
    second = await trader.open(sold("2", "0.02"))
    settled = await trader.settle("120000", CALL)
    assert set(settled.position_ids) == {first.position_id, second.position_id}
    chain = await trader.chain(first.position_id)
    assert [leg.state for leg in chain.legs] == [LegState.SETTLED, LegState.AWAITING_DELIVERY]
    assert settled.revision == (await trader.chain(second.position_id)).revision
    later = (await trader.client.list_entries(after_revision=settled.revision - 1)).entries
    entries = [entry for entry in later if entry.revision == settled.revision]
    assert [entry.sequence for entry in entries] == [1, 2]
    assert {entry.event_time for entry in entries} == {EXPIRY}


async def test_the_same_price_again_changes_nothing_and_another_is_refused(trader: Trader) -> None:
    """The same delivery price under another id changes nothing, by contract or by index, with what the venue reported
    or without; another price is refused."""
    opened = await trader.open(sold("1", "0.02"))
    reported = (ReportedDelivery(symbol=CALL, cash=Decimal("-0.16666667"), fee=Decimal("0.00015")),)
    await trader.settle("120000", CALL, reported=reported)
    before = await trader.book()
    again = await trader.settle("120000", CALL)
    assert again.position_ids == ()
    assert await trader.book() == before
    await trader.settle("120000.00", index_name="btc_usd", expiry_time=EXPIRY)
    assert await trader.book() == before
    for scope in ({"symbol": CALL}, {"index_name": "btc_usd", "expiry_time": EXPIRY}):
        with pytest.raises(FailedPrecondition) as raised:
            await trader.settle("120000.01", **scope)
        assert (raised.value.reason, raised.value.field) == ("SETTLED_AT_OTHER_PRICE", "delivery_price")
    assert await trader.book() == before
    assert (await trader.chain(opened.position_id)).close_reason is CloseReason.SETTLED
    await trader.settle("120000", CALL, reported=reported)
    assert await trader.book() == before


@pytest.mark.parametrize(
    ("cash", "fee", "flagged"),
    [("-0.16666667", "0.00015", False), ("-0.16666668", "0.00015", False), ("-0.1667", "0.00015", True),
     ("-0.16666667", "0.0002", True)],
)  # fmt: skip
async def test_what_the_venue_booked_wins(cash: str, fee: str, flagged: bool, trader: Trader) -> None:
    """Reported cash and fee win over the formula; a difference over 2e-8 is flagged."""
    opened = await trader.open(sold("1", "0.02"))
    settled = await trader.settle(
        "120000", CALL, reported=(ReportedDelivery(symbol=CALL, cash=Decimal(cash), fee=Decimal(fee)),)
    )
    assert settled.flags == ((Flag.SETTLEMENT_DIFFERS,) if flagged else ())
    chain = await trader.chain(opened.position_id)
    assert chain.net_pnl == Decimal("0.02") + Decimal(cash) - Decimal(fee)
    assert figures(chain.legs[0], "payoff", "delivery_fee") == (-Decimal(cash), Decimal(fee))


async def test_what_the_venue_booked_is_shared_by_the_chains(trader: Trader) -> None:
    """The venue books one sum for the account's position; the chains that hold it share it to the last digit."""
    first = await trader.open(sold("1", "0.02"))
    second = await trader.open(sold("2", "0.02"))
    cash, fee = Decimal("-0.50001"), Decimal("0.00046")
    await trader.settle("120000", CALL, reported=(ReportedDelivery(symbol=CALL, cash=cash, fee=fee),))
    legs = [(await trader.chain(each.position_id)).legs[0] for each in (first, second)]
    assert sum(leg.payoff or 0 for leg in legs) == -cash
    assert sum(leg.delivery_fee or 0 for leg in legs) == fee
    assert (legs[0].payoff or 0) < (legs[1].payoff or 0)


async def test_one_contract_is_reported_once_in_a_settlement(trader: Trader) -> None:
    """Two reports for one contract in one settlement contradict each other: nobody chooses between them."""
    await trader.open(sold("1", "0.02"))
    before = await trader.book()
    twice = tuple(ReportedDelivery(symbol=CALL, cash=Decimal(cash)) for cash in ("-0.1", "-0.2"))
    with pytest.raises(InvalidArgument) as raised:
        await trader.settle("120000", CALL, reported=twice)
    assert raised.value.field == "reported[1].symbol"
    assert await trader.book() == before


async def test_a_settlement_stays_in_its_scope(trader: Trader) -> None:
    """A delivery price of one account and mode settles no chain of another account, mode, expiry or index."""
    live = await trader.open(sold("1", "0.02"))
    dry = await trader.open(sold("1", "0.02"), mode=Mode.DRY_RUN)
    later = await trader.open(sold("1", "0.02", LATER_CALL))
    usdc = await trader.open(sold("1", "2000", USDC_CALL))
    other = f"{trader.account}-b"
    await trader.open(sold("1", "0.02"), account=other)
    settled = await trader.settle("120000", index_name="btc_usd", expiry_time=EXPIRY)
    assert settled.position_ids == (live.position_id,)
    for position in (dry, later, usdc):
        assert (await trader.chain(position.position_id)).state == "OPEN"
    [chain] = (await trader.client.list_chains(account=other)).chains
    assert chain.state == "OPEN"


async def test_a_late_open_before_a_settled_expiry_is_settled_on_arrival(trader: Trader) -> None:
    """A trade from before the expiry that is told after the settlement is settled at once, at the known price, and
    says so: as a new chain, as an ADD, and as a late fill."""
    await trader.settle("120000", index_name="btc_usd", expiry_time=EXPIRY)
    opened = await trader.open(sold("1", "0.02"), sold("1", "0.01", HIGHER_CALL))
    assert Flag.SETTLED_ON_ARRIVAL in opened.flags
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "close_reason", "close_time") == ("CLOSED", "SETTLED", EXPIRY)
    assert [leg.payoff for leg in chain.legs] == [Decimal("0.16666667"), Decimal("0.08333333")]
    added = await trader.add(opened.position_id, sold("1", "0.03", time=june(20)))
    assert added.position_id == opened.position_id
    chain = await trader.chain(opened.position_id)
    assert figures(chain.legs[0], "settled_quantity", "payoff") == (2, Decimal("0.33333333"))
    position_id = await resting(trader, "o-1")
    late = await trader.late(sold("1", "0.02", order_id="o-1"))
    assert Flag.SETTLED_ON_ARRIVAL in late.flags
    assert (await trader.chain(position_id)).close_reason is CloseReason.SETTLED


async def test_a_late_close_of_all_takes_the_settlement_away(trader: Trader) -> None:
    """Settlement takes what was open at expiry: what was bought back before, though told later, is not delivered."""
    opened = await trader.open(sold("1", "0.02"))
    await trader.settle("120000", CALL)
    await trader.close("", bought("1", "0.19", time=june(26)))
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "close_reason", "net_pnl", "close_time") == (
        CloseReason.BOUGHT_BACK,
        Decimal("-0.17"),
        june(26),
    )
    assert figures(chain.legs[0], "state", "payoff", "settled_quantity") == (LegState.CLOSED, None, None)
    with pytest.raises(FailedPrecondition) as raised:
        await trader.close(opened.position_id, bought("1", "0.19", time=june(26)))
    assert raised.value.reason == "CLOSES_MORE_THAN_OPEN"


async def test_a_strangle_is_settled_leg_by_leg(trader: Trader) -> None:
    """Two legs opened by one OPEN and delivered together, one in and one out of the money, make one closed chain."""
    opened = await trader.open(
        sold("1", "0.02", CALL, fee="0.0003"),
        sold("1", "0.015", PUT, fee="0.0003"),
        strategy=StrategyKind.SHORT_STRANGLE,
    )
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "num_legs", "open_quantity", "collateral_insufficient") == (2, 2, True)
    assert chain.net_cash == (chain.net_pnl or 0) + (chain.open_credit or 0)
    await trader.settle("80000", index_name="btc_usd", expiry_time=EXPIRY)
    chain = await trader.chain(opened.position_id)
    call, put = chain.legs
    assert figures(call, "state", "payoff", "delivery_fee") == (LegState.SETTLED, 0, 0)
    assert figures(put, "state", "payoff", "delivery_fee") == (LegState.SETTLED, Decimal("0.125"), Decimal("0.00015"))
    assert figures(chain, "state", "close_reason") == ("CLOSED", CloseReason.SETTLED)
    assert chain.net_pnl == chain.net_cash == Decimal("0.035") - Decimal("0.0006") - Decimal("0.12515")


async def test_a_credit_spread_keeps_the_invariant_of_cash(trader: Trader) -> None:
    """net_cash = net_pnl + open_credit at every step, the long leg's cost taken off; closed, net_cash = net_pnl."""
    spread = StrategyKind.CREDIT_SPREAD
    opened = await trader.open(
        sold("2", "1500", USDC_PUT, fee="3"), bought("2", "700", LONG_PUT, fee="2", time=june(2)), strategy=spread
    )

    async def check() -> rollbook.PositionChain:
        chain = await trader.chain(opened.position_id)
        assert chain.net_cash is not None
        assert chain.net_pnl is not None
        assert chain.open_credit is not None
        assert chain.gross_pnl is not None
        assert chain.fees is not None
        assert chain.net_cash == chain.net_pnl + chain.open_credit
        assert chain.net_pnl == chain.gross_pnl - chain.fees
        assert figures(chain, "net_cash_usd", "net_pnl_usd") == (chain.net_cash, chain.net_pnl)
        return chain

    chain = await check()
    assert figures(chain, "open_credit", "collateral") == (1_600, 180_000)
    await trader.close(opened.position_id, bought("1", "1000", USDC_PUT, fee="1"), strategy=spread)
    assert (await check()).gross_pnl == 500
    await trader.close(opened.position_id, sold("1", "400", LONG_PUT, fee="1", time=june(10)), strategy=spread)
    assert (await check()).gross_pnl == 200
    await trader.settle("75000", index_name="btc_usdc", expiry_time=EXPIRY)
    chain = await check()
    assert figures(chain, "state", "open_credit") == ("CLOSED", 0)
    assert [leg.payoff for leg in chain.legs] == [15_000, 5_000]
    assert chain.gross_pnl == 200 + 1_500 - 15_000 - 700 + 5_000


# Rolls


async def test_a_roll_closes_and_opens_in_one_chain(trader: Trader) -> None:
    """A roll has its credit gross and net, its moves up and out, and counts once; the chain goes on."""
    opened = await trader.open(sold("1", "0.02", fee="0.0003"))
    rolled = await trader.roll(
        opened.position_id,
        bought("1", "0.01", fee="0.0002"),
        sold("1", "0.025", LATER_CALL, fee="0.0003", time=june(9, 10)),
        decision_id="d-2",
        trigger="delta",
        reason="too near",
    )
    assert rolled.position_id == opened.position_id
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "num_legs", "num_rolls") == ("OPEN", 2, 1)
    [roll] = chain.rolls
    assert figures(roll, "from_symbols", "to_symbols", "completed") == ((CALL,), (LATER_CALL,), True)
    assert figures(roll, "gross_credit", "net_credit") == (Decimal("0.015"), Decimal("0.0145"))
    assert figures(roll, "strike_move", "expiry_move") == (RollMove.HIGHER, RollMove.HIGHER)
    assert figures(roll, "decision_id", "trigger", "reason") == ("d-2", "delta", "too near")
    assert figures(chain.legs[1], "decision_id", "trigger", "reason") == ("d-2", "delta", "too near")
    assert chain.net_pnl == Decimal("0.01") - Decimal("0.0008")


@pytest.mark.parametrize(
    ("before", "after", "strike", "expiry"),
    [
        (CALL, LATER_CALL, RollMove.HIGHER, RollMove.HIGHER),
        (LATER_CALL, CALL, RollMove.LOWER, RollMove.LOWER),
        (CALL, SAME_STRIKE, RollMove.SAME, RollMove.HIGHER),
        (CALL, HIGHER_CALL, RollMove.HIGHER, RollMove.SAME),
        (HIGHER_CALL, SAME_STRIKE, RollMove.LOWER, RollMove.HIGHER),
    ],
)
async def test_where_a_roll_moved(before: str, after: str, strike: RollMove, expiry: RollMove, trader: Trader) -> None:
    """A roll says whether it went up or down, and out or in; a debit is negative."""
    opened = await trader.open(sold("1", "0.02", before))
    await trader.roll(opened.position_id, bought("1", "0.03", before), sold("2", "0.01", after, time=june(9)))
    [roll] = (await trader.chain(opened.position_id)).rolls
    assert figures(roll, "strike_move", "expiry_move", "gross_credit") == (strike, expiry, Decimal("-0.01"))


async def test_two_rolls_into_one_contract_count_two(trader: Trader) -> None:
    """Rolls are counted by what was rolled, not by the contracts that result."""
    opened = await trader.open(sold("1", "0.02"), sold("1", "0.01", HIGHER_CALL))
    for symbol in (CALL, HIGHER_CALL):
        await trader.roll(opened.position_id, bought("1", "0.005", symbol), sold("1", "0.02", LATER_CALL, time=june(9)))
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "num_rolls", "num_legs") == (2, 3)
    assert figures(chain.legs[2], "open_quantity") == (2,)


async def test_one_roll_into_two_contracts_counts_one(trader: Trader) -> None:
    """One roll that opens two contracts is one roll."""
    opened = await trader.open(sold("2", "0.02"))
    await trader.roll(
        opened.position_id,
        bought("2", "0.005"),
        sold("1", "0.02", LATER_CALL, time=june(9)),
        sold("1", "0.02", SAME_STRIKE, time=june(9)),
    )
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "num_rolls", "num_legs", "open_quantity") == (1, 3, 2)
    assert figures(chain.rolls[0], "strike_move", "expiry_move") == (RollMove.UNSPECIFIED, RollMove.HIGHER)


async def test_a_roll_is_never_inferred_from_time(trader: Trader) -> None:
    """A CLOSE and an OPEN at one moment are two chains and no roll."""
    first = await trader.open(sold("1", "0.02"))
    await trader.close(first.position_id, bought("1", "0.01"))
    second = await trader.open(sold("1", "0.02", LATER_CALL, time=june(9)))
    assert first.position_id != second.position_id
    assert [chain.num_rolls for chain in await trader.chains()] == [0, 0]


async def half_rolled(trader: Trader, **more: Any) -> str:
    """A FLAT chain: its roll has closed and not opened."""
    opened = await trader.open(sold("1", "0.02"))
    more.setdefault("errors", ("no bid",))
    await trader.roll(
        opened.position_id,
        bought("1", "0.01"),
        from_symbols=(CALL,),
        to_symbols=(LATER_CALL,),
        status=ExecutionStatus.PARTIAL,
        **more,
    )
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "num_rolls", "collateral") == ("FLAT", 0, 0)
    return opened.position_id


async def test_a_flat_chain_says_why(trader: Trader) -> None:
    """FLAT names what went wrong with the roll, or the order that still works."""
    assert "no bid" in (await trader.chain(await half_rolled(trader))).flat_reason
    waiting = await half_rolled(trader, errors=(), orders=(order("late-1", symbol=LATER_CALL),))
    assert "late-1" in (await trader.chain(waiting)).flat_reason
    silent = await half_rolled(trader, errors=())
    assert (await trader.chain(silent)).flat_reason
    [row] = await trader.rows()
    assert (row.flat_chains, row.open_chains, row.closed_chains) == (3, 0, 0)


async def test_an_open_completes_a_half_done_roll(trader: Trader) -> None:
    """An OPEN that names a FLAT chain completes its roll, which then counts."""
    position_id = await half_rolled(trader)
    await trader.open(sold("1", "0.03", LATER_CALL, time=june(10)), position_id=position_id)
    chain = await trader.chain(position_id)
    assert figures(chain, "state", "num_rolls", "num_legs", "flat_reason") == ("OPEN", 1, 2, "")
    [roll] = chain.rolls
    assert figures(roll, "completed", "gross_credit", "strike_move") == (True, Decimal("0.02"), RollMove.HIGHER)


async def test_a_half_done_roll_is_not_completed_by_the_contract_it_left(trader: Trader) -> None:
    """From = to is refused, in a roll that an OPEN completes as in one that is told whole."""
    position_id = await half_rolled(trader)
    before = await trader.book()
    with pytest.raises(rollbook.Refused):
        await trader.open(sold("1", "0.03", time=june(10)), position_id=position_id)
    assert await trader.book() == before


async def test_a_late_fill_completes_a_half_done_roll(trader: Trader) -> None:
    """A fill of the roll's resting order completes it."""
    position_id = await half_rolled(trader, orders=(order("late-1", symbol=LATER_CALL),))
    await trader.late(sold("1", "0.03", LATER_CALL, order_id="late-1", time=june(11)))
    assert figures(await trader.chain(position_id), "state", "num_rolls") == ("OPEN", 1)


async def test_an_empty_close_abandons_a_half_done_roll(trader: Trader) -> None:
    """A CLOSE without fill and order gives a half-done roll up; the chain is closed, and an OPEN cannot name it."""
    position_id = await half_rolled(trader)
    await trader.close(position_id, executed_time=june(10))
    chain = await trader.chain(position_id)
    assert figures(chain, "state", "close_reason", "num_rolls") == ("CLOSED", CloseReason.ROLL_ABANDONED, 0)
    assert chain.net_pnl == Decimal("0.01")
    with pytest.raises(FailedPrecondition) as raised:
        await trader.open(sold("1", "0.03", LATER_CALL, time=june(11)), position_id=position_id)
    assert (raised.value.reason, raised.value.field) == ("POSITION_NOT_OPEN", "position_id")
    [row] = await trader.rows()
    assert (row.closed_chains, row.flat_chains, row.rolls) == (1, 0, 0)


async def test_an_empty_close_of_an_open_chain_is_refused(trader: Trader) -> None:
    """Only a FLAT chain is ended by an empty CLOSE."""
    opened = await trader.open(sold("1", "0.02"))
    before = await trader.book()
    with pytest.raises(InvalidArgument) as raised:
        await trader.close(opened.position_id, executed_time=june(10))
    assert (raised.value.reason, raised.value.field) == ("MISSING_FIELD", "fills")
    assert await trader.book() == before


async def test_an_open_names_a_chain_at_its_own_time(trader: Trader) -> None:
    """An OPEN that names a chain is judged at its executed_time: open then is refused, closed then is refused."""
    opened = await trader.open(sold("1", "0.02"), position_id="mine")
    for time, reason in ((june(5), "POSITION_EXISTS"), (june(12), "POSITION_NOT_OPEN")):
        if time == june(12):
            await trader.close(opened.position_id, bought("1", "0.01"))
        with pytest.raises(FailedPrecondition) as raised:
            await trader.open(sold("1", "0.02", time=time), position_id="mine")
        assert raised.value.reason == reason
    assert (await trader.chain("mine")).num_legs == 1


async def test_a_contract_that_returns_is_a_new_leg(trader: Trader) -> None:
    """A contract that returns after its leg went flat is a new leg; numbers go by arrival and never change."""
    opened = await trader.open(sold("1", "0.02"))
    await trader.roll(
        opened.position_id, bought("1", "0.01", time=june(4)), sold("1", "0.02", LATER_CALL, time=june(4))
    )
    await trader.roll(
        opened.position_id,
        bought("1", "0.01", LATER_CALL, time=june(11)),
        sold("2", "0.03", CALL, time=june(11)),
    )
    chain = await trader.chain(opened.position_id)
    assert [(leg.leg_number, leg.instrument and leg.instrument.symbol) for leg in chain.legs] == [
        (1, CALL),
        (2, LATER_CALL),
        (3, CALL),
    ]
    assert [leg.open_quantity for leg in chain.legs] == [0, 0, 2]
    assert [leg.state is LegState.CLOSED for leg in chain.legs] == [True, True, False]


async def test_a_late_fill_does_not_renumber_legs(trader: Trader) -> None:
    """A fill told late, from before all others, is the newest leg by number; leg 1 stays number 1, and its premium the
    base of the percentages."""
    opened = await trader.open(sold("1", "0.02", time=june(3)))
    await trader.roll(
        opened.position_id, bought("1", "0.01", time=june(4)), sold("1", "0.02", LATER_CALL, time=june(4))
    )
    before = await trader.chain(opened.position_id)
    await trader.add(opened.position_id, sold("1", "0.5", HIGHER_CALL, time=june(3, 10)), executed_time=june(5))
    after = await trader.chain(opened.position_id)
    assert [leg.instrument and leg.instrument.symbol for leg in after.legs] == [CALL, LATER_CALL, HIGHER_CALL]
    assert after.legs[:2] == before.legs
    assert after.leg_one_premium == before.leg_one_premium == Decimal("0.02")
    assert after.revision > before.revision


# Modes and venues


async def test_live_and_dry_run_never_mix(trader: Trader) -> None:
    """A DRY_RUN command finds no LIVE chain, order or total, and the other way round."""
    live = await trader.open(sold("1", "0.02"), orders=(order("o-1", quantity="2"),), position_id="live")
    before = await trader.chain(live.position_id)
    with pytest.raises(NotFound):
        await trader.close("", bought("1", "0.01"), mode=Mode.DRY_RUN)
    with pytest.raises(FailedPrecondition) as raised:
        await trader.close("live", bought("1", "0.01"), mode=Mode.DRY_RUN)
    assert (raised.value.reason, raised.value.field) == ("CHAIN_MISMATCH", "mode")
    with pytest.raises(FailedPrecondition):
        await trader.open(sold("1", "0.01"), mode=Mode.DRY_RUN, position_id="live")
    late = await trader.late(sold("1", "0.02", order_id="o-1"), mode=Mode.DRY_RUN)
    assert late.unmatched_order_ids == ("o-1",)
    await trader.client.update_marks([mark(CALL, "0.01")], mode=Mode.DRY_RUN)
    value = (await trader.view("live")).valuation
    assert value is not None
    assert value.missing_marks == 1
    dry = await trader.open(sold("3", "0.02"), mode=Mode.DRY_RUN)
    assert (await trader.chain("live")) == before
    rows = {row.mode: row for row in await trader.rows()}
    assert {mode: row.open_credit for mode, row in rows.items()} == {
        Mode.LIVE: Decimal("0.02"),
        Mode.DRY_RUN: Decimal("0.06"),
    }
    only = await trader.client.get_portfolio(mode=Mode.DRY_RUN)
    assert [row.mode for row in only.rows] == [Mode.DRY_RUN]
    assert only.unmatched_fills == 1
    assert [chain.position_id for chain in (await trader.client.list_chains(mode=Mode.DRY_RUN)).chains] == [
        dry.position_id
    ]


async def test_fees_are_estimated_only_where_nothing_was_paid(trader: Trader) -> None:
    """A DRY_RUN fee that nobody told is estimated and flagged, an explicit 0 is kept; a LIVE one is missing, not 0."""
    dry = await trader.open(sold("1", "0.02", fee=None), mode=Mode.DRY_RUN)
    assert Flag.FEE_ESTIMATED in dry.flags
    assert figures(await trader.chain(dry.position_id), "fees", "fees_estimated", "fees_complete") == (
        Decimal("0.0003"),
        True,
        True,
    )
    explicit = await trader.open(sold("1", "0.02", fee="0"), mode=Mode.DRY_RUN)
    assert explicit.flags == ()
    assert (await trader.chain(explicit.position_id)).fees == 0
    live = await trader.open(sold("1", "0.02", fee=None, index=None))
    assert set(live.flags) == {Flag.FEE_MISSING, Flag.INDEX_MISSING}
    chain = await trader.chain(live.position_id)
    assert figures(chain, "fees_complete", "usd_missing_lines", "net_pnl_usd") == (False, 1, None)


def _elsewhere(**changes: Any) -> Instrument:
    given: dict[str, Any] = {
        "symbol": "XBT.C100",
        "underlying": "BTC",
        "settlement_currency": "USDC",
        "style": ContractStyle.LINEAR,
        "option_type": OptionType.CALL,
        "strike": Decimal(100_000),
        "expiry_time": EXPIRY,
        "multiplier": Decimal("0.01"),
        "index_name": "xbt",
    }
    return Instrument(**{**given, **changes})


async def test_a_contract_of_another_venue_with_a_multiplier(trader: Trader) -> None:
    """A contract given in full counts quantity times multiplier in every line: credit, release, collateral, payoff."""
    contract = _elsewhere()
    opened = await trader.open(sold("30", "1500", "XBT.C100", instrument=contract, fee="1"), venue="elsewhere")
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "open_credit", "open_quantity", "collateral", "venue") == (450, 30, 30_000, "elsewhere")
    assert chain.legs[0].entry_price == 1_500
    await trader.close(
        opened.position_id, bought("10", "900", "XBT.C100", instrument=contract, fee="1"), venue="elsewhere"
    )
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "gross_pnl", "open_credit", "net_cash") == (60, 300, 358)
    await trader.client.update_marks([mark("XBT.C100", "1000")], mode=Mode.LIVE, venue="elsewhere")
    value = (await trader.view(opened.position_id)).valuation
    assert value is not None
    assert value.unrealized_pnl == 100
    await trader.settle("101000", "XBT.C100", venue="elsewhere")
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "state", "gross_pnl") == ("CLOSED", 160)
    assert chain.legs[0].payoff == 200
    lines = (await trader.view(opened.position_id)).lines
    assert [line.kind for line in lines] == [LineKind.OPENING, LineKind.CLOSING, LineKind.SETTLEMENT]
    assert sum(line.cash or 0 for line in lines) == chain.net_cash == chain.net_pnl


async def test_a_contract_means_the_same_throughout_its_chain(trader: Trader) -> None:
    """A contract that is given otherwise than the chain holds it is refused."""
    opened = await trader.open(sold("30", "1500", "XBT.C100", instrument=_elsewhere()), venue="elsewhere")
    before = await trader.book()
    for change in ({"multiplier": Decimal("0.1")}, {"strike": Decimal(90_000)}):
        with pytest.raises(InvalidArgument) as raised:
            await trader.close(
                opened.position_id,
                bought("10", "900", "XBT.C100", instrument=_elsewhere(**change)),
                venue="elsewhere",
            )
        assert raised.value.reason == "INSTRUMENT_MISMATCH"
    assert await trader.book() == before


async def test_a_contract_given_in_full_once_can_be_named_afterwards(trader: Trader) -> None:
    """On Deribit a contract is read from its name: what its first fill said beside that (its listing cycle) is no
    contradiction when a later fill leaves it out."""
    contract = Instrument(
        symbol=CALL,
        underlying="BTC",
        settlement_currency="BTC",
        style=ContractStyle.INVERSE,
        option_type=OptionType.CALL,
        strike=Decimal(100_000),
        expiry_time=EXPIRY,
        settlement_period=SettlementPeriod.MONTH,
    )
    opened = await trader.open(sold("1", "0.02", instrument=contract))
    await trader.close(opened.position_id, bought("1", "0.01"))
    assert (await trader.chain(opened.position_id)).state == "CLOSED"


async def test_collateral_can_be_said_and_ends_when_flat(trader: Trader) -> None:
    """A collateral of the command replaces the computed one until nothing is open."""
    opened = await trader.open(sold("1", "0.02"), collateral=Decimal("0.4"))
    assert (await trader.chain(opened.position_id)).collateral == Decimal("0.4")
    await trader.close(opened.position_id, bought("1", "0.01"))
    chain = await trader.chain(opened.position_id)
    assert figures(chain, "collateral", "collateral_days", "holding_days") == (0, Decimal("2.8"), 7)


async def test_a_batch_may_open_and_close_one_chain(trader: Trader) -> None:
    """Executions of one batch follow each other: an atomic one may open, roll and close a chain in one revision."""
    steps = [
        execution(Action.OPEN, sold("1", "0.02"), position_id="quick"),
        execution(
            Action.ROLL,
            bought("1", "0.01"),
            sold("1", "0.03", LATER_CALL, time=june(9)),
            from_symbols=(CALL,),
            to_symbols=(LATER_CALL,),
            position_id="quick",
        ),
        execution(Action.CLOSE, bought("1", "0.02", LATER_CALL, time=june(12)), position_id="quick"),
    ]
    answer = await trader.client.record_executions(steps, atomic=True)
    chain = await trader.chain("quick")
    assert figures(chain, "state", "num_rolls", "net_pnl") == ("CLOSED", 1, Decimal("0.02"))
    assert figures(chain, "created_revision", "revision") == (answer.revision, answer.revision)
    view = await trader.view("quick")
    assert [entry.sequence for entry in view.entries] == [1, 2, 3]
