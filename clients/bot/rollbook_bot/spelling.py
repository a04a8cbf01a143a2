"""How a venue's JSON spells numbers, times and states, and how ours does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from rollbook import OrderState

_STATES = {
    "open": OrderState.OPEN,
    "untriggered": OrderState.OPEN,
    "triggered": OrderState.OPEN,
    "filled": OrderState.FILLED,
    "cancelled": OrderState.CANCELLED,
    "canceled": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
}
_SMALLEST, _EXACT = Decimal("1e-18"), Context(prec=400)
"""The last digit that the ledger takes of a price; and as many digits as a float can have."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: object, where: str) -> Decimal | None:
    """A number of JSON, exactly as its shortest spelling says: 0.1 is one tenth. Raises ValueError."""
    if value is None or value == "":
        return None
    try:
        found = (
            value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else str(value))
        )
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite():
        raise ValueError(f"{where}: {value!r} is no number")
    return found


def above_zero(value: object, where: str) -> Decimal | None:
    """A price; 0 is the venue's "none". Raises ValueError."""
    return number(value, where) or None


def average(value: object, where: str) -> Decimal | None:
    """An average price; 0 is the venue's "none". A quotient may have more digits than the ledger takes, which would
    keep the order out of it: it is rounded once more. Raises ValueError.
    """
    found = number(value, where)
    if not found:
        return None
    rounded = found.quantize(_SMALLEST, context=_EXACT)
    return found if found == rounded else rounded


def plain(value: object) -> Any:
    """The same for `json.dumps`: an exact number as a number if that loses nothing, else as its digits."""
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else f"{value:f}"
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def order_state(word: object, where: str) -> OrderState:
    """A state as the venue names it; one that is not said is OPEN. Raises ValueError for one that is not known."""
    if word in (None, ""):
        return OrderState.OPEN
    state = _STATES.get(str(word).lower())
    if state is None:
        raise ValueError(f"{where}: {word!r} is no state of an order that is known here")
    return state


def milliseconds(value: object, where: str) -> datetime | None:
    """The instant that a venue's timestamp says: milliseconds since 1970, in UTC. Raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{where}: {value!r} is no time in milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError(f"{where}: {value!r} is no time in milliseconds") from None
