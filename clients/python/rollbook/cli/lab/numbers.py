"""How the figures of a backtest are written. They are doubles out of a model: rounded for reading, never to a zero that
is none."""

from __future__ import annotations

from decimal import Decimal

from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.figures import DOLLARS, MISSING, coloured

USD = "USD"


def plain(value: float | None, places: int, sign: str = "-") -> str:
    """A number with so many decimal places."""
    known = None if value is None else Decimal(repr(value))
    return figures.decimals([known], places, places, sign=sign)[0]


def shortest(value: float) -> str:
    """All digits that it needs: of a quantity, or another number that people gave."""
    return figures.exact([Decimal(repr(value)).normalize()])[0]


def amount(value: float | None, currency: str) -> str:
    """Money without a sign of gain: four places of a coin; of dollars cents, or none where there are thousands."""
    return plain(value, _places(value, currency))


def gain(value: float | None, currency: str) -> Text:
    """Money that was made or lost, coloured by it."""
    return coloured(plain(value, _places(value, currency), "+"))


def percent(value: float | None) -> str:
    """12.3 %."""
    return MISSING if value is None else f"{plain(value, 1)} %"


def gain_percent(value: float | None) -> Text:
    """+12.3 %, coloured."""
    return coloured(MISSING if value is None else f"{plain(value, 1, '+')} %")


def ratio(value: float | None) -> str:
    """Two places."""
    return plain(value, 2)


def whole(value: int | None) -> str:
    """A count."""
    return MISSING if value is None else f"{value:,}"


def span(seconds: float | None) -> str:
    """How long something takes: 0.9 s, 7 s, 2 min 05 s, 1 h 12 min."""
    if seconds is None:
        return MISSING
    if seconds < 1:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _places(value: float | None, currency: str) -> int:
    if currency not in DOLLARS:
        return 4
    return 0 if value is not None and abs(value) >= 1_000 else 2
