"""What the kernel is given: the rules of a run as numbers, and its market as tables. Both never change within a run.

Of one shape and one type each, so that the kernel is compiled once and for all specs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Ints
from rollbook_server.domain.backtest.rows import Equity
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


Records = NDArray[Any]
"""An array of a structured type below."""
Record = Any
"""One of them: a view, through which it is changed."""


class Market(NamedTuple):
    """The market of a run. Structured arrays, as each array costs the kernel a count of its references at each call."""

    interval: int
    """Of a bar."""
    first_day: int
    bars: Records
    """BAR, in order of time."""
    days: Records
    """DAY_OF_EXPIRY, from `first_day` on."""
    decision_times: Ints
    snapshots: Records
    """SNAPSHOT, and one more whose first row is the number of rows."""
    rows: Records
    """ROW."""
    contracts: Records
    """CONTRACT."""


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


BAR = np.dtype(
    [
        ("time", "i8"),
        ("open", "f8"),
        ("close", "f8"),
        ("last_close", "f8"),
        ("level_at_open", "f8"),
        ("level_at_close", "f8"),
        ("snapshot_at_open", "i8"),
        ("snapshot_at_close", "i8"),
        ("decidable", "i8"),
    ]
)
"""A bar, and what is known when it begins and when it ends. `last_close` is the newest one known when it begins. Levels
are volatilities at the money, multiplier included. Snapshots are fresh ones, or NOTHING. `decidable` says whether
all that a decision needs is known when it begins. NaN is not known."""

DAY_OF_EXPIRY = np.dtype([("listed_days", "i8"), ("delivery_price", "f8")])
"""The expiry of a day: how many days before it is listed, and its delivery price (NaN if not known)."""

SNAPSHOT = np.dtype([("time", "i8"), ("first", "i8")])
"""Its rows begin at `first` and end where the next one's begin."""

ROW = np.dtype(
    [
        ("contract", "i8"),
        ("bid", "f8"),
        ("ask", "f8"),
        ("mark", "f8"),
        ("forward", "f8"),
        ("volatility", "f8"),
    ]
)
"""A recorded quote, as in `market.OptionChains`; ascending by contract within a snapshot."""

CONTRACT = np.dtype([("expiry", "i8"), ("strike", "f8"), ("is_call", "i8")])

FEE = np.dtype(
    [
        ("effective", "i8"),
        ("taker", "f8"),
        ("premium_cap", "f8"),
        ("delivery", "f8"),
        ("payoff_cap", "f8"),
    ]
)
"""Rates of the venue from an instant on; those of the first row from the beginning. `taker` is of the coin (inverse) or
of the index (linear)."""

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
        ("collateral", "f8"),
        ("close_time", "i8"),
        ("close_price", "f8"),
        ("close_fee", "f8"),
        ("close_index", "f8"),
        ("trigger", "i8"),
        ("without_offer", "i8"),
        ("ends_chain", "i8"),
    ]
)
"""A leg; the close is 0 while it is open. `collateral` is that of all its coins at its open."""

LOT = np.dtype(
    [
        ("cycle", "i8"),
        ("start_time", "i8"),
        ("end_time", "i8"),
        ("first_chain", "i8"),
        ("last_chain", "i8"),
        ("awaited", "i8"),
        ("coins", "f8"),
        ("put_premium", "f8"),
        ("put_costs", "f8"),
        ("call_premium", "f8"),
        ("call_costs", "f8"),
        ("payoffs", "f8"),
        ("put_strike", "f8"),
        ("put_delivery", "f8"),
        ("purchase_time", "i8"),
        ("purchase_price", "f8"),
        ("effective_cost", "f8"),
        ("call_strike", "f8"),
        ("sale_price", "f8"),
    ]
)
"""The coins of a wheel's slot, and the cycle that they turn in: the slot's newest. What has not happened yet is 0.
`coins` are held, `awaited` says that they are bought at the next open. Premiums are of legs that have ended, costs what
buying them back and all fees took; payoffs are of puts and calls at their expiry."""

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

POINT = tuple(Equity.__slots__)
"""What is known of the account at a bar, in the order of the kernel's columns."""
