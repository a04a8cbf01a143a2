"""What the bot holds, by what it has told: enough to tell an OPEN from an ADD while the ledger is away.

The ledger is the truth. Whenever everything told is recorded, the holdings are made anew of its chains. Between that
they follow what is told, and lie on the disk, so that a bot that was killed still knows. They are written before what
is told is recorded, together with it (`outbox`): whoever finds them after a kill records that once more, and then
holdings and spool say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from rollbook import ChainState, Mode, OrderState, PositionChain, Side
from rollbook_bot import holdings_file
from rollbook_bot.contracts import settlement_currency
from rollbook_bot.held import FollowedOrder, HeldChain, Line, chain_of, order_of
from rollbook_bot.holdings_file import Kept
from rollbook_bot.letters import Command

REMEMBERED = 5_000
"""Commands whose ids are kept, so that the same dict, made anew, is known again."""
TRADES_AWAITED = timedelta(days=1)
"""After an order's end; the venue does not give its trades for longer when it is asked for recent ones."""


class Holdings:
    """Chains that are not over, and orders of which more may be told. Not thread-safe: its owner has the lock."""

    def __init__(self, folder: Path, account: str) -> None:
        self._path = folder / f"holdings-{re.sub(r'[^A-Za-z0-9._-]', '_', account)}.json"
        kept = holdings_file.read(self._path)
        self.chains: dict[str, HeldChain] = kept.chains
        """By position_id, the oldest first."""
        self.working: dict[str, FollowedOrder] = kept.working
        """By order_id."""
        self.untraded: dict[str, FollowedOrder] = kept.untraded
        """Orders that have ended, and were told in sum: their trades would say more. By order_id, oldest first."""
        self.told: dict[str, str] = kept.told
        """Ids of commands, oldest first, with the time that was written into their dicts, if they had none."""
        self.outbox: list[Command] = kept.outbox
        """What was told last: it may not have come into the spool."""

    def save(self) -> None:
        """Writes them to the disk, whole or not at all. Raises OSError."""
        kept = Kept(
            chains=self.chains, working=self.working, untraded=self.untraded, told=self.told, outbox=self.outbox
        )
        holdings_file.write(self._path, kept)

    # Chains.

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
            and chain.currency == settlement_currency(symbol)
            and symbol not in chain.rolled_from
            and not any(order.position_id == name and order.side is Side.SELL for order in self.working.values())
        ]

    def symbols(self) -> dict[tuple[Mode, str], None]:
        """The contracts that are held, each once."""
        return {(chain.line.mode, symbol): None for chain in self.chains.values() for symbol in chain.held}

    def fill(self, position_id: str, line: Line, symbol: str, side: Side, quantity: Decimal, roll: str = "") -> None:
        """Something filled: sold adds to what is short, bought takes from it. Where a roll buys the last back before it
        has sold anything, it is half done."""
        if side is Side.BUY and position_id not in self.chains:
            return  # a chain that is over does not begin again by what is bought back
        chain = self.chains.setdefault(position_id, HeldChain(line, settlement_currency(symbol)))
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

    # Orders.

    def order(self, order_id: str) -> FollowedOrder | None:
        """An order of which more may be told."""
        return self.working.get(order_id) or self.untraded.get(order_id)

    def work(self, order_id: str, order: FollowedOrder) -> None:
        """An order waits to be filled, and its chain with it."""
        self.untraded.pop(order_id, None)
        self.working[order_id] = order
        if order.position_id:
            self.chains.setdefault(order.position_id, HeldChain(order.line, settlement_currency(order.symbol)))

    def end(self, order_id: str, order: FollowedOrder, time: datetime) -> None:
        """An order is over; it is kept for a while if its trades are not all told."""
        order.ended = order.ended or time
        self.working.pop(order_id, None)
        self.untraded.pop(order_id, None)
        if order.traded < order.filled:
            self.untraded[order_id] = order
        self.forget_untraded(time)  # a bot that never asks for trades must not keep its orders for ever

    def forget_untraded(self, now: datetime) -> None:
        """Lets go of orders whose trades will not come any more."""
        for order_id, order in [*self.untraded.items()]:
            if order.ended is None or now - order.ended > TRADES_AWAITED:
                del self.untraded[order_id]

    # What was told, and what the ledger says.

    def remember(self, request_id: str, written_time: str = "") -> None:
        """A command was told."""
        self.told[request_id] = written_time
        while len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]

    def recall(self, commands: Mapping[str, str]) -> None:
        """Commands, the oldest first, that were told before those that are remembered, or by whoever was killed; with
        the times that may have been written into their dicts."""
        told = {request_id: time for request_id, time in commands.items() if request_id not in self.told} | self.told
        self.told = dict([*told.items()][-REMEMBERED:])

    def take(self, chains: Iterable[PositionChain], recalled: Mapping[str, FollowedOrder]) -> None:
        """The ledger's chains, the oldest first, when it has everything that was told; and orders of its entries, which
        are followed if nobody knows them here.

        An order that works by what was told, and that the ledger does not list, is kept with its chain: it may be of a
        chain that is closed, and opens it again when it fills, or of an execution that was refused. So is one that has
        ended, and waits for its trades.
        """
        old, old_working = self.chains, self.working
        found: dict[str, HeldChain] = {}
        self.working = {}
        for chain in chains:
            if chain.state not in (ChainState.OPEN, ChainState.FLAT, ChainState.PENDING):
                continue
            found[chain.position_id] = held = chain_of(chain, old.get(chain.position_id))
            for order in chain.working_orders:
                if order.quantity is not None and order.state is OrderState.OPEN:
                    before = old_working.get(order.order_id) or self.untraded.pop(order.order_id, None)
                    self.working[order.order_id] = order_of(chain, held.line, order, before)
        self.chains = {name: found.get(name) or HeldChain(old[name].line, old[name].currency) for name in old}
        self.chains |= found
        for order_id, working in old_working.items():
            if order_id not in self.working:
                self.working[order_id] = working
        for order_id, order_recalled in recalled.items():
            if self.order(order_id) is None and order_recalled.ended is None:
                self.work(order_id, order_recalled)
            elif self.order(order_id) is None and order_recalled.ended is not None:
                self.end(order_id, order_recalled, order_recalled.ended)
        for name in old:
            if name not in found:
                self.settle(name)
        self.outbox = []
