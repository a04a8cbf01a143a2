"""How the page writes figures."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rollbook_web import numbers
from rollbook_web.numbers import DASH, MINUS


@pytest.mark.parametrize(
    ("amount", "currency", "text", "title"),
    [
        ("0.0125", "BTC", "+0.012500 BTC", "+0.0125 BTC"),
        ("-0.00215000000000000001", "BTC", f"{MINUS}0.002150 BTC", f"{MINUS}0.00215000000000000001 BTC"),
        ("-1234567.891", "USDC", f"{MINUS}1,234,567.89 USDC", f"{MINUS}1234567.891 USDC"),
        ("1234.5", "USD", "+$1,234.50", "+1234.5 USD"),
        ("0", "ETH", "0.00000 ETH", "0 ETH"),
        ("0.00000000123456", "BTC", "+0.0000000012 BTC", "+0.00000000123456 BTC"),
        ("0.004", "USD", "+$0.0040", "+0.004 USD"),
    ],
)
def test_money_is_rounded_in_the_text_and_exact_in_the_title(amount: str, currency: str, text: str, title: str) -> None:
    """Signs are there for who does not see colours, thousands are separated, and what is not 0 never looks like it."""
    figure = numbers.money(Decimal(amount), currency)
    assert (figure.text, figure.title) == (text, title)
    assert figure.tone == ("gain" if Decimal(amount) > 0 else "loss" if Decimal(amount) < 0 else "")


def test_what_is_unknown_is_a_dash_with_why() -> None:
    """Never a 0, never an estimate, and in no order of numbers."""
    figure = numbers.estimate(numbers.usd(None, "a fill has no index price"), "fees are missing")
    assert (figure.text, figure.title, figure.value, figure.known) == (DASH, "a fill has no index price", None, False)


def test_an_estimate_says_so_and_why() -> None:
    """In the text by a sign, in the title in words."""
    figure = numbers.estimate(numbers.money(Decimal("1.5"), "ETH", signed=False), "fees are missing")
    assert (figure.text, figure.title) == ("≈ 1.50000 ETH", "1.5 ETH (estimate: fees are missing)")


def test_sums_keep_every_digit() -> None:
    """More of them than Decimal's usual 28."""
    amounts = [Decimal("123456789012345678.123456789012345678"), Decimal("1e-60")]
    assert f"{numbers.total(amounts):f}" == "123456789012345678." + "123456789012345678".ljust(59, "0") + "1"


def test_days_ages_and_instants() -> None:
    """Hours below two days; the greatest unit that says enough; UTC, whatever zone the instant came in."""
    assert [numbers.days(Decimal(days)).text for days in ("26.55", "1.5", "0.02")] == ["26.6 d", "36 h", "0.48 h"]
    spans = [timedelta(seconds=7), timedelta(minutes=12), timedelta(hours=30), timedelta(days=9)]
    assert [numbers.age(span) for span in spans] == ["7 s", "12 min", "30 h", "9 d"]
    there = datetime(2025, 6, 2, 11, 0, 1, tzinfo=UTC)
    assert (numbers.moment(there).text, numbers.moment(there).title) == ("2025-06-02 11:00", "2025-06-02T11:00:01 UTC")


def test_a_percentage_has_its_sign_only_as_money() -> None:
    """A return is won or lost, a distance is not."""
    assert numbers.percent(Decimal("18.64"), money=True).text == "+18.6 %"
    assert numbers.percent(Decimal("-3.25")).text == f"{MINUS}3.2 %"
    assert numbers.percent(Decimal("-3.25")).tone == ""
