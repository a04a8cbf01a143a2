"""The shapes of the dicts that `rollbook.payloads` makes: the old tracker's keys first, in their order, then ours."""

from __future__ import annotations

from typing import TypedDict


class LegPayload(TypedDict):
    """One leg, exact. Prices are per unit in the contract's quote unit."""

    leg_number: int
    symbol: str
    option_type: str | None
    side: str | None
    state: str
    strike: str | None
    expiry: str | None
    open_quantity: str | None
    opened_quantity: str | None
    entry_price: str | None
    exit_price: str | None
    delivery_price: str | None
    mark_price: str | None
    unrealized_pnl_native: str | None
    unrealized_pnl_usd: str | None
    net_pnl: str | None


class OpenPosition(TypedDict):
    """A chain that is OPEN or FLAT, shown by one contract.

    That is its newest open leg, a short one before a long one, as the old tracker showed the last. `quantity`,
    `entry_price`, `entry_time`, `expiry` and `dte` are that leg's; `legs` has all open ones. A FLAT chain (half of a
    roll is done) shows the contract that it held last, with quantity 0.
    """

    position_id: str
    underlying: str
    symbol: str | None
    option_type: str | None
    strategy_type: str
    side: str | None
    quantity: float | None
    entry_price: float | None
    mark_price: float | None
    unrealized_pnl: float | None
    unrealized_pnl_pct: float | None
    entry_time: str | None
    expiry: str | None
    dte: float | None
    """Days to expiry with their fraction; 0 once it has come."""
    num_rolls: int
    mode: str
    exit_style: str | None
    account: str
    state: str
    flat_reason: str | None
    strategy_name: str | None
    open_time: str | None
    settlement_currency: str
    open_credit: str | None
    unrealized_pnl_native: str | None
    unrealized_pnl_usd: str | None
    gross_pnl: str | None
    fees: str | None
    fees_complete: bool
    fees_estimated: bool
    net_pnl: str | None
    net_pnl_usd: str | None
    usd_missing: bool
    missing_marks: int
    mark_time: str | None
    """The oldest mark that entered."""
    collateral: str | None
    collateral_insufficient: bool
    legs: list[LegPayload]


class OpenByCurrency(TypedDict):
    """Open positions of one settlement currency, exact; those without a mark are left out."""

    settlement_currency: str
    positions_count: int
    unrealized_pnl_native: str
    unrealized_pnl_pct: str | None


class OpenTotals(TypedDict):
    """Sums over open positions of one mode."""

    positions_count: int
    unrealized_pnl: float | None
    unrealized_pnl_pct: float | None
    unrealized_pnl_pct_basis: str | None
    missing_marks: int
    """Positions without a mark: left out of every sum."""
    usd_missing: int
    """Positions with marks that are left out of the USD sum."""
    by_currency: list[OpenByCurrency]


class OpenPayload(TypedDict):
    """Open positions of both modes, and their totals apart."""

    positions: list[OpenPosition]
    totals: OpenTotals
    totals_dry_run: OpenTotals


class ClosedChain(TypedDict):
    """A chain that is over; `symbol` is its newest leg's contract, a short one before a long one."""

    position_id: str
    underlying: str
    symbol: str | None
    option_type: str | None
    strategy_type: str
    open_time: str | None
    close_time: str | None
    holding_days: float | None
    num_legs: int
    num_rolls: int
    realized_pnl: float | None
    realized_pnl_pct: float | None
    max_drawdown_pct: float | None
    """Over the largest collateral and the peak; null without valuations, and where no collateral is known."""
    mode: str
    exit_style: str | None
    note: str
    """How it ended, and what its figures leave out, in words."""
    account: str
    close_reason: str
    side: str | None
    expiry: str | None
    strategy_name: str | None
    settlement_currency: str
    gross_pnl: str | None
    fees: str | None
    fees_complete: bool
    fees_estimated: bool
    net_pnl: str | None
    net_pnl_usd: str | None
    usd_missing: bool
    premium_kept_pct: str | None
    return_on_collateral_pct: str | None
    legs: list[LegPayload]


class ClosedByCurrency(TypedDict):
    """Closed chains of one settlement currency, exact."""

    settlement_currency: str
    chains_count: int
    net_pnl: str
    realized_pnl_pct: str | None


class ClosedTotals(TypedDict):
    """Sums over closed chains of one mode."""

    chains_count: int
    realized_pnl: float | None
    realized_pnl_pct: float | None
    realized_pnl_pct_basis: str | None
    usd_missing: int
    """Chains that are left out of the USD sum."""
    by_currency: list[ClosedByCurrency]


class ClosedPayload(TypedDict):
    """Closed chains of both modes, and their totals apart."""

    chains: list[ClosedChain]
    totals: ClosedTotals
    totals_dry_run: ClosedTotals
