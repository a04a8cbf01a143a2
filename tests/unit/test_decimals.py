"""Decimals come in exactly, go out in one spelling, and are rounded only where a definition says so."""

from decimal import Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_server.domain.decimals import EXACT, exact, parse_plain, percent, plain, quotient, rounded

EIGHTEEN = "9" * 18

numbers = st.decimals(
    min_value=Decimal(-(10**18) + 1), max_value=Decimal(10**18 - 1), allow_nan=False, allow_infinity=False, places=18
)


@pytest.mark.parametrize(
    "text",
    ["0", "1", "-1", "0.5", "-0.0125", "007", "1.000", "-0", f"{EIGHTEEN}.{EIGHTEEN}", f"-{EIGHTEEN}.{EIGHTEEN}"],
)
def test_plain_notation_is_read_exactly(text: str) -> None:
    """Up to 18 digits before and 18 after the point are read as they stand."""
    assert parse_plain(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "1.", ".5", "+1", "1e5", "1E-3", "NaN", "sNaN", "Infinity", "-inf", "0x1", "1_000", "1,5", "1 ",
     " 1", "1\n", "--1", "1.2.3", "9" * 19, "0." + "0" * 19, "1" * 40, "\u0661", "\uff11", "\u00bd", "1\x00"],
)  # fmt: skip
def test_anything_else_is_no_decimal(text: str) -> None:
    """Exponents, words, other digits, other signs and too many digits are refused, not guessed."""
    assert parse_plain(text) is None


@given(st.text(max_size=12))
def test_no_text_is_read_as_another_number(text: str) -> None:
    """What is read is what Decimal reads, is finite, and within the bounds."""
    value = parse_plain(text)
    if value is not None:
        assert value == Decimal(text)
        assert abs(value) < 10**18


@given(numbers)
def test_the_one_spelling(value: Decimal) -> None:
    """A number has one spelling, without exponent or needless zeros, and it reads back as the same number."""
    with localcontext(EXACT):
        text = plain(value)
        assert parse_plain(text) == value
        assert plain(value + Decimal("0.000000000000000000000")) == text
    assert "E" not in text
    assert not (("." in text) and text.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("value", "text"),
    [("-0", "0"), ("0.000", "0"), ("-0.0", "0"), ("1E+5", "100000"), ("1E-18", "0." + "0" * 17 + "1"), ("10", "10")],
)
def test_odd_spellings(value: str, text: str) -> None:
    """Minus zero is zero, and exponents are written out."""
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(("value", "result"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("-1.5", -2)])
def test_ties_go_to_the_even_digit(value: str, result: int) -> None:
    """Rounding is half-even."""
    assert rounded(Decimal(value), 0) == result


@given(numbers, numbers.filter(bool), st.sampled_from([6, 8, 12, 18]))
def test_a_quotient_is_rounded_once(numerator: Decimal, denominator: Decimal, places: int) -> None:
    """A quotient is the half-even rounding of the true fraction, never of a rounded one."""
    step = Fraction(1, 10**places)
    true = Fraction(numerator) / Fraction(denominator)
    assert Fraction(quotient(numerator, denominator, places)) == round(true / step) * step


def test_a_quotient_that_would_round_twice() -> None:
    """A quotient just above a tie goes up, however many digits it takes to see that."""
    above = Decimal("0.5" + "0" * 300 + "1")
    assert quotient(above, Decimal(1), 0) == 1
    assert quotient(Decimal("0.5"), Decimal(1), 0) == 0


def test_percent() -> None:
    """A percentage has 12 places, and there is none of nothing."""
    assert percent(Decimal(2), Decimal(3)) == Decimal("66.666666666667")
    assert percent(Decimal(1), Decimal(0)) is None


def test_a_lost_digit_is_an_error() -> None:
    """In the exact context a sum or product that would lose a digit raises instead."""

    @exact
    def divide(by: int) -> Decimal:
        return Decimal(1) / Decimal(by)

    assert divide(8) == Decimal("0.125")
    with pytest.raises(Inexact):
        divide(3)
    with pytest.raises((InvalidOperation, ZeroDivisionError)):
        divide(0)


@given(numbers, numbers, numbers)
def test_products_of_the_largest_inputs_are_exact(one: Decimal, two: Decimal, three: Decimal) -> None:
    """Price times quantity times multiplier keeps all digits."""
    with localcontext(EXACT):
        assert Fraction(one * two * three) == Fraction(one) * Fraction(two) * Fraction(three)
