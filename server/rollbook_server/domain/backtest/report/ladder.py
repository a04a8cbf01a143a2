"""The roll ladder of a chain: its strikes over time as steps, with the underlying."""

from collections.abc import Sequence

import numpy as np

from rollbook_server.domain.backtest.money import leg_profit
from rollbook_server.domain.backtest.report import charts
from rollbook_server.domain.backtest.report.charts import WIDTH, Scale
from rollbook_server.domain.backtest.report.markup import Markup, element, joined, table
from rollbook_server.domain.backtest.report.numerals import (
    NOT_KNOWN,
    SPACE,
    counted,
    minute,
    money,
    number,
    percent,
    price,
)
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg, Equity, Trigger
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import DAY, SECOND, moment
from rollbook_server.domain.instruments import parse_deribit

HEIGHT = 300
LABELLED = 13.0
"""Percent of the width that a leg takes for its prices to stand on it; those of a shorter one are in the table."""


def chosen(chains: Sequence[BacktestChain]) -> tuple[BacktestChain, str] | None:
    """The chain to show, and why that one."""
    if not chains:
        return None
    chain = max(chains, key=lambda each: (each.num_rolls, -each.net_pnl))
    if not chain.num_rolls:
        return chain, "no chain was rolled; this is the one with the worst result"
    as_many = sum(each.num_rolls == chain.num_rolls for each in chains)
    if as_many == 1:
        return chain, "the one with the most rolls"
    return chain, f"of the {as_many:,} with the most rolls the one with the worst result"


def section(spec: BacktestSpec, currency: str, equity: Equity, chains: Sequence[BacktestChain]) -> Markup:
    """Chart and table of one chain."""
    found = chosen(chains)
    if found is None:
        return element("p", "No chain was opened.", class_="note")
    chain, why = found
    end = (
        "still open at the end of the data, marked"
        if chain.open_at_end
        else str(chain.close_reason or "open").lower().replace("_", " ")
    )
    return joined(
        element(
            "p",
            f"Chain {chain.number}, from {minute(chain.open_time)} UTC: {why}. {counted(chain.num_rolls, 'roll')}, "
            f"{end}, net {money(chain.net_pnl, currency, signed=True)} "
            f"({money(chain.net_pnl_usd, 'USD', signed=True)}). A bar is a leg at its strike, from its sale to its "
            "end, green where it earned and red where it lost; a dotted line is a roll, the grey one the underlying. "
            f"On a bar: sold at, then bought back at (or paid at expiry), {currency} per coin.",
        ),
        _chart(chain, spec, currency, equity),
        _table(chain, spec, currency),
    )


def _ended(leg: BacktestLeg, equity: Equity) -> int:
    return leg.close_time if leg.close_time is not None else int(equity.time[-1])


def _strike(leg: BacktestLeg) -> float:
    contract = parse_deribit(leg.symbol)
    assert contract is not None
    return float(contract.strike)


