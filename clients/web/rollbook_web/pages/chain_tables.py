"""The tables of one chain: its legs, its story, its orders."""

from __future__ import annotations

from collections.abc import Sequence

from rollbook.models import LegState, Order, PositionChain
from rollbook_web import numbers
from rollbook_web.journal import Step
from rollbook_web.pages.parts import Number, box, words


def draw_legs(chain: PositionChain) -> None:
    """Every leg by its number."""
    currency = chain.settlement_currency
    with box("scroll"), box("plain-table", tag="table"):
        _head(
            "Leg",
            "Contract",
            "State",
            "Held",
            "Quantity#",
            "Entry#",
            "Exit#",
            "Gross#",
            "Fees#",
            f"Net, {currency}#",
            "Why",
        )
        with box(tag="tbody"):
            for leg in chain.legs:
                with box(tag="tr"):
                    words("td", str(leg.leg_number))
                    symbol = leg.instrument.symbol if leg.instrument else numbers.DASH
                    words("td", f"{'short' if leg.side.value == 'SELL' else 'long'} {symbol}", "nowrap")
                    words(
                        "td",
                        numbers.words(leg.state),
                        *(("chip", "warn") if leg.state is LegState.AWAITING_DELIVERY else ()),
                    )
                    until = numbers.moment(leg.close_time).text if leg.close_time else "now"
                    words("td", f"{numbers.moment(leg.open_time).text} to {until}", "nowrap", "num")
                    _figure(numbers.quantity(leg.opened_quantity))
                    _figure(numbers.price(leg.entry_price, currency))
                    settled = leg.delivery_price is not None
                    _figure(
                        numbers.price(leg.delivery_price, "USD")
                        if settled
                        else numbers.price(leg.exit_price, currency, "not traded away")
                    )
                    _figure(numbers.money(leg.gross_pnl, currency, unit=False))
                    _figure(numbers.money(leg.fees, currency, signed=False, unit=False))
                    _figure(numbers.money(leg.net_pnl, currency, unit=False))
                    words("td", " · ".join(part for part in (leg.trigger, leg.reason) if part), "small", "said")


def draw_steps(chain: PositionChain, steps: Sequence[Step]) -> None:
    """The journal, the newest on top."""
    with box("scroll"), box("plain-table", "story", tag="table"):
        _head("Time (UTC)", "What and why", f"Cash, {chain.settlement_currency}#", "USD#", "Fee#")
        for step in reversed(steps):
            with box(tag="tbody"):
                with box(tag="tr"):
                    when = numbers.moment(step.time, seconds=True)
                    recorded = numbers.moment(step.recorded, "not at hand", seconds=True)
                    words("td", when.text, "num", title=f"{when.title}; entry {step.number}, recorded {recorded.title}")
                    with box("said", tag="td"):
                        words("b", step.what)
                        if step.why:
                            words("span", " · ".join(step.why), "why")
                        for doubt in step.doubts:
                            words("div", doubt, "doubt")
                    for _ in range(3):
                        words("td", "")
                for movement in step.movements:
                    with box("movement", tag="tr"):
                        words("td", "")
                        words("td", movement.text, "muted")
                        for figure in (movement.cash, movement.usd, movement.fee):
                            _figure(figure)


def draw_orders(orders: Sequence[Order]) -> None:
    """Orders that still work."""
    with box("scroll"), box("plain-table", tag="table"):
        _head("Order", "Contract", "Side", "Quantity#", "Filled#", "Limit#", "Since (UTC)")
        with box(tag="tbody"):
            for order in orders:
                with box(tag="tr"):
                    words("td", order.order_id, "mono")
                    words("td", order.symbol, "nowrap")
                    words("td", numbers.words(order.side))
                    _figure(numbers.quantity(order.quantity))
                    _figure(numbers.quantity(order.filled_quantity, "the venue did not say"))
                    _figure(numbers.price(order.limit_price, "", "a market order"))
                    words("td", numbers.moment(order.update_time).text, "num")


def _head(*titles: str) -> None:
    with box(tag="thead"), box(tag="tr"):
        for title in titles:
            words("th", title.removesuffix("#"), *(("r",) if title.endswith("#") else ())).props("scope=col")


def _figure(figure: numbers.Figure) -> None:
    Number(figure, "td").classes("r")
