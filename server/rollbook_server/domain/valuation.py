"""What chains are worth at the newest marks. Observations: never a part of a chain's own figures.

unrealized_pnl = open credit - mark * quantity (opposite for long legs), without fees.
unrealized_pnl_usd = entry at the index of each fill - mark * quantity * today's index: the venue's own
`floating_profit_loss_usd`, so it is neither the coin figure times an index nor derived from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from rollbook_server.domain.chains import Chain
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ONE, ZERO, exact, percent
from rollbook_server.domain.executions import Mark, Mode, Side
from rollbook_server.domain.fold import usd_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class LegValuation:
    """What one open leg is worth."""

    leg_number: int
    symbol: str
    mark_price: Decimal
    mark_time: Micros
    unrealized_pnl: Decimal
    unrealized_pnl_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainValuation:
    """What a chain is worth; `unrealized_pnl` is None while an open leg has no mark."""

    account: str
    position_id: str
    mark_time: Micros | None
    unrealized_pnl: Decimal | None
    unrealized_pnl_usd: Decimal | None
    premium_captured_pct: Decimal | None
    chain_pnl_pct: Decimal | None
    missing_marks: int
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


@exact
def value_chain(chain: Chain, marks: Mapping[str, Mark]) -> ChainValuation | None:
    """The value of what a chain holds, by symbol's newest mark; None if it holds nothing."""
    held = chain.open_legs
    if not held:
        return None
    legs: list[LegValuation] = []
    for leg in held:
        mark = marks.get(leg.instrument.symbol)
        if mark is None:
            continue
        direction = ONE if leg.side is Side.SELL else -ONE
        worth = mark.mark_price * leg.open_quantity * leg.instrument.multiplier
        index = usd_factor(chain.settlement_currency, chain.underlying, mark.index_price)
        usd = None
        if leg.open_credit_usd is not None and (index is not None or not worth):
            usd = leg.open_credit_usd - direction * worth * (index or ZERO)
        legs.append(
            LegValuation(
                leg_number=leg.leg_number,
                symbol=leg.instrument.symbol,
                mark_price=mark.mark_price,
                mark_time=mark.mark_time,
                unrealized_pnl=leg.open_credit - direction * worth,
                unrealized_pnl_usd=usd,
            )
        )
    missing = len(held) - len(legs)
    unrealized = usd_total = None
    if not missing:
        unrealized = sum((leg.unrealized_pnl for leg in legs), ZERO)
        dollars = [leg.unrealized_pnl_usd for leg in legs if leg.unrealized_pnl_usd is not None]
        usd_total = sum(dollars, ZERO) if len(dollars) == len(legs) else None
    return ChainValuation(
        account=chain.account,
        position_id=chain.position_id,
        mark_time=min((leg.mark_time for leg in legs), default=None),
        unrealized_pnl=unrealized,
        unrealized_pnl_usd=usd_total,
        premium_captured_pct=None if unrealized is None else percent(unrealized, abs(chain.open_credit)),
        chain_pnl_pct=None if unrealized is None else percent(chain.net_pnl + unrealized, chain.leg_one_premium),
        missing_marks=missing,
        legs=tuple(legs),
    )


@exact
def value_portfolio(valued: Iterable[tuple[Chain, ChainValuation]]) -> list[PortfolioValuation]:
    """The sums of chains' values per (account, mode, currency); what is left out is counted."""
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
            )
        )
    return summed
