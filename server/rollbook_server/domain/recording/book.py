"""What a judgement may look up, and what it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from rollbook_server.domain.chains import Chain
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import Entry
from rollbook_server.domain.executions import Fill, Mode, Order
from rollbook_server.domain.fold import fold
from rollbook_server.domain.history import History
from rollbook_server.domain.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Scope:
    """Where ids of orders and contracts are unique."""

    account: str
    mode: Mode
    venue: str


@dataclass(frozen=True, slots=True)
class Record:
    """A chain: what happened, and what it comes to."""

    history: History
    chain: Chain


@dataclass(frozen=True, slots=True)
class KnownTrade:
    """A trade that counts already; `position_id` is empty while it waits for its order, or where the present command
    itself told it before (`repeated`)."""

    fill: Fill
    position_id: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What came for an order that nobody has reported yet."""

    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()


class Book(Protocol):
    """The ledger as the present command finds it, all earlier commands included."""

    def record(self, account: str, position_id: str) -> Record | None:
        """A chain by name."""

    def holders(self, scope: Scope, symbol: str, at: Micros) -> Sequence[str]:
        """The chains that had a leg in a contract at an instant."""

    def instrument(self, scope: Scope, symbol: str) -> Instrument | None:
        """A contract as some chain holds or held it."""

    def unsettled(self, scope: Scope, symbol: str, index_name: str, expiry: Micros) -> Sequence[str]:
        """The chains that hold a contract, by its symbol or (if that is empty) by index and expiry."""

    def order_owner(self, scope: Scope, order_id: str) -> str | None:
        """The chain that an order belongs to."""

    def trade(self, scope: Scope, currency: str, trade_id: str) -> KnownTrade | None:
        """A trade that is recorded."""

    def waiting(self, scope: Scope, order_id: str) -> Waiting:
        """What waits for an order."""

    def delivery_price(self, scope: Scope, instrument: Instrument) -> Decimal | None:
        """The recorded delivery price of a contract."""

    def other_prices(
        self, scope: Scope, symbol: str, index_name: str, expiry: Micros, price: Decimal
    ) -> Sequence[Decimal]:
        """Recorded delivery prices of the same contracts that differ from `price`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next entry goes: its revision, its sequence, and the server's clock."""

    revision: int
    sequence: int
    now: Micros

    def following(self, entries: int) -> "Place":
        """The place after some entries."""
        return replace(self, sequence=self.sequence + entries)


@dataclass(frozen=True, slots=True)
class Judgement:
    """An accepted command: its entries, and the chains as they are after them."""

    entries: tuple[Entry, ...]
    records: Mapping[str, Record] = field(default_factory=dict)


def advance(before: Record | None, entry: Entry) -> Record:
    """The chain after one more entry. Refuses what the fold refuses."""
    history = History.begun_by(entry) if before is None else before.history.after(entry)
    chain, leg_numbers = fold(history)
    return Record(replace(history, leg_numbers=leg_numbers), chain)
