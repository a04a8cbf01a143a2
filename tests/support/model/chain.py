"""The figures of a chain, each computed from its parts when asked. Names are those of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from tests.support.model.commands import Order
from tests.support.model.contracts import Contract
from tests.support.model.facts import ChainFact, FillFact
from tests.support.model.numbers import ZERO, days_between, half_even, percent, total, total_if_known


@dataclass
class Line:
    """One line of cash."""

    kind: str
    leg: Leg
    roll: int | None
    symbol: str
    side: str
    quantity: Fraction
    price: Fraction | None
    fee: Fraction | None
    fee_source: str
    cash: Fraction
    cash_usd: Fraction | None
    realized_pnl: Fraction
    realized_pnl_usd: Fraction | None
    time: datetime
    trade_id: str = ""
    order_id: str = ""

    @property
    def usd_missing(self) -> bool:
        """A non-zero coin line without an index."""
        return self.cash != 0 and self.cash_usd is None


@dataclass
class Leg:
    """One contract from flat to flat."""

    contract: Contract
    side: str
    leg_number: int = 0
    opening: list[FillFact] = field(default_factory=list)
    closing: list[FillFact] = field(default_factory=list)
    open_quantity: Fraction = ZERO
    entry: Fraction = ZERO
    """Price times quantity of what is open: the credit of a short leg, the cost of a long one."""
    entry_usd: Fraction | None = ZERO
    gross_pnl: Fraction = ZERO
    fees: Fraction = ZERO
    close_time: datetime | None = None
    delivery_price: Fraction | None = None
    payoff: Fraction | None = None
    delivery_fee: Fraction | None = None
    settled_quantity: Fraction | None = None

    @property
    def sign(self) -> int:
        """+1 for a short leg, -1 for a long one."""
        return 1 if self.side == "SELL" else -1

    @property
    def state(self) -> str:
        if self.open_quantity > 0:
            return "OPEN"
        return "CLOSED" if self.settled_quantity is None else "SETTLED"

    @property
    def arrivals(self) -> frozenset[tuple[int, int]]:
        """What its opening fills are known by."""
        return frozenset[tuple[int, int]]().union(*(fact.arrivals for fact in self.opening))

    @property
    def decision_id(self) -> str:
        return self.opening[0].decision_id

    @property
    def open_time(self) -> datetime:
        return self.opening[0].time

    @property
    def opened_quantity(self) -> Fraction:
        return total(fact.fill.quantity for fact in self.opening)

    @property
    def entry_price(self) -> Fraction:
        return half_even(self.premium / self.contract.multiplier / self.opened_quantity, 18)

    @property
    def exit_price(self) -> Fraction | None:
        closed = total(fact.fill.quantity for fact in self.closing)
        paid = total(fact.premium for fact in self.closing) / self.contract.multiplier
        return half_even(paid / closed, 18) if closed else None

    @property
    def premium(self) -> Fraction:
        return total(fact.premium for fact in self.opening)

    @property
    def open_credit(self) -> Fraction:
        return self.sign * self.entry

    @property
    def open_credit_usd(self) -> Fraction | None:
        return None if self.entry_usd is None else self.sign * self.entry_usd

    @property
    def net_pnl(self) -> Fraction:
        return self.gross_pnl - self.fees

    @property
    def unbounded(self) -> bool:
        """A short inverse put: its loss in coin has no bound."""
        return self.side == "SELL" and self.contract.inverse and not self.contract.call

    @property
    def collateral(self) -> Fraction | None:
        """What it binds now; nothing if that needs an index that nobody gave. A long leg binds none."""
        coins = self.open_quantity * self.contract.multiplier
        index = self.opening[0].fill.index
        if coins == 0 or self.side == "BUY":
            return ZERO
        if self.contract.inverse and self.contract.call:
            return coins
        if not self.contract.inverse and not self.contract.call:
            return coins * self.contract.strike
        if index is None:
            return None
        return coins * index if self.contract.call else half_even(coins * self.contract.strike / index, 18)


@dataclass
class Roll:
    """One roll of a chain."""

    roll_number: int
    revision: int
    """That of the ROLL which began it."""
    fills: list[FillFact]

    @property
    def closing(self) -> list[FillFact]:
        return [fact for fact in self.fills if not fact.opening]

    @property
    def opening(self) -> list[FillFact]:
        return [fact for fact in self.fills if fact.opening]

    @property
    def completed(self) -> bool:
        return bool(self.closing) and bool(self.opening)

    @property
    def gross_credit(self) -> Fraction:
        return total(fact.premium if fact.fill.side == "SELL" else -fact.premium for fact in self.fills)

    @property
    def net_credit(self) -> Fraction:
        return self.gross_credit - total(fact.fee or ZERO for fact in self.fills)

    @property
    def time(self) -> datetime | None:
        return min((fact.time for fact in self.fills), default=None)

    @property
    def strike_move(self) -> str:
        return self._move([(f.contract.strike, t.contract.strike) for f in self.closing for t in self.opening])

    @property
    def expiry_move(self) -> str:
        return self._move([(f.contract.expiry, t.contract.expiry) for f in self.closing for t in self.opening])

    @staticmethod
    def _move(pairs: Sequence[tuple[Fraction, Fraction] | tuple[datetime, datetime]]) -> str:
        moves = {"SAME" if a == b else "HIGHER" if a < b else "LOWER" for a, b in pairs}  # type: ignore[operator]
        return moves.pop() if len(moves) == 1 else "UNSPECIFIED"


@dataclass
class Moment:
    """The chain right after an event."""

    time: datetime
    exposed: bool
    collateral: Fraction | None


@dataclass
class Chain:
    """A chain as folded; what the API calls PositionChain."""

    fact: ChainFact
    legs: list[Leg] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    rolls: list[Roll] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[FillFact] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    stated_collateral: Fraction | None = None
    flattened: FillFact | str | None = None
    """What last left nothing open: a closing fill, or EXPIRED or SETTLED."""
    flat_since: datetime | None = None
    abandoned: bool = False

    # What it is

    @property
    def account(self) -> str:
        return self.fact.scope[0]

    @property
    def position_id(self) -> str:
        return self.fact.position_id

    @property
    def mode(self) -> str:
        return self.fact.scope[1]

    @property
    def settlement_currency(self) -> str:
        return self.fact.currency

    # How it stands

    @property
    def open_legs(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.open_quantity > 0]

    @property
    def half_done_roll(self) -> int | None:
        """The roll whose closing fill left nothing open and which has opened nothing."""
        last = self.flattened
        if self.open_legs or not isinstance(last, FillFact) or last.roll is None:
            return None
        return None if any(fact.opening and fact.roll == last.roll for fact in self.fills) else last.roll

    @property
    def state(self) -> str:
        if self.open_legs:
            return "OPEN"
        if not self.fills:
            working = any(order.state in ("OPEN", "FILLED") for order in self.orders.values())
            return "PENDING" if working else "CLOSED"
        return "FLAT" if self.half_done_roll is not None and not self.abandoned else "CLOSED"

    @property
    def close_reason(self) -> str:
        if self.state != "CLOSED":
            return "UNSPECIFIED"
        if not self.fills:
            return "ORDER_CANCELLED"
        if self.half_done_roll is not None:
            return "ROLL_ABANDONED"
        return self.flattened if isinstance(self.flattened, str) else "BOUGHT_BACK"

    @property
    def filled_and_closed(self) -> bool:
        return bool(self.fills) and self.state == "CLOSED"

    @property
    def open_time(self) -> datetime | None:
        return self.fills[0].time if self.fills else None

    @property
    def close_time(self) -> datetime | None:
        return None if self.open_legs else self.flat_since

    @property
    def open_quantity(self) -> Fraction:
        return total(leg.open_quantity for leg in self.legs)

    @property
    def num_legs(self) -> int:
        return len(self.legs)

    @property
    def num_rolls(self) -> int:
        return sum(roll.completed for roll in self.rolls)

    # Money

    @property
    def net_cash(self) -> Fraction:
        return total(line.cash for line in self.lines)

    @property
    def open_credit(self) -> Fraction:
        return total(leg.open_credit for leg in self.legs)

    @property
    def open_credit_usd(self) -> Fraction | None:
        return total_if_known(leg.open_credit_usd for leg in self.legs)

    @property
    def gross_pnl(self) -> Fraction:
        return total(leg.gross_pnl for leg in self.legs)

    @property
    def fees(self) -> Fraction:
        return total(leg.fees for leg in self.legs)

    @property
    def fees_complete(self) -> bool:
        return all(line.fee is not None for line in self.lines)

    @property
    def fees_estimated(self) -> bool:
        """Whether a fee other than zero was estimated: of a DRY_RUN fill, or of a delivery that nobody reported."""
        return any(line.fee_source == "ESTIMATED" and line.fee for line in self.lines)

    @property
    def net_pnl(self) -> Fraction:
        return self.gross_pnl - self.fees

    @property
    def usd_missing_lines(self) -> int:
        return sum(line.usd_missing for line in self.lines)

    @property
    def net_cash_usd(self) -> Fraction | None:
        return None if self.usd_missing_lines else total(line.cash_usd or ZERO for line in self.lines)

    @property
    def net_pnl_usd(self) -> Fraction | None:
        cash, credit = self.net_cash_usd, self.open_credit_usd
        return None if cash is None or credit is None else cash - credit

    # Ratios

    @property
    def leg_one_premium(self) -> Fraction:
        return total(leg.premium for leg in self.legs if leg.leg_number == 1)

    @property
    def total_premium(self) -> Fraction:
        return total(leg.premium for leg in self.legs)

    @property
    def realized_pnl_pct(self) -> Fraction | None:
        return percent(self.net_pnl, self.leg_one_premium)

    @property
    def premium_kept_pct(self) -> Fraction | None:
        return percent(self.gross_pnl, self.total_premium) if self.filled_and_closed else None

    # Collateral and time

    @property
    def collateral(self) -> Fraction | None:
        if not self.open_legs:
            return ZERO
        if self.stated_collateral is not None:
            return self.stated_collateral
        return total_if_known(leg.collateral for leg in self.legs)

    @property
    def collateral_insufficient(self) -> bool:
        return any(leg.unbounded for leg in self.legs)

    @property
    def unbounded_now(self) -> bool:
        return any(leg.unbounded for leg in self.open_legs)

    def _stretches(self) -> list[tuple[Fraction, Moment]]:
        """How many days each moment lasted, up to the last flattening; moments of no length are left out."""
        pairs = zip(self.moments, self.moments[1:], strict=False)
        return [(days_between(a.time, b.time), a) for a, b in pairs if b.time > a.time]

    @property
    def _over(self) -> bool:
        return bool(self.fills) and not self.open_legs

    @property
    def holding_days(self) -> Fraction | None:
        if not self._over or self.open_time is None or self.flat_since is None:
            return None
        return half_even(days_between(self.open_time, self.flat_since), 18)

    @property
    def days_at_risk(self) -> Fraction | None:
        return half_even(total(d for d, m in self._stretches() if m.exposed), 18) if self._over else None

    @property
    def _collateral_days(self) -> Fraction | None:
        """Collateral integrated over days, before it is rounded to be shown."""
        bound = total_if_known(None if m.collateral is None else d * m.collateral for d, m in self._stretches())
        return bound if self._over else None

    @property
    def collateral_days(self) -> Fraction | None:
        days = self._collateral_days
        return None if days is None else half_even(days, 18)

    @property
    def days_bound(self) -> Fraction:
        """Exact days with collateral above zero."""
        return total(d for d, m in self._stretches() if m.collateral is None or m.collateral > 0)

    @property
    def return_on_collateral_pct(self) -> Fraction | None:
        if not self.filled_and_closed or not self._collateral_days or self.days_bound == 0:
            return None
        return percent(self.net_pnl, self._collateral_days / self.days_bound)

    @property
    def return_on_collateral_annualised_pct(self) -> Fraction | None:
        if not self.filled_and_closed or self.days_bound < 1:
            return None
        return percent(365 * self.net_pnl, self._collateral_days)
