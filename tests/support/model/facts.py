"""What the ledger has accepted, in the order of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.support.model.commands import Fill, Order, Settlement
from tests.support.model.contracts import Contract

Scope = tuple[str, str, str]
"""Account, mode, venue."""

ChainKey = tuple[str, str]
"""Account, position_id."""


@dataclass(frozen=True)
class ChainFact:
    """A chain was made."""

    revision: int
    scope: Scope
    position_id: str
    strategy: str
    strategy_name: str
    underlying: str
    currency: str

    @property
    def key(self) -> ChainKey:
        """Where it is found."""
        return self.scope[0], self.position_id


@dataclass(frozen=True)
class FillFact:
    """A fill counts in a chain."""

    key: ChainKey
    revision: int
    place: int
    fill: Fill
    contract: Contract
    opening: bool
    roll: int | None
    """Revision of the ROLL that it belongs to."""
    fee: Fraction | None
    fee_source: str
    decision_id: str
    reported_before: frozenset[tuple[int, int]] = frozenset()
    """Arrivals of the aggregates whose place it took."""
    stated_premium: Fraction | None = None
    """Price times quantity, where a share of an aggregate had to be rounded."""

    @property
    def time(self) -> datetime:
        return self.fill.time

    @property
    def arrival(self) -> tuple[int, int]:
        return self.revision, self.place

    @property
    def arrivals(self) -> frozenset[tuple[int, int]]:
        """All that it is known by."""
        return self.reported_before | {self.arrival}

    @property
    def coins(self) -> Fraction:
        """Quantity in coins."""
        return self.fill.quantity * self.contract.multiplier

    @property
    def premium(self) -> Fraction:
        """Price times quantity."""
        return self.fill.price * self.coins if self.stated_premium is None else self.stated_premium

    @property
    def factor(self) -> Fraction | None:
        """What one unit of its currency was worth in USD."""
        return self.fill.index if self.contract.coin_settled else Fraction(1)


@dataclass(frozen=True)
class OrderFact:
    """An order of a chain was in this state."""

    key: ChainKey
    scope: Scope
    revision: int
    order: Order
    time: datetime
    opening: bool
    roll: int | None
    decision_id: str


@dataclass(frozen=True)
class RollFact:
    """A roll was begun."""

    key: ChainKey
    revision: int
    out_of: frozenset[str]
    into: frozenset[str]


@dataclass(frozen=True)
class AbandonFact:
    """A half-done roll was given up."""

    key: ChainKey
    revision: int
    time: datetime


@dataclass(frozen=True)
class CollateralFact:
    """The chain's collateral was stated."""

    key: ChainKey
    revision: int
    time: datetime
    amount: Fraction


@dataclass(frozen=True)
class PriceFact:
    """A delivery price became known."""

    scope: Scope
    revision: int
    settlement: Settlement


@dataclass(frozen=True)
class WaitingFill:
    """A fill whose order nobody has reported yet."""

    scope: Scope
    fill: Fill


@dataclass(frozen=True)
class WaitingOrder:
    """A state of an order that nobody has reported yet."""

    scope: Scope
    order: Order


Fact = (
    ChainFact | FillFact | OrderFact | RollFact | AbandonFact | CollateralFact | PriceFact | WaitingFill | WaitingOrder
)


def content(fill: Fill) -> tuple[object, ...]:
    """What makes a trade the same trade."""
    return fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.index, fill.time
