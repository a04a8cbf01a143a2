"""What the bot sees of a market: snapshots of option chains, and delivery prices once an expiry has passed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from rollbook import OptionType
from tests.demo import black76

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAY = timedelta(days=1)
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Contract:
    """An option by its name on Deribit, for example BTC_USDC-9DEC25-92000-C."""

    product: str
    expiry: datetime
    strike: Decimal
    option_type: OptionType

    @classmethod
    def parse(cls, symbol: str) -> "Contract":
        """The contract of a name."""
        product, date, strike, letter = symbol.split("-")
        expiry = datetime(2000 + int(date[-2:]), MONTHS.index(date[-5:-2]) + 1, int(date[:-5]), 8, tzinfo=UTC)
        return cls(
            product, expiry, Decimal(strike.replace("d", ".")), OptionType.CALL if letter == "C" else OptionType.PUT
        )

    @property
    def symbol(self) -> str:
        """Its name."""
        date = f"{self.expiry.day}{MONTHS[self.expiry.month - 1]}{self.expiry:%y}"
        return f"{self.product}-{date}-{self.strike}-{self.option_type[0]}".replace(".", "d")


@dataclass(frozen=True)
class Quote:
    """One contract at one instant. Prices are exact, in the premium's unit; what is not known is None."""

    contract: Contract
    symbol: str
    time: datetime
    forward: Decimal
    mark: Decimal
    bid: Decimal | None
    ask: Decimal | None
    volatility: float
    """Of the mark, in percent."""

    @property
    def days(self) -> float:
        """Days to expiry."""
        return (self.contract.expiry - self.time) / DAY

    @property
    def delta(self) -> float:
        """By Black-76 on the forward."""
        years = (self.contract.expiry - self.time) / YEAR
        call = self.contract.option_type is OptionType.CALL
        return black76.delta(float(self.forward), float(self.contract.strike), years, self.volatility / 100, call)


@dataclass(frozen=True)
class Snapshot:
    """All contracts of one product at one instant."""

    product: str
    """What contracts are named after: BTC and ETH are paid in coin, BTC_USDC in USDC."""
    time: datetime
    index_price: Decimal
    quotes: Mapping[str, Quote]
    """By symbol."""

    @property
    def coin(self) -> str:
        """The underlying."""
        return self.product.partition("_")[0]


class Market(Protocol):
    """A few days of option chains."""

    @property
    def origin(self) -> str:
        """Where it comes from, in a line."""

    @property
    def prices(self) -> str:
        """Where index and delivery prices come from, in a line."""

    @property
    def delivery(self) -> str:
        """What a delivery price is, in a few words."""

    def snapshots(self) -> Sequence[Snapshot]:
        """Oldest first."""

    def delivery_price(self, coin: str, expiry: datetime) -> Decimal:
        """What the options of a coin that expired then are settled at."""
