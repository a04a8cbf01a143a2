"""What the bot holds, by what it has told: enough to tell an OPEN from an ADD while the ledger is away.

The ledger is the truth. Whenever everything told is recorded, the holdings are made anew of its chains. Between that
they follow what is told, and lie on the disk, so that a bot that was killed still knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


@dataclass
class Working:
    """An order that was told as open."""

    position_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal = Decimal(0)


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

    def remember(self, request_id: str) -> None:
        """A command was told."""
        self.told[request_id] = None
        while len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]

    def take(self, chains: Iterable[PositionChain]) -> None:
        """The ledger's chains, when it has everything that was told."""
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
                if order.quantity is not None and order.state is OrderState.OPEN:
                    self.working[order.order_id] = Working(
                        chain.position_id, order.symbol, order.side, order.quantity, order.filled_quantity or Decimal(0)
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
            "working": {
                name: [order.position_id, order.symbol, order.side, str(order.quantity), str(order.filled)]
                for name, order in self.working.items()
            },
            "told": [*self.told],
        }

    def _read(self) -> None:
        """What was written; a file that cannot be read is as good as none, since the ledger knows."""
        try:
            tree = json.loads(self._path.read_text(encoding="utf-8"))
            self.chains = dict(_chains(tree["chains"]))
            self.working = {
                name: Working(chain, symbol, Side(side), Decimal(quantity), Decimal(filled))
                for name, (chain, symbol, side, quantity, filled) in tree["working"].items()
            }
            self.told = dict.fromkeys(tree["told"])
            self.known = True
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError):
            self.chains, self.working, self.told = {}, {}, {}


def _chains(tree: dict[str, Any]) -> Iterator[tuple[str, HeldChain]]:
    for name, chain in tree.items():
        mode, underlying, strategy, strategy_name = chain["line"]
        line = Line(Mode(mode), underlying, StrategyKind(strategy), strategy_name)
        held = {symbol: Decimal(quantity) for symbol, quantity in chain["held"].items()}
        yield name, HeldChain(line, held, chain["half_rolled"])
