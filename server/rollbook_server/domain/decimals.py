"""Exact decimals: how they come in, how they are divided, how they are written.

Sums, differences and products of the ledger are exact. They run in `EXACT`, which traps `Inexact`: a figure
that would lose a digit raises instead. Only `rounded` and `quotient` round, half-even, at a number of places
that definitions name.
"""

import functools
import re
from collections.abc import Callable
from decimal import (
    ROUND_05UP,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    localcontext,
)
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# The longest product (price, quantity, multiplier, index, microseconds) has under 170 digits.
_DIGITS = 400
_FATAL = [InvalidOperation, DivisionByZero, Overflow]
EXACT = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN, traps=[*_FATAL, Inexact])
_ROUND = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN, traps=_FATAL)
# Rounding a quotient twice (here, then to its places) would be wrong on ties; ROUND_05UP keeps ties apart.
_DIVIDE = Context(prec=_DIGITS, rounding=ROUND_05UP, traps=_FATAL)

_PLAIN = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)


def parse_plain(text: str) -> Decimal | None:
    """The decimal written in plain notation (at most 18 digits before and 18 after the point), or None."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """`value` in plain notation without needless zeros: the one spelling that is stored and sent."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@functools.cache
def _step(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def rounded(value: Decimal, places: int) -> Decimal:
    """`value` rounded half-even to `places` after the point."""
    return _ROUND.quantize(value, _step(places))


def quotient(numerator: Decimal, denominator: Decimal, places: int) -> Decimal:
    """`numerator / denominator` rounded once, half-even, to `places` after the point."""
    return rounded(_DIVIDE.divide(numerator, denominator), places)


def percent(numerator: Decimal, denominator: Decimal) -> Decimal | None:
    """`100 * numerator / denominator` at 12 places; None where the denominator is 0."""
    return None if not denominator else quotient(EXACT.multiply(HUNDRED, numerator), denominator, 12)


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Runs `function` in the exact context: a digit lost is an error, never a wrong figure."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        context = getcontext()
        if context.prec == _DIGITS and context.traps[Inexact]:
            return function(*args, **kwargs)  # called by one that is exact: a context of its own costs more than most
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run
