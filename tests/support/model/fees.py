"""The venue's fee table, as estimates for DRY_RUN."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from tests.support.model.commands import Fill
from tests.support.model.contracts import Contract


def estimated_fee(fill: Fill, contract: Contract) -> Fraction | None:
    """A DRY_RUN fee by the venue's table; nothing for a linear contract without an index."""
    coins = fill.quantity * contract.multiplier
    cap = fill.price / 8
    if contract.inverse:
        return min(Fraction("0.0003"), cap) * coins
    if fill.index is None:
        return None
    if fill.time >= datetime(2026, 8, 1, tzinfo=UTC):
        rate = Fraction("0.0003")
    else:
        rate = Fraction("0.0001") if fill.liquidity == "MAKER" else Fraction("0.0005")
    return min(rate * fill.index, cap) * coins


def charged(fill: Fill, contract: Contract, estimate: bool) -> tuple[Fraction | None, str]:
    """A fill's fee and where it comes from: as reported, else estimated where that is allowed, else missing."""
    if fill.fee is not None:
        return fill.fee, "REPORTED"
    fee = estimated_fee(fill, contract) if estimate else None
    return fee, "MISSING" if fee is None else "ESTIMATED"
