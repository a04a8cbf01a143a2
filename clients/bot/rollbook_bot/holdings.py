"""What the bot holds, by what it has told: enough to tell an OPEN from an ADD while the ledger is away.

The ledger is the truth. Whenever everything told is recorded, the holdings are made anew of its chains. Between that
they follow what is told, and lie on the disk, so that a bot that was killed still knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rollbook import ChainState, Mode, OrderState, PositionChain, Side, StrategyKind

REMEMBERED = 5_000
"""Commands whose ids are kept, so that the same dict, made anew, is known again."""


@dataclass(frozen=True)
class Line:
    """What belongs together: chains of one line take each other's orders."""

    mode: Mode
    underlying: str
    strategy: StrategyKind
    strategy_name: str


TRADES_AWAITED = timedelta(days=1)
"""After an order's end; the venue does not give its trades for longer when it is asked for recent ones."""


@dataclass
class Working:
    """An order that was told as open, or as ended before all its trades were told."""

    position_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal = Decimal(0)
    """As far as it is told, by trades or in sum."""
    traded: Decimal = Decimal(0)
    """As far as it is told by trades."""
    trade_ids: list[str] = field(default_factory=list)
    rolls: bool = False
    """It is one of the two orders of a roll."""
    ended: datetime | None = None


@dataclass
class HeldChain:
    """A chain that is not over. `half_rolled`: its roll closed one leg, and opened none."""

    line: Line
    held: dict[str, Decimal] = field(default_factory=dict)
    half_rolled: bool = False


