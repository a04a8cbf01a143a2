"""A chain is the fold of its fills and settlements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.support.model.chain import Chain, Leg, Line, Moment
from tests.support.model.commands import precondition
from tests.support.model.contracts import Contract
from tests.support.model.facts import AbandonFact, ChainFact, CollateralFact, FillFact
from tests.support.model.numbers import ZERO, half_even, minus, plus


@dataclass(frozen=True)
class Delivery:
    """A contract of a chain meets its delivery price."""

    revision: int
    contract: Contract
    price: Fraction
    cash: Fraction | None = None
    fee: Fraction | None = None
    fee_known: bool = True
    """Whether the formula of the delivery fee is this venue's."""

    @property
    def time(self) -> datetime:
        return self.contract.expiry


Event = FillFact | Delivery | AbandonFact | CollateralFact


def _order_of_the_fold(event: Event) -> tuple[datetime, int, int, str]:
    """Fill time, then revision, then place in the entry; what is said of the chain comes after an entry's fills."""
    place = event.place if isinstance(event, FillFact) else 10**9
    return event.time, event.revision, place, event.contract.symbol if isinstance(event, Delivery) else ""


def fold(fact: ChainFact, events: Iterable[Event]) -> Chain:
    """A chain by its definition. Refuses an order of events in which a fill closes what is not there."""
    chain = Chain(fact)
    ordered = sorted(events, key=_order_of_the_fold)
    chain.fills = [event for event in ordered if isinstance(event, FillFact)]
    for event in ordered:
        exposed_before = bool(chain.open_legs)
        if isinstance(event, FillFact) and event.opening:
            _open(chain, event)
            chain.abandoned = False
        elif isinstance(event, FillFact):
            _close(chain, event)
        elif isinstance(event, Delivery):
            _deliver(chain, event)
        elif isinstance(event, AbandonFact):
            chain.abandoned = chain.abandoned or chain.half_done_roll is not None
        else:
            chain.stated_collateral = event.amount
        exposed = bool(chain.open_legs)
        if exposed_before and not exposed:
            chain.flattened = event if isinstance(event, FillFact) else _end_at_expiry(chain, event.time)
            chain.flat_since = event.time
            chain.stated_collateral = None
        if chain.lines:
            chain.moments.append(Moment(event.time, exposed, chain.collateral))
    return chain


def held(chain: Chain, contract: Contract) -> Leg | None:
    """The open leg in that contract."""
    return next((leg for leg in chain.open_legs if leg.contract == contract), None)


def usd(amount: Fraction, factor: Fraction | None) -> Fraction | None:
    """An amount in USD; nothing without a factor, unless it is zero."""
    if factor is None:
        return ZERO if amount == 0 else None
    return amount * factor


def _open(chain: Chain, fact: FillFact) -> None:
    leg = held(chain, fact.contract)
    if leg is None:
        leg = Leg(fact.contract, fact.fill.side)
        chain.legs.append(leg)
    if leg.side != fact.fill.side:
        raise precondition("an opening fill against its leg")
    leg.opening.append(fact)
    leg.open_quantity += fact.fill.quantity
    leg.entry += fact.premium
    leg.entry_usd = plus(leg.entry_usd, usd(fact.premium, fact.factor))
    _book_fill(chain, leg, fact, gross=ZERO, gross_usd=ZERO)


def _close(chain: Chain, fact: FillFact) -> None:
    leg = held(chain, fact.contract)
    if leg is None:
        raise precondition("closes what is not open")
    if leg.side == fact.fill.side:
        raise precondition("a closing fill in the direction of its leg")
    if fact.fill.quantity > leg.open_quantity:
        raise precondition("closes more than is open")
    leg.closing.append(fact)
    released, released_usd = _release(leg, fact.fill.quantity)
    gross = leg.sign * (released - fact.premium)
    paid_usd = usd(fact.premium, fact.factor)
    difference = minus(released_usd, paid_usd)
    _book_fill(chain, leg, fact, gross, None if difference is None else leg.sign * difference)
    if leg.open_quantity == 0:
        leg.close_time = fact.time


