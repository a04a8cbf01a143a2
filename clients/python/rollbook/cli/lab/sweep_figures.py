"""The metric that points of a sweep are ranked by, as a text."""

from __future__ import annotations

from rollbook.cli.figures import MISSING
from rollbook.cli.lab import numbers
from rollbook.models import Sweep

MONEY = ("net_profit", "pnl_vs_hodl", "chains_pnl")


def plain_value(sweep: Sweep, value: float | None) -> str:
    """Two places, four of a coin, without its unit."""
    if value is None:
        return MISSING
    in_coin = sweep.rank_by.startswith("coin.") and sweep.rank_by.split(".")[-1] in MONEY
    return numbers.plain(value, 4 if in_coin else 2, "+")


def value_text(sweep: Sweep, value: float | None) -> str:
    """The same with its unit."""
    return plain_value(sweep, value) + (" %" if value is not None and sweep.rank_by.endswith("_pct") else "")
