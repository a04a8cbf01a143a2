"""Values at marks and totals over chains. Names are those of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.support.model.chain import Chain
from tests.support.model.numbers import ZERO, percent, total, total_if_known


@dataclass
class LegValuation:
    """What an open leg is worth."""

    leg_number: int
    symbol: str
    mark_price: Fraction
    mark_time: datetime
    unrealized_pnl: Fraction
    unrealized_pnl_usd: Fraction | None


@dataclass
class Valuation:
    """What a chain is worth at the newest marks; what the API calls ChainValuation."""

    mark_time: datetime | None
    unrealized_pnl: Fraction | None
    unrealized_pnl_usd: Fraction | None
    premium_captured_pct: Fraction | None
    chain_pnl_pct: Fraction | None
    missing_marks: int
    legs: list[LegValuation]


UNDECIDED = Fraction(-(10**30))
"""Stands for a figure that the definitions do not settle; whatever the server says is right."""


@dataclass
class Row:
    """Totals of one account, mode and currency; what the API calls PortfolioRow."""

    account: str
    mode: str
    settlement_currency: str
    open_chains: int
    flat_chains: int
    pending_chains: int
    closed_chains: int
    winning_chains: int
    losing_chains: int
    winning_chains_usd: int
    rolls: int
    net_cash: Fraction
    gross_pnl: Fraction
    fees: Fraction
    net_pnl: Fraction
    closed_net_pnl: Fraction
    open_credit: Fraction
    collateral: Fraction
    net_pnl_usd: Fraction | None
    closed_net_pnl_usd: Fraction | None
    usd_missing: int
    closed_usd_missing: int
    fees_incomplete: int
    fees_estimated: int
    collateral_missing: int
    collateral_insufficient: int
    realized_pnl_pct: Fraction | None
    premium_kept_pct: Fraction | None
    return_on_collateral_annualised_pct: Fraction | None
    period_realized_pnl: Fraction | None
    period_realized_pnl_usd: Fraction | None

    @property
    def empty(self) -> bool:
        """Whether none of its chains is in any count: all of them were cancelled before they filled."""
        return self.open_chains + self.flat_chains + self.pending_chains + self.closed_chains == 0


def row(chains: Sequence[Chain], period: tuple[datetime, datetime] | None) -> Row:
    """Totals over chains of one account, mode and currency. Statistics count chains that had a fill."""
    closed = [chain for chain in chains if chain.filled_and_closed]
    lines = [] if period is None else [li for c in chains for li in c.lines if period[0] <= li.time < period[1]]
    usd = [chain.net_pnl_usd for chain in closed]
    return Row(
        account=chains[0].account,
        mode=chains[0].mode,
        settlement_currency=chains[0].settlement_currency,
        open_chains=sum(chain.state == "OPEN" for chain in chains),
        flat_chains=sum(chain.state == "FLAT" for chain in chains),
        pending_chains=sum(chain.state == "PENDING" for chain in chains),
        closed_chains=len(closed),
        winning_chains=sum(chain.net_pnl > 0 for chain in closed),
        losing_chains=sum(chain.net_pnl < 0 for chain in closed),
        winning_chains_usd=sum(pnl is not None and pnl > 0 for pnl in usd),
        rolls=sum(chain.num_rolls for chain in chains),
        net_cash=total(chain.net_cash for chain in chains),
        gross_pnl=total(chain.gross_pnl for chain in chains),
        fees=total(chain.fees for chain in chains),
        net_pnl=total(chain.net_pnl for chain in chains),
        closed_net_pnl=total(chain.net_pnl for chain in closed),
        open_credit=total(chain.open_credit for chain in chains),
        collateral=total(chain.collateral or ZERO for chain in chains),
        net_pnl_usd=total_if_known(chain.net_pnl_usd for chain in chains),
        closed_net_pnl_usd=total_if_known(usd),
        usd_missing=sum(chain.net_pnl_usd is None for chain in chains),
        closed_usd_missing=sum(pnl is None for pnl in usd),
        fees_incomplete=sum(not chain.fees_complete for chain in chains),
        fees_estimated=sum(chain.fees_estimated for chain in chains),
        collateral_missing=sum(chain.collateral is None for chain in chains),
        collateral_insufficient=sum(chain.unbounded_now for chain in chains),
        realized_pnl_pct=percent(total(c.net_pnl for c in closed), total(c.leg_one_premium for c in closed)),
        premium_kept_pct=percent(total(c.gross_pnl for c in closed), total(c.total_premium for c in closed)),
        return_on_collateral_annualised_pct=_annualised(closed),
        period_realized_pnl=None if period is None else total(line.realized_pnl for line in lines),
        period_realized_pnl_usd=None if period is None else total_if_known(line.realized_pnl_usd for line in lines),
    )


def _annualised(closed: Sequence[Chain]) -> Fraction | None:
    """A year's simple return on the collateral of closed chains, where each is known and lasted a day."""
    days = total_if_known(chain.collateral_days for chain in closed)
    if not closed:
        return None
    if days is None or any(chain.days_bound < 1 for chain in closed):
        return UNDECIDED
    return percent(365 * total(chain.net_pnl for chain in closed), days)


@dataclass
class RowValuation:
    """What the open chains of a row are worth; what the API calls PortfolioValuation."""

    account: str
    mode: str
    settlement_currency: str
    unrealized_pnl: Fraction
    unrealized_pnl_usd: Fraction | None
    premium_captured_pct: Fraction | None
    missing_marks: int
    usd_missing: int


def row_valuation(chains: Sequence[tuple[Chain, Valuation]]) -> RowValuation:
    """The value of open chains of one account, mode and currency: of those that have all their marks."""
    valued = [(chain, worth, worth.unrealized_pnl) for chain, worth in chains if worth.unrealized_pnl is not None]
    pnl = total(unrealized for _, _, unrealized in valued)
    usd = [worth.unrealized_pnl_usd for _, worth, _ in valued]
    first = chains[0][0]
    return RowValuation(
        account=first.account,
        mode=first.mode,
        settlement_currency=first.settlement_currency,
        unrealized_pnl=pnl,
        unrealized_pnl_usd=total_if_known(usd),
        premium_captured_pct=percent(pnl, abs(total(chain.open_credit for chain, _, _ in valued))),
        missing_marks=len(chains) - len(valued),
        usd_missing=sum(value is None for value in usd),
    )
