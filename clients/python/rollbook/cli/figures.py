"""How figures are written in tables: plain decimals, rounded for reading, never to a zero that is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from rich.text import Text

from rollbook._exact import total

MISSING = "—"
Figure: TypeAlias = Decimal | Literal[""] | None
"""What stands in a cell: a number, nothing because none belongs there, or None for one that is not known."""
EXACT = 200
"""Decimal places: all there are."""
DOLLARS = ("USD", "USDC")


def money(figures: Sequence[Figure], currency: str) -> list[Text]:
    """Amounts with their sign, coloured by it: up to 8 places of a coin, cents of a dollar."""
    least, most = (2, 2) if currency in DOLLARS else (4, 8)
    return [coloured(text) for text in decimals(figures, least, most, sign="+")]


def prices(figures: Sequence[Figure], currency: str) -> list[str]:
    """Prices and other amounts without a sign."""
    least, most = (2, 4) if currency in DOLLARS else (4, 8)
    return decimals(figures, least, most)


def number(figure: Decimal) -> str:
    """All digits of one number, in a sentence."""
    return exact([figure])[0]


def percent(figure: Decimal, what: str) -> str:
    """A percentage in a sentence."""
    return f"{figure:.1f} % {what}"


def estimates(figures: Sequence[float | Literal[""] | None], places: int) -> list[str]:
    """What a model says: greeks and standard deviations."""
    known = [Decimal(repr(figure)) if isinstance(figure, float) else figure for figure in figures]
    return decimals(
        [round(each, places) if isinstance(each, Decimal) and each.is_finite() else each for each in known],
        places,
        places,
        sign="+",
    )


def percents(figures: Sequence[Figure]) -> list[Text]:
    """One place is enough to read a percentage by."""
    return [coloured(text) for text in decimals(figures, 1, 1, sign="+")]


def exact(figures: Sequence[Figure], *, least: int = 0, sign: str = "-") -> list[str]:
    """All digits, the points under each other."""
    return decimals(figures, least, EXACT, sign=sign)


def decimals(figures: Sequence[Figure], least: int, most: int, sign: str = "-") -> list[str]:
    """Texts with one number of decimal places, so that the points of a column stand under each other: as many as the
    figures need, from `least` to `most`, or more where one that is not 0 would else look like it.
    """
    known = [figure for figure in figures if isinstance(figure, Decimal) and figure.is_finite()]
    needed = max((_places(figure) for figure in known), default=0)
    first_digits = max((-figure.adjusted() for figure in known if figure), default=0)
    places = max(least, min(most, needed), first_digits if first_digits > most else 0)
    texts = []
    for figure in figures:
        if figure == "":
            texts.append("")
        elif figure is None or not figure.is_finite():
            texts.append(MISSING)
        else:
            texts.append(_unsigned_zero(f"{figure:{sign},.{places}f}"))
    return texts


def sum_of(figures: Sequence[Decimal | None]) -> Decimal | None:
    """The exact sum of what is known; None where there is something and nothing of it is known."""
    known = [figure for figure in figures if figure is not None]
    return total(known) if known or not figures else None


def days_to(expiry: datetime | None, now: datetime) -> str:
    """Days to expiry."""
    if expiry is None:
        return MISSING
    return "expired" if expiry <= now else f"{(expiry - now) / timedelta(days=1):.1f}"


def days(figure: Decimal | None) -> str:
    """A number of days."""
    return MISSING if figure is None else f"{figure:,.1f}"


def age(figure: timedelta) -> str:
    """How long ago: 7 s, 12 min, 3 h, 9 d."""
    seconds = max(int(figure.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:  # 90 min say more than 1 h
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def minute(time: datetime | None) -> str:
    """An instant in UTC, to the minute."""
    return MISSING if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def second(time: datetime | None) -> str:
    """An instant in UTC, to the second."""
    return MISSING if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def day(time: datetime | None) -> str:
    """A day in UTC."""
    return MISSING if time is None else f"{time.astimezone(UTC):%Y-%m-%d}"


def words(name: str) -> str:
    """A name of the API as people write it: CASH_SECURED_PUT is "cash secured put"."""
    return name.lower().replace("_", " ")


def count(number: int, noun: str) -> str:
    """3 chains, 1 chain."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _places(figure: Decimal) -> int:
    """Decimal places without the zeros at the end."""
    exponent = figure.normalize().as_tuple().exponent if figure else 0
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _unsigned_zero(text: str) -> str:
    return text[1:] if text[0] in "+-" and not text.strip("+-0.,") else text


def coloured(text: str) -> Text:
    """Green for a plus, red for a minus."""
    return Text(text, style={"+": "green", "-": "red"}.get(text[:1], ""))
