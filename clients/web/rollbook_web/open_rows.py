"""A row of the table of open chains: what is written in each cell, from a chain and its value. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from rollbook.models import ChainState, ChainValuation, LegState, PositionChain, PositionLeg, Side
from rollbook_web import numbers
from rollbook_web.numbers import MINUS, SIGMA, Figure

NO_MARK = "no mark of every open contract has come"
FEE_ESTIMATE = "the ledger took a fee from the venue's table"


@dataclass(frozen=True)
class Held:
    """An open chain as the page knows it.

    Attributes:
        chain: It.
        value: What it is worth; None without a mark.
        marked: When its oldest mark was made, by the page's own clock; None without one.
        old: Whether it has become stale since it came.
    """

    chain: PositionChain
    value: ChainValuation | None = None
    marked: datetime | None = None
    old: bool = False

    @property
    def stale(self) -> bool:
        """Whether a mark is too old to go by."""
        return self.old or bool(self.value and self.value.stale_marks)


def open_legs(chain: PositionChain) -> list[PositionLeg]:
    """What is held, or waits for its delivery."""
    return [leg for leg in chain.legs if leg.state in (LegState.OPEN, LegState.AWAITING_DELIVERY)]


def awaits_delivery(chain: PositionChain) -> bool:
    """Whether something has expired whose delivery price is not known."""
    return any(leg.state is LegState.AWAITING_DELIVERY for leg in chain.legs)


def chain_url(account: str, position_id: str) -> str:
    """Where the page shows the chain."""
    return f"/chains/{quote(position_id, safe='')}?{urlencode({'account': account})}"


def strategy(chain: PositionChain) -> str:
    """Kind and name."""
    kind = numbers.words(chain.strategy)
    return f"{kind} · {chain.strategy_name}" if chain.strategy_name else kind


def contracts(legs: Iterable[PositionLeg]) -> str:
    """What is held: -0.5 BTC-29JAN27-115000-C."""
    return ", ".join(
        f"{MINUS if leg.side is Side.SELL else '+'}{numbers.quantity(leg.open_quantity).text} {_symbol(leg)}"
        for leg in legs
    )


def flags(held: Held) -> list[tuple[str, str]]:
    """What deserves a look: a word, and why."""
    chain, value = held.chain, held.value
    found: list[tuple[str, str]] = []
    if chain.state is ChainState.FLAT:
        found.append(("FLAT", chain.flat_reason or "a roll is half done: nothing is open"))
    if chain.state is ChainState.PENDING:
        found.append(("PENDING", "its orders work, nothing has filled yet"))
    if awaits_delivery(chain):
        found.append(("AWAITING DELIVERY", "expired; its delivery price is not known yet"))
    if chain.collateral_insufficient:
        found.append(("UNCOVERED", "a short inverse put: its loss in coins has no bound"))
    if open_legs(chain) and (value is None or value.missing_marks):
        found.append(("NO MARK", NO_MARK))
    if held.stale:
        found.append(("STALE", "its mark is older than ten minutes, or of an expired contract"))
    if value is not None and value.wild_marks:
        found.append(
            ("WILD", "a mark that cannot be right: far from its quotes, or a jump that the index does not explain")
        )
    if not chain.fees_complete:
        found.append(("FEE MISSING", "a fill came without its fee: the net figures are too good by it"))
    return found


def row(held: Held) -> dict[str, Any]:
    """Of JSON. A figure is [text, title] or [text, title, tone]; the browser sorts by the title's number."""
    chain, value = held.chain, held.value
    currency = chain.settlement_currency
    legs = open_legs(chain)
    why = NO_MARK if legs else "nothing is open"
    no_usd = f"{why}, or a fill or mark has no index price"
    net = numbers.money(chain.net_pnl, currency)
    if chain.fees_estimated:
        net = numbers.estimate(net, FEE_ESTIMATE)
    return {
        "id": f"{chain.account}/{chain.position_id}",
        "url": chain_url(chain.account, chain.position_id),
        "chain": chain.position_id,
        "mode": chain.mode.value,
        "account": chain.account,
        "underlying": chain.underlying,
        "strategy": strategy(chain),
        "expiry": _next_expiry(legs),
        "contract": contracts(legs) or "nothing open",
        "flags": flags(held),
        "rolls": chain.num_rolls,
        "dte": cell(numbers.days(value.days_to_expiry if value else None, why)),
        "captured": cell(numbers.percent(value.premium_captured_pct if value else None, why, money=True)),
        "pnl": cell(numbers.money(value.unrealized_pnl if value else None, currency, why)),
        "usd": cell(numbers.usd(value.unrealized_pnl_usd if value else None, no_usd)),
        "net": cell(net),
        "chain_pnl": cell(numbers.money(value.chain_pnl if value else None, currency, why)),
        "buy_back": cell(
            numbers.money(value.buy_back_cost if value else None, currency, f"{why}, or no ask", signed=False)
        ),
        "yield": cell(numbers.percent(value.yield_left_annualised_pct if value else None, f"{why}, or no ask")),
        "distance": cell(numbers.percent(value.distance_to_strike_pct if value else None, why)),
        "sigma": cell(
            numbers.model(
                value.distance_to_strike_sigma if value else None, f"{why}, or it has no volatility", unit=f" {SIGMA}"
            )
        ),
        "delta": cell(
            numbers.model(value.greeks.delta if value and value.greeks else None, f"{why}, or it has no greeks")
        ),
        "marked": None if held.marked is None else int(held.marked.timestamp() * 1000),
    }


def cell(figure: Figure) -> list[str]:
    """A figure in a row of a table."""
    return [figure.text, figure.title, figure.tone] if figure.tone else [figure.text, figure.title]


def _symbol(leg: PositionLeg) -> str:
    return leg.instrument.symbol if leg.instrument else "?"


def _next_expiry(legs: list[PositionLeg]) -> str:
    times = [leg.instrument.expiry_time for leg in legs if leg.instrument and leg.instrument.expiry_time]
    return f"{min(times):%Y-%m-%d}" if times else ""
