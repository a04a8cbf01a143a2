"""What is reported to the ledger, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.support.model.contracts import Contract


@dataclass(frozen=True)
class Fill:
    """One trade as reported."""

    symbol: str
    side: str
    quantity: Fraction
    price: Fraction
    time: datetime
    trade_id: str = ""
    fee: Fraction | None = None
    index: Fraction | None = None
    order_id: str = ""
    effect: str = ""
    liquidity: str = ""
    source: str = "VENUE_TRADE"


@dataclass(frozen=True)
class Order:
    """An order as reported."""

    order_id: str
    symbol: str
    side: str
    quantity: Fraction
    state: str = "OPEN"
    update_time: datetime | None = None
    effect: str = ""


@dataclass(frozen=True)
class Execution:
    """What a bot's attempt came to."""

    request_id: str
    account: str
    mode: str
    action: str
    executed_time: datetime
    status: str = "EXECUTED"
    strategy: str = "COVERED_CALL"
    strategy_name: str = ""
    venue: str = "deribit"
    position_id: str = ""
    from_symbols: tuple[str, ...] = ()
    to_symbols: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    collateral: Fraction | None = None
    decision_id: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class LateFills:
    """Fills and order states that follow an execution, by order_id."""

    request_id: str
    account: str
    mode: str
    venue: str = "deribit"
    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True)
class Settlement:
    """A final delivery price of one contract, or of an index and expiry."""

    request_id: str
    account: str
    mode: str
    price: Fraction
    symbol: str = ""
    index_name: str = ""
    expiry: datetime | None = None
    venue: str = "deribit"
    reported: tuple[tuple[str, Fraction | None, Fraction | None], ...] = ()
    """(symbol, cash, fee) as the venue booked them. Only for contracts that a single leg holds."""

    def covers(self, contract: Contract) -> bool:
        """Whether its price is this contract's."""
        if self.symbol:
            return contract.symbol == self.symbol
        return (contract.index_name, contract.expiry) == (self.index_name, self.expiry)


Command = Execution | LateFills | Settlement


@dataclass(frozen=True)
class Mark:
    """What a contract is worth at an instant."""

    symbol: str
    time: datetime
    price: Fraction
    index: Fraction | None = None


@dataclass(frozen=True)
class Answer:
    """What an accepted command is answered."""

    revision: int
    position_ids: tuple[str, ...] = ()
    dropped_trade_ids: tuple[str, ...] = ()
    unmatched_order_ids: tuple[str, ...] = ()

    @property
    def position_id(self) -> str:
        """The one chain of an execution; empty if none."""
        return self.position_ids[0] if self.position_ids else ""


class RefusedError(Exception):
    """A command that the definitions do not allow."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


def invalid(why: str) -> RefusedError:
    return RefusedError("INVALID_ARGUMENT", why)


def not_found(why: str) -> RefusedError:
    return RefusedError("NOT_FOUND", why)


def precondition(why: str) -> RefusedError:
    return RefusedError("FAILED_PRECONDITION", why)


def exists(why: str) -> RefusedError:
    return RefusedError("ALREADY_EXISTS", why)
