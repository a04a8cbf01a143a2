"""`rollbook positions`: what is open and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rollbook.cli import figures, flags
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.groups import by_money, mode_title, several_accounts, strategy
from rollbook.cli.held import Position, Rows, captured, contract, mark_price
from rollbook.cli.tables import Column, Page
from rollbook.models import ChainState, PositionChain
from rollbook.payloads import positions_of

STATES = (ChainState.OPEN, ChainState.FLAT, ChainState.PENDING)
WAITING = "Waiting for their first fill"


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
        page.table(order_columns(pending, accounts), title=WAITING)
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all. The sums are of what is shown.")


def _table(page: Page, title: str, positions: Sequence[Position], currency: str, now: datetime, accounts: bool) -> None:
    rows = Rows(positions)
    pnl = figures.sum_of([each.value.unrealized_pnl for each in positions])
    usd = figures.sum_of([each.value.unrealized_pnl_usd for each in positions])
    page.table(
        [
            Column("Account", rows.of_chain(lambda each: each.chain.account), hidden=not accounts),
            Column("Position", rows.of_chain(lambda each: each.chain.position_id, "Sum"), folds=True),
            Column("Contract", rows.of_row(lambda _, leg: contract(leg).symbol)),
            Column("DTE", rows.of_leg(lambda _, leg: figures.days_to(contract(leg).expiry_time, now)), figure=True),
            Column("Qty", rows.quantities(), figure=True),
            Column(
                "Entry", figures.prices(rows.of_leg(lambda _, leg: leg.entry_price), currency), figure=True, spare=1
            ),
            Column(
                "Mark",
                figures.prices(rows.of_leg(lambda each, leg: mark_price(each.value, leg)), currency),
                figure=True,
                spare=2,
            ),
            Column(
                f"PnL {currency}",
                figures.money(rows.of_chain(lambda each: each.value.unrealized_pnl, pnl), currency),
                figure=True,
            ),
            Column(
                "PnL USD",
                figures.money(rows.of_chain(lambda each: each.value.unrealized_pnl_usd, usd), "USD"),
                figure=True,
                hidden=currency in figures.DOLLARS,
            ),
            Column(
                "Capt %",
                figures.percents(rows.of_chain(lambda each: each.value.premium_captured_pct, captured(positions))),
                figure=True,
            ),
            Column("Look at", rows.of_chain(lambda each: ", ".join(each.flags)), folds=True),
        ],
        title=title,
        sums=True,
    )
    page.notes(sum_notes(positions))


def sum_notes(positions: Sequence[Position], *, usd: bool = True) -> Iterator[str]:
    """What the sums of a table leave out; with `usd` one of them is in USD."""
    unknown = sum(each.value.unrealized_pnl is None for each in positions)
    blind = sum(each.value.unrealized_pnl_usd is None for each in positions)
    if unknown:
        yield f"The sums leave out {figures.count(unknown, 'position')} without a mark."
    if usd and blind > unknown:
        yield f"The sum in USD leaves out {figures.count(blind, 'position')}."


def order_columns(pending: Sequence[PositionChain], accounts: bool) -> list[Column]:
    """Chains that have orders and no fill: no positions yet."""
    rows = [(chain, order) for chain in pending for order in chain.working_orders]
    return [
        Column("Account", [chain.account for chain, _ in rows], hidden=not accounts),
        Column("Position", [chain.position_id for chain, _ in rows], folds=True),
        Column("Mode", [mode_title(chain.mode) for chain, _ in rows], folds=True),
        Column("Strategy", [strategy(chain) for chain, _ in rows], folds=True, spare=1),
        Column("Order", [order.order_id for _, order in rows], folds=True, spare=2),
        Column("Side", [figures.words(order.side) for _, order in rows]),
        Column("Contract", [order.symbol for _, order in rows]),
        Column("Qty", figures.exact([order.quantity for _, order in rows]), figure=True),
        Column("Limit", figures.exact([order.limit_price for _, order in rows]), figure=True),
    ]
