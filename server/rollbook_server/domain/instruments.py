"""Option contracts: what a symbol says.

Deribit's grammar is `BASE[_QUOTE]-DMMMYY-STRIKE-(C|P)`: the day is not padded, `d` is the strike's decimal point,
the year is 20YY, and every contract expires at 08:00:00 UTC. With a quote the contract is linear, paid in the
quote; without one it is inverse, paid in the coin.
"""

import enum
import functools
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from rollbook_server.domain.clock import Micros, micros, moment
from rollbook_server.domain.decimals import ONE
from rollbook_server.domain.errors import InvalidArgument, Reason

DERIBIT = "deribit"

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SYMBOL = re.compile(
    r"(?P<base>[A-Z0-9]{1,16})(?:_(?P<quote>[A-Z0-9]{1,16}))?"
    r"-(?P<day>[1-9]|[12][0-9]|3[01])(?P<month>" + "|".join(_MONTHS) + r")(?P<year>[0-9]{2})"
    r"-(?P<strike>(?:0|[1-9][0-9]{0,17})(?:d[0-9]{1,18})?)-(?P<type>[CP])",
    re.ASCII,
)
_FRIDAY = 4


class OptionType(enum.StrEnum):
    """The right to buy or to sell."""

    CALL = "CALL"
    PUT = "PUT"


class ContractStyle(enum.StrEnum):
    """Paid in the coin, or in the quote currency."""

    INVERSE = "INVERSE"
    LINEAR = "LINEAR"


class SettlementPeriod(enum.StrEnum):
    """The venue's listing cycle."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """An option contract. `strike` in USD (inverse) or settlement currency (linear) per coin; `multiplier` in coins
    per unit of quantity; `expiry_time` is the first instant at which it no longer trades."""

    symbol: str
    underlying: str
    settlement_currency: str
    style: ContractStyle
    option_type: OptionType
    strike: Decimal
    expiry_time: Micros
    multiplier: Decimal = ONE
    index_name: str = ""
    settlement_period: SettlementPeriod | None = None

    @property
    def daily(self) -> bool:
        """Whether it is a daily, which pays no delivery fee: said so, or expiring on another day than a Friday."""
        if self.settlement_period is not None:
            return self.settlement_period is SettlementPeriod.DAY
        return moment(self.expiry_time).weekday() != _FRIDAY

    @property
    def money_places(self) -> int:
        """Places after the point of a computed payoff or delivery fee: 8 in a coin, 6 in a quote currency."""
        return 8 if self.style is ContractStyle.INVERSE else 6


@functools.lru_cache(maxsize=8192)
def parse_deribit(symbol: str) -> Instrument | None:
    """The contract that Deribit names `symbol`, or None if that is no option's name."""
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        return None
    strike = Decimal(match["strike"].replace("d", "."))
    try:
        expires = datetime(
            2000 + int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"]), 8, tzinfo=UTC
        )
    except ValueError:  # 29FEB26
        return None
    if not strike:
        return None
    base, quote = match["base"], match["quote"]
    return Instrument(
        symbol=symbol,
        underlying=base,
        settlement_currency=quote or base,
        style=ContractStyle.LINEAR if quote else ContractStyle.INVERSE,
        option_type=OptionType.CALL if match["type"] == "C" else OptionType.PUT,
        strike=strike,
        expiry_time=micros(expires),
        index_name=f"{base}_{quote or 'USD'}".lower(),
    )


def deribit_symbol(underlying: str, style: ContractStyle, expiry: Micros, strike: float, is_call: bool) -> str:
    """Deribit's name of a contract, for example BTC-27MAR26-100000-C or ETH_USDC-2JAN26-3012d5-P."""
    base = underlying if style is ContractStyle.INVERSE else f"{underlying}_USDC"
    spelled = format(strike, ".10f").rstrip("0").rstrip(".").replace(".", "d")
    return f"{base}-{_date(expiry)}-{spelled}-{'C' if is_call else 'P'}"


@functools.lru_cache(maxsize=4096)
def _date(expiry: Micros) -> str:
    date = moment(expiry)
    return f"{date.day}{_MONTHS[date.month - 1]}{date.year % 100:02}"


def resolve(
    venue: str, symbol: str, given: Instrument | None, field: str, known: Instrument | None = None
) -> Instrument:
    """The contract named `symbol` on `venue`: as given, or as known from elsewhere, or (on Deribit) as its name says;
    what is given must agree with the name."""
    if given is None and known is not None:
        return known
    if venue != DERIBIT:
        if given is None:
            raise InvalidArgument(
                Reason.MISSING_FIELD, f"contracts of venue {venue!r} must be given in full", f"{field}.instrument"
            )
        if given.symbol != symbol:
            raise _mismatch(symbol, "symbol", field)
        named = given
    else:
        parsed = parse_deribit(symbol)
        if parsed is None:
            raise InvalidArgument(
                Reason.MALFORMED_SYMBOL,
                f"{symbol!r} is not the name of an option, which looks like BTC-27MAR26-100000-C",
                f"{field}.symbol",
            )
        named = parsed
    if given is None or given == named:
        return named
    if given.symbol != symbol:
        raise _mismatch(symbol, "symbol", field)
    for name in ("underlying", "settlement_currency", "style", "option_type", "strike", "expiry_time"):
        if getattr(given, name) != getattr(named, name):
            raise _mismatch(symbol, name, field)
    # The name says nothing of multiplier, index and cycle: what was given counts.
    return given if given.index_name else replace(given, index_name=named.index_name)


def _mismatch(symbol: str, name: str, field: str) -> InvalidArgument:
    return InvalidArgument(
        Reason.INSTRUMENT_MISMATCH, f"the {name} given differs from what {symbol!r} says", f"{field}.instrument"
    )
