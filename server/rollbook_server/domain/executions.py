"""What is reported to the ledger: executions, fills, orders, settlements. Frozen facts, as said."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.instruments import Instrument


class Mode(enum.StrEnum):
    """Whether money was at stake."""

    LIVE = "LIVE"
    DRY_RUN = "DRY_RUN"


class StrategyKind(enum.StrEnum):
    """The kind of strategy of a chain."""

    COVERED_CALL = "COVERED_CALL"
    CASH_SECURED_PUT = "CASH_SECURED_PUT"
    SHORT_STRANGLE = "SHORT_STRANGLE"
    CREDIT_SPREAD = "CREDIT_SPREAD"
    OTHER = "OTHER"
    WHEEL = "WHEEL"


class Action(enum.StrEnum):
    """What the bot set out to do."""

    OPEN = "OPEN"
    ADD = "ADD"
    ROLL = "ROLL"
    CLOSE = "CLOSE"


class ExecutionStatus(enum.StrEnum):
    """How it went; only fills move a chain, whatever it says."""

    EXECUTED = "EXECUTED"
    SIMULATED = "SIMULATED"
    PARTIAL = "PARTIAL"
    RESTING = "RESTING"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"


class Side(enum.StrEnum):
    """Direction of a trade, and of a leg: SELL is short."""

    BUY = "BUY"
    SELL = "SELL"


class PositionEffect(enum.StrEnum):
    """Whether a trade builds a position or takes one away."""

    OPENING = "OPENING"
    CLOSING = "CLOSING"


class OrderState(enum.StrEnum):
    """The venue's state of an order."""

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class FillSource(enum.StrEnum):
    """Where a fill's figures come from."""

    VENUE_TRADE = "VENUE_TRADE"
    ORDER_AGGREGATE = "ORDER_AGGREGATE"
    SIMULATED = "SIMULATED"


class Liquidity(enum.StrEnum):
    """Side of the book."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class FeeSource(enum.StrEnum):
    """Where a fee comes from."""

    REPORTED = "REPORTED"
    ESTIMATED = "ESTIMATED"
    MISSING = "MISSING"


class Flag(enum.StrEnum):
    """Something about an accepted command that deserves a look."""

    FEE_ESTIMATED = "FEE_ESTIMATED"
    FEE_MISSING = "FEE_MISSING"
    INDEX_MISSING = "INDEX_MISSING"
    FILLED_QUANTITY_DIFFERS = "FILLED_QUANTITY_DIFFERS"
    SETTLEMENT_DIFFERS = "SETTLEMENT_DIFFERS"
    TRADES_DROPPED = "TRADES_DROPPED"
    FILLS_ATTACHED = "FILLS_ATTACHED"
    FILLS_UNMATCHED = "FILLS_UNMATCHED"
    SETTLED_ON_ARRIVAL = "SETTLED_ON_ARRIVAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the venue knows it. In RecordFills only `order_id` and `state` are needed."""

    order_id: str
    state: OrderState
    symbol: str = ""
    instrument: Instrument | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    filled_quantity: Decimal | None = None
    position_effect: PositionEffect | None = None
    label: str = ""
    update_time: Micros | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A trade, an order's cumulative state of fill, or a simulated trade. Quantity in coins times multiplier, price
    and fee in the contract's settlement currency, `index_price` in USD."""

    source: FillSource
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    executed_time: Micros
    trade_id: str = ""
    order_id: str = ""
    instrument: Instrument | None = None
    fee: Decimal | None = None
    fee_currency: str = ""
    index_price: Decimal | None = None
    position_effect: PositionEffect | None = None
    liquidity: Liquidity | None = None
    mark_price: Decimal | None = None
    underlying_price: Decimal | None = None
    implied_volatility: float | None = None
    combo_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A message of the venue, kept apart from the journal under its digest (SHA-256, hex)."""

    digest: str
    source: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a bot's attempt came to. `raw_payloads` are digests."""

    request_id: str
    account: str
    venue: str
    mode: Mode
    strategy: StrategyKind
    action: Action
    status: ExecutionStatus
    executed_time: Micros
    strategy_name: str = ""
    underlying: str = ""
    position_id: str = ""
    previous_position_id: str = ""
    from_symbols: tuple[str, ...] = ()
    to_symbols: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    exit_style: str = ""
    reason: str = ""
    trigger: str = ""
    decision_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    collateral: Decimal | None = None
    raw_payloads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFills:
    """Fills and order states by order_id (the command RecordFills)."""

    request_id: str
    account: str
    venue: str
    mode: Mode
    fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()
    raw_payloads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDelivery:
    """What the venue booked for the account's whole position in a contract: cash to us without the fee, and the fee."""

    symbol: str
    cash: Decimal | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A final delivery price for one contract (`symbol`), or for an index and expiry (the command RecordSettlement)."""

    request_id: str
    account: str
    venue: str
    mode: Mode
    delivery_price: Decimal
    symbol: str = ""
    index_name: str = ""
    expiry_time: Micros | None = None
    reported: tuple[ReportedDelivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a contract is worth at an instant. `account` is empty where it is shared. Greeks per coin."""

    account: str
    venue: str
    mode: Mode
    symbol: str
    mark_time: Micros
    mark_price: Decimal
    index_price: Decimal | None = None
    best_bid_price: Decimal | None = None
    best_ask_price: Decimal | None = None
    underlying_price: Decimal | None = None
    mark_volatility: float | None = None
    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    theta: float | None = None
    rho: float | None = None
