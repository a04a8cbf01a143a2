"""Sums over open chains and over rows of the portfolio, with what is missing counted. Pure.

Coins of different kinds are never added, LIVE and DRY_RUN neither. A sum of which a part is unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rollbook.models import ChainState, GetPortfolioResponse, Mode, PortfolioRow
from rollbook_web import numbers
from rollbook_web.numbers import Figure, things
from rollbook_web.open_rows import Held, open_legs

DOLLAR = "USD"


@dataclass(frozen=True)
class Portfolios:
    """What the ledger says about its books: now, and what was realized in two periods until now."""

    whole: GetPortfolioResponse
    today: GetPortfolioResponse
    month: GetPortfolioResponse


@dataclass(frozen=True)
class Line:
    """The totals in one currency, which the texts leave out; USD is the sum of all."""

    currency: str
    premium: Figure
    unrealized: Figure
    today: Figure
    month: Figure
    all: Figure


@dataclass(frozen=True)
class Totals:
    """The totals of a mode, and what is missing from them, in sentences."""

    mode: Mode
    open_chains: int
    lines: tuple[Line, ...]
    missing: tuple[str, ...] = ()


@dataclass
class Live:
    """What the open chains of one mode and currency come to at the newest marks."""

    chains: int = 0
    premium: Decimal = Decimal(0)
    premium_usd: Decimal | None = Decimal(0)
    unrealized: Decimal = Decimal(0)
    unrealized_usd: Decimal | None = Decimal(0)
    realized: Decimal = Decimal(0)
    valued: int = 0
    unmarked: int = 0
    stale: int = 0
    wild: int = 0
    usd_unknown: int = 0


def live(helds: Iterable[Held], key: Callable[[Held], tuple[str, ...]]) -> dict[tuple[str, ...], Live]:
    """Sums by a key that tells apart currencies and modes."""
    sums: dict[tuple[str, ...], Live] = {}
    for held in helds:
        if held.chain.state is ChainState.PENDING:
            continue
        _add(sums.setdefault(key(held), Live()), held)
    return sums


def _add(into: Live, held: Held) -> None:
    chain, value = held.chain, held.value
    legs = open_legs(chain)
    into.chains += 1
    into.premium = _plus(into.premium, chain.open_credit) or into.premium
    for leg in legs:
        into.premium_usd = _plus(into.premium_usd, leg.open_credit_usd)
    into.realized = _plus(into.realized, chain.net_pnl) or into.realized
    if not legs:
        return
    if value is None or value.unrealized_pnl is None:
        into.unmarked += 1
        return
    into.valued += 1
    into.unrealized = numbers.total([into.unrealized, value.unrealized_pnl])
    into.unrealized_usd = _plus(into.unrealized_usd, value.unrealized_pnl_usd)
    into.usd_unknown += value.unrealized_pnl_usd is None
    into.stale += held.stale
    into.wild += bool(value.wild_marks)


def totals(helds: Sequence[Held], portfolios: Portfolios | None) -> list[Totals]:
    """Of each mode that there is, LIVE first. Until the ledger has answered, realized figures are not known."""
    sums = live(helds, lambda held: (held.chain.mode.value, held.chain.settlement_currency))
    rows = portfolios.whole.rows if portfolios else ()
    modes = {Mode(mode) for mode, _ in sums} | {row.mode for row in rows}
    return [_of_mode(mode, sums, portfolios) for mode in sorted(modes, key=lambda mode: (mode is not Mode.LIVE, mode))]


def _of_mode(mode: Mode, sums: dict[tuple[str, ...], Live], portfolios: Portfolios | None) -> Totals:
    rows = [row for row in portfolios.whole.rows if row.mode is mode] if portfolios else []
    currencies = sorted({row.settlement_currency for row in rows} | {of for each, of in sums if each == mode.value})
    lives = {currency: sums.get((mode.value, currency), Live()) for currency in currencies}
    lines = []
    for currency in currencies:
        now = lives[currency]
        lines.append(
            Line(
                currency,
                numbers.money(now.premium, currency, signed=False, unit=False),
                _unrealized(now, currency),
                *(_realized(portfolios, mode, currency, which) for which in ("today", "month", "whole")),
            )
        )
    if lines:
        lines.append(_dollars(mode, list(lives.values()), portfolios))
    return Totals(
        mode, sum(now.chains for now in lives.values()), tuple(lines), _missing(lives, rows, portfolios, mode)
    )


def _unrealized(now: Live, currency: str) -> Figure:
    if now.unmarked and not now.valued:
        return numbers.unknown("no open chain has all its marks")
    figure = numbers.money(now.unrealized, currency, unit=False)
    return numbers.estimate(figure, _doubts(now)) if now.unmarked or now.stale or now.wild else figure


def _doubts(now: Live) -> str:
    doubts = [
        f"{things(number, 'chain')} {what}"
        for number, what in (
            (now.unmarked, "left out for want of a mark"),
            (now.stale, "with a stale mark"),
            (now.wild, "with a wild mark"),
        )
        if number
    ]
    return ", ".join(doubts)


def _dollars(mode: Mode, lives: list[Live], portfolios: Portfolios | None) -> Line:
    premium = _sum([now.premium_usd for now in lives])
    unrealized = _sum([now.unrealized_usd for now in lives])
    doubtful = Live(
        unmarked=sum(now.unmarked for now in lives),
        stale=sum(now.stale for now in lives),
        wild=sum(now.wild for now in lives),
        valued=sum(now.valued for now in lives),
    )
    if doubtful.unmarked and not doubtful.valued:
        worth = numbers.unknown("no open chain has all its marks")
    else:
        worth = numbers.usd(unrealized, "a fill or a mark has no index price")
        if doubtful.unmarked or doubtful.stale or doubtful.wild:
            worth = numbers.estimate(worth, _doubts(doubtful))
    return Line(
        DOLLAR,
        numbers.usd(premium, "a fill has no index price", signed=False),
        worth,
        *(_realized(portfolios, mode, DOLLAR, which) for which in ("today", "month", "whole")),
    )


def _realized(portfolios: Portfolios | None, mode: Mode, currency: str, which: str) -> Figure:
    if portfolios is None:
        return numbers.unknown("the ledger has not answered yet")
    answer: GetPortfolioResponse = getattr(portfolios, which)
    rows = [row for row in answer.rows if row.mode is mode and currency in (DOLLAR, row.settlement_currency)]
    if currency == DOLLAR:
        amounts = [row.net_pnl_usd if which == "whole" else row.period_realized_pnl_usd for row in rows]
    else:
        amounts = [row.net_pnl if which == "whole" else row.period_realized_pnl for row in rows]
    figure = numbers.money(_sum(amounts), currency, "a line has no index price: in USD it is not known", unit=False)
    if any(row.fees_incomplete for row in rows):
        return numbers.estimate(figure, "fees are missing")
    if any(row.fees_estimated for row in rows):
        return numbers.estimate(figure, "some fees are taken from the venue's table")
    return figure


def _missing(
    lives: dict[str, Live], rows: list[PortfolioRow], portfolios: Portfolios | None, mode: Mode
) -> tuple[str, ...]:
    unmarked = sum(now.unmarked for now in lives.values())
    usd_unknown = sum(now.usd_unknown for now in lives.values())
    counted = [
        (unmarked, "open {} without all marks: left out of unrealized"),
        (usd_unknown, "open {} whose unrealized USD is not known for want of an index price"),
        (sum(row.usd_missing for row in rows), "{} with lines without an index price: realized USD is not known"),
        (sum(row.fees_incomplete for row in rows), "{} with a fill that has no fee"),
        (sum(row.fees_estimated for row in rows), "{} with fees estimated from the venue's table"),
        (sum(row.collateral_missing for row in rows), "{} whose collateral is not known"),
    ]
    said = []
    for number, sentence in counted:
        if number:
            noun = "chain" if number == 1 else "chains"
            said.append(f"{number:,} {sentence.format(noun)}")
    if portfolios and mode is Mode.LIVE:
        if portfolios.whole.unresolved_refusals:
            said.append(
                f"{things(portfolios.whole.unresolved_refusals, 'refused command')} with fills: not in the totals"
            )
        if portfolios.whole.unmatched_fills:
            said.append(f"{things(portfolios.whole.unmatched_fills, 'fill')} without their order: not in the totals")
    return tuple(said)


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return numbers.total(known) if len(known) == len(amounts) else None


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else numbers.EXACT.add(one, other)