def _chart(chain: BacktestChain, spec: BacktestSpec, currency: str, equity: Equity) -> Markup:
    ends = [_ended(leg, equity) for leg in chain.legs]
    begin, end = chain.legs[0].open_time, max(ends)
    room = max((end - begin) // 20, (spec.bar_minutes or 60) * 60 * SECOND)
    shown = (equity.time >= begin - room) & (equity.time <= end + room)
    time, index = equity.time[shown], equity.index_price[shown]
    strikes = [_strike(leg) for leg in chain.legs]
    low, high = min(*strikes, *index), max(*strikes, *index)
    reach = np.array([low - 0.06 * (high - low), high + 0.06 * (high - low)])
    scale = charts.scale_of(begin - room, end + room, [reach], HEIGHT)
    spot = " ".join(f"{scale.x(time[row]) * WIDTH / 100:.1f},{scale.y(index[row])}" for row in charts.thinned(index))
    drawn: list[Markup] = [
        element(
            "svg",
            element("polyline", points=spot, class_="line hodl"),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            width="100%",
            height=HEIGHT,
            preserveAspectRatio="none",
        )
    ]
    for row, (leg, strike, until) in enumerate(zip(chain.legs, strikes, ends, strict=True)):
        drawn += _step(leg, strike, until, scale, currency)
        if row + 1 < len(strikes):
            x = f"{scale.x(until)}%"
            drawn.append(element("line", x1=x, x2=x, y1=scale.y(strike), y2=scale.y(strikes[row + 1]), class_="roll"))
    return charts.framed(
        f"Roll ladder of chain {chain.number}: strikes and underlying in USD over time",
        scale,
        *charts.grid(scale),
        *drawn,
        class_="chart",
    )


def _step(leg: BacktestLeg, strike: float, until: int, scale: Scale, currency: str) -> list[Markup]:
    y = scale.y(strike)
    left, right = scale.x(leg.open_time), scale.x(until)
    title = (
        f"Leg {leg.leg_number}, {leg.symbol}: sold {minute(leg.open_time)} at {price(leg.open_price, currency)}; "
        f"{_how(leg)} {minute(leg.close_time)} at {price(leg.close_price, currency)} {currency}"
    )
    colour = "gain" if leg_profit(leg) >= 0 else "loss"
    prices = f"  {price(leg.open_price, currency)} → {price(leg.close_price, currency)}"
    return [
        element("line", element("title", title), x1=f"{left}%", x2=f"{right}%", y1=y, y2=y, class_=f"step {colour}"),
        element("circle", cx=f"{left}%", cy=y, r="4", class_=f"dot {colour}"),
        element(
            "text",
            f"{leg.leg_number}",
            element("tspan", prices, class_="value wide") if right - left >= LABELLED else None,
            x=f"{left}%",
            y=round(y - 9, 1),
            class_="name",
        ),
    ]


def _how(leg: BacktestLeg) -> str:
    if leg.trigger == Trigger.EXPIRY:
        return "paid at expiry"
    if leg.trigger == Trigger.DATA_END:
        return "marked at the end of the data"
    return f"bought back ({leg.trigger.replace('_', ' ')})" if leg.trigger else "open"


def _ended_by(leg: BacktestLeg) -> str:
    if leg.trigger == Trigger.DATA_END:
        return "data end: open, marked"
    return leg.trigger.replace("_", " ") or "open"


def _short(time: int | None) -> str:
    """Of a date whose year the text says."""
    return NOT_KNOWN if time is None else f"{moment(time):%d %b %H:%M}"


def _signed(value: float, currency: str) -> str:
    return money(value, currency, signed=True).removesuffix(SPACE + currency)


def _table(chain: BacktestChain, spec: BacktestSpec, currency: str) -> Markup:
    flags = {
        "delivery_is_proxy": "proxy price",
        "without_offer": "no offer, mark plus penalty",
    }
    rows = []
    for leg in chain.legs:
        contract = parse_deribit(leg.symbol)
        assert contract is not None
        said = [text for flag, text in flags.items() if getattr(leg, flag)]
        valued = bool(leg.trigger)
        rows.append(
            [
                f"{leg.leg_number}",
                leg.symbol,
                _short(leg.open_time),
                number(leg.open_index_price),
                price(leg.open_price, currency),
                number(leg.open_delta, 2),
                NOT_KNOWN if leg.open_volatility is None else percent(100 * leg.open_volatility),
                number((contract.expiry_time - leg.open_time) / DAY, 1),
                _short(leg.close_time),
                number(leg.close_index_price) if valued else NOT_KNOWN,
                price(leg.close_price, currency) if valued else NOT_KNOWN,
                _signed(leg_profit(leg), currency) if valued else NOT_KNOWN,
                "; ".join([_ended_by(leg), *said]),
            ]
        )
    per_coin = f"Price, {currency}"
    head = ["Leg", "Contract", "Sold (UTC)", "Underlying, USD", per_coin, "Delta", "Volatility",
            "Days left", "Ended (UTC)", "Underlying, USD", per_coin, f"Net, {currency}", "Ended by"]  # fmt: skip
    return table(
        f"Legs of chain {chain.number}, {number(spec.quantity, 2)} {spec.underlying} each", head, rows, class_="legs"
    )
