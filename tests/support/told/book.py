"""Which chain an order belongs to, and what each chain comes to."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

from tests.support.model.numbers import ZERO, half_even

Line = tuple[str, str, str, str]
"""Mode, underlying, strategy and its name: chains of one line take each other's orders."""


def currency_of(symbol: str) -> str:
    """What a contract pays in: BTC_USDC-… in USDC, BTC-… in BTC."""
    return symbol.partition("-")[0].rpartition("_")[2]


@dataclass(eq=False)
class Roll:
    """One attempt to move from a contract to another one."""

    origin: str
    target: str


@dataclass(frozen=True)
class Trade:
    """What of an order changed hands at once; its fee, if somebody says it."""

    quantity: Fraction
    price: Fraction
    fee: Fraction | None


@dataclass(eq=False)
class Ticket:
    """An order, and what was told of it: (when, how much of it is filled)."""

    chain: Chain
    symbol: str
    sells: bool
    quantity: Fraction
    roll: Roll | None
    simulated: bool
    index: Fraction | None
    reports: list[tuple[int, Fraction]] = field(default_factory=list)
    price: Fraction = ZERO
    fee: Fraction | None = None
    trades: list[Trade] = field(default_factory=list)
    """All that the venue made of it, where it says that at all …"""
    traded: int = 0
    """… and how many of them were told, the first ones."""
    works: bool = True

    @property
    def filled(self) -> Fraction:
        return self.reports[-1][1] if self.reports else ZERO

    @property
    def in_sum(self) -> Fraction:
        """How much of what is filled was told by no trade."""
        return self.filled - sum((trade.quantity for trade in self.trades[: self.traded]), ZERO)

    @property
    def charges(self) -> list[Fraction | None]:
        """Its fees: by trades, and of what was told in sum. The dry run's is estimated where nobody says it, if that
        takes no index that nobody says."""
        fees = [trade.fee for trade in self.trades[: self.traded]]
        if not self.in_sum:
            return fees
        if self.fee is not None or not self.simulated:
            return [*fees, self.fee]
        if currency_of(self.symbol) != "USDC":
            return [min(Fraction("0.0003"), self.price / 8) * self.filled]
        return [None if self.index is None else min(Fraction("0.0003") * self.index, self.price / 8) * self.filled]

    @property
    def slices(self) -> list[tuple[int, Ticket, Fraction, Fraction]]:
        """(when, itself, quantity, value) of each trade that was told, then of what was told in sum, by growth: that
        has the price that keeps the average of the last report."""
        found: list[tuple[int, Ticket, Fraction, Fraction]] = []
        reached, left = ZERO, self.price * self.filled
        for trade in self.trades[: self.traded]:
            reached, left = reached + trade.quantity, left - trade.quantity * trade.price
            when = next(when for when, filled in self.reports if filled >= reached)
            found.append((when, self, trade.quantity, trade.quantity * trade.price))
        rest = self.in_sum
        price = half_even(left / rest, 18) if rest else ZERO
        even, value = price * rest == left, left
        for when, filled in self.reports:
            if filled > reached:
                growth, reached = filled - reached, filled
                piece = price * growth if even else half_even(value * growth / rest, 18)
                piece = left if filled == self.filled else piece
                left -= piece
                found.append((when, self, growth, piece))
        return found


@dataclass(eq=False)
class Leg:
    """One contract from flat to flat."""

    symbol: str
    held: Fraction = ZERO
    opened: Fraction = ZERO
    credit: Fraction = ZERO
    gross: Fraction = ZERO


