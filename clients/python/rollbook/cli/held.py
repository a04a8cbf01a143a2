"""What is open, as the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeVar

from rollbook._exact import percent, total
from rollbook.cli import figures
from rollbook.models import ChainValuation, Instrument, LegValuation, PositionChain, PositionLeg, Side
from rollbook.payloads import open_legs

Cell = TypeVar("Cell")


@dataclass(frozen=True)
class Position:
    """An open chain with its value."""

    chain: PositionChain
    value: ChainValuation
    flags: list[str]

    @property
    def legs(self) -> Sequence[PositionLeg]:
        """The open ones; of a half-done roll the one that it held last."""
        return open_legs(self.chain) or self.chain.legs[-1:]

    @property
    def order(self) -> tuple[str, datetime, str]:
        """By account, then by what expires first."""
        times = [leg.instrument.expiry_time for leg in self.legs if leg.instrument]
        first = min((time for time in times if time), default=datetime.max.replace(tzinfo=UTC))
        return self.chain.account, first, self.chain.position_id


def signed_quantity(leg: PositionLeg, quantity: Decimal | None) -> Decimal | None:
    """Negative for a short leg."""
    return quantity.copy_negate() if quantity and leg.side is Side.SELL else quantity


def leg_value(value: ChainValuation | None, leg: PositionLeg) -> LegValuation | None:
    """What is known of the leg's worth; None without a mark."""
    return next((each for each in (value.legs if value else ()) if each.leg_number == leg.leg_number), None)


def mark_price(value: ChainValuation | None, leg: PositionLeg) -> Decimal | None:
    """What the leg is valued at."""
    valued = leg_value(value, leg)
    return valued.mark_price if valued else None


def contract(leg: PositionLeg) -> Instrument:
    """What it is of."""
    return leg.instrument or Instrument()


class Rows:
    """One row for each open leg; what is known of the chain as a whole stands in its first."""

    def __init__(self, positions: Sequence[Position], most: int | None = None) -> None:
        every = [(each, leg, number == 0) for each in positions for number, leg in enumerate(each.legs)]
        self._rows = every[:most]
        self.left_out = len(every) - len(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def of_chain(self, get: Callable[[Position], Cell], below: Cell | Literal[""] = "") -> list[Cell | Literal[""]]:
        """A column of what chains have, and what stands below it."""
        return [*(get(each) if first else "" for each, _, first in self._rows), below]

    def of_leg(self, get: Callable[[Position, PositionLeg], Cell]) -> list[Cell | Literal[""]]:
        """A column of what legs have; empty where nothing is open."""
        return [*(get(each, leg) if leg.open_quantity else "" for each, leg, _ in self._rows), ""]

    def of_row(self, get: Callable[[Position, PositionLeg], Cell]) -> list[Cell | Literal[""]]:
        """A column of what is to be said even where nothing is open."""
        return [*(get(each, leg) for each, leg, _ in self._rows), ""]

    def quantities(self) -> list[str]:
        """The column of what is open, negative where it is short."""
        return figures.exact(self.of_row(lambda _, leg: signed_quantity(leg, leg.open_quantity)))


def captured(positions: Sequence[Position]) -> Decimal | None:
    """How much of the premium of what is open is earned, in percent, of those that have their marks."""
    pnl = figures.sum_of([each.value.unrealized_pnl for each in positions])
    valued = [each.chain for each in positions if each.value.unrealized_pnl is not None]
    return None if pnl is None else percent(pnl, total(chain.open_credit for chain in valued).copy_abs())
