"""What the kernel is given: the rules of a run as numbers, and its market as columns. Both never change within a run.

Of one shape and one type each, so that the kernel is compiled once and for all specs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.clock import DAY, SECOND, Micros

YEAR: Micros = 365 * DAY
SHORT_DATED: Micros = 5 * DAY
"""Below it the wider half spread counts (lab rules 5)."""
SNAPSHOT_AGE: Micros = 30 * 60 * SECOND
"""Up to which a snapshot may be used (lab rules 1)."""

NEVER = float("inf")
"""A threshold that nothing reaches: the rule is off."""
NOTHING = -1
"""No snapshot, no contract, no order."""


class Rules(NamedTuple):
    """The spec as numbers. Lives (times to expiry) are microseconds, money is in the settlement currency."""

    coin: int
    is_call: bool
    inverse: bool
    recorded: bool
    at_mid: bool
    ticks: bool
    min_life: int
    max_life: int
    min_delta: float
    target_delta: float
    max_delta: float
    nearest_delta: bool
    min_score: float
    rolls: bool
    """Whether any rule ends a leg before its expiry."""
    take_profit: float
    defend: float
    stop: float
    least_life: int
    """Below it a leg is rolled; 0 is off."""
    max_rolls: int
    max_debit: float
    slope: float
    curvature: float
    basis: float
    half_spread: float
    """Volatility points."""
    short_half_spread: float
    penalised: bool
    """Whether a leg that nobody offers is bought at the mark plus the penalty."""
    penalty: float
    quantity: float
    capital_coins: float
    capital_usd: float


class Fees(NamedTuple):
    """Rates of the venue, one row from each instant on (n,); the first row holds from the beginning."""

    effective: Ints
    taker: Floats
    """Of the coin (inverse) or of the index (linear)."""
    premium_cap: Floats
    delivery: Floats
    payoff_cap: Floats


class Market(NamedTuple):
    """Columns by bar (n,), by day, by decision, and recorded quotes as in `market.OptionChains`."""

    interval: int
    time: Ints
    open: Floats
    close: Floats
    last_close: Floats
    """The newest close that is known when the bar begins; NaN if there is none."""
    level_at_open: Floats
    """Volatility at the money, multiplier included, as known when the bar begins; NaN if none is."""
    level_at_close: Floats
    snapshot_at_open: Ints
    """The fresh snapshot as known when the bar begins; NOTHING if there is none."""
    snapshot_at_close: Ints
    decidable: NDArray[np.bool_]
    """Whether what a decision needs is known when the bar begins."""
    first_day: int
    listed_days: Ints
    """Of the expiry on each day from `first_day` on."""
    delivery: Floats
    """Delivery price of each day from `first_day` on; NaN where it is not known."""
    decision_time: Ints
    snapshot_time: Ints
    first: Ints
    contract: Ints
    bid: Floats
    ask: Floats
    mark: Floats
    forward: Floats
    volatility: Floats
    expiry: Ints
    strike: Floats
    of_type: NDArray[np.bool_]
    """Whether a contract is of the strategy's type."""


class Moment(NamedTuple):
    """What is known at an instant."""

    time: int
    spot: float
    level: float
    snapshot: int


class Quote(NamedTuple):
    """Prices per coin in the settlement currency; NaN is missing. Delta is signed, volatility a fraction."""

    bid: float
    ask: float
    mark: float
    delta: float
    volatility: float


Records = NDArray[Any]
"""An array of a structured type below."""
Record = Any
"""One of them: a view, through which it is changed."""

HEAD = np.dtype(
    [
        ("bars_done", "i8"),
        ("bars_total", "i8"),
        ("decisions_done", "i8"),
        ("simulated_time", "i8"),
        ("chains_begun", "i8"),
        ("balance", "f8"),
    ]
)
"""Where a run stands. `balance` is all that was received less all that was paid, in the settlement currency."""

SLOT = np.dtype(
    [
        ("chain", "i8"),
        ("rolls", "i8"),
        ("order", "i8"),
        ("target_expiry", "i8"),
        ("target_strike", "f8"),
        ("target_contract", "i8"),
        ("mark", "f8"),
        ("delta", "f8"),
    ]
)
"""A place for a chain; `chain` 0 is free. `order` is the trigger of the order that waits for the next bar, and the
target the contract it rolls into (expiry 0: it closes). `mark` and `delta` are of the newest quote."""

LEG = np.dtype(
    [
        ("chain", "i8"),
        ("number", "i8"),
        ("contract", "i8"),
        ("expiry", "i8"),
        ("strike", "f8"),
        ("open_time", "i8"),
        ("open_price", "f8"),
        ("open_fee", "f8"),
        ("open_index", "f8"),
        ("open_delta", "f8"),
        ("open_volatility", "f8"),
        ("close_time", "i8"),
        ("close_price", "f8"),
        ("close_fee", "f8"),
        ("close_index", "f8"),
        ("trigger", "i8"),
        ("without_offer", "i8"),
        ("ends_chain", "i8"),
    ]
)
"""A leg; the close is 0 while it is open."""

STEP = np.dtype(
    [
        ("time", "i8"),
        ("index_price", "f8"),
        ("candidates", "i8"),
        ("best_score", "f8"),
        ("best_expiry", "i8"),
        ("best_strike", "f8"),
        ("outcome", "i8"),
        ("chain_number", "i8"),
    ]
)

POINT = np.dtype(
    [
        ("time", "i8"),
        ("index_price", "f8"),
        ("equity_coin", "f8"),
        ("equity_usd", "f8"),
        ("hodl_coin", "f8"),
        ("hodl_usd", "f8"),
        ("open_chains", "i8"),
        ("collateral", "f8"),
        ("delta", "f8"),
    ]
)
