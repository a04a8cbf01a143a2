"""Dicts in the shape of the execution layer before Rollbook, one after the other, and what they come to."""

from __future__ import annotations

import copy
import itertools
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from tests.support.model.numbers import ZERO
from tests.support.told.book import Book, Chain, Line, Roll, Ticket
from tests.support.told.tape import Printed, Tape

Result = dict[str, Any]

CALLS = {
    "BTC": ("BTC-26DEC98-100000-C", "BTC-26DEC98-110000-C", "BTC-25JUN99-105000-C", "BTC-25JUN99-120000-C"),
    "BTC_USDC": ("BTC_USDC-26DEC98-100000-C", "BTC_USDC-25JUN99-110000-C", "BTC_USDC-25JUN99-120000-C"),
    "ETH": ("ETH-26DEC98-3000-C", "ETH-25JUN99-3500-C", "ETH-25JUN99-4000-C"),
}
PUTS = {
    "BTC": ("BTC-26DEC98-80000-P", "BTC-25JUN99-75000-P", "BTC-25JUN99-70000-P"),
    "BTC_USDC": ("BTC_USDC-26DEC98-80000-P", "BTC_USDC-25JUN99-75000-P", "BTC_USDC-25JUN99-70000-P"),
}
DESKS = tuple(
    (mode, family, strategy, name)
    for mode in ("LIVE", "LIVE", "LIVE", "DRY_RUN")
    for strategy, name, families in (
        ("COVERED_CALL", "", CALLS),
        ("COVERED_CALL", "weekly", {"BTC": ()}),
        ("CASH_SECURED_PUT", "", PUTS),
    )
    for family in families
)
SIZES = (0.1, 0.2, 0.3, 0.7, 1, 1.5)
COIN_PRICES, USDC_PRICES = (0.0123, 0.0045, 0.0108, 0.1 + 0.2, 0.0001, 1e-05), (700.5, 1234.25, 5.0, 0.1, 88)


def exact(value: Any) -> Fraction:
    """A number of a dict, as its shortest spelling says."""
    return Fraction(repr(value))


@dataclass(eq=False)
class Deal:
    """A result as it stands, and its orders with the dicts that say them."""

    result: Result
    orders: list[tuple[Result, Ticket]]

    @property
    def working(self) -> list[tuple[Result, Ticket]]:
        return [(said, ticket) for said, ticket in self.orders if ticket.works]

    @property
    def unsaid(self) -> list[tuple[Result, Ticket]]:
        """Orders with trades that were not told."""
        return [(said, ticket) for said, ticket in self.orders if ticket.traded < len(ticket.trades)]

    @property
    def named(self) -> bool:
        """Whether each order has an id, so that the dict can be made anew."""
        return bool(self.result["orders"]) and all(order.get("order_id") for order in self.result["orders"])


