"""Chains and their values as facts, for functions that need no ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rollbook import (
    ChainState,
    ChainValuation,
    ContractStyle,
    Instrument,
    LegState,
    Mode,
    OptionType,
    PositionChain,
    PositionLeg,
    Side,
    StrategyKind,
)

OPENED = datetime(2025, 6, 2, 9, tzinfo=UTC)
EXPIRY = datetime(2025, 6, 27, 8, tzinfo=UTC)


def contract(
    strike: str = "100000", kind: OptionType = OptionType.CALL, *, inverse: bool = True, **more: Any
) -> Instrument:
    """A BTC option of June 2025."""
    letter = "C" if kind is OptionType.CALL else "P"
    fields: dict[str, Any] = {
        "symbol": f"BTC{'' if inverse else '_USDC'}-27JUN25-{strike}-{letter}",
        "underlying": "BTC",
        "settlement_currency": "BTC" if inverse else "USDC",
        "style": ContractStyle.INVERSE if inverse else ContractStyle.LINEAR,
        "option_type": kind,
        "strike": Decimal(strike),
        "expiry_time": EXPIRY,
        "multiplier": Decimal(1),
    }
    return Instrument(**fields | more)


def leg(quantity: str = "1", credit: str = "0.01", instrument: Instrument | None = None, **more: Any) -> PositionLeg:
    """A short leg that is held."""
    fields: dict[str, Any] = {
        "leg_number": 1,
        "instrument": instrument or contract(),
        "side": Side.SELL,
        "state": LegState.OPEN,
        "open_quantity": Decimal(quantity),
        "opened_quantity": Decimal(quantity),
        "open_credit": Decimal(credit),
        "open_credit_usd": Decimal(credit) * 100_000,
        "open_time": OPENED,
    }
    return PositionLeg(**fields | more)


def chain(position_id: str = "weekly-1", *legs: PositionLeg, **more: Any) -> PositionChain:
    """A LIVE covered call of the account "main", with one leg unless said."""
    legs = legs or (leg(),)
    fields: dict[str, Any] = {
        "account": "main",
        "position_id": position_id,
        "mode": Mode.LIVE,
        "strategy": StrategyKind.COVERED_CALL,
        "underlying": "BTC",
        "settlement_currency": "BTC",
        "state": ChainState.OPEN,
        "open_time": OPENED,
        "open_quantity": sum((one.open_quantity or Decimal(0) for one in legs), Decimal(0)),
        "open_credit": sum((one.open_credit or Decimal(0) for one in legs), Decimal(0)),
        "net_pnl": Decimal(0),
        "gross_pnl": Decimal(0),
        "fees": Decimal(0),
        "net_pnl_usd": Decimal(0),
        "fees_complete": True,
        "legs": legs,
        "revision": 1,
    }
    return PositionChain(**fields | more)


def value(of: PositionChain, unrealized: str = "0.005", usd: str | None = "500", **more: Any) -> ChainValuation:
    """What it is worth by marks of a moment ago."""
    fields: dict[str, Any] = {
        "account": of.account,
        "position_id": of.position_id,
        "mark_time": OPENED,
        "unrealized_pnl": Decimal(unrealized),
        "unrealized_pnl_usd": None if usd is None else Decimal(usd),
        "revision": of.revision,
    }
    return ChainValuation(**fields | more)
