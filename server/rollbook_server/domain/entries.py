"""The journal's facts: what was accepted, with everything that was decided about it.

An entry belongs to at most one chain. The first entry of a command carries its `Stamp`: the command as said and the
answer that every repetition gets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.executions import (
    Execution,
    FeeSource,
    Fill,
    Flag,
    LateFills,
    Mode,
    Order,
    PositionEffect,
    Settlement,
)
from rollbook_server.domain.instruments import Instrument

APART: Mapping[str, bool] = {"apart": True}
"""Marks the field that holds the command: it is stored beside the entry's other facts, not within them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStamp:
    """An atomic batch: its id, the digest of its items' contents, and how many they were."""

    request_id: str
    digest: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command was answered, for every repetition of it."""

    revision: int
    position_ids: tuple[str, ...] = ()
    dropped_trade_ids: tuple[str, ...] = ()
    unmatched_order_ids: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedFill:
    """A fill that counts: what it does, and its fee. `fill` is None where the entry's own command carries it, at
    `place`."""

    place: int
    fill: Fill | None = None
    instrument: Instrument
    effect: PositionEffect
    fee: Decimal | None = None
    fee_source: FeeSource
    roll_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedOrder:
    """An order of a chain: what its fills do. `order` is None where the entry's own command carries it, at `place`."""

    place: int
    order: Order | None = None
    effect: PositionEffect
    roll_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEntry:
    """An execution, what of it counts, and what had waited for its orders."""

    said: Execution = field(metadata=APART)
    fills: tuple[DecidedFill, ...] = ()
    orders: tuple[DecidedOrder, ...] = ()
    begins_chain: bool = False
    """Whether it makes the chain, whose underlying and settlement currency are then these."""
    underlying: str = ""
    settlement_currency: str = ""
    opens_roll: int = 0
    """The number of the roll that this execution begins; 0 if none."""
    from_symbols: tuple[str, ...] = ()
    to_symbols: tuple[str, ...] = ()
    abandons_roll: bool = False
    dropped_trade_ids: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()

    def fill_of(self, decided: DecidedFill) -> Fill:
        """The fill that was decided about."""
        return decided.fill or self.said.fills[decided.place]

    def order_of(self, decided: DecidedOrder) -> Order:
        """The order that was decided about."""
        return decided.order or self.said.orders[decided.place]


@dataclass(frozen=True, slots=True, kw_only=True)
class FillsEntry:
    """Late fills and order states of one chain, or (without a chain) of orders that nobody has reported yet."""

    request_id: str
    venue: str
    mode: Mode
    fills: tuple[DecidedFill, ...] = ()
    orders: tuple[DecidedOrder, ...] = ()
    waiting_fills: tuple[Fill, ...] = ()
    waiting_orders: tuple[Order, ...] = ()
    dropped_trade_ids: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    said: LateFills | None = field(default=None, metadata=APART)
    """The whole command, on its first entry."""

    def order_of(self, decided: DecidedOrder) -> Order:
        """The order that was decided about."""
        if decided.order is None:
            raise ValueError("a late report is not in its entry")
        return decided.order

    def fill_of(self, decided: DecidedFill) -> Fill:
        """The fill that was decided about."""
        if decided.fill is None:
            raise ValueError("a late fill is not in its entry")
        return decided.fill


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryEntry:
    """Contracts of a chain reached their expiry; no delivery price is known yet."""

    symbols: tuple[str, ...]
    expiry_time: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one contract of a chain was settled at: `cash` to us and `fee` where the venue reported them."""

    symbol: str
    cash: Decimal | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementEntry:
    """A delivery price, and the contracts of one chain that it settles (none if no chain was concerned)."""

    request_id: str
    venue: str
    mode: Mode
    delivery_price: Decimal
    expiry_time: Micros
    symbol: str = ""
    index_name: str = ""
    deliveries: tuple[Delivery, ...] = ()
    flags: tuple[Flag, ...] = ()
    said: Settlement | None = field(default=None, metadata=APART)
    """The whole command, on its first entry."""


Body = ExecutionEntry | FillsEntry | ExpiryEntry | SettlementEntry

BODIES: Mapping[str, type[Any]] = {
    "execution": ExecutionEntry,
    "fills": FillsEntry,
    "expiry": ExpiryEntry,
    "settlement": SettlementEntry,
}
"""The kinds of entries, as stored."""

KINDS: Mapping[type[Any], str] = {body: kind for kind, body in BODIES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    revision: int
    sequence: int
    recorded_time: Micros
    event_time: Micros
    account: str
    position_id: str
    body: Body
    answer: Answer | None = None
    """On the first entry of a command."""
    batch: BatchStamp | None = None
    """On the first entry of an atomic batch."""
