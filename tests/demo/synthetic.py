"""The synthetic market: two coins that walk at random from a seed, and chains with a smile, spreads and gaps."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from rollbook import OptionType
from tests.demo import black76
from tests.demo.market import DAY, YEAR, Contract, Quote, Snapshot

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 8
HOUR = timedelta(hours=1)
SNAPSHOT_HOURS = range(1, 24, 3)
FRIDAY = 4

SPOT = {"BTC": 92_000.0, "ETH": 3_100.0}
VOLATILITY = {"BTC": 0.48, "ETH": 0.70}
CORRELATION = 0.8
STRIKE_STEP = {"BTC": 1_000, "ETH": 50}
SKEW, CURVATURE = -0.07, 0.053
"""The smile: by how much volatility changes with the distance to the strike, in standard deviations, and its square."""
CARRY = 0.035
"""Of the forward over the index, per year."""
HALF_SPREAD = 0.75
"""In volatility points."""
MISSING = 0.03
"""Part of the bids, and of the asks, that nobody recorded."""


class SyntheticMarket:
    """Eight days, a snapshot of each product every three hours, the same for the same seed, start and first prices."""

    prices = "the index is simulated too, and what expires is settled at its price at 08:00"
    delivery = "the simulated index"

    def __init__(self, seed: int = 5, start: datetime = START, spot: Mapping[str, float] = SPOT) -> None:
        self._random = Random(seed)
        self._seed, self._start, self._spot = seed, start, spot
        self._paths = self._walk()
        self._snapshots = [
            self._snapshot(product, start + day * DAY + hour * HOUR)
            for day in range(DAYS)
            for hour in SNAPSHOT_HOURS
            for product in ("BTC", "ETH", "BTC_USDC")
        ]

    @property
    def origin(self) -> str:
        """Where it comes from, in a line."""
        return (
            f"synthetic, from seed {self._seed}: {DAYS} days of BTC, ETH and BTC_USDC, {len(self._snapshots)} snapshots"
        )

    def snapshots(self) -> list[Snapshot]:
        """Oldest first."""
        return self._snapshots

    @property
    def last_prices(self) -> Mapping[str, float]:
        """Of the coins, at its end."""
        return {coin: path[-1] for coin, path in self._paths.items()}

    def delivery_price(self, coin: str, expiry: datetime) -> Decimal:
        """The simulated index at the expiry."""
        return self._index_price(coin, expiry)

    def _walk(self) -> dict[str, list[float]]:
        """Hourly prices of both coins by geometric Brownian motion."""
        paths = {coin: [spot] for coin, spot in self._spot.items()}
        years = HOUR / YEAR
        for _ in range(DAYS * 24):
            common = self._random.gauss(0, 1)
            for coin, path in paths.items():
                own = self._random.gauss(0, 1)
                step = math.sqrt(CORRELATION) * common + math.sqrt(1 - CORRELATION) * own
                volatility = VOLATILITY[coin]
                path.append(path[-1] * math.exp(volatility * math.sqrt(years) * step - volatility**2 / 2 * years))
        return paths

    def _index_price(self, coin: str, time: datetime) -> Decimal:
        return Decimal(f"{self._paths[coin][(time - self._start) // HOUR]:.2f}")

    def _snapshot(self, product: str, time: datetime) -> Snapshot:
        index_price = self._index_price(product.partition("_")[0], time)
        quotes = [self._quote(contract, time, index_price) for contract in _listed(product, time, self._spot)]
        return Snapshot(product, time, index_price, {quote.symbol: quote for quote in quotes})

    def _quote(self, contract: Contract, time: datetime, index_price: Decimal) -> Quote:
        coin, _, quoted_in = contract.product.partition("_")
        years = (contract.expiry - time) / YEAR
        forward = float(index_price) * math.exp(CARRY * years)
        strike, call = float(contract.strike), contract.option_type is OptionType.CALL
        distance = math.log(strike / forward) / (VOLATILITY[coin] * math.sqrt(years))
        distance = max(-2.5, min(2.5, distance))
        volatility = VOLATILITY[coin] * (1 + SKEW * distance + CURVATURE * distance**2)
        # An inverse premium is in coin: the dollars of Black-76 divided by the forward. A linear one is that times
        # the index.
        unit = float(index_price) / forward if quoted_in else 1 / forward
        mark = black76.price(forward, strike, years, volatility, call) * unit
        spread = black76.vega(forward, strike, years, volatility) * HALF_SPREAD * unit
        return Quote(
            contract=contract,
            symbol=contract.symbol,
            time=time,
            forward=Decimal(f"{forward:.4f}"),
            mark=Decimal(f"{mark:.6f}"),
            bid=self._recorded(_on_grid(mark - spread, contract.product, math.floor)),
            ask=self._recorded(_on_grid(mark + spread, contract.product, math.ceil)),
            volatility=round(volatility * 100, 2),
        )

    def _recorded(self, price: Decimal) -> Decimal | None:
        return price if price > 0 and self._random.random() >= MISSING else None


def _on_grid(price: float, product: str, rounding: Callable[[float], int]) -> Decimal:
    if "_" in product:
        tick = Decimal(5)
    else:
        tick = Decimal("0.0001") if price <= 0.005 else Decimal("0.0005")
    return tick * rounding(price / float(tick))


def _listed(product: str, time: datetime, spot: Mapping[str, float]) -> Iterator[Contract]:
    """The next four days and the next four Fridays, at strikes within 30 % of the first spot."""
    first = time.replace(hour=8) if time.hour < 8 else time.replace(hour=8) + DAY
    expiries = [first + day * DAY for day in range(28) if day < 4 or (first + day * DAY).weekday() == FRIDAY]
    coin = product.partition("_")[0]
    step = STRIKE_STEP[coin]
    strikes = range(round(spot[coin] * 0.7 / step) * step, round(spot[coin] * 1.3 / step) * step, step)
    for expiry in expiries:
        for strike in strikes:
            for option_type in (OptionType.CALL, OptionType.PUT):
                yield Contract(product, expiry, Decimal(strike), option_type)
