"""Sums and percentages for payloads and tables. The usual 28 digits of Decimal are too few for the ledger's figures."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_PERCENT_STEP = Decimal("0.000000000001")


def total(figures: Iterable[Decimal | None]) -> Decimal:
    """The exact sum. What is None adds nothing: whoever shows the sum says how much was left out."""
    with localcontext(_EXACT):
        return sum((figure for figure in figures if figure is not None), Decimal(0))


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """100 * part / whole at 12 places, as the ledger rounds its own; None where the whole is 0."""
    with localcontext(_EXACT):
        return (100 * part / whole).quantize(_PERCENT_STEP) if whole else None


def plain(figure: Decimal) -> str:
    """Every digit, no exponent, no zeros at the end of a fraction."""
    text = format(figure, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
