"""Closed chains as CSV: every figure exact, what is unknown empty. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from decimal import Decimal

from rollbook_web.closed_chains import ClosedChain
from rollbook_web.closed_statistics import Delta
from rollbook_web.numbers import plain

COLUMNS: dict[str, Callable[[ClosedChain], object]] = {
    "account": lambda chain: chain.account,
    "position_id": lambda chain: chain.position_id,
    "mode": lambda chain: chain.mode.value,
    "strategy": lambda chain: chain.strategy,
    "strategy_name": lambda chain: chain.strategy_name,
    "underlying": lambda chain: chain.underlying,
    "settlement_currency": lambda chain: chain.currency,
    "open_time": lambda chain: chain.open_time.isoformat(),
    "close_time": lambda chain: chain.close_time.isoformat(),
    "close_reason": lambda chain: chain.close_reason.value,
    "contracts": lambda chain: " ".join(chain.contracts),
    "num_rolls": lambda chain: chain.rolls,
    "gross_pnl": lambda chain: chain.gross,
    "fees": lambda chain: chain.fees,
    "fees_complete": lambda chain: str(chain.fees_complete).lower(),
    "fees_estimated": lambda chain: str(chain.fees_estimated).lower(),
    "net_pnl": lambda chain: chain.net,
    "net_pnl_usd": lambda chain: chain.net_usd,
    "usd_missing_lines": lambda chain: chain.usd_missing_lines,
    "total_premium": lambda chain: chain.premium,
    "premium_kept_pct": lambda chain: chain.premium_kept_pct,
    "realized_pnl_pct": lambda chain: chain.realized_pct,
    "return_on_collateral_annualised_pct": lambda chain: chain.return_annualised_pct,
    "holding_days": lambda chain: chain.holding_days,
    "days_to_expiry_at_entry": lambda chain: None if chain.days is None else f"{chain.days:.6f}",
}


def as_csv(chains: Iterable[ClosedChain], delta: Delta) -> str:
    """With a line of names on top; the last column is an estimate, as its name says."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    write.writerow([*COLUMNS, "delta_at_entry_estimate"])
    for chain in chains:
        known = delta(chain)
        write.writerow([*(_text(of(chain)) for of in COLUMNS.values()), "" if known is None else f"{known:.6f}"])
    return out.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    text = str(value)
    # A name that begins so would be run as a formula by whoever opens the file.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
