"""Totals per (account, mode, settlement currency): kept as a projection, one chain's share added and taken off.

Sums are never divided one by one: percentages divide the sums. Coins of different kinds are never added, and a
chain whose USD figure is not known is counted, not guessed.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal

from rollbook_server.domain.chains import CashLine, Chain, ChainState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import HUNDRED, ZERO, exact, percent, quotient
from rollbook_server.domain.executions import Mode, Side
from rollbook_server.domain.instruments import ContractStyle, OptionType


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over chains that can be added and subtracted. Money in the settlement currency unless it ends in _usd."""

    open_chains: int = 0
    flat_chains: int = 0
    pending_chains: int = 0
    closed_chains: int = 0
    winning_chains: int = 0
    losing_chains: int = 0
    winning_chains_usd: int = 0
    rolls: int = 0
    usd_missing: int = 0
    closed_usd_missing: int = 0
    fees_incomplete: int = 0
    fees_estimated: int = 0
    collateral_missing: int = 0
    collateral_insufficient: int = 0
    collateral_days_missing: int = 0
    net_cash: Decimal = ZERO
    gross_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    net_pnl: Decimal = ZERO
    open_credit: Decimal = ZERO
    collateral: Decimal = ZERO
    closed_gross_pnl: Decimal = ZERO
    closed_net_pnl: Decimal = ZERO
    closed_leg_one_premium: Decimal = ZERO
    closed_total_premium: Decimal = ZERO
    closed_collateral_days: Decimal = ZERO
    closed_days_at_risk: Decimal = ZERO
    closed_net_pnl_on_collateral: Decimal = ZERO
    """closed_net_pnl of the chains that are in closed_collateral_days."""
    net_pnl_usd: Decimal = ZERO
    closed_net_pnl_usd: Decimal = ZERO

    @exact
    def plus(self, other: "Totals") -> "Totals":
        """The sums with another's added."""
        return Totals(*map(operator.add, _sums(self), _sums(other)))

    @exact
    def minus(self, other: "Totals") -> "Totals":
        """The sums with another's taken off."""
        return Totals(*map(operator.sub, _sums(self), _sums(other)))

    @property
    def realized_pnl_pct(self) -> Decimal | None:
        """Closed chains: net PnL over leg-one premiums."""
        return percent(self.closed_net_pnl, self.closed_leg_one_premium)

    @property
    def premium_kept_pct(self) -> Decimal | None:
        """Closed chains: gross PnL over all premiums."""
        return percent(self.closed_gross_pnl, self.closed_total_premium)

    @property
    @exact
    def return_on_collateral_annualised_pct(self) -> Decimal | None:
        """Closed chains: 365 * net PnL over collateral-days, simple; None under one day at risk in all."""
        if self.closed_days_at_risk < 1 or not self.closed_collateral_days:
            return None
        return quotient(HUNDRED * 365 * self.closed_net_pnl_on_collateral, self.closed_collateral_days, 12)


_sums = operator.attrgetter(*(field.name for field in fields(Totals)))
"""All the sums, in their order."""

NOTHING = Totals()

Row = tuple[str, Mode, str]
"""What totals are kept per: (account, mode, settlement currency)."""


def row_of(chain: Chain) -> Row:
    """The totals that a chain belongs to."""
    return chain.account, chain.mode, chain.settlement_currency


def share(chain: Chain) -> Totals:
    """What one chain adds to its totals. A chain that never filled counts only while it is pending."""
    if not chain.filled:
        return Totals(pending_chains=1) if chain.state is ChainState.PENDING else NOTHING
    closed = chain.state is ChainState.CLOSED
    usd = chain.net_pnl_usd
    days = chain.collateral_days if closed else None
    insufficient = any(
        leg.side is Side.SELL
        and leg.instrument.style is ContractStyle.INVERSE
        and leg.instrument.option_type is OptionType.PUT
        for leg in chain.open_legs
    )
    return Totals(
        open_chains=int(chain.state is ChainState.OPEN),
        flat_chains=int(chain.state is ChainState.FLAT),
        closed_chains=int(closed),
        winning_chains=int(closed and chain.net_pnl > 0),
        losing_chains=int(closed and chain.net_pnl < 0),
        winning_chains_usd=int(closed and usd is not None and usd > 0),
        rolls=chain.num_rolls,
        usd_missing=int(usd is None),
        closed_usd_missing=int(closed and usd is None),
        fees_incomplete=int(not chain.fees_complete),
        fees_estimated=int(chain.fees_estimated),
        collateral_missing=int(chain.collateral is None),
        collateral_insufficient=int(insufficient),
        collateral_days_missing=int(closed and days is None),
        net_cash=chain.net_cash,
        gross_pnl=chain.gross_pnl,
        fees=chain.fees,
        net_pnl=chain.net_pnl,
        open_credit=chain.open_credit,
        collateral=chain.collateral or ZERO,
        closed_gross_pnl=chain.gross_pnl if closed else ZERO,
        closed_net_pnl=chain.net_pnl if closed else ZERO,
        closed_leg_one_premium=chain.leg_one_premium if closed else ZERO,
        closed_total_premium=chain.total_premium if closed else ZERO,
        closed_collateral_days=days if days is not None else ZERO,
        closed_days_at_risk=(chain.days_at_risk or ZERO) if days is not None else ZERO,
        closed_net_pnl_on_collateral=chain.net_pnl if days is not None else ZERO,
        net_pnl_usd=usd if usd is not None else ZERO,
        closed_net_pnl_usd=usd if closed and usd is not None else ZERO,
    )


@dataclass(frozen=True, slots=True)
class Realized:
    """What was realized in a period; `pnl_usd` is None if a line has no index."""

    pnl: Decimal
    pnl_usd: Decimal | None


@exact
def realized_in(lines: Iterable[CashLine], since: Micros, before: Micros | None) -> Realized:
    """Sum of the realization events (reductions, settlements, fees) with since <= time < before.

    Another figure than "PnL of the chains closed in the period".
    """
    pnl = pnl_usd = ZERO
    known = True
    for line in lines:
        if line.time < since or (before is not None and line.time >= before):
            continue
        pnl += line.realized_pnl
        if line.realized_pnl_usd is not None:
            pnl_usd += line.realized_pnl_usd
        elif line.realized_pnl:
            known = False
    return Realized(pnl, pnl_usd if known else None)
