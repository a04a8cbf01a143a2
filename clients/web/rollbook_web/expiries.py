"""What expires when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rollbook.models import LegState, Mode, PositionChain, PositionLeg
from rollbook_web import numbers
from rollbook_web.numbers import Figure
from rollbook_web.open_rows import Held, contracts, open_legs


@dataclass(frozen=True)
class Expiring:
    """One contract of a chain."""

    account: str
    position_id: str
    mode: Mode
    contract: str


@dataclass(frozen=True)
class Expiry:
    """An instant at which something expires.

    Attributes:
        time: When.
        contracts: What.
        premium: Open premium of it by mode and currency: (mode, figure).
        awaiting: Whether it is over, and the delivery price is waited for.
    """

    time: datetime
    contracts: tuple[Expiring, ...]
    premium: tuple[tuple[Mode, Figure], ...]
    awaiting: bool


def calendar(helds: Iterable[Held]) -> list[Expiry]:
    """By time, the next first."""
    by_time: dict[datetime, list[tuple[PositionChain, PositionLeg]]] = {}
    for held in helds:
        for leg in open_legs(held.chain):
            if leg.instrument is not None and leg.instrument.expiry_time is not None:
                by_time.setdefault(leg.instrument.expiry_time, []).append((held.chain, leg))
    return [_expiry(time, by_time[time]) for time in sorted(by_time)]


def _expiry(time: datetime, some: list[tuple[PositionChain, PositionLeg]]) -> Expiry:
    some.sort(
        key=lambda each: (each[0].mode is not Mode.LIVE, each[0].account, each[0].position_id, each[1].leg_number)
    )
    premium: dict[tuple[Mode, str], list[Decimal]] = {}
    for chain, leg in some:
        premium.setdefault((chain.mode, chain.settlement_currency), []).append(leg.open_credit or Decimal(0))
    return Expiry(
        time,
        tuple(Expiring(chain.account, chain.position_id, chain.mode, contracts([leg])) for chain, leg in some),
        tuple(
            (mode, numbers.money(numbers.total(amounts), of, signed=False)) for (mode, of), amounts in premium.items()
        ),
        any(leg.state is LegState.AWAITING_DELIVERY for _, leg in some),
    )
