"""Drawdown of a chain: how far its PnL was seen below its peak. An observation, from executions and believed marks.

P = net_pnl + unrealized_pnl, from 0 on. In money: the largest peak - P; in percent: the largest share of that in
(largest collateral so far + peak).
"""

from dataclasses import dataclass
from decimal import Decimal

from rollbook_server.domain.decimals import HUNDRED, ZERO, exact, quotient


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """What has been seen of a chain. `max_drawdown_pct` is None while no collateral is known."""

    peak_pnl: Decimal = ZERO
    max_drawdown: Decimal = ZERO
    max_drawdown_pct: Decimal | None = None
    largest_collateral: Decimal = ZERO


@exact
def observe(seen: Drawdown, pnl: Decimal | None, collateral: Decimal | None) -> Drawdown:
    """What has been seen after another look; `pnl` is None where no believed mark tells it."""
    largest = max(seen.largest_collateral, collateral or ZERO)
    if pnl is None:
        return Drawdown(
            peak_pnl=seen.peak_pnl,
            max_drawdown=seen.max_drawdown,
            max_drawdown_pct=seen.max_drawdown_pct,
            largest_collateral=largest,
        )
    peak = max(seen.peak_pnl, pnl)
    below = peak - pnl
    share = seen.max_drawdown_pct
    if largest:
        now = quotient(HUNDRED * below, largest + peak, 12)
        share = now if share is None else max(share, now)
    return Drawdown(
        peak_pnl=peak,
        max_drawdown=max(seen.max_drawdown, below),
        max_drawdown_pct=share,
        largest_collateral=largest,
    )
