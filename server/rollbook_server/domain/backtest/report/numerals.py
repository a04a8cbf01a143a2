"""How figures are written: with units, thousands apart, a true minus, and a dash where nothing is known."""

import math

from rollbook_server.domain.clock import Micros, moment

MINUS = "\N{MINUS SIGN}"
NOT_KNOWN = "\N{EM DASH}"
SPACE = "\N{NO-BREAK SPACE}"
TIMES = SPACE + "\N{MULTIPLICATION SIGN}"
_PLACES = {"BTC": 4, "ETH": 3}


def number(value: float | None, places: int = 0, *, signed: bool = False) -> str:
    """1,234.50, with its minus; a value that rounds to zero has no sign."""
    if value is None or not math.isfinite(value):
        return NOT_KNOWN
    text = f"{abs(value):,.{places}f}"
    if not any(digit in "123456789" for digit in text):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def money(value: float | None, currency: str, *, signed: bool = False) -> str:
    """With its currency: coins to four or three places, dollars whole, and with cents where they are few."""
    if value is None:
        return NOT_KNOWN
    places = _PLACES.get(currency, 0 if abs(value) >= 100 or value == 0 else 2)
    return number(value, places, signed=signed) + SPACE + currency


def price(value: float | None, currency: str) -> str:
    """Of an option, per coin: as fine as the venue's ticks."""
    return number(value, _PLACES.get(currency, 1))


def percent(value: float | None, places: int = 1, *, signed: bool = False) -> str:
    """Of a figure that is in percent already."""
    return NOT_KNOWN if value is None else number(value, places, signed=signed) + SPACE + "%"


def plain(value: float) -> str:
    """The shortest spelling: for what people set."""
    return f"{value:,.10g}".replace("-", MINUS)


def counted(count: int, one: str, many: str | None = None) -> str:
    """1 chain, 1,200 chains."""
    return f"{count:,}{SPACE}{one if count == 1 else many or one + 's'}"


def minute(time: Micros | None) -> str:
    """2026-03-31 08:00, in UTC."""
    return NOT_KNOWN if time is None else f"{moment(time):%Y-%m-%d %H:%M}"


def day(time: Micros | None) -> str:
    """2026-03-31, in UTC."""
    return NOT_KNOWN if time is None else f"{moment(time):%Y-%m-%d}"
