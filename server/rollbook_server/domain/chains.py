"""The figures of a chain. Every one is made by `fold`; none is changed by hand.

Money is in the chain's settlement currency unless the name ends in `_usd`; `_pct` is percent; None is "not known".
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ZERO
from rollbook_server.domain.executions import (
    FeeSource,
    FillSource,
    Mode,
    Order,
    Side,
    StrategyKind,
)
from rollbook_server.domain.instruments import Instrument


class ChainState(enum.StrEnum):
    """State of a chain."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    FLAT = "FLAT"
    CLOSED = "CLOSED"
    VOIDED = "VOIDED"


class CloseReason(enum.StrEnum):
    """How a chain ended."""

    BOUGHT_BACK = "BOUGHT_BACK"
    EXPIRED = "EXPIRED"
    SETTLED = "SETTLED"
    ROLL_ABANDONED = "ROLL_ABANDONED"
    ORDER_CANCELLED = "ORDER_CANCELLED"


class LegState(enum.StrEnum):
    """State of a leg."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    AWAITING_DELIVERY = "AWAITING_DELIVERY"
    SETTLED = "SETTLED"


class RollMove(enum.StrEnum):
    """Where a roll moved to on one axis: HIGHER is up (strike) or out (expiry)."""

    SAME = "SAME"
    HIGHER = "HIGHER"
    LOWER = "LOWER"


class LineKind(enum.StrEnum):
    """What a cash line was."""

    OPENING = "OPENING"
    CLOSING = "CLOSING"
    SETTLEMENT = "SETTLEMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One contract held from flat to flat."""

    leg_number: int
    instrument: Instrument
    side: Side
    state: LegState
    open_quantity: Decimal
    opened_quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal | None = None
    open_credit: Decimal
    open_credit_usd: Decimal | None = None
    gross_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal
    delivery_price: Decimal | None = None
    payoff: Decimal | None = None
    delivery_fee: Decimal | None = None
    settled_quantity: Decimal | None = None
    open_time: Micros
    close_time: Micros | None = None
    decision_id: str = ""
    trigger: str = ""
    reason: str = ""
    collateral: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """One roll; `completed` by its first closing and first opening fill."""

    roll_number: int
    from_symbols: tuple[str, ...]
    to_symbols: tuple[str, ...]
    completed: bool
    gross_credit: Decimal
    net_credit: Decimal
    strike_move: RollMove | None = None
    expiry_move: RollMove | None = None
    time: Micros | None = None
    decision_id: str = ""
    trigger: str = ""
    reason: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CashLine:
    """One line of cash, in the order of the fold. `cash` is to us, fee included."""

    kind: LineKind
    leg_number: int
    roll_number: int
    symbol: str
    side: Side | None
    quantity: Decimal
    price: Decimal | None
    fee: Decimal | None
    fee_source: FeeSource | None
    cash: Decimal
    cash_usd: Decimal | None
    index_price: Decimal | None
    """That its USD are at; of a settlement the delivery price."""
    realized_pnl: Decimal
    realized_pnl_usd: Decimal | None
    time: Micros
    source: FillSource | None
    trade_id: str
    order_id: str
    revision: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain of rolled legs: the unit of profit."""

    account: str
    position_id: str
    venue: str
    mode: Mode
    strategy: StrategyKind
    strategy_name: str
    underlying: str
    settlement_currency: str
    previous_position_id: str = ""
    state: ChainState
    close_reason: CloseReason | None = None
    flat_reason: str = ""
    created_revision: int
    revision: int
    open_time: Micros | None = None
    close_time: Micros | None = None
    open_quantity: Decimal = ZERO
    num_rolls: int = 0
    net_cash: Decimal = ZERO
    open_credit: Decimal = ZERO
    gross_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    fees_complete: bool = True
    fees_estimated: bool = False
    net_pnl: Decimal = ZERO
    net_cash_usd: Decimal | None = None
    net_pnl_usd: Decimal | None = None
    usd_missing_lines: int = 0
    realized_pnl_pct: Decimal | None = None
    premium_kept_pct: Decimal | None = None
    leg_one_premium: Decimal = ZERO
    total_premium: Decimal = ZERO
    collateral: Decimal | None = None
    collateral_insufficient: bool = False
    collateral_days: Decimal | None = None
    holding_days: Decimal | None = None
    days_at_risk: Decimal | None = None
    return_on_collateral_pct: Decimal | None = None
    return_on_collateral_annualised_pct: Decimal | None = None
    exit_style: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    legs: tuple[Leg, ...] = ()
    rolls: tuple[Roll, ...] = ()
    working_orders: tuple[Order, ...] = ()

    @property
    def open_legs(self) -> tuple[Leg, ...]:
        """The legs that still hold something, delivered or not."""
        return tuple(leg for leg in self.legs if leg.open_quantity)

    @property
    def filled(self) -> bool:
        """Whether anything ever filled: a chain that never did is in no statistic."""
        return bool(self.legs)