def _release(leg: Leg, quantity: Fraction) -> tuple[Fraction, Fraction | None]:
    """Takes a slice off a leg: its share of the entry rounded to 18 places, the remainder for the last slice."""
    whole = quantity == leg.open_quantity
    share = quantity / leg.open_quantity
    released = leg.entry if whole else half_even(leg.entry * share, 18)
    known = leg.entry_usd
    released_usd = None if known is None else known if whole else half_even(known * share, 18)
    leg.open_quantity -= quantity
    leg.entry -= released
    leg.entry_usd = ZERO if whole else minus(known, released_usd)
    return released, released_usd


def _book_fill(chain: Chain, leg: Leg, fact: FillFact, gross: Fraction, gross_usd: Fraction | None) -> None:
    fee = fact.fee or ZERO
    direction = 1 if fact.fill.side == "BUY" else -1
    cash = -direction * fact.premium - fee
    leg.gross_pnl += gross
    leg.fees += fee
    chain.lines.append(
        Line(
            kind="OPENING" if fact.opening else "CLOSING",
            leg=leg,
            roll=fact.roll,
            symbol=fact.contract.symbol,
            side=fact.fill.side,
            quantity=fact.fill.quantity,
            price=half_even(fact.fill.price, 18),
            fee=fact.fee,
            fee_source=fact.fee_source,
            cash=cash,
            cash_usd=usd(cash, fact.factor),
            realized_pnl=gross - fee,
            realized_pnl_usd=minus(gross_usd, usd(fee, fact.factor)),
            time=fact.time,
            trade_id=fact.fill.trade_id,
            order_id=fact.fill.order_id,
        )
    )


def _deliver(chain: Chain, event: Delivery) -> None:
    leg = held(chain, event.contract)
    if leg is None:
        return
    contract, price, quantity = event.contract, event.price, leg.open_quantity
    coins = quantity * contract.multiplier
    exact = coins * contract.payoff(price)
    payoff = half_even(exact, contract.places) if event.cash is None else -leg.sign * event.cash
    rate = Fraction("0.00015") * coins * (1 if contract.inverse else price)
    due: Fraction | None = ZERO if contract.daily else half_even(min(rate, exact / 8), contract.places)
    if not event.fee_known and exact > 0:
        due = None
    charged = due if event.fee is None else event.fee
    fee = charged or ZERO
    released, released_usd = _release(leg, quantity)
    gross = leg.sign * (released - payoff)
    leg.gross_pnl += gross
    leg.fees += fee
    leg.close_time = event.time
    leg.delivery_price, leg.payoff, leg.delivery_fee, leg.settled_quantity = price, payoff, charged, quantity
    factor = price if contract.coin_settled else Fraction(1)
    cash = -leg.sign * payoff - fee
    realized_usd = None if released_usd is None else leg.sign * (released_usd - payoff * factor) - fee * factor
    chain.lines.append(
        Line(
            kind="SETTLEMENT",
            leg=leg,
            roll=None,
            symbol=contract.symbol,
            side="UNSPECIFIED",
            quantity=quantity,
            price=None,
            fee=charged,
            fee_source="REPORTED" if event.fee is not None else "MISSING" if charged is None else "ESTIMATED",
            cash=cash,
            cash_usd=cash * factor,
            realized_pnl=gross - fee,
            realized_pnl_usd=realized_usd,
            time=event.time,
        )
    )


def _end_at_expiry(chain: Chain, expiry: datetime) -> str:
    """SETTLED if anything that was delivered at that instant was paid for."""
    paid = any(leg.payoff for leg in chain.legs if leg.settled_quantity and leg.contract.expiry == expiry)
    return "SETTLED" if paid else "EXPIRED"
