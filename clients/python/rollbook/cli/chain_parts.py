"""The tables below a chain's figures: its legs, rolls, working orders and cash lines."""

from __future__ import annotations

from rollbook._exact import total
from rollbook.cli import figures
from rollbook.cli.figures import DOLLARS, exact, words
from rollbook.cli.held import mark_price, signed_quantity
from rollbook.cli.tables import Column, Page
from rollbook.models import (
    CashLine,
    ChainValuation,
    FeeSource,
    GetChainResponse,
    LineKind,
    PositionChain,
    PositionLeg,
    Roll,
    RollMove,
    Side,
)

STRIKE = {RollMove.HIGHER: "up", RollMove.LOWER: "down", RollMove.SAME: "same strike"}
EXPIRY = {RollMove.HIGHER: "out", RollMove.LOWER: "in", RollMove.SAME: "same expiry"}
FEE = {FeeSource.ESTIMATED: "fee est.", FeeSource.MISSING: "fee missing"}


def show_legs(page: Page, chain: PositionChain, value: ChainValuation | None) -> None:
    """Each contract from flat to flat."""
    legs = chain.legs
    page.table(
        [
            Column("Leg", [str(leg.leg_number) for leg in legs], figure=True),
            Column("Contract", [leg.instrument.symbol if leg.instrument else "" for leg in legs]),
            Column("State", [_state(leg) for leg in legs], folds=True),
            Column("Opened", [figures.minute(leg.open_time) for leg in legs], spare=2),
            Column(
                "Ended", ["" if leg.close_time is None else figures.minute(leg.close_time) for leg in legs], spare=1
            ),
            Column("Qty", exact([signed_quantity(leg, leg.opened_quantity) for leg in legs]), figure=True),
            Column("Entry", exact([leg.entry_price for leg in legs]), figure=True),
            Column("Exit", exact(["" if leg.exit_price is None else leg.exit_price for leg in legs]), figure=True),
            Column(
                "Mark",
                exact([mark_price(value, leg) if leg.open_quantity else "" for leg in legs]),
                figure=True,
                hidden=not chain.open_quantity,
            ),
            Column(f"Net {chain.settlement_currency}", exact([leg.net_pnl for leg in legs], sign="+"), figure=True),
        ],
        title="Legs",
    )


def _state(leg: PositionLeg) -> str:
    if leg.delivery_price is not None:
        return f"settled at {figures.number(leg.delivery_price)}"
    if leg.open_quantity and leg.open_quantity != leg.opened_quantity:
        return f"{words(leg.state)} {figures.number(leg.open_quantity)}"
    return words(leg.state)


def show_rolls(page: Page, chain: PositionChain) -> None:
    """What was closed for what, and what it brought."""
    rolls = chain.rolls
    if not rolls:
        return
    page.table(
        [
            Column("Roll", [str(roll.roll_number) for roll in rolls], figure=True),
            Column("Time", ["" if roll.time is None else figures.minute(roll.time) for roll in rolls], spare=1),
            Column("From", [" ".join(roll.from_symbols) for roll in rolls], folds=True),
            Column("To", [" ".join(roll.to_symbols) for roll in rolls], folds=True),
            Column("Move", [_move(roll) for roll in rolls], folds=True),
            Column(f"Net credit {chain.settlement_currency}", exact([roll.net_credit for roll in rolls]), figure=True),
            Column(
                "Why",
                [", ".join(filter(None, (roll.trigger, roll.reason, *roll.errors))) for roll in rolls],
                folds=True,
            ),
        ],
        title="Rolls",
    )


def _move(roll: Roll) -> str:
    if not roll.completed:
        return "half done"
    return ", ".join(filter(None, (STRIKE.get(roll.strike_move), EXPIRY.get(roll.expiry_move))))


def show_orders(page: Page, chain: PositionChain) -> None:
    """Orders that still work."""
    orders = chain.working_orders
    if not orders:
        return
    page.table(
        [
            Column("Order", [order.order_id for order in orders], folds=True),
            Column("", [words(order.side) for order in orders]),
            Column("Contract", [order.symbol for order in orders]),
            Column("Qty", exact([order.quantity for order in orders]), figure=True),
            Column("Limit", exact([order.limit_price for order in orders]), figure=True),
            Column("Filled", exact([order.filled_quantity for order in orders]), figure=True),
        ],
        title="Working orders",
    )


def show_lines(page: Page, chain: PositionChain, answer: GetChainResponse) -> None:
    """Every line of cash, exact, and their sums: the chain's own net cash."""
    lines, currency = answer.lines, chain.settlement_currency
    if not lines:
        return
    page.table(
        [
            Column("Time", [*(figures.minute(line.time) for line in lines), "Net cash"]),
            Column("Leg", [*(str(line.leg_number) for line in lines), ""], figure=True, spare=1),
            Column("", [*(_what(line) for line in lines), ""]),
            Column("Contract", [*(line.symbol for line in lines), ""]),
            Column("Qty", exact([*(line.quantity for line in lines), ""]), figure=True),
            Column("Price", exact([*("" if line.price is None else line.price for line in lines), ""]), figure=True),
            Column("Fee", exact([*(line.fee for line in lines), chain.fees]), figure=True),
            Column(f"Cash {currency}", exact([*(line.cash for line in lines), chain.net_cash], sign="+"), figure=True),
            Column(
                "Cash USD",
                exact([*(line.cash_usd for line in lines), chain.net_cash_usd], least=2, sign="+"),
                figure=True,
                hidden=currency in DOLLARS,
            ),
            Column("", [*(FEE.get(line.fee_source, "") for line in lines), ""], folds=True),
            Column("Rev", [*(str(line.revision) for line in lines), ""], figure=True, spare=2),
        ],
        title="Cash lines",
        sums=True,
    )
    if total(line.cash for line in lines) != chain.net_cash:
        page.notes(["Only the newest lines are shown: they are too many for one answer. The sums are of all."])


def _what(line: CashLine) -> str:
    if line.kind is LineKind.SETTLEMENT:
        return "settled"
    done = {Side.BUY: "bought", Side.SELL: "sold"}.get(line.side, words(line.side))
    return f"{done} back" if line.kind is LineKind.CLOSING and line.side is Side.BUY else done
