"""The prices that Deribit takes for options: its tick sizes as data, and rounding onto them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rollbook_bot.contracts import product_of
from rollbook_bot.spelling import number


@dataclass(frozen=True)
class Ticks:
    """A grid of prices, in the contract's premium unit. Above the price of a step its tick holds."""

    smallest: Decimal
    steps: tuple[tuple[Decimal, Decimal], ...] = ()
    """(above_price, tick), rising."""

    def down(self, price: Decimal) -> Decimal:
        """The highest price of the grid that is not above this one."""
        return price // self._at(price) * self._at(price)

    def up(self, price: Decimal) -> Decimal:
        """The lowest price of the grid that is not below this one."""
        floor = self.down(price)
        return floor if floor == price else floor + self._at(price)

    def _at(self, price: Decimal) -> Decimal:
        return next((tick for above, tick in reversed(self.steps) if price > above), self.smallest)


_COIN = Ticks(Decimal("0.0001"), ((Decimal("0.005"), Decimal("0.0005")),))

TICKS = {
    "BTC": _COIN,
    "ETH": _COIN,
    "BTC_USDC": Ticks(Decimal(5)),
    "ETH_USDC": Ticks(Decimal("0.2")),
    "SOL_USDC": Ticks(Decimal("0.1")),
    "XRP_USDC": Ticks(Decimal("0.0005")),
    "PAXG_USDC": Ticks(Decimal("0.5")),
}
"""By what contracts are named after."""


def ticks_of(exchange: object, symbol: str) -> Ticks:
    """The grid of a contract: as the exchange's get_instrument says, if it has that, else as known here. Raises
    ValueError for a product that nobody knows, and if the exchange does not answer.
    """
    ask = getattr(exchange, "get_instrument", None)
    if ask is not None:
        try:
            instrument = ask(symbol)
        except Exception as error:  # an exchange of any kind
            raise ValueError(f"{symbol}: the exchange does not say its tick: {error}") from error
        if isinstance(instrument, Mapping) and instrument.get("tick_size"):
            return _read(instrument, symbol)
    found = TICKS.get(product_of(symbol))
    if found is None:
        raise ValueError(f"{symbol}: the tick of {product_of(symbol)} is not known, and the exchange does not say it")
    return found


def _read(instrument: Mapping[str, Any], symbol: str) -> Ticks:
    where = f"{symbol}: tick_size_steps"
    given = instrument.get("tick_size_steps") or ()
    if not isinstance(given, Sequence) or not all(isinstance(step, Mapping) for step in given):
        raise ValueError(f"{where}: {given!r} is no list of steps")
    steps = [(_tick(step.get("above_price"), where), _tick(step.get("tick_size"), where)) for step in given]
    return Ticks(_tick(instrument.get("tick_size"), f"{symbol}: tick_size"), tuple(sorted(steps)))


def _tick(value: object, where: str) -> Decimal:
    found = number(value, where)
    if found is None or found <= 0:
        raise ValueError(f"{where}: {value!r} is not above 0")
    return found
