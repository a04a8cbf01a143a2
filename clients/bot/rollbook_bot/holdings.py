"""What the bot holds, by what it has told: enough to tell an OPEN from an ADD while the ledger is away.

The ledger is the truth. Whenever everything told is recorded, the holdings are made anew of its chains. Between that
they follow what is told, and lie on the disk, so that a bot that was killed still knows. They are written before what
is told is recorded, together with it (`outbox`): whoever finds them after a kill records that once more, and then
holdings and spool say the same.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from rollbook import ChainState, Mode, OrderState, PositionChain, Roll, Side, StrategyKind
from rollbook_bot import durable
from rollbook_bot.letters import Command, Letter, Unsendable

log = logging.getLogger("rollbook_bot")

REMEMBERED = 5_000
"""Commands whose ids are kept, so that the same dict, made anew, is known again."""


def underlying_of(symbol: str) -> str:
    """BTC of BTC-… and of BTC_USDC-…"""
    return symbol.partition("-")[0].partition("_")[0]


def currency_of(symbol: str) -> str:
    """What a contract pays in: BTC of BTC-…, USDC of BTC_USDC-…"""
    return symbol.partition("-")[0].rpartition("_")[2]


@dataclass(frozen=True)
class Line:
    """What belongs together: chains of one line take each other's orders."""

    mode: Mode
    underlying: str
    strategy: StrategyKind
    strategy_name: str


@dataclass
class Working:
    """An order that was told as open. `roll` names the roll that it is part of; `position_id` is empty where only the
    ledger knows the chain."""

    position_id: str
    line: Line
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal = Decimal(0)
    roll: str = ""


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


class Holdings:
    """Chains that are not over, and orders that work. Not thread-safe: its owner has the lock."""

    def __init__(self, folder: Path, account: str) -> None:
        self._path = folder / f"holdings-{re.sub(r'[^A-Za-z0-9._-]', '_', account)}.json"
        self.chains: dict[str, HeldChain] = {}
        """By position_id, the oldest first."""
        self.working: dict[str, Working] = {}
        """By order_id."""
        self.told: dict[str, str] = {}
        """Ids of commands, oldest first, with the time that was written into their dicts, if they had none."""
        self.outbox: list[Command] = []
        """What was told last: it may not have come into the spool."""
        self._read()

    def holding(self, line: Line, symbol: str) -> list[str]:
        """The chains of a line that hold a contract, the oldest first."""
        return [name for name, chain in self.chains.items() if chain.line == line and chain.held.get(symbol)]

    def half_rolled(self, line: Line, symbol: str) -> list[str]:
        """The chains of a line whose roll is half done, and may be completed by a sale of this contract: in their
        currency, not back to where they came from, and not while an order of their own may do it."""
        return [
            name
            for name, chain in self.chains.items()
            if chain.line == line
            and chain.half_roll
            and chain.currency == currency_of(symbol)
            and symbol not in chain.rolled_from
            and not any(order.position_id == name and order.side is Side.SELL for order in self.working.values())
        ]

    def symbols(self) -> dict[tuple[Mode, str], None]:
        """The contracts that are held, each once."""
        return {(chain.line.mode, symbol): None for chain in self.chains.values() for symbol in chain.held}

    def work(self, order_id: str, order: Working) -> None:
        """An order waits to be filled, and its chain with it."""
        self.working[order_id] = order
        if order.position_id:
            self.chains.setdefault(order.position_id, HeldChain(order.line, currency_of(order.symbol)))

    def fill(self, position_id: str, line: Line, symbol: str, side: Side, quantity: Decimal, roll: str = "") -> None:
        """Something filled: sold adds to what is short, bought takes from it. Where a roll buys the last back before it
        has sold anything, it is half done."""
        chain = self.chains.setdefault(position_id, HeldChain(line, currency_of(symbol)))
        held = chain.held.get(symbol, Decimal(0)) + (quantity if side is Side.SELL else -quantity)
        if held > 0:
            chain.held[symbol] = held
        else:
            chain.held.pop(symbol, None)
        if side is Side.SELL:
            chain.half_roll, chain.rolled_from = "", ()
            if roll:
                chain.opened[roll] = None
        elif roll and not chain.held and roll not in chain.opened:
            chain.half_roll, chain.rolled_from = roll, (symbol,)

    def settle(self, position_id: str) -> None:
        """A chain that holds nothing, and waits for nothing, is over."""
        chain = self.chains.get(position_id)
        waits = any(order.position_id == position_id for order in self.working.values())
        if chain is not None and not chain.held and not chain.half_roll and not waits:
            del self.chains[position_id]

    def remember(self, request_id: str, written_time: str = "") -> None:
        """A command was told."""
        self.told[request_id] = written_time
        while len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]

    def recall(self, request_ids: Iterable[str]) -> None:
        """Commands, the oldest first, that were told before those that are remembered, or by whoever was killed."""
        told = {request_id: "" for request_id in request_ids if request_id not in self.told} | self.told
        self.told = dict([*told.items()][-REMEMBERED:])

    def take(self, chains: Iterable[PositionChain]) -> None:
        """The ledger's chains, the oldest first, when it has everything that was told.

        An order that works by what was told, and that the ledger does not list, is kept with its chain: it may be of a
        chain that is closed, and opens it again when it fills, or of an execution that was refused.
        """
        old, old_working = self.chains, self.working
        found: dict[str, HeldChain] = {}
        self.working = {}
        for chain in chains:
            if chain.state not in (ChainState.OPEN, ChainState.FLAT, ChainState.PENDING):
                continue
            found[chain.position_id] = _held(chain, old.get(chain.position_id))
            for order in chain.working_orders:
                if order.quantity is not None and order.state is OrderState.OPEN:
                    before = old_working.get(order.order_id)
                    self.working[order.order_id] = Working(
                        chain.position_id,
                        found[chain.position_id].line,
                        order.symbol,
                        order.side,
                        order.quantity,
                        order.filled_quantity or Decimal(0),
                        before.roll if before is not None else _roll_with(chain, order.symbol),
                    )
        self.chains = {name: found.get(name) or HeldChain(old[name].line, old[name].currency) for name in old}
        self.chains |= found
        for order_id, working in old_working.items():
            if order_id not in self.working:
                self.working[order_id] = working
        for name in old:
            if name not in found:
                self.settle(name)
        self.outbox = []

    # On the disk.

    def save(self) -> None:
        """Writes them, whole or not at all. Raises OSError."""
        durable.write(self._path, json.dumps(self._tree()).encode())

    def _tree(self) -> dict[str, Any]:
        return {
            "chains": {
                name: {
                    "line": _words(chain.line),
                    "currency": chain.currency,
                    "held": {symbol: str(quantity) for symbol, quantity in chain.held.items()},
                    "half_roll": chain.half_roll,
                    "rolled_from": chain.rolled_from,
                    "opened": [*chain.opened],
                }
                for name, chain in self.chains.items()
            },
            "working": {
                name: {
                    "position_id": order.position_id,
                    "line": _words(order.line),
                    "symbol": order.symbol,
                    "side": order.side,
                    "quantity": str(order.quantity),
                    "filled": str(order.filled),
                    "roll": order.roll,
                }
                for name, order in self.working.items()
            },
            "told": self.told,
            "outbox": [_letter(command) for command in self.outbox],
        }

    def _read(self) -> None:
        """What was written. A file that cannot be read is put aside and said; the ledger knows what is held."""
        try:
            tree = json.loads(self._path.read_text(encoding="utf-8"))
            chains, working = dict(_chains(tree["chains"])), dict(_working(tree["working"]))
            told = {str(name): str(time) for name, time in tree["told"].items()}
            outbox = [Letter.decode(text.encode()).sendable() for text in tree["outbox"]]
        except FileNotFoundError:
            return
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, Unsendable) as error:
            log.error("%s cannot be read, and what is held is asked of the ledger: %r", self._path, error)
            try:
                self._path.replace(self._path.with_suffix(".damaged"))
            except OSError:
                log.error("%s could not be put aside", self._path)
            return
        self.chains, self.working, self.told, self.outbox = chains, working, told, outbox


