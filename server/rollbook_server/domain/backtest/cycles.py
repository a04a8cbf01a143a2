"""Cycles of a wheel: from cash over puts to coins, over calls to cash again; what each was worth, in USD.

PnL of a cycle = premiums - buy-backs and fees - payoffs + coins * (sale price - purchase price); every chain and every
coin belongs to a cycle, so cycles add up to what the account gained.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Ints
from rollbook_server.domain.backtest.rows import BacktestCycle
from rollbook_server.domain.clock import Micros

Lot = dict[str, Any]
"""A record of `world.LOT` by its names."""


class Turns:
    """The cycles that chains belong to: those that ended in a stretch, and the newest."""

    def __init__(self, lots: Iterable[Lot]) -> None:
        self._lots = [lot for lot in lots if lot["cycle"]]

    def place(self, chain: int, open_time: Micros) -> tuple[int, bool]:
        """The cycle of a chain, 0 of a strategy that has none; and whether it sold calls, which a wheel's does that
        began with coins at hand."""
        for lot in self._lots:
            if lot["first_chain"] <= chain <= lot["last_chain"]:
                return lot["cycle"], 0 < lot["purchase_time"] <= open_time
        return 0, False


def ended_cycle(lot: Lot, quantity: float) -> BacktestCycle:
    """A cycle that is over."""
    return _cycle(lot, quantity, value=quantity * lot["sale_price"], end_time=lot["end_time"])


def open_cycle(
    lot: Lot, quantity: float, leg: Lot | None, mark: float, index: float, data_ended: bool
) -> BacktestCycle:
    """A cycle that goes on, as if its coins were sold at `index` and its open leg (None: there is none) bought at
    `mark`, without a fee."""
    seen = dict(lot)
    value = lot["coins"] * index
    if leg is not None:
        kind = "call" if lot["coins"] else "put"
        seen[f"{kind}_premium"] += quantity * leg["open_price"]
        seen[f"{kind}_costs"] += leg["open_fee"]
        value -= quantity * mark
    return _cycle(seen, quantity, value=value, end_time=None, open_at_end=data_ended)


def _cycle(
    lot: Lot, quantity: float, *, value: float, end_time: Micros | None, open_at_end: bool = False
) -> BacktestCycle:
    """`value` is what its coins brought or are worth, less what its open option costs."""
    bought = lot["purchase_time"] or None
    assigned = lot["put_strike"] > 0.0
    premiums = lot["put_premium"] + lot["call_premium"]
    costs = lot["put_costs"] + lot["call_costs"]
    paid = quantity * lot["purchase_price"] if bought else 0.0
    return BacktestCycle(
        number=lot["cycle"],
        start_time=lot["start_time"],
        end_time=end_time,
        first_chain=lot["first_chain"],
        last_chain=lot["last_chain"],
        quantity=quantity,
        put_premium=lot["put_premium"],
        put_costs=lot["put_costs"],
        call_premium=lot["call_premium"],
        call_costs=lot["call_costs"],
        put_strike=lot["put_strike"] if assigned else None,
        put_delivery_price=lot["put_delivery"] if assigned else None,
        purchase_time=bought,
        purchase_price=lot["purchase_price"] if bought else None,
        effective_cost=lot["effective_cost"] if bought else None,
        call_strike=lot["call_strike"] if end_time else None,
        sale_price=lot["sale_price"] if end_time else None,
        net_pnl=premiums - costs - lot["payoffs"] + value - paid,
        open_at_end=open_at_end,
    )


def sold_calls(cycles: Sequence[BacktestCycle], at: Ints) -> NDArray[np.bool_]:
    """Whether a wheel's decisions at these instants looked for calls: it had its coins (n,)."""
    calls = np.zeros(len(at), np.bool_)
    for each in cycles:
        if each.purchase_time is not None:
            calls |= (at >= each.purchase_time) & (at < (each.end_time or np.iinfo(np.int64).max))
    return calls
