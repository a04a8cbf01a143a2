"""What a run brings forth: decisions, chains with their legs, the account at each bar. Columns, and facts of one chain.

Times are microseconds since 1970 in UTC. Prices are per coin in the settlement currency, indexes in USD.
"""

import enum
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.outcomes import StepOutcome as StepOutcome  # what `Steps.outcome` is a code of
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.clock import Micros


class Trigger(enum.StrEnum):
    """Which rule closed a leg; the order is that of priority."""

    EXPIRY = "expiry"
    STOP = "stop"
    DEFEND = "defend"
    TAKE_PROFIT = "take_profit"
    MIN_DTE = "min_dte"
    DATA_END = "data_end"


@dataclass(frozen=True, slots=True)
class Steps:
    """Decisions in order (n,)."""

    time: Ints
    index_price: Floats
    candidates: NDArray[np.int32]
    best_score: Floats
    """NaN without a candidate."""
    best_expiry: Ints
    """0 without a candidate."""
    best_strike: Floats
    outcome: NDArray[np.int8]
    """Place in StepOutcome."""
    chain_number: NDArray[np.int32]
    """0 where none was opened."""


@dataclass(frozen=True, slots=True)
class Equity:
    """The account at the close of each bar (n,). HODL: the same capital left alone, coins for calls, else
    cash."""

    time: Ints
    """Of the bar's close."""
    index_price: Floats
    equity_coin: Floats
    equity_usd: Floats
    hodl_coin: Floats
    hodl_usd: Floats
    open_chains: NDArray[np.int32]
    collateral: Floats
    """In use, in the settlement currency."""
    delta: Floats
    """Sum of absolute delta times coins of what is open; of a wheel with coins, the coins less that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestLeg:
    """One leg, sold to open. `close_time` is None while it is open."""

    leg_number: int
    symbol: str
    quantity: float
    open_time: Micros
    open_price: float
    open_fee: float
    open_index_price: float
    open_delta: float
    open_volatility: float | None = None
    close_time: Micros | None = None
    close_price: float = 0.0
    """Bought back at this; for a settlement the payoff per coin."""
    close_fee: float = 0.0
    close_index_price: float = 0.0
    """For a settlement the delivery price."""
    trigger: str = ""
    delivery_is_proxy: bool = False
    without_offer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestChain:
    """One chain. Money in the settlement currency unless said."""

    number: int
    open_time: Micros
    close_time: Micros | None = None
    close_reason: CloseReason | None = None
    legs: tuple[BacktestLeg, ...] = ()
    num_rolls: int = 0
    gross_pnl: float = 0.0
    fees: float = 0.0
    net_pnl: float = 0.0
    net_pnl_usd: float = 0.0
    premium: float = 0.0
    collateral_days: float = 0.0
    open_at_end: bool = False
    cycle_number: int = 0
    """Of a wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestCycle:
    """One turn of a wheel. Money in USD, prices per coin; what has not happened is None."""

    number: int
    start_time: Micros
    """The first put is sold."""
    end_time: Micros | None = None
    """A call in the money sells the coins."""
    first_chain: int
    last_chain: int
    """Chains are numbered one after the other."""
    quantity: float
    """Coins."""
    put_premium: float = 0.0
    put_costs: float = 0.0
    """Buy-backs and all fees."""
    call_premium: float = 0.0
    call_costs: float = 0.0
    put_strike: float | None = None
    """Of the put in the money."""
    put_delivery_price: float | None = None
    purchase_time: Micros | None = None
    purchase_price: float | None = None
    effective_cost: float | None = None
    """put_strike - (put_premium - put_costs) / quantity + purchase_price - put_delivery_price."""
    call_strike: float | None = None
    """Of the call in the money."""
    sale_price: float | None = None
    """Its delivery price."""
    net_pnl: float = 0.0
    """Of a cycle that goes on: its coins at the index, its open option at the ask."""
    open_at_end: bool = False

    @property
    def chains(self) -> int:
        """How many chains it has."""
        return self.last_chain - self.first_chain + 1


@dataclass(frozen=True, slots=True)
class Rows:
    """What one part of a run brings forth. Chains and cycles are those that ended in it, or are open at the end of the
    data."""

    steps: Steps
    equity: Equity
    chains: tuple[BacktestChain, ...] = field(default_factory=tuple)
    cycles: tuple[BacktestCycle, ...] = field(default_factory=tuple)