class Holdings:
    """Chains that are not over, and orders that work. Not thread-safe: its owner has the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.chains: dict[str, HeldChain] = {}
        """By position_id."""
        self.working: dict[str, Working] = {}
        """By order_id."""
        self.untraded: dict[str, Working] = {}
        """Orders that have ended, and were told in sum: their trades would say more. By order_id, oldest first."""
        self.told: dict[str, None] = {}
        """Ids of commands, oldest first."""
        self.known = False
        """Whether they come from somewhere: the disk or the ledger."""
        self._read()

    def holding(self, line: Line, symbol: str) -> list[str]:
        """The chains of a line that hold a contract."""
        return [name for name, chain in self.chains.items() if chain.line == line and chain.held.get(symbol)]

    def half_rolled(self, line: Line) -> list[str]:
        """The chains of a line whose roll is half done."""
        return [name for name, chain in self.chains.items() if chain.line == line and chain.half_rolled]

    def symbols(self) -> dict[tuple[Mode, str], None]:
        """The contracts that are held, each once."""
        return {(chain.line.mode, symbol): None for chain in self.chains.values() for symbol in chain.held}

    def fill(self, position_id: str, line: Line, symbol: str, side: Side, quantity: Decimal) -> None:
        """Something filled: sold adds to what is short, bought takes from it."""
        chain = self.chains.setdefault(position_id, HeldChain(line))
        held = chain.held.get(symbol, Decimal(0)) + (quantity if side is Side.SELL else -quantity)
        if held > 0:
            chain.held[symbol] = held
        else:
            chain.held.pop(symbol, None)
        if side is Side.SELL:
            chain.half_rolled = False

    def settle(self, position_id: str) -> None:
        """A chain that holds nothing, and waits for nothing, is over."""
        chain = self.chains.get(position_id)
        waits = any(order.position_id == position_id for order in self.working.values())
        if chain is not None and not chain.held and not chain.half_rolled and not waits:
            del self.chains[position_id]

    def order(self, order_id: str) -> Working | None:
        """An order of which more may be told."""
        return self.working.get(order_id) or self.untraded.get(order_id)

    def end(self, order_id: str, order: Working, time: datetime) -> None:
        """An order is over; it is kept for a while if its trades are not all told."""
        order.ended = order.ended or time
        self.working.pop(order_id, None)
        self.untraded.pop(order_id, None)
        if order.traded < order.filled:
            self.untraded[order_id] = order

    def forget_untraded(self, now: datetime) -> None:
        """Lets go of orders whose trades will not come any more."""
        for order_id, order in [*self.untraded.items()]:
            if order.ended is None or now - order.ended > TRADES_AWAITED:
                del self.untraded[order_id]

    def remember(self, request_id: str) -> None:
        """A command was told."""
        self.told[request_id] = None
        while len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]

    def take(self, chains: Iterable[PositionChain]) -> None:
        """The ledger's chains, when it has everything that was told."""
        before = self.working
        self.chains, self.working = {}, {}
        for chain in chains:
            if chain.state not in (ChainState.OPEN, ChainState.FLAT, ChainState.PENDING):
                continue
            line = Line(chain.mode, chain.underlying, chain.strategy, chain.strategy_name)
            held = {
                leg.instrument.symbol: leg.open_quantity
                for leg in chain.legs
                if leg.instrument is not None and leg.open_quantity
            }
            self.chains[chain.position_id] = HeldChain(line, held, chain.state is ChainState.FLAT)
            for order in chain.working_orders:
                if order.quantity is None or order.state is not OrderState.OPEN:
                    continue
                known = before.get(order.order_id)
                self.working[order.order_id] = Working(
                    chain.position_id,
                    order.symbol,
                    order.side,
                    order.quantity,
                    order.filled_quantity or Decimal(0),
                    known.traded if known else Decimal(0),
                    known.trade_ids if known else [],  # the ledger counts once what is told again
                    any(
                        order.symbol in (*roll.from_symbols, *roll.to_symbols)
                        for roll in chain.rolls
                        if not roll.completed
                    ),
                )
        self.known = True

    # On the disk.

    def save(self) -> None:
        """Writes them, whole or not at all. Raises OSError."""
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(self._tree(), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def _tree(self) -> dict[str, Any]:
        return {
            "chains": {
                name: {
                    "line": [chain.line.mode, chain.line.underlying, chain.line.strategy, chain.line.strategy_name],
                    "held": {symbol: str(quantity) for symbol, quantity in chain.held.items()},
                    "half_rolled": chain.half_rolled,
                }
                for name, chain in self.chains.items()
            },
            "working": {name: _order_tree(order) for name, order in self.working.items()},
            "untraded": {name: _order_tree(order) for name, order in self.untraded.items()},
            "told": [*self.told],
        }

    def _read(self) -> None:
        """What was written; a file that cannot be read is as good as none, since the ledger knows."""
        try:
            tree = json.loads(self._path.read_text(encoding="utf-8"))
            self.chains = dict(_chains(tree["chains"]))
            self.working = {name: _order(order) for name, order in tree["working"].items()}
            self.untraded = {name: _order(order) for name, order in tree["untraded"].items()}
            self.told = dict.fromkeys(tree["told"])
            self.known = True
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError):
            self.chains, self.working, self.untraded, self.told = {}, {}, {}, {}


def _order_tree(order: Working) -> dict[str, Any]:
    return {
        "position_id": order.position_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": str(order.quantity),
        "filled": str(order.filled),
        "traded": str(order.traded),
        "trade_ids": order.trade_ids,
        "rolls": order.rolls,
        "ended": order.ended.isoformat() if order.ended else None,
    }


def _order(tree: dict[str, Any]) -> Working:
    return Working(
        position_id=tree["position_id"],
        symbol=tree["symbol"],
        side=Side(tree["side"]),
        quantity=Decimal(tree["quantity"]),
        filled=Decimal(tree["filled"]),
        traded=Decimal(tree["traded"]),
        trade_ids=[*tree["trade_ids"]],
        rolls=tree["rolls"],
        ended=datetime.fromisoformat(tree["ended"]) if tree["ended"] else None,
    )


def _chains(tree: dict[str, Any]) -> Iterator[tuple[str, HeldChain]]:
    for name, chain in tree.items():
        mode, underlying, strategy, strategy_name = chain["line"]
        line = Line(Mode(mode), underlying, StrategyKind(strategy), strategy_name)
        held = {symbol: Decimal(quantity) for symbol, quantity in chain["held"].items()}
        yield name, HeldChain(line, held, chain["half_rolled"])