class History:
    """What a bot does, at random: `next` makes one more dict and notes in `book` what it comes to.

    Args:
        chance: Where everything comes from.
        remade: Each dict is made anew whenever it is told, as by a bot that was started again: each has ids of orders,
            or a request_id of the bot's. Else the dicts of a result are one object, and what is written into it stays.
        trades: The venue says the trades of most orders: in the dict at once, in steps, or after it was told in sum,
            and when it is asked. Such dicts say when they were made, as those of `execute_action` do: trades have the
            venue's time, and are not before what they close. None is left to chance.
    """

    def __init__(self, chance: random.Random, *, remade: bool = False, trades: bool | None = None) -> None:
        self.book = Book()
        self._chance = chance
        self._remade = remade
        self._says_time = chance.random() < 0.3
        self._by_trades = chance.random() < 0.6 if trades is None else trades
        self._deals: list[Deal] = []
        self._numbers = itertools.count(1)
        self._prefix = f"{chance.getrandbits(32):x}"
        self._tape = Tape(chance, self._prefix)
        self._generous = chance.choice((0.1, 0.5, 0.9))
        """How often the venue says trades that it kept to itself."""
        self._printed: dict[Ticket, list[Printed]] = {}
        """What the venue made of orders whose trades it says."""

    def next(self) -> Result:
        """What is told next: something new, a batch, news of an order that works, its trades, or something told."""
        kind = self._chance.random()
        working = [deal for deal in self._deals if deal.working]
        if working and kind < 0.3:
            return self._progress(self._chance.choice(working))
        unsaid = [deal for deal in self._deals if deal.unsaid]
        if unsaid and self._chance.random() < 0.2 * self._generous:
            return self._late(self._chance.choice(unsaid))
        if self._deals and kind < 0.4:
            return self._again(self._chance.choice(self._deals[-12:]))
        if kind < 0.48:
            results = [self._new() for _ in range(self._chance.randrange(1, 4))]
            results.insert(self._chance.randrange(len(results) + 1), {"status": "skipped", "message": "DO_NOTHING"})
            return {"status": "executed_batch", "results": results}
        return self._new()

    def asked(self) -> dict[str, Result]:
        """What an exchange says of the orders that work, and of those whose trades are not told, by their ids, with
        news of one: the bot is not told, it asks. An exchange does not say an order's fee, and not always trades."""
        working = [pair for deal in self._deals for pair in deal.working if pair[0]["order_id"]]
        if working:
            said, ticket = self._chance.choice(working)
            self._outcome(said, ticket, self._chance.choices(("filled", "open", "cancelled"), (5, 3, 2))[0])
        answers: dict[str, Result] = {}
        for said, ticket in working + [pair for deal in self._deals for pair in deal.unsaid if pair[0]["order_id"]]:
            if said["order_id"] in answers:
                continue
            printed = self._printed.get(ticket, [])
            if self._chance.random() > self._generous:
                printed = printed[: max(ticket.traded, len(said.get("trades", ())))]
            price = said.get("average_price", said["price"])
            filled = said.get("filled_size", said["size"])
            self.book.tell(ticket, exact(filled), exact(price), None, ticket.works, len(printed))
            answers[said["order_id"]] = {
                "order_state": said["order_state"],
                "filled_amount": filled,
                "average_price": price,
                "trades": [each.said for each in printed],
            }
        return answers

    def ends(self) -> Iterator[Result]:
        """What is left to be told, until no order works: each fills, or is cancelled; not all trades come."""
        for deal in self._deals:
            while deal.working:
                yield self._progress(deal)
            if deal.unsaid and self._chance.random() < self._generous:
                yield self._late(deal)

    # Something new

    def _new(self) -> Result:
        chance, book = self._chance, self.book
        mode, family, strategy, name = chance.choice(DESKS)
        line = (mode, family.partition("_")[0], strategy, name)
        symbols = (CALLS if strategy == "COVERED_CALL" else PUTS)[family]
        movable = [symbol for symbol in symbols if self._free(line, symbol) > 0]
        kind = chance.random()
        if not movable or kind < 0.4:
            deal = self._open(line, chance.choice(symbols))
        else:
            origin = chance.choice(movable)
            [chain] = book.holding(line, origin)
            targets = [symbol for symbol in symbols if symbol != origin and not _moved(chain, origin, symbol)]
            if targets and kind < 0.75:
                deal = self._roll(line, chain, origin, chance.choice(targets))
            else:
                deal = self._close(line, chain, origin)
        self._deals.append(deal)
        if len(self._deals) > 60:
            self._deals = [old for old in self._deals[:-40] if old.working] + self._deals[-40:]
        return self._told(deal)

    def _free(self, line: Line, symbol: str) -> Fraction:
        """How much can be bought back of what one chain holds and no other."""
        holding = self.book.holding(line, symbol)
        return holding[0].held(symbol) - holding[0].reserved(symbol) if len(holding) == 1 else ZERO

    def _open(self, line: Line, symbol: str) -> Deal:
        size = self._chance.choice(SIZES)
        deal = self._deal("OPEN", line, {"symbol": symbol, "size": size})
        if self._chance.random() < 0.05:
            return self._failed(deal, "Order failed: not_enough_funds")
        chain, roll = self.book.opening(line, symbol)
        self._order(deal, Ticket(chain, symbol, True, exact(size), roll, line[0] == "DRY_RUN", None), size)
        return deal

    def _close(self, line: Line, chain: Chain, symbol: str) -> Deal:
        size = self._part(self._free(line, symbol))
        deal = self._deal("CLOSE", line, {"symbol": symbol, "size": size})
        if self._chance.random() < 0.05:
            return self._failed(deal, "Order failed: no_liquidity")
        self._order(deal, Ticket(chain, symbol, False, exact(size), None, line[0] == "DRY_RUN", None), size)
        return deal

    def _roll(self, line: Line, chain: Chain, origin: str, target: str) -> Deal:
        """Buys back, then sells; where the first order fails nothing is sold, and the second one may fail, too."""
        size = self._part(self._free(line, origin))
        deal = self._deal("ROLL", line, {"from_symbol": origin, "to_symbol": target, "size": size})
        if self._chance.random() < 0.1:
            return self._failed(deal, "Close leg failed: no_liquidity", "partial_error")
        roll, dry = Roll(origin, target), line[0] == "DRY_RUN"
        first = Ticket(chain, origin, False, exact(size), roll, dry, None)
        second = Ticket(chain, target, True, exact(size), roll, dry, None)
        fails = self._chance.random() < 0.3
        self._order(deal, first, size, leg="close", tell=False)
        if fails:
            self._failed(deal, "Open leg failed: not_enough_funds", "partial_error")
        else:
            self._order(deal, second, size, leg="open", tell=False)
        if any(ticket.works or said["filled_size"] for said, ticket in deal.orders):
            for said, ticket in deal.orders:
                self._tell(said, ticket)
        else:
            deal.orders.clear()
        for said in deal.result["orders"]:
            if said.get("order_state") == "filled" or said.get("simulated"):
                said.pop("filled_size")
        return deal

    def _part(self, free: Fraction) -> float:
        """All of it, or a part that a float can say."""
        parts = [size for size in SIZES if exact(size) < free]
        return self._chance.choice(parts) if parts and self._chance.random() < 0.5 else float(free)

    def _deal(self, verb: str, line: Line, params: Result) -> Deal:
        dry = line[0] == "DRY_RUN"
        result: Result = {
            "status": "simulated" if dry else "executed",
            "dry_run": dry,
            "action": f"{verb}_{line[2]}",
            "params": params,
            "orders": [],
            "errors": [],
            "underlying": line[1],
        }
        if line[3]:
            result["strategy"] = line[3]
        if self._remade:
            result["request_id"] = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        return Deal(result, [])

    def _failed(self, deal: Deal, error: str, status: str = "error") -> Deal:
        deal.result.update(status=status, errors=[error])
        return deal

    # Orders

    def _order(self, deal: Deal, ticket: Ticket, size: float, leg: str = "", *, tell: bool = True) -> None:
        chance = self._chance
        said: Result = {chance.choice(("type", "side", "direction")): "SELL" if ticket.sells else "BUY"}
        said.update(symbol=ticket.symbol, size=size, price=self._price(ticket))
        if leg:
            said["leg"] = leg
        if self._by_trades and not ticket.simulated and chance.random() < 0.75:
            self._printed[ticket] = []
        elif chance.random() < 0.3:
            said["fee"] = chance.choice((0.0, 0.0003, 0.00001))
        if chance.random() < 0.5:
            said["index_price"] = chance.choice((98_000.5, 101_234.56))
            ticket.index = exact(said["index_price"])
        if ticket.simulated:
            said.update(simulated=True, filled_size=size)
            ticket.works = False
        else:
            anonymous = not self._remade and chance.random() < 0.1
            said["order_id"] = None if anonymous else f"{ticket.symbol[:3]}-{self._prefix}-{next(self._numbers)}"
            self._outcome(said, ticket, chance.choices(("filled", "open", "cancelled"), (12, 6, 2))[0])
        deal.result["orders"].append(said)
        deal.orders.append((said, ticket))
        if tell:
            if ticket.works or said["filled_size"]:
                self._tell(said, ticket)
            else:
                deal.orders.clear()
            if not ticket.works and said.get("order_state") != "cancelled":
                del said["filled_size"]  # a state says it all

    def _outcome(self, said: Result, ticket: Ticket, state: str) -> None:
        """What an order has come to, in its dict: never less than before."""
        quantity, before = exact(said["size"]), ticket.filled
        parts = [part for part in SIZES if before < exact(part) < quantity]
        some = self._chance.choice(parts) if parts and self._chance.random() < 0.5 else float(before)
        said["order_state"] = state
        said["filled_size"] = said["size"] if state == "filled" else some
        if ticket in self._printed:
            self._print(said, ticket)
        elif exact(said["filled_size"]) > before and self._chance.random() < 0.7:
            said["average_price"] = self._price(ticket)
        ticket.works = state == "open"

    def _print(self, said: Result, ticket: Ticket) -> None:
        """The trades of what has filled since, and how many of all of them the dict has."""
        growth = exact(said["filled_size"]) - sum((trade.quantity for trade in ticket.trades), ZERO)
        parts = [size for size in SIZES if exact(size) < growth]
        first = exact(self._chance.choice(parts)) if parts and self._chance.random() < 0.5 else ZERO
        for amount in (first, growth - first):
            if amount:
                printed = self._tape.trade(ticket.symbol, ticket.sells, float(amount), self._price(ticket))
                self._printed[ticket].append(printed)
                ticket.trades.append(printed.trade)
        if ticket.trades:
            value = sum((trade.quantity * trade.price for trade in ticket.trades), ZERO)
            said["average_price"] = float(value / exact(said["filled_size"]))
        shown, there = len(said.get("trades", ())), len(ticket.trades)
        self._show(said, ticket, self._chance.choice((there, there, shown, self._chance.randint(shown, there))))

    def _show(self, said: Result, ticket: Ticket, count: int) -> None:
        """The dict has so many of an order's trades."""
        said["trades"] = [printed.said for printed in self._printed[ticket][:count]]

    def _price(self, ticket: Ticket) -> float:
        return self._chance.choice(USDC_PRICES if "_USDC-" in ticket.symbol else COIN_PRICES)

    def _tell(self, said: Result, ticket: Ticket) -> None:
        fee = exact(said["fee"]) if "fee" in said else None
        price = exact(said.get("average_price", said["price"]))
        filled = exact(said.get("filled_size", said["size"]))
        self.book.tell(ticket, filled, price, fee, ticket.works, len(said.get("trades", ())))

    # Something known

    def _progress(self, deal: Deal) -> Result:
        """News of one of its orders, seldom of several."""
        for said, ticket in deal.working:
            self._outcome(said, ticket, self._chance.choices(("filled", "open", "cancelled"), (5, 3, 2))[0])
            self._tell(said, ticket)
            if self._chance.random() < 0.8:
                break
        return self._told(deal)

    def _late(self, deal: Deal) -> Result:
        """Trades of its orders that were not told."""
        for said, ticket in deal.unsaid:
            self._show(said, ticket, self._chance.randint(ticket.traded + 1, len(ticket.trades)))
            self._tell(said, ticket)
        return self._told(deal)

    def _again(self, deal: Deal) -> Result:
        """What was told: the same dict, a copy, one that went through a file, or one made anew."""
        kind = self._chance.choice(("same", "copy", "file", "anew"))
        if self._remade or kind == "same":
            return self._told(deal)
        if kind == "copy":
            return copy.deepcopy(deal.result)
        read: Result = json.loads(json.dumps(deal.result))
        if kind == "anew" and deal.named:
            read.pop("request_id", None)
            read.pop("executed_time", None)
        return read

    def _told(self, deal: Deal) -> Result:
        """The dict of a deal; some bots say when it was, each time that there is news."""
        if self._by_trades or (self._says_time and not self._remade):
            deal.result["executed_time"] = datetime.now(UTC).isoformat()
        return copy.deepcopy(deal.result) if self._remade else deal.result


def _moved(chain: Chain, origin: str, target: str) -> bool:
    """Whether a roll between two contracts was tried before: a second attempt may be taken for the rest of it."""
    rolls = [ticket.roll for ticket in chain.tickets if ticket.roll is not None]
    return any((roll.origin, roll.target) == (origin, target) for roll in rolls)