@dataclass(eq=False)
class Chain:
    """Orders that belong together."""

    line: Line
    currency: str
    tickets: list[Ticket] = field(default_factory=list)

    def held(self, symbol: str) -> Fraction:
        """How much of a contract is short."""
        mine = [ticket for ticket in self.tickets if ticket.symbol == symbol]
        return sum((ticket.filled if ticket.sells else -ticket.filled for ticket in mine), ZERO)

    def reserved(self, symbol: str) -> Fraction:
        """How much of it working orders may still buy back."""
        mine = [ticket for ticket in self.tickets if ticket.symbol == symbol and ticket.works and not ticket.sells]
        return sum((ticket.quantity - ticket.filled for ticket in mine), ZERO)

    @property
    def slices(self) -> list[tuple[int, Ticket, Fraction, Fraction]]:
        """What changed hands: (when, in which order, quantity, value), in the order of telling."""
        return sorted((part for ticket in self.tickets for part in ticket.slices), key=lambda part: part[0])

    @property
    def legs(self) -> list[Leg]:
        """The legs, in the order of their first sale."""
        legs: list[Leg] = []
        for _, ticket, quantity, value in self.slices:
            leg = next((leg for leg in legs if leg.symbol == ticket.symbol and leg.held), None)
            if ticket.sells:
                if leg is None:
                    leg = Leg(ticket.symbol)
                    legs.append(leg)
                leg.held, leg.opened = leg.held + quantity, leg.opened + quantity
                leg.credit += value
            else:
                assert leg is not None
                whole = quantity == leg.held
                released = leg.credit if whole else half_even(leg.credit * quantity / leg.held, 18)
                leg.held, leg.credit = leg.held - quantity, leg.credit - released
                leg.gross += released - value
        return legs

    @property
    def half_done(self) -> Roll | None:
        """The roll that left nothing open, and has opened nothing."""
        held, last = ZERO, None
        for _, ticket, quantity, _ in self.slices:
            held += quantity if ticket.sells else -quantity
            last = ticket.roll
        opened = {ticket.roll for ticket in self.tickets if ticket.sells and ticket.filled}
        return None if held or last in opened else last

    @property
    def num_rolls(self) -> int:
        """Rolls with both sides."""
        filled = [ticket for ticket in self.tickets if ticket.filled and ticket.roll is not None]
        sides = {roll: {ticket.sells for ticket in filled if ticket.roll is roll} for roll in {t.roll for t in filled}}
        return sum(len(both) == 2 for both in sides.values())

    @property
    def state(self) -> str:
        if not any(ticket.filled for ticket in self.tickets):
            return "PENDING" if any(ticket.works for ticket in self.tickets) else "CLOSED"
        if any(leg.held for leg in self.legs):
            return "OPEN"
        return "FLAT" if self.half_done else "CLOSED"

    @property
    def figures(self) -> dict[str, object]:
        """By the names of the API."""
        legs = self.legs
        filled = [ticket for ticket in self.tickets if ticket.filled]
        gross, credit = sum((leg.gross for leg in legs), ZERO), sum((leg.credit for leg in legs), ZERO)
        charges = [charge for ticket in filled for charge in ticket.charges]
        fees = sum((charge or ZERO for charge in charges), ZERO)
        return {
            "mode": self.line[0],
            "underlying": self.line[1],
            "strategy": self.line[2],
            "strategy_name": self.line[3],
            "settlement_currency": self.currency,
            "state": self.state,
            "open_quantity": sum((leg.held for leg in legs), ZERO),
            "num_legs": len(legs),
            "num_rolls": self.num_rolls,
            "open_credit": credit,
            "gross_pnl": gross,
            "fees": fees,
            "fees_complete": all(charge is not None for charge in charges),
            "net_pnl": gross - fees,
            "net_cash": gross - fees + credit,
        }


class Book:
    """All that was told, in its order."""

    def __init__(self) -> None:
        self.chains: list[Chain] = []
        self._clock = itertools.count(1)

    def holding(self, line: Line, symbol: str) -> list[Chain]:
        """The chains of a line that hold a contract, the oldest first."""
        return [chain for chain in self.chains if chain.line == line and chain.held(symbol) > 0]

    def opening(self, line: Line, symbol: str) -> tuple[Chain, Roll | None]:
        """Where a sale belongs: it adds to what is held, else it completes a roll, else it begins a chain. A roll is
        completed in its own currency, with another contract than it came from, and not while its own order may be."""
        holding = self.holding(line, symbol)
        if holding:
            return holding[-1], None
        for chain in self.chains:
            half = chain.half_done if (chain.line, chain.currency) == (line, currency_of(symbol)) else None
            waits = any(ticket.works and ticket.sells for ticket in chain.tickets)
            if half is not None and not waits and half.origin != symbol:
                return chain, half
        return Chain(line, currency_of(symbol)), None

    def tell(
        self,
        ticket: Ticket,
        filled: Fraction,
        price: Fraction,
        fee: Fraction | None,
        works: bool,
        trades: int = 0,
    ) -> None:
        """What became of an order, with so many of its trades."""
        if ticket.chain not in self.chains:
            self.chains.append(ticket.chain)
        if ticket not in ticket.chain.tickets:
            ticket.chain.tickets.append(ticket)
        if filled > ticket.filled:
            ticket.reports.append((next(self._clock), filled))
            ticket.price, ticket.fee = half_even(price, 18), fee
        ticket.traded = max(ticket.traded, trades)
        ticket.works = works

    def rows(self) -> dict[tuple[str, str], dict[str, object]]:
        """Totals by mode and currency; chains in which nothing was ever filled count while they wait."""
        rows: dict[tuple[str, str], dict[str, object]] = {}
        for key in sorted({(chain.line[0], chain.currency) for chain in self.chains}):
            all_figures = [c.figures for c in self.chains if (c.line[0], c.currency) == key]
            filled = [figures for figures in all_figures if figures["num_legs"] or figures["state"] == "PENDING"]
            if not filled:
                continue
            closed = [Fraction(str(figures["net_pnl"])) for figures in filled if figures["state"] == "CLOSED"]
            rows[key] = {
                **{
                    f"{state.lower()}_chains": sum(figures["state"] == state for figures in filled)
                    for state in ("OPEN", "FLAT", "PENDING", "CLOSED")
                },
                "winning_chains": sum(pnl > 0 for pnl in closed),
                "losing_chains": sum(pnl < 0 for pnl in closed),
                "rolls": sum(int(str(figures["num_rolls"])) for figures in filled),
                **{
                    name: sum((Fraction(str(figures[name])) for figures in filled), ZERO)
                    for name in ("net_cash", "gross_pnl", "fees", "net_pnl", "open_credit")
                },
            }
        return rows
