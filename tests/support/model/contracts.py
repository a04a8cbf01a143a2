"""Option contracts as the venue defines them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from tests.support.model.numbers import ZERO

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAME = re.compile(
    r"(?P<base>[A-Z][A-Z0-9]*)(_(?P<quote>[A-Z][A-Z0-9]*))?-(?P<day>[1-9][0-9]?)(?P<month>[A-Z]{3})(?P<year>[0-9]{2})"
    r"-(?P<whole>[0-9]+)(d(?P<part>[0-9]+))?-(?P<type>[CP])"
)


@dataclass(frozen=True)
class Contract:
    """An option as its venue defines it."""

    symbol: str
    underlying: str
    currency: str
    inverse: bool
    call: bool
    strike: Fraction
    expiry: datetime
    index_name: str
    multiplier: Fraction = Fraction(1)

    @property
    def daily(self) -> bool:
        """Whether it is exempt from the delivery fee: it does not expire on a Friday."""
        return self.expiry.weekday() != 4

    @property
    def coin_settled(self) -> bool:
        """Whether its money needs an index to become USD."""
        return self.currency not in ("USDC", "USD")

    @property
    def places(self) -> int:
        """Places of a computed payoff and delivery fee."""
        return 8 if self.coin_settled else 6

    def payoff(self, price: Fraction) -> Fraction:
        """What one coin of it pays at this delivery price."""
        inside = max(price - self.strike if self.call else self.strike - price, ZERO)
        return inside / price if self.inverse else inside


def parse_contract(symbol: str) -> Contract:
    """The contract of a Deribit name; ValueError if it is none."""
    match = _NAME.fullmatch(symbol)
    if match is None or not symbol.isascii() or match["month"] not in _MONTHS:
        raise ValueError(f"not an option's name: {symbol!r}")
    expiry = datetime(
        2000 + int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]), 8, tzinfo=UTC
    )  # raises ValueError for a day that does not exist
    strike = Fraction(f"{match['whole']}.{match['part'] or '0'}")
    if strike == 0:
        raise ValueError(f"a strike of zero: {symbol!r}")
    base, quote = match["base"], match["quote"]
    return Contract(
        symbol=symbol,
        underlying=base,
        currency=quote or base,
        inverse=quote is None,
        call=match["type"] == "C",
        strike=strike,
        expiry=expiry,
        index_name=f"{base}_{quote or 'USD'}".lower(),
    )