def _held(chain: PositionChain, before: HeldChain | None) -> HeldChain:
    """A chain of the ledger, with what is known of its rolls."""
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


def _name(chain: PositionChain, roll: Roll) -> str:
    """Of a roll that somebody else told, or that nobody remembers."""
    return f"{chain.position_id}/{roll.roll_number}"


def _roll_with(chain: PositionChain, symbol: str) -> str:
    """The roll that an order in this contract belongs to, if one waits for it."""
    rolls = [r for r in chain.rolls if not r.completed and symbol in (*r.from_symbols, *r.to_symbols)]
    return _name(chain, rolls[-1]) if rolls else ""


def _letter(command: Command) -> str:
    return Letter.of(command, command.account, command.request_id).encode().decode()


def _words(line: Line) -> list[str]:
    return [line.mode, line.underlying, line.strategy, line.strategy_name]


def _line(words: list[str]) -> Line:
    mode, underlying, strategy, strategy_name = words
    return Line(Mode(mode), underlying, StrategyKind(strategy), strategy_name)


def _chains(tree: dict[str, Any]) -> Iterator[tuple[str, HeldChain]]:
    for name, chain in tree.items():
        yield (
            name,
            HeldChain(
                line=_line(chain["line"]),
                currency=chain["currency"],
                held={symbol: Decimal(quantity) for symbol, quantity in chain["held"].items()},
                half_roll=chain["half_roll"],
                rolled_from=tuple(chain["rolled_from"]),
                opened=dict.fromkeys(chain["opened"]),
            ),
        )


def _working(tree: dict[str, Any]) -> Iterator[tuple[str, Working]]:
    for name, order in tree.items():
        yield (
            name,
            Working(
                position_id=order["position_id"],
                line=_line(order["line"]),
                symbol=order["symbol"],
                side=Side(order["side"]),
                quantity=Decimal(order["quantity"]),
                filled=Decimal(order["filled"]),
                roll=order["roll"],
            ),
        )
