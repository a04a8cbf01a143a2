"""The columns of `rollbook watch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from rich.text import Text

from rollbook._exact import total
from rollbook.cli import figures
from rollbook.cli.held import Position, Rows, captured, contract, leg_value
from rollbook.cli.tables import Column
from rollbook.models import ChainState, LegState, LegValuation, PositionLeg

USD = "PnL USD"
TWO_FLAGS = 17
"""Columns that most pairs of flags fit into: rows of many lines are no table any more."""
Known = TypeVar("Known")


def position_columns(
    rows: Rows, positions: Sequence[Position], currency: str, now: datetime, accounts: bool
) -> list[Column]:
    """A row for each open leg. What stays on a narrow terminal: which it is, what it has come to, what to look at."""

    def valued(get: Callable[[LegValuation], Known | None]) -> Callable[[Position, PositionLeg], Known | None]:
        def of(each: Position, leg: PositionLeg) -> Known | None:
            value = leg_value(each.value, leg)
            return get(value) if value else None

        return of

    def age(each: Position, leg: PositionLeg) -> str:
        value = leg_value(each.value, leg)
        return figures.age(now - value.mark_time) if value and value.mark_time else figures.MISSING

    def figure(head: str, cells: Sequence[str | Text], spare: int = 0, *, hidden: bool = False) -> Column:
        return Column(head, cells, figure=True, spare=spare, hidden=hidden)

    pnl = figures.sum_of([pnl_of(each) for each in positions])
    usd = figures.sum_of([usd_of(each) for each in positions])
    unrealized = figures.sum_of([each.value.unrealized_pnl for each in positions])
    pnls = figures.money(rows.of_chain(pnl_of, pnl), currency)
    open_pnls = figures.money(rows.of_chain(lambda each: each.value.unrealized_pnl, unrealized), currency)
    dollars = figures.money(rows.of_chain(usd_of, usd), "USD")
    kept = figures.percents(rows.of_chain(lambda each: each.value.premium_captured_pct, captured(positions)))
    costs = figures.prices(rows.of_chain(lambda each: each.value.buy_back_cost), currency)
    left = figures.decimals(rows.of_chain(lambda each: each.value.yield_left_annualised_pct), 1, 1)
    distances = figures.percents(rows.of_leg(valued(lambda leg: leg.distance_to_strike_pct)))
    sigmas = figures.estimates(rows.of_leg(valued(lambda leg: leg.distance_to_strike_sigma)), 1)
    deltas = figures.estimates(rows.of_leg(valued(lambda leg: leg.greeks.delta if leg.greeks else None)), 3)
    marks = figures.prices(rows.of_leg(valued(lambda leg: leg.mark_price)), currency)
    states = rows.of_row(_state)
    looks = rows.of_chain(lambda each: Text(", ".join(each.flags), style="yellow"))
    return [
        Column("Account", rows.of_chain(lambda each: each.chain.account), hidden=not accounts, spare=4),
        Column("Position", rows.of_chain(lambda each: each.chain.position_id, "Sum"), folds=True),
        Column("Contract", rows.of_row(lambda _, leg: contract(leg).symbol), spare=1),
        Column("State", states, spare=9, hidden=set(states) <= {"open", ""}),
        figure("DTE", rows.of_leg(lambda _, leg: figures.days_to(contract(leg).expiry_time, now)), 3),
        figure("Qty", rows.quantities(), 5),
        figure("Mark", marks, 8),
        figure("Age", rows.of_leg(age), 6),
        figure(f"PnL {currency}", pnls),
        figure(USD, dollars, 11, hidden=currency in figures.DOLLARS),
        figure("Open PnL", open_pnls, 7),
        figure("Capt %", kept, 2),
        figure("Buy back", costs, 12),
        figure("Left %", left, 10),
        figure("OTM %", distances, 3),
        figure("OTM σ", sigmas, 9),  # noqa: RUF001 -- no o
        figure("Delta", deltas, 8),
        Column("Look at", looks, folds=True, least=TWO_FLAGS, hidden=not any(map(str, looks))),
    ]


def pnl_of(each: Position) -> Decimal | None:
    """What the chain has come to, fees taken off; None if an open leg has no mark."""
    return each.value.chain_pnl if each.chain.open_quantity else each.chain.net_pnl


def usd_of(each: Position) -> Decimal | None:
    """The same in USD, each part at its own index; None if one is missing."""
    parts = (each.chain.net_pnl_usd, each.value.unrealized_pnl_usd)
    return None if None in parts else total(parts)


def _state(each: Position, leg: PositionLeg) -> str:
    if leg.state is LegState.AWAITING_DELIVERY:
        return "delivery"
    return "FLAT" if each.chain.state is ChainState.FLAT else "open"
