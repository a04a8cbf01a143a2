"""Exact arithmetic of the model: fractions, and the few roundings that the definitions name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

ZERO = Fraction(0)
DAY_MICROSECONDS = 86_400_000_000


def half_even(value: Fraction, places: int) -> Fraction:
    """The value at so many places after the point, ties to the even digit."""
    return Fraction(round(value * 10**places), 10**places)


def percent(part: Fraction | None, whole: Fraction | None) -> Fraction | None:
    """A hundred times part over whole at 12 places; nothing if either is unknown or the whole is zero."""
    if part is None or whole is None or whole == 0:
        return None
    return half_even(100 * part / whole, 12)


def days_between(earlier: datetime, later: datetime) -> Fraction:
    """Exact days between two instants."""
    gap = later - earlier
    return Fraction((gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds, DAY_MICROSECONDS)


def total(values: Iterable[Fraction]) -> Fraction:
    """The sum, as a Fraction even of nothing."""
    return sum(values, ZERO)


def total_if_known(values: Iterable[Fraction | None]) -> Fraction | None:
    """The sum, or nothing if one of them is unknown."""
    known = list(values)
    return None if any(value is None for value in known) else total(value for value in known if value is not None)


def plus(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    """The sum, or nothing if either is unknown."""
    return None if a is None or b is None else a + b


def minus(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    """The difference, or nothing if either is unknown."""
    return None if a is None or b is None else a - b
