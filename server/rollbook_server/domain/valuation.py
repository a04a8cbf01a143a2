"""What chains are worth at the newest marks. Observations: never a part of a chain's own figures.

unrealized_pnl = open credit - mark * quantity (opposite for long legs), without fees.
unrealized_pnl_usd = entry at the index of each fill - mark * quantity * today's index: the venue's own
`floating_profit_loss_usd`, so it is neither the coin figure times an index nor derived from it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rollbook_server.domain.chains import Chain, Leg
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.decimals import HUNDRED, ZERO, exact, percent, quotient
from rollbook_server.domain.drawdown import Drawdown
from rollbook_server.domain.executions import Mark, Mode, Side
from rollbook_server.domain.fold import usd_factor
from rollbook_server.domain.instruments import ContractStyle, OptionType
from rollbook_server.domain.marks import KnownMark, MarkFlag

_YEAR = 365
"""Days, as the venue counts time to expiry."""
_SMALLEST = 1e-9
"""Percent: a standard deviation under it is none."""

Marks = Mapping[str, KnownMark]
"""The newest mark of each contract, by symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Sensitivities of a position; None where a mark has none."""

    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    theta: float | None = None
    rho: float | None = None


_GREEKS = ("delta", "gamma", "vega", "theta", "rho")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegValuation:
    """What one open leg is worth."""

    leg_number: int
    symbol: str
    mark_price: Decimal
    mark_time: Micros
    mark_age_ms: int
    flags: tuple[MarkFlag, ...]
    unrealized_pnl: Decimal
    unrealized_pnl_usd: Decimal | None
    days_to_expiry: Decimal
    premium_captured_pct: Decimal | None
    buy_back_cost: Decimal | None
    yield_left_annualised_pct: Decimal | None
    greeks: Greeks | None
    net_transaction_delta: float | None
    distance_to_strike_pct: Decimal | None
    distance_to_strike_sigma: float | None
    index_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainValuation:
    """What a chain is worth; `unrealized_pnl` is None while an open leg has no mark."""

    account: str
    position_id: str
    revision: int
    """The chain's."""
    valued_time: Micros
    mark_time: Micros | None
    mark_age_ms: int
    unrealized_pnl: Decimal | None
    unrealized_pnl_usd: Decimal | None
    premium_captured_pct: Decimal | None
    chain_pnl: Decimal | None
    chain_pnl_pct: Decimal | None
    missing_marks: int
    stale_marks: int
    wild_marks: int
    days_to_expiry: Decimal | None
    buy_back_cost: Decimal | None
    yield_left_annualised_pct: Decimal | None
    greeks: Greeks | None
    net_transaction_delta: float | None
    distance_to_strike_pct: Decimal | None
    distance_to_strike_sigma: float | None
    peak_pnl: Decimal | None
    max_drawdown: Decimal | None
    max_drawdown_pct: Decimal | None
    legs: tuple[LegValuation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioValuation:
    """What the open chains of one (account, mode, currency) are worth."""

    account: str
    mode: Mode
    settlement_currency: str
    unrealized_pnl: Decimal
    unrealized_pnl_usd: Decimal | None
    premium_captured_pct: Decimal | None
    missing_marks: int
    usd_missing: int
    stale_marks: int
    wild_marks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSample:
    """A value in a history: a chain's, or that of all open chains of a portfolio's row."""

    time: Micros
    net_pnl: Decimal
    unrealized_pnl: Decimal
    unrealized_pnl_usd: Decimal | None = None
    open_credit: Decimal
    index_price: Decimal | None = None
    delta: float | None = None
    missing_marks: int = 0
    stale_marks: int = 0
    wild_marks: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A chain that holds something (`legs` are the open ones), its marks, and what has been seen of it."""

    chain: Chain
    legs: tuple[Leg, ...]
    marks: Marks
    drawdown: Drawdown

    def valuation(self, now: Micros) -> ChainValuation:
        """What it is worth."""
        return value_chain(self.chain, self.marks, now, self.drawdown)


def _signed_worth(leg: Leg, mark: Mark) -> Decimal:
    """What the leg is worth to us: negative for a short leg."""
    worth = mark.mark_price * leg.open_quantity * leg.instrument.multiplier
    return -worth if leg.side is Side.SELL else worth


@exact
def believed_pnl(chain: Chain, legs: Sequence[Leg], marks: Marks, now: Micros) -> Decimal | None:
    """net_pnl + unrealized_pnl of the open legs, where all of it is told by marks without a flag."""
    pnl = chain.net_pnl
    for leg in legs:
        known = marks.get(leg.instrument.symbol)
        if known is None or known.flags(leg.instrument, now):
            return None
        pnl += leg.open_credit + _signed_worth(leg, known.mark)
    return pnl


def _value_leg(chain: Chain, leg: Leg, known: KnownMark, now: Micros) -> LegValuation:
    mark, instrument = known.mark, leg.instrument
    coins = leg.open_quantity * instrument.multiplier
    short = leg.side is Side.SELL
    worth = _signed_worth(leg, mark)
    unrealized = leg.open_credit + worth
    index = usd_factor(chain.settlement_currency, chain.underlying, mark.index_price)
    usd = None
    if leg.open_credit_usd is not None and (index is not None or not worth):
        usd = leg.open_credit_usd + worth * (index or ZERO)
    quote = mark.best_ask_price if short else mark.best_bid_price
    cost = None if not quote else (quote if short else -quote) * coins  # 0 is the venue's "none"
    days = _days_left(instrument.expiry_time, now)
    yield_left = None
    if short and cost is not None and leg.collateral and days:
        yield_left = quotient(HUNDRED * _YEAR * cost, leg.collateral * days, 12)
    position = -float(coins) if short else float(coins)
    transaction = None
    if mark.delta is not None:
        premium = float(mark.mark_price) if instrument.style is ContractStyle.INVERSE else 0.0
        transaction = position * (mark.delta - premium)
    distance = None
    if mark.index_price is not None:
        ratio = percent(instrument.strike, mark.index_price) or ZERO
        distance = ratio - HUNDRED if instrument.option_type is OptionType.CALL else HUNDRED - ratio
    return LegValuation(
        leg_number=leg.leg_number,
        symbol=instrument.symbol,
        mark_price=mark.mark_price,
        mark_time=mark.mark_time,
        mark_age_ms=_age_ms(mark.mark_time, now),
        flags=known.flags(instrument, now),
        unrealized_pnl=unrealized,
        unrealized_pnl_usd=usd,
        days_to_expiry=days,
        premium_captured_pct=percent(unrealized, abs(leg.open_credit)),
        buy_back_cost=cost,
        yield_left_annualised_pct=yield_left,
        greeks=_position_greeks(mark, position),
        net_transaction_delta=transaction,
        distance_to_strike_pct=distance,
        distance_to_strike_sigma=_sigmas(distance, mark.mark_volatility, days),
        index_price=mark.index_price,
    )


def _days_left(expiry: Micros, now: Micros) -> Decimal:
    return quotient(Decimal(max(expiry - now, 0)), Decimal(DAY), 18)


def _age_ms(mark_time: Micros, now: Micros) -> int:
    return max(now - mark_time, 0) // 1_000


def _position_greeks(mark: Mark, position: float) -> Greeks | None:
    given = {name: value * position for name in _GREEKS if (value := getattr(mark, name)) is not None}
    return Greeks(**given) if given else None


def _sigmas(distance: Decimal | None, volatility: float | None, days: Decimal) -> float | None:
    """A distance in percent, in standard deviations until the expiry."""
    if distance is None or volatility is None or volatility < 0:
        return None
    one = volatility * math.sqrt(float(days) / _YEAR)
    return float(distance) / one if one > _SMALLEST else None


@exact
def value_chain(chain: Chain, marks: Marks, now: Micros, drawdown: Drawdown) -> ChainValuation:
    """The value of what a chain holds, by symbol's newest mark, and what has been seen of it."""
    held = chain.open_legs
    legs = [
        _value_leg(chain, leg, known, now) for leg in held if (known := marks.get(leg.instrument.symbol)) is not None
    ]
    missing = len(held) - len(legs)
    whole = [] if missing else legs
    unrealized = None if missing else sum((leg.unrealized_pnl for leg in legs), ZERO)
    costs = [leg.buy_back_cost for leg in whole if leg.buy_back_cost is not None]
    cost = sum(costs, ZERO) if costs and len(costs) == len(whole) else None
    dollars = [leg.unrealized_pnl_usd for leg in whole if leg.unrealized_pnl_usd is not None]
    transactions = [leg.net_transaction_delta for leg in whole if leg.net_transaction_delta is not None]
    distances = [leg.distance_to_strike_pct for leg in whole if leg.distance_to_strike_pct is not None]
    sigmas = [leg.distance_to_strike_sigma for leg in whole if leg.distance_to_strike_sigma is not None]
    oldest = min((leg.mark_time for leg in legs), default=None)
    return ChainValuation(
        account=chain.account,
        position_id=chain.position_id,
        revision=chain.revision,
        valued_time=now,
        mark_time=oldest,
        mark_age_ms=0 if oldest is None else _age_ms(oldest, now),
        unrealized_pnl=unrealized,
        unrealized_pnl_usd=None if missing or len(dollars) < len(legs) else sum(dollars, ZERO),
        premium_captured_pct=None if unrealized is None else percent(unrealized, abs(chain.open_credit)),
        chain_pnl=None if unrealized is None else chain.net_pnl + unrealized,
        chain_pnl_pct=None if unrealized is None else percent(chain.net_pnl + unrealized, chain.leg_one_premium),
        missing_marks=missing,
        stale_marks=sum(MarkFlag.STALE in leg.flags for leg in legs),
        wild_marks=sum(MarkFlag.WILD in leg.flags for leg in legs),
        days_to_expiry=min((_days_left(leg.instrument.expiry_time, now) for leg in held), default=None),
        buy_back_cost=cost,
        yield_left_annualised_pct=_yield_left(chain, whole) if cost is not None else None,
        greeks=_summed_greeks(whole),
        net_transaction_delta=sum(transactions) if whole and len(transactions) == len(whole) else None,
        distance_to_strike_pct=min(distances) if whole and len(distances) == len(whole) else None,
        distance_to_strike_sigma=min(sigmas) if whole and len(sigmas) == len(whole) else None,
        peak_pnl=drawdown.peak_pnl,
        max_drawdown=drawdown.max_drawdown,
        max_drawdown_pct=drawdown.max_drawdown_pct,
        legs=tuple(legs),
    )


def _yield_left(chain: Chain, legs: Sequence[LegValuation]) -> Decimal | None:
    """What buying back would cost per day that is left, over the chain's collateral, a year long."""
    if not chain.collateral:
        return None
    daily = ZERO
    for leg in legs:
        if not leg.days_to_expiry or leg.buy_back_cost is None:
            return None
        daily += quotient(leg.buy_back_cost, leg.days_to_expiry, 18)
    return quotient(HUNDRED * _YEAR * daily, chain.collateral, 12)


def _summed_greeks(legs: Sequence[LegValuation]) -> Greeks | None:
    sums: dict[str, float] = {}
    for name in _GREEKS:
        values = [getattr(leg.greeks, name) for leg in legs if leg.greeks is not None]
        if values and len(values) == len(legs) and None not in values:
            sums[name] = sum(values)
    return Greeks(**sums) if sums else None


@exact
def value_portfolio(valued: Iterable[tuple[Chain, ChainValuation]]) -> list[PortfolioValuation]:
    """The sums of chains' values per (account, mode, currency); what is left out or in doubt is counted."""
    rows: dict[tuple[str, Mode, str], list[tuple[Chain, ChainValuation]]] = {}
    for chain, valuation in valued:
        rows.setdefault((chain.account, chain.mode, chain.settlement_currency), []).append((chain, valuation))
    summed = []
    for (account, mode, currency), members in sorted(rows.items()):
        whole = [(chain, v, v.unrealized_pnl) for chain, v in members if v.unrealized_pnl is not None]
        dollars = [v.unrealized_pnl_usd for _, v, _ in whole if v.unrealized_pnl_usd is not None]
        unrealized = sum((pnl for _, _, pnl in whole), ZERO)
        summed.append(
            PortfolioValuation(
                account=account,
                mode=mode,
                settlement_currency=currency,
                unrealized_pnl=unrealized,
                unrealized_pnl_usd=sum(dollars, ZERO) if len(dollars) == len(whole) else None,
                premium_captured_pct=percent(unrealized, abs(sum((chain.open_credit for chain, _, _ in whole), ZERO))),
                missing_marks=len(members) - len(whole),
                usd_missing=len(whole) - len(dollars),
                stale_marks=sum(bool(v.stale_marks) for _, v, _ in whole),
                wild_marks=sum(bool(v.wild_marks) for _, v, _ in whole),
            )
        )
    return summed


@exact
def sample_chain(held: Held, now: Micros) -> ValueSample | None:
    """A chain's value for its history; None where a mark is missing or flagged."""
    pnl = believed_pnl(held.chain, held.legs, held.marks, now)
    if pnl is None:
        return None
    value = held.valuation(now)
    indices = [leg.index_price for leg in value.legs]
    return ValueSample(
        time=now,
        net_pnl=held.chain.net_pnl,
        unrealized_pnl=pnl - held.chain.net_pnl,
        unrealized_pnl_usd=value.unrealized_pnl_usd,
        open_credit=held.chain.open_credit,
        index_price=indices[0] if indices else None,
        delta=value.greeks.delta if value.greeks else None,
    )


@exact
def sample_row(members: Iterable[Held], net_pnl: Decimal, now: Micros) -> ValueSample | None:
    """The value of a portfolio row's open chains for its history; None where a mark is wild."""
    valued = [(held.chain, held.valuation(now)) for held in members]
    if not valued:
        return ValueSample(time=now, net_pnl=net_pnl, unrealized_pnl=ZERO, unrealized_pnl_usd=ZERO, open_credit=ZERO)
    (row,) = value_portfolio(valued)
    if row.wild_marks:
        return None
    return ValueSample(
        time=now,
        net_pnl=net_pnl,
        unrealized_pnl=row.unrealized_pnl,
        unrealized_pnl_usd=row.unrealized_pnl_usd,
        open_credit=sum((chain.open_credit for chain, v in valued if v.unrealized_pnl is not None), ZERO),
        missing_marks=row.missing_marks,
        stale_marks=row.stale_marks,
        wild_marks=row.wild_marks,
    )
