"""The figures of one chain, in its currency and in USD. They change in place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rollbook.models import CashLine, ChainState, ChainValuation, PositionChain
from rollbook_web import numbers
from rollbook_web.journal import fees_usd, gross_usd
from rollbook_web.numbers import SIGMA, Figure
from rollbook_web.open_rows import FEE_ESTIMATE, NO_MARK
from rollbook_web.pages.parts import Number, box, words

NO_INDEX = "a line has no index price"


class ChainFigures:
    """Two lists: money in coin and USD, and what else there is to know."""

    def __init__(self, chain: PositionChain, lines: Sequence[CashLine], value: ChainValuation | None) -> None:
        self._lines = lines
        with box("scroll"), box("plain-table", tag="table"):
            with box(tag="thead"), box(tag="tr"):
                words("th", "").props("scope=col")
                for title in (chain.settlement_currency, "USD"):
                    words("th", title, "r").props("scope=col")
            with box(tag="tbody"):
                self._money = {name: self._row(name, why, pair) for name, why, *pair in _money(chain, lines, value)}
        with box("facts", tag="dl"):
            self._facts = {name: self._fact(name, figure) for name, figure in _facts(chain, value)}
            words("dt", "Mark age")
            self._age = words("dd", numbers.DASH, "num")

    def show(self, chain: PositionChain, value: ChainValuation | None, marked: datetime | None) -> None:
        """Shows the newest; of the same chain at the same revision."""
        for name, _, *pair in _money(chain, self._lines, value):
            for number, figure in zip(self._money[name], pair, strict=True):
                number.show(figure)
        for name, figure in _facts(chain, value):
            self._facts[name].show(figure)
        if marked is None:
            self._age.say(numbers.DASH, NO_MARK)
        else:
            self._age.props(f'data-since="{marked.timestamp() * 1000:.0f}"')

    @staticmethod
    def _row(name: str, why: str, pair: Sequence[Figure]) -> list[Number]:
        with box(*(("sum",) if name == "Chain PnL" else ()), tag="tr"):
            words("th", name, title=why).props("scope=row")
            numbers_of = [Number(figure, "td") for figure in pair]
            for number in numbers_of:
                number.classes("r")
        return numbers_of

    @staticmethod
    def _fact(name: str, figure: Figure) -> Number:
        words("dt", name)
        return Number(figure, "dd")


def _money(
    chain: PositionChain, lines: Sequence[CashLine], value: ChainValuation | None
) -> list[tuple[str, str, Figure, Figure]]:
    currency = chain.settlement_currency
    credit_usd = [leg.open_credit_usd for leg in chain.legs if leg.open_credit]
    known = [one for one in credit_usd if one is not None]
    fees = numbers.money(chain.fees, currency, signed=False, unit=False)
    net = numbers.money(chain.net_pnl, currency, unit=False)
    if chain.fees_estimated:
        fees, net = numbers.estimate(fees, FEE_ESTIMATE), numbers.estimate(net, FEE_ESTIMATE)
    if not chain.fees_complete:
        fees, net = (numbers.estimate(one, "a fill has no fee") for one in (fees, net))
    rows = [
        (
            "Open premium",
            "Of what is open now",
            numbers.money(chain.open_credit, currency, signed=False, unit=False),
            numbers.usd(numbers.total(known) if len(known) == len(credit_usd) else None, NO_INDEX, signed=False),
        ),
        (
            "Gross",
            "Realized before fees",
            numbers.money(chain.gross_pnl, currency, unit=False),
            numbers.usd(gross_usd(chain, lines), NO_INDEX),
        ),
        ("Fees", "Charged so far", fees, numbers.usd(fees_usd(chain, lines), NO_INDEX, signed=False)),
        ("Net realized", "Gross without fees", net, numbers.usd(chain.net_pnl_usd, NO_INDEX)),
    ]
    if chain.state is not ChainState.CLOSED:
        rows += [
            (
                "Unrealized",
                "Of what is open, without fees",
                numbers.money(value.unrealized_pnl if value else None, currency, NO_MARK, unit=False),
                numbers.usd(value.unrealized_pnl_usd if value else None, f"{NO_MARK}, or {NO_INDEX}"),
            ),
            (
                "Chain PnL",
                "Realized and unrealized",
                numbers.money(value.chain_pnl if value else None, currency, NO_MARK, unit=False),
                numbers.usd(_chain_usd(chain, value), f"{NO_MARK}, or {NO_INDEX}"),
            ),
        ]
    return rows


def _chain_usd(chain: PositionChain, value: ChainValuation | None) -> Decimal | None:
    if value is None or value.unrealized_pnl_usd is None or chain.net_pnl_usd is None:
        return None
    return numbers.total([chain.net_pnl_usd, value.unrealized_pnl_usd])


def _facts(chain: PositionChain, value: ChainValuation | None) -> list[tuple[str, Figure]]:
    currency = chain.settlement_currency
    drawdown = numbers.money(value.max_drawdown if value else None, currency, "no mark has come yet", signed=False)
    if chain.state is ChainState.CLOSED:
        return [
            ("Premium kept", numbers.percent(chain.premium_kept_pct, "no premium was received")),
            ("Return on collateral", numbers.percent(chain.return_on_collateral_pct, "its collateral is not known")),
            (
                "… a year",
                numbers.percent(
                    chain.return_on_collateral_annualised_pct, "held under one day, or collateral not known"
                ),
            ),
            ("Held", numbers.days(chain.holding_days)),
            ("At risk", numbers.days(chain.days_at_risk)),
            ("Deepest drawdown", drawdown),
        ]
    delta = value.greeks.delta if value and value.greeks else None
    sigma = value.distance_to_strike_sigma if value else None
    return [
        ("Premium captured", numbers.percent(value.premium_captured_pct if value else None, NO_MARK, money=True)),
        ("Days to expiry", numbers.days(value.days_to_expiry if value else None, NO_MARK)),
        (
            "Buy-back cost",
            numbers.money(value.buy_back_cost if value else None, currency, "no ask, or no mark", signed=False),
        ),
        (
            "Yield left, a year",
            numbers.estimate(
                numbers.percent(value.yield_left_annualised_pct if value else None, "no ask, or no mark"),
                "if it expires worthless",
            ),
        ),
        ("Distance to strike", numbers.percent(value.distance_to_strike_pct if value else None, NO_MARK)),
        (
            f"… in {SIGMA}",
            numbers.estimate(numbers.model(sigma, "no volatility", unit=f" {SIGMA}"), "at the mark's volatility"),
        ),
        ("Delta", numbers.estimate(numbers.model(delta, "no greeks"), "from the venue's greeks")),
        ("Collateral", numbers.money(chain.collateral, currency, "an index is missing", signed=False)),
        ("Deepest drawdown", drawdown),
    ]
