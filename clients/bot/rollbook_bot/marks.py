"""What a contract is worth, by an exchange's ticker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rollbook import Greeks, Mark
from rollbook_bot.spelling import above_zero, milliseconds, number

log = logging.getLogger("rollbook_bot")


def read_mark(symbol: str, ticker: Mapping[str, Any] | None) -> Mark | None:
    """The mark of a ticker, at the ticker's time; None where there is none, and where it makes no sense, which is
    logged.
    """
    if ticker is None:
        return None
    try:
        price = number(ticker.get("mark_price"), "mark_price")
        if price is None:
            return None
        greeks = ticker.get("greeks")
        return Mark(
            symbol=symbol,
            mark_time=milliseconds(ticker.get("timestamp"), "timestamp") or datetime.now(UTC),
            mark_price=price,
            index_price=above_zero(ticker.get("index_price"), "index_price"),
            best_bid_price=above_zero(ticker.get("best_bid_price"), "best_bid_price"),
            best_ask_price=above_zero(ticker.get("best_ask_price"), "best_ask_price"),
            underlying_price=above_zero(ticker.get("underlying_price"), "underlying_price"),
            mark_volatility=_float(ticker.get("mark_iv")),
            greeks=_greeks(greeks) if isinstance(greeks, Mapping) else None,
        )
    except ValueError as error:
        log.warning("%s: its ticker makes no sense: %s", symbol, error)
        return None


def _greeks(given: Mapping[str, Any]) -> Greeks:
    return Greeks(**{name: _float(given.get(name)) for name in ("delta", "gamma", "vega", "theta", "rho")})


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None
