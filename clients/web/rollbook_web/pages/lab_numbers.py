"""Figures of the lab, which come out of a model as floats, written as all figures are."""

from __future__ import annotations

import math
from decimal import Decimal

from rollbook_web import numbers
from rollbook_web.numbers import Figure, plain, unknown

TIMES = "\N{MULTIPLICATION SIGN}"


def money(value: float | None, unit: str, why: str = "not known", *, signed: bool = True) -> Figure:
    """An amount of the coin, of USDC or of dollars."""
    return numbers.money(exact(value), unit, why, signed=signed)


def ratio(value: float | None, why: str = "not known", places: int = 2, unit: str = "") -> Figure:
    """A figure without a currency."""
    number = exact(value)
    if number is None or value is None:
        return unknown(why)
    sign = numbers.MINUS if round(value, places) < 0 else ""
    return Figure(f"{sign}{abs(value):,.{places}f}{unit and ' '}{unit}", plain(number), value)


def exact(value: float | None) -> Decimal | None:
    """The shortest spelling that is the same number."""
    return None if value is None or not math.isfinite(value) else Decimal(repr(value))


def duration(seconds: float) -> str:
    """How long something takes: 12 s, 3 min, 1 h 05 min."""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
