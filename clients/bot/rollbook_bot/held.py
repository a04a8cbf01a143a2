"""What is known of a chain that is not over, and of an order of which more may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from rollbook import ChainState, Mode, Order, PositionChain, Roll, Side, StrategyKind


@dataclass(frozen=True)
class Line:
    """What belongs together: chains of one line take each other's orders."""

    mode: Mode
    underlying: str
    strategy: StrategyKind
    strategy_name: str


@dataclass
class FollowedOrder:
    """An order that was told as open, or as ended before all its trades were told. `position_id` is empty where only
    the ledger knows the chain."""

    position_id: str
    line: Line
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal = Decimal(0)
    """As far as it is told, by trades or in sum."""
    roll: str = ""
    """The roll that it is part of."""
    traded: Decimal = Decimal(0)
    """As far as it is told by trades."""
    trade_ids: list[str] = field(default_factory=list)
    ended: datetime | None = None


@dataclass
class HeldChain:
    """A chain that is not over."""

    line: Line
    currency: str
    held: dict[str, Decimal] = field(default_factory=dict)
    half_roll: str = ""
    """The roll that closed what was left, and has opened nothing …"""
    rolled_from: tuple[str, ...] = ()
    """… and the contracts that it closed: no roll leads back into them."""
    opened: dict[str, None] = field(default_factory=dict)
    """Rolls that have opened something."""


def chain_of(chain: PositionChain, before: HeldChain | None) -> HeldChain:
    """A chain as the ledger has it, with what was known of its rolls."""
    held = HeldChain(
        Line(chain.mode, chain.underlying, chain.strategy, chain.strategy_name),
        chain.settlement_currency,
        {
            leg.instrument.symbol: leg.open_quantity
            for leg in chain.legs
            if leg.instrument is not None and leg.open_quantity
        },
    )
    if before is not None:
        held.opened = before.opened
    begun = [roll for roll in chain.rolls if not roll.completed and roll.time is not None]
    held.opened |= {_name(chain, roll): None for roll in begun if roll.gross_credit and roll.gross_credit > 0}
    if chain.state is ChainState.FLAT:
        if before is not None and before.half_roll:
            held.half_roll, held.rolled_from = before.half_roll, before.rolled_from
        else:
            held.half_roll = _name(chain, begun[-1]) if begun else "unknown"
            held.rolled_from = begun[-1].from_symbols if begun else ()
    return held


def order_of(chain: PositionChain, line: Line, order: Order, before: FollowedOrder | None) -> FollowedOrder:
    """An order that works in a chain, as the ledger has it, with what was known of its trades. Where nothing was they
    are told once more: the ledger counts them once."""
    return FollowedOrder(
        position_id=chain.position_id,
        line=line,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity or Decimal(0),
        filled=order.filled_quantity or Decimal(0),
        roll=before.roll if before is not None else _roll_with(chain, order.symbol),
        traded=before.traded if before is not None else Decimal(0),
        trade_ids=before.trade_ids if before is not None else [],
    )


def _name(chain: PositionChain, roll: Roll) -> str:
    """Of a roll that somebody else told, or that nobody remembers."""
    return f"{chain.position_id}/{roll.roll_number}"


def _roll_with(chain: PositionChain, symbol: str) -> str:
    """The roll that an order in this contract belongs to, if one waits for it."""
    rolls = [r for r in chain.rolls if not r.completed and symbol in (*r.from_symbols, *r.to_symbols)]
    return _name(chain, rolls[-1]) if rolls else ""
