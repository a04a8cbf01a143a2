"""How figures are written, in one place: rounded to be read, exact in the title. What is unknown is a dash with why.

Pure functions. Money is Decimal and stays exact in the title; floats are what models say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

EXACT = Context(prec=400)
"""Room for every figure of the ledger: sums of them are not rounded."""
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
DOLLARS = ("USD", "USDC", "USDT")
_COIN_PLACES = {"BTC": 6, "ETH": 5, "SOL": 4}
_OTHER_COIN = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """What stands on the page for a number.

    Attributes:
        text: Rounded.
        title: Exact, or why it is not known; with what it is an estimate of.
        value: To sort by and to draw; None if unknown.
        tone: "gain" or "loss" for money that is won or lost, "unknown", or nothing.
    """

    text: str
    title: str = ""
    value: float | None = None
    tone: str = ""

    @property
    def known(self) -> bool:
        """Whether it is a figure at all."""
        return self.tone != "unknown"


def unknown(why: str) -> Figure:
    """A figure that nobody knows. `why` is a sentence."""
    return Figure(DASH, why, None, "unknown")


def estimate(figure: Figure, why: str) -> Figure:
    """Marks a figure as an estimate."""
    if not figure.known:
        return figure
    return replace(figure, text=f"≈ {figure.text}", title=f"{figure.title} (estimate: {why})")


def total(amounts: list[Decimal]) -> Decimal:
    """The exact sum."""
    whole = Decimal(0)
    for amount in amounts:
        whole = EXACT.add(whole, amount)
    return whole


def money(
    amount: Decimal | None, currency: str, why: str = "not known", *, signed: bool = True, unit: bool = True
) -> Figure:
    """An amount of a coin or of dollars. `signed` is for what is won or lost: with a sign and its colour; else plain.
    Without `unit` the text leaves out the currency, where row or column says it.

    USDC is written as USDC: that it is worth a dollar is a peg, said where sums are made.
    """
    if amount is None:
        return unknown(why)
    places = 2 if currency in DOLLARS else _COIN_PLACES.get(currency, _OTHER_COIN)
    sign = _sign(amount, signed)
    tone = ("gain" if amount > 0 else "loss" if amount < 0 else "") if signed else ""
    exact = _exact(amount, signed)
    if currency == "USD":
        return Figure(f"{sign}${_rounded(abs(amount), places)}", f"{exact} USD", float(amount), tone)
    text = f"{sign}{_rounded(abs(amount), places)}"
    return Figure(f"{text} {currency}" if unit else text, f"{exact} {currency}", float(amount), tone)


def usd(amount: Decimal | None, why: str = "not known", *, signed: bool = True) -> Figure:
    """An amount of US dollars."""
    return money(amount, "USD", why, signed=signed)


def price(amount: Decimal | None, currency: str, why: str = "not known") -> Figure:
    """A price per coin: 0.0125 BTC, 1,200 USDC."""
    if amount is None:
        return unknown(why)
    text = _stripped(_rounded(amount, 2 if currency in DOLLARS else 6))
    return Figure(text, f"{_exact(amount)} {currency}", float(amount))


def quantity(amount: Decimal | None, why: str = "not known") -> Figure:
    """Coins, as many places as they have, up to 8."""
    if amount is None:
        return unknown(why)
    return Figure(_sign(amount, False) + _stripped(_rounded(abs(amount), 8)), _exact(amount), float(amount))


def percent(figure: Decimal | float | None, why: str = "not known", *, places: int = 1, money: bool = False) -> Figure:
    """A percentage, given times 100. `money` colours it by its sign and writes a plus."""
    if figure is None:
        return unknown(why)
    exact = figure if isinstance(figure, Decimal) else Decimal(repr(figure))
    tone = ("gain" if exact > 0 else "loss" if exact < 0 else "") if money else ""
    text = f"{_sign(exact, money)}{_rounded(abs(exact), places)} %"
    return Figure(text, f"{_exact(exact)} %", float(exact), tone)


def model(
    figure: float | None, why: str = "not known", *, places: int = 2, unit: str = "", plus: bool = True
) -> Figure:
    """What a model says: a delta, a distance in standard deviations. With `plus` it has a sign, whichever it is."""
    if figure is None:
        return unknown(why)
    exact = Decimal(repr(figure))
    return Figure(f"{_sign(exact, plus)}{_rounded(abs(exact), places)}{unit}", f"{_exact(exact)}{unit}", figure)


def count(number: int) -> Figure:
    """A number of things."""
    return Figure(f"{number:,}", str(number), float(number))


def days(figure: Decimal | None, why: str = "not known") -> Figure:
    """Days: 12.3 d; hours below two days."""
    if figure is None:
        return unknown(why)
    text = f"{_rounded(figure * 24, 0)} h" if abs(figure) < 2 else f"{_rounded(figure, 1)} d"
    return Figure(text, f"{_exact(figure)} days", float(figure))


def age(span: timedelta) -> str:
    """How long ago: 7 s, 12 min, 3 h, 9 d."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size, least in (("d", 86_400, 172_800), ("h", 3_600, 3_600), ("min", 60, 60)):
        if seconds >= least:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def moment(time: datetime | None, why: str = "not known", *, seconds: bool = False) -> Figure:
    """An instant in UTC, to the minute or second; the title has all of it."""
    if time is None:
        return unknown(why)
    time = time.astimezone(UTC)
    text = f"{time:%Y-%m-%d %H:%M:%S}" if seconds else f"{time:%Y-%m-%d %H:%M}"
    return Figure(text, f"{time.isoformat().replace('+00:00', '')} UTC", time.timestamp())


def day(time: datetime | None, why: str = "not known") -> Figure:
    """A day in UTC."""
    if time is None:
        return unknown(why)
    return replace(moment(time), text=f"{time.astimezone(UTC):%d %b %Y}")


def clock(time: datetime) -> str:
    """An instant of today, UTC; with the day if it is another."""
    time = time.astimezone(UTC)
    return f"{time:%H:%M:%S} UTC" if time.date() == datetime.now(UTC).date() else f"{time:%Y-%m-%d %H:%M:%S} UTC"


def words(name: str) -> str:
    """A name of the API as people write it: CASH_SECURED_PUT is "cash-secured put"."""
    return _WORDS.get(name, name.lower().replace("_", " "))


_WORDS = {"CASH_SECURED_PUT": "cash-secured put"}


def things(number: int, noun: str, plural: str = "") -> str:
    """3 chains, 1 chain."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def plain(amount: Decimal) -> str:
    """All digits, without exponent and needless zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact(amount: Decimal, plus: bool = False) -> str:
    return f"{_sign(amount, plus)}{plain(abs(amount))}"


def _sign(amount: Decimal, plus: bool) -> str:
    return MINUS if amount < 0 else "+" if plus and amount > 0 else ""


def _rounded(amount: Decimal, places: int) -> str:
    """Rounded half-even with thousands separated; what is not 0 never looks like it."""
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT)
    if not rounded and amount:
        rounded = amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1), ROUND_HALF_EVEN, EXACT)
    return f"{rounded:,f}"


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
