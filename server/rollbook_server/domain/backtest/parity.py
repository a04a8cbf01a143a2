"""Parity: a chain of the ledger, and what the engine would have made of it under a spec; their difference in parts.

Four runs beside the chain's own, each with one thing more taken from the engine than the one before:

    price    the same fills at the same times, at the engine's prices; a settlement at its delivery price
    fee      ... and by its table of fees
    timing   ... at the opens of bars, where alone it trades; both legs of a roll by one order
    rule     its own chain: the first sale as before, everything after it by the rules of the spec

A part is what a run has less than the one before, so that the parts add up to the difference whatever they are. What is
put down to which depends on the order: it is always this one (decision 0024).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rollbook_server.domain.backtest.alongside import Alongside, demand_kind, in_usd
from rollbook_server.domain.backtest.followed import Followed, OwnFill, OwnTrade
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.outcomes import ParityFlag
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg, Trigger
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.chains import LineKind
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.instruments import ContractStyle

_NOISE = 1e-12
"""Of a sum of money: a hundred times what doubles may be off, a thousandth of what anybody looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityTrade:
    """A trade of one of the runs; of several fills the first one's time and the means. Money in the settlement
    currency, fee included in `cash`. Of a settlement the price is the payoff per coin, the index the delivery price.
    `trigger` is the rule that ended a leg of the engine's own chain."""

    kind: LineKind
    symbol: str
    time: Micros
    price: float
    fee: float
    index_price: float
    cash: float
    cash_usd: float
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class ParityParts:
    """What the chain has more than the engine's, by where it comes from."""

    difference: float
    price: float
    fee: float
    timing: float
    rule: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """One trade in the four runs: None in the first three where the chain has none, in `lab` where the engine's
    has none."""

    leg_number: int
    chain: ParityTrade | None
    repriced: ParityTrade | None
    moved: ParityTrade | None
    lab: ParityTrade | None
    parts: ParityParts
    parts_usd: ParityParts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainParity:
    """A chain beside the engine's. Parts are in the settlement currency, and in USD."""

    spec: BacktestSpec
    settlement_currency: str
    net_pnl: float
    net_pnl_usd: float
    lab: BacktestChain
    parts: ParityParts
    parts_usd: ParityParts
    rows: tuple[ParityRow, ...]
    lab_choice: str
    flags: tuple[ParityFlag, ...]


def parity(spec: BacktestSpec, data: MarketData, chain: Followed) -> ChainParity:
    """The parity of a chain with the engine under a resolved spec, whose period, quantity and number of chains do not
    count. Raises FailedPrecondition where it cannot be told."""
    demand_kind(spec, chain)
    engine = Alongside(replace(spec, quantity=chain.coins, max_open_chains=1), data, chain)
    repriced, moved = engine.repriced(), engine.moved()
    theirs = engine.own_chain()
    rows = []
    of_lab = [trade for leg in theirs.legs for trade in _trades_of(leg, chain.style)]
    for number, (own, priced, shifted, lab) in enumerate(
        itertools.zip_longest(chain.trades, repriced, moved, of_lab, fillvalue=None)
    ):
        cash, usd = _cash(chain.style, own, priced, shifted, lab)
        rows.append(
            ParityRow(
                leg_number=number // 2 + 1,
                chain=_trade(own, own.kind, own.fills) if own else None,
                repriced=_trade(own, own.kind, priced) if own and priced else None,
                moved=_trade(own, shifted[0], (shifted[1],)) if own and shifted else None,
                lab=lab,
                parts=_parts(cash),
                parts_usd=_parts(usd),
            )
        )
    return ChainParity(
        spec=engine.spec,
        settlement_currency=chain.settlement_currency,
        net_pnl=chain.net_pnl,
        net_pnl_usd=chain.net_pnl_usd,
        lab=theirs,
        parts=_sum([row.parts for row in rows]),
        parts_usd=_sum([row.parts_usd for row in rows]),
        rows=tuple(rows),
        lab_choice=engine.choice(),
        flags=engine.flags(theirs),
    )


def _cash(
    style: ContractStyle,
    own: OwnTrade | None,
    priced: Sequence[OwnFill] | None,
    shifted: tuple[LineKind, OwnFill] | None,
    lab: ParityTrade | None,
) -> tuple[list[float], list[float]]:
    """What one trade brought in the chain itself and in each of the four runs, in the settlement currency and in
    USD."""
    if own is None or priced is None or shifted is None:
        cash, usd = [0.0] * 4, [0.0] * 4
    else:
        at_own_fee = [new.cash + new.fee - old.fee for old, new in zip(own.fills, priced, strict=True)]
        cash = [
            math.fsum(fill.cash for fill in own.fills),
            math.fsum(at_own_fee),
            math.fsum(fill.cash for fill in priced),
            shifted[1].cash,
        ]
        usd = [
            math.fsum(fill.cash_usd for fill in own.fills),
            math.fsum(in_usd(style, value, fill.index_price) for value, fill in zip(at_own_fee, priced, strict=True)),
            math.fsum(fill.cash_usd for fill in priced),
            shifted[1].cash_usd,
        ]
    return [*cash, lab.cash if lab else 0.0], [*usd, lab.cash_usd if lab else 0.0]


def _parts(cash: Sequence[float]) -> ParityParts:
    parts = [_less(before, after) for before, after in itertools.pairwise(cash)]
    return ParityParts(math.fsum(parts), *parts)


def _less(before: float, after: float) -> float:
    """Their difference; none where it is only that of decimals and doubles."""
    return 0.0 if math.isclose(before, after, rel_tol=_NOISE) else before - after


def _sum(parts: Sequence[ParityParts]) -> ParityParts:
    return ParityParts(*(math.fsum(getattr(each, name) for each in parts) for name in ParityParts.__slots__))


def _trade(own: OwnTrade, kind: LineKind, fills: Sequence[OwnFill]) -> ParityTrade:
    """These fills of a trade as one."""
    coins = math.fsum(fill.coins for fill in fills)
    return ParityTrade(
        kind=kind,
        symbol=own.symbol,
        time=fills[0].time,
        price=math.fsum(fill.coins * fill.price for fill in fills) / coins,
        fee=math.fsum(fill.fee for fill in fills),
        index_price=math.fsum(fill.coins * fill.index_price for fill in fills) / coins,
        cash=math.fsum(fill.cash for fill in fills),
        cash_usd=math.fsum(fill.cash_usd for fill in fills),
    )


def _trades_of(leg: BacktestLeg, style: ContractStyle) -> Iterator[ParityTrade]:
    """The engine's sale of a leg, and what ended it."""
    assert leg.close_time is not None
    settled = leg.trigger == Trigger.EXPIRY
    for kind, time, sign, price, fee, index in (
        (LineKind.OPENING, leg.open_time, 1.0, leg.open_price, leg.open_fee, leg.open_index_price),
        (
            LineKind.SETTLEMENT if settled else LineKind.CLOSING,
            leg.close_time,
            -1.0,
            leg.close_price,
            leg.close_fee,
            leg.close_index_price,
        ),
    ):
        cash = sign * leg.quantity * price - fee
        yield ParityTrade(
            kind=kind,
            symbol=leg.symbol,
            time=time,
            price=price,
            fee=fee,
            index_price=index,
            cash=cash,
            cash_usd=in_usd(style, cash, index),
            trigger="" if kind is LineKind.OPENING else leg.trigger,
        )
