"""The drawings of one chain: its ladder of legs, its payoff at expiry, what it was worth. Pure: options and a text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rollbook.models import PositionChain, PositionLeg, Roll, RollMove, ValueSample
from rollbook_web import numbers
from rollbook_web.pages.charts import SERIES
from rollbook_web.payoff import Payoff

Drawing = tuple[dict[str, Any], str]
"""Options of a chart, and the same as a sentence."""


def ladder(chain: PositionChain, samples: Sequence[ValueSample], now: datetime) -> Drawing:
    """Each leg as a bar at its strike while it was held, each roll with its credit, and the index behind them."""
    series: list[dict[str, Any]] = []
    index = [[_ms(one.time), float(one.index_price)] for one in samples if one.time and one.index_price is not None]
    if len(index) > 1:
        series.append(
            {"type": "line", "name": "Index", "data": index, "lineStyle": {"width": 1, "color": "var(--muted)"}}
        )
    series += [_bar(leg, chain, now) for leg in chain.legs]
    rolls = [point for point in (_roll_point(roll, chain) for roll in chain.rolls) if point is not None]
    if rolls:
        series.append(
            {
                "type": "scatter",
                "name": "Rolls",
                "symbol": "diamond",
                "symbolSize": 11,
                "data": rolls,
                "z": 5,
                "itemStyle": {"color": "var(--accent)"},
            }
        )
    options = {
        "useUTC": True,
        "grid": {"left": 8, "right": 28, "top": 34, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "name": f"strike, USD per {chain.underlying}", "boundaryGap": ["12%", "18%"]},
        "tooltip": {"trigger": "item"},
        "series": series,
    }
    return options, " ".join(
        [*(_leg_text(leg, chain) for leg in chain.legs), *(_roll_text(roll, chain) for roll in chain.rolls)]
    )


def _bar(leg: PositionLeg, chain: PositionChain, now: datetime) -> dict[str, Any]:
    strike = float(leg.instrument.strike) if leg.instrument and leg.instrument.strike is not None else None
    color = SERIES[(leg.leg_number - 1) % len(SERIES)]
    name = leg.instrument.symbol if leg.instrument else f"leg {leg.leg_number}"
    return {
        "type": "line",
        "name": f"{leg.leg_number}: {name}",
        "data": [[_ms(leg.open_time), strike], [_ms(leg.close_time or now), strike]],
        "lineStyle": {"width": 7, "color": color, "cap": "round"},
        "itemStyle": {"color": color},
        "symbolSize": 7,
        "showSymbol": True,
        "label": {"show": False},
        "endLabel": {"show": False},
        "markPoint": {
            "symbolSize": 1,
            "silent": True,
            "label": {
                "show": True,
                "position": "top",
                "align": "left",
                "distance": 8,
                "color": "var(--text)",
                "fontSize": 11,
                "formatter": f"{name} · {numbers.money(leg.net_pnl, chain.settlement_currency).text}",
            },
            "data": [{"coord": [_ms(leg.open_time), strike]}],
        },
        "tooltip": {"formatter": _leg_text(leg, chain)},
    }


def _roll_point(roll: Roll, chain: PositionChain) -> dict[str, Any] | None:
    strikes = {leg.instrument.symbol: leg.instrument.strike for leg in chain.legs if leg.instrument}
    at = next((strikes[symbol] for symbol in (*roll.to_symbols, *roll.from_symbols) if strikes.get(symbol)), None)
    if roll.time is None or at is None:
        return None
    return {
        "value": [_ms(roll.time), float(at)],
        "label": {
            "show": True,
            "position": "bottom",
            "color": "var(--text)",
            "fontSize": 11,
            "fontWeight": 600,
            "formatter": f"roll {roll.roll_number}: {_credit(roll, chain)}",
        },
        "tooltip": {"formatter": _roll_text(roll, chain)},
    }


def _credit(roll: Roll, chain: PositionChain) -> str:
    if roll.net_credit is None:
        return "nothing filled"
    word = "credit" if roll.net_credit >= 0 else "debit"
    return f"{word} {numbers.money(abs(roll.net_credit), chain.settlement_currency, signed=False).text}"


def _leg_text(leg: PositionLeg, chain: PositionChain) -> str:
    name = leg.instrument.symbol if leg.instrument else "?"
    until = f"until {numbers.moment(leg.close_time).text}" if leg.close_time else "still open"
    return (
        f"Leg {leg.leg_number}: {name}, from {numbers.moment(leg.open_time).text} {until}, "
        f"net {numbers.money(leg.net_pnl, chain.settlement_currency).text}."
    )


def _roll_text(roll: Roll, chain: PositionChain) -> str:
    moves = [
        {RollMove.HIGHER: high, RollMove.LOWER: low, RollMove.SAME: same}.get(move, "")
        for move, high, low, same in (
            (roll.strike_move, "up", "down", "same strike"),
            (roll.expiry_move, "out", "in", "same expiry"),
        )
    ]
    where = " and ".join(move for move in moves if move)
    half = "" if roll.completed else ", not complete"
    return f"Roll {roll.roll_number}{' ' + where if where else ''}: {_credit(roll, chain)} after fees{half}."


def payoff_in_currency(payoff: Payoff, currency: str, underlying: str, index: float | None) -> Drawing:
    """In the settlement currency."""
    return _payoff(payoff, payoff.profit, currency, underlying, index)


def payoff_in_usd(payoff: Payoff, underlying: str, index: float | None) -> Drawing:
    """In USD, coins at the price that is drawn."""
    return _payoff(payoff, payoff.profit_usd, "USD", underlying, index)


def _payoff(payoff: Payoff, profit: Sequence[float], currency: str, underlying: str, index: float | None) -> Drawing:
    marks: list[dict[str, Any]] = [
        {"yAxis": 0, "label": {"show": False}, "lineStyle": {"color": "var(--muted)", "type": "solid"}}
    ]
    if index:
        marks.append({"xAxis": index, "label": {"formatter": "index", "color": "var(--muted)", "fontSize": 11}})
    marks += [
        {
            "xAxis": at,
            "lineStyle": {"color": "var(--warn)"},
            "label": {"formatter": f"{at:,.0f}", "color": "var(--warn)", "fontSize": 11},
        }
        for at in payoff.break_evens
    ]
    places = 2 if currency in numbers.DOLLARS else 6
    data = [[round(price, 2), round(one, places)] for price, one in zip(payoff.prices, profit, strict=True)]
    options = {
        "xAxis": {
            "type": "value",
            "scale": True,
            "name": f"USD per {underlying} at expiry",
            "nameLocation": "middle",
            "nameGap": 26,
            "min": "dataMin",
            "max": "dataMax",
            "splitNumber": 4,
        },
        "yAxis": {"type": "value", "name": f"profit, {currency}"},
        "grid": {"left": 8, "right": 24, "top": 34, "bottom": 24, "containLabel": True},
        "series": [
            {
                "type": "line",
                "name": f"profit, {currency}",
                "data": data,
                "lineStyle": {"width": 2},
                "areaStyle": {"opacity": 0.08},
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "data": marks,
                    "lineStyle": {"color": "var(--muted)", "type": "dashed"},
                },
            }
        ],
    }
    return options, _payoff_text(payoff, profit, currency, index)


def _payoff_text(payoff: Payoff, profit: Sequence[float], currency: str, index: float | None) -> str:
    best, worst = max(profit), min(profit)
    text = (
        f"Profit at expiry in {currency}, for prices from {payoff.prices[0]:,.0f} to {payoff.prices[-1]:,.0f} USD: "
        f"at most {best:,.6g}, at least {worst:,.6g}."
    )
    if payoff.break_evens:
        text += f" It breaks even near {', '.join(f'{at:,.0f}' for at in payoff.break_evens)}."
    return text + (f" The index is at {index:,.0f}." if index else "")


def history(samples: Sequence[ValueSample], currency: str) -> Drawing:
    """What the chain was worth: realized and unrealized, and unrealized alone."""
    line = {"type": "line", "showSymbol": len(samples) < 30, "symbolSize": 5}
    valued = [
        (_ms(one.time), float(one.unrealized_pnl), float(one.net_pnl or 0))
        for one in samples
        if one.unrealized_pnl is not None
    ]
    open_pnl = [[at, unrealized] for at, unrealized, _ in valued]
    whole = [[at, unrealized + realized] for at, unrealized, realized in valued]
    options = {
        "useUTC": True,
        "legend": {},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "name": currency},
        "series": [{**line, "name": "Chain PnL", "data": whole}, {**line, "name": "Unrealized", "data": open_pnl}],
    }
    if not valued:
        return options, "No values yet."
    pnl = [unrealized + realized for _, unrealized, realized in valued]
    return options, (
        f"Chain PnL in {currency}, {len(pnl)} values: {pnl[0]:,.6g} at first, {pnl[-1]:,.6g} at last, "
        f"between {min(pnl):,.6g} and {max(pnl):,.6g}."
    )


def _ms(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp() * 1000
