"""`rollbook positions`: what is open and what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

from rollbook._exact import percent, total
from rollbook.cli import figures, flags
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.groups import by_money, mode_title, several_accounts, strategy
from rollbook.cli.tables import Column, Page
from rollbook.models import ChainState, ChainValuation, Instrument, PositionChain, PositionLeg, Side
from rollbook.payloads import open_legs, positions_of

STATES = (ChainState.OPEN, ChainState.FLAT, ChainState.PENDING)
Cell = TypeVar("Cell")


@dataclass(frozen=True)
class Position:
    """An open chain with its value."""

    chain: PositionChain
    value: ChainValuation
    flags: list[str]

    @property
    def legs(self) -> Sequence[PositionLeg]:
        """The open ones; of a half-done roll the one that it held last."""
        return open_legs(self.chain) or self.chain.legs[-1:]

    @property
    def order(self) -> tuple[str, datetime, str]:
        """By account, then by what expires first."""
        times = [leg.instrument.expiry_time for leg in self.legs if leg.instrument]
        first = min((time for time in times if time), default=datetime.max.replace(tzinfo=UTC))
        return self.chain.account, first, self.chain.position_id


def signed_quantity(leg: PositionLeg, quantity: Decimal | None) -> Decimal | None:
    """Negative for a short leg."""
    return quantity.copy_negate() if quantity and leg.side is Side.SELL else quantity


def mark_price(value: ChainValuation | None, leg: PositionLeg) -> Decimal | None:
    """What the leg is valued at."""
    marks = value.legs if value else ()
    return next((mark.mark_price for mark in marks if mark.leg_number == leg.leg_number), None)


def show_positions(session: Session, filters: dict[str, Any], limit: int) -> None:
    """Asks and prints."""
    with session.client() as client:
        answer = gathered(client.list_chains, "chains", limit, states=STATES, **filters)
    if session.json:
        print_json(answer)
        return
    now = datetime.now(UTC)
    held = [
        Position(chain, value, flags.of_position(chain, value, now))
        for chain, value in positions_of(answer.chains, answer.valuations)
    ]
    pending = [chain for chain in answer.chains if chain.state is ChainState.PENDING]
    page = Page()
    if not held:
        page.line("Nothing is open.")
    accounts = several_accounts(answer.chains)
    for title, currency, group in by_money((each.chain, each) for each in held):
        _table(page, title, sorted(group, key=lambda each: each.order), currency, now, accounts)
    page.notes(flags.legend(flag for each in held for flag in each.flags))
    if pending:
        _orders(page, pending, accounts)
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all. The sums are of what is shown.")


def _table(page: Page, title: str, positions: Sequence[Position], currency: str, now: datetime, accounts: bool) -> None:
    """One row for each open leg; what is known of the chain as a whole stands in its first."""
    rows = [(each, leg, number == 0) for each in positions for number, leg in enumerate(each.legs)]

    def of_chain(get: Callable[[Position], Cell], below: Cell) -> list[Cell | Literal[""]]:
        return [*(get(each) if first else "" for each, _, first in rows), below]

    def of_leg(get: Callable[[PositionLeg], Cell]) -> list[Cell | Literal[""]]:
        return [*(get(leg) if leg.open_quantity else "" for _, leg, _ in rows), ""]

    pnl = figures.sum_of([each.value.unrealized_pnl for each in positions])
    usd = figures.sum_of([each.value.unrealized_pnl_usd for each in positions])
    valued = [each.chain for each in positions if each.value.unrealized_pnl is not None]
    captured = None if pnl is None else percent(pnl, total(chain.open_credit for chain in valued).copy_abs())
    page.table(
        [
            Column("Account", of_chain(lambda each: each.chain.account, ""), hidden=not accounts),
            Column("Position", of_chain(lambda each: each.chain.position_id, "Sum"), folds=True),
            Column("Contract", [*(_contract(leg).symbol for _, leg, _ in rows), ""]),
            Column("DTE", of_leg(lambda leg: figures.days_to(_contract(leg).expiry_time, now)), figure=True),
            Column(
                "Qty",
                figures.exact([*(signed_quantity(leg, leg.open_quantity) for _, leg, _ in rows), ""]),
                figure=True,
            ),
            Column("Entry", figures.prices(of_leg(lambda leg: leg.entry_price), currency), figure=True, spare=1),
            Column(
                "Mark",
                figures.prices(
                    [*(mark_price(each.value, leg) if leg.open_quantity else "" for each, leg, _ in rows), ""], currency
                ),
                figure=True,
                spare=2,
            ),
            Column(
                f"PnL {currency}",
                figures.money(of_chain(lambda each: each.value.unrealized_pnl, pnl), currency),
                figure=True,
            ),
            Column(
                "PnL USD",
                figures.money(of_chain(lambda each: each.value.unrealized_pnl_usd, usd), "USD"),
                figure=True,
                hidden=currency in figures.DOLLARS,
            ),
            Column(
                "Capt %",
                figures.percents(of_chain(lambda each: each.value.premium_captured_pct, captured)),
                figure=True,
            ),
            Column("Look at", of_chain(lambda each: ", ".join(each.flags), ""), folds=True),
        ],
        title=title,
        sums=True,
    )
    unknown = sum(each.value.unrealized_pnl is None for each in positions)
    blind = sum(each.value.unrealized_pnl_usd is None for each in positions)
    if unknown:
        page.notes([f"The sums leave out {figures.count(unknown, 'position')} without a mark."])
    if blind > unknown:
        page.notes([f"The sum in USD leaves out {figures.count(blind, 'position')}."])


def _contract(leg: PositionLeg) -> Instrument:
    return leg.instrument or Instrument()


def _orders(page: Page, pending: Sequence[PositionChain], accounts: bool) -> None:
    """Chains that have orders and no fill: no positions yet."""
    rows = [(chain, order) for chain in pending for order in chain.working_orders]
    page.table(
        [
            Column("Account", [chain.account for chain, _ in rows], hidden=not accounts),
            Column("Position", [chain.position_id for chain, _ in rows], folds=True),
            Column("Mode", [mode_title(chain.mode) for chain, _ in rows]),
            Column("Strategy", [strategy(chain) for chain, _ in rows], folds=True, spare=1),
            Column("Order", [order.order_id for _, order in rows], folds=True),
            Column("Side", [figures.words(order.side) for _, order in rows]),
            Column("Contract", [order.symbol for _, order in rows]),
            Column("Qty", figures.exact([order.quantity for _, order in rows]), figure=True),
            Column("Limit", figures.exact([order.limit_price for _, order in rows]), figure=True),
        ],
        title="Waiting for their first fill",
    )
