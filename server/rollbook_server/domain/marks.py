"""Marks as they are kept: whether one can be right, and whether it is still of today.

A mark is *wild* if it cannot be right: its quotes are crossed, it lies far from them, it is outside what the contract
can be worth, or it has jumped by more than the index explains. It is *stale* ten minutes after its time, and once its
contract has expired. Both are flagged and stay out of the drawdown (docs/decisions/0013).

Prices are compared as shares of a coin, in floats: these are judgements, not money.
"""

import enum
from dataclasses import dataclass
from decimal import Decimal

from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.executions import Mark
from rollbook_server.domain.instruments import ContractStyle, Instrument, OptionType

STALE_AFTER: Micros = 600 * SECOND
AHEAD: Micros = 300 * SECOND
"""How far a mark_time may be ahead of our clock: beyond it, no later mark could take its place."""

_NEAR = 0.0005
"""A tick, in coins per coin."""
_FAR = 0.05
"""More than a volatility shock moves an option in ten minutes, in coins per coin."""


class MarkFlag(enum.StrEnum):
    """What deserves a look about a mark."""

    STALE = "STALE"
    WILD = "WILD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A mark that was believed."""

    mark_price: Decimal
    mark_time: Micros
    index_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMark:
    """A mark with its judgement; `before` is the newest believed one, where this one is wild."""

    mark: Mark
    wild: bool = False
    before: Sound | None = None

    @property
    def sound(self) -> Sound | None:
        """The newest mark that was believed."""
        if self.wild:
            return self.before
        mark = self.mark
        return Sound(mark_price=mark.mark_price, mark_time=mark.mark_time, index_price=mark.index_price)

    def flags(self, instrument: Instrument, now: Micros) -> tuple[MarkFlag, ...]:
        """What deserves a look about it now."""
        found = []
        if now - self.mark.mark_time > STALE_AFTER or now >= instrument.expiry_time:
            found.append(MarkFlag.STALE)
        if self.wild:
            found.append(MarkFlag.WILD)
        return tuple(found)


def judge_mark(mark: Mark, instrument: Instrument | None, before: KnownMark | None) -> KnownMark:
    """The mark with its judgement, after the one that it takes the place of. A contract that is not known is not
    judged."""
    sound = before.sound if before is not None else None
    if instrument is not None and _wild(mark, instrument, sound):
        return KnownMark(mark=mark, wild=True, before=sound)
    return KnownMark(mark=mark)


def _wild(mark: Mark, instrument: Instrument, before: Sound | None) -> bool:
    price = float(mark.mark_price)
    bid, ask = float(mark.best_bid_price or 0), float(mark.best_ask_price or 0)  # 0 is the venue's "none"
    if bid and ask and bid > ask:
        return True
    inverse = instrument.style is ContractStyle.INVERSE
    given = mark.underlying_price or mark.index_price
    coin = 1.0 if inverse else float(given or 0)
    if not coin:
        return False  # nothing to measure a quote currency's price by
    near = _NEAR * coin
    if price < bid / 2 - near or (ask and price > 2 * ask + near):
        return True
    if given is None:
        return False
    moneyness = float(instrument.strike) / float(given)
    call = instrument.option_type is OptionType.CALL
    lowest, highest = (max(1 - moneyness, 0), 1.0) if call else (max(moneyness - 1, 0), moneyness)
    if not lowest - _FAR <= price / coin <= highest + _FAR:
        return True
    if before is None or before.index_price is None or mark.index_price is None:
        return False
    if mark.mark_time - before.mark_time > STALE_AFTER:
        return False
    moved = abs(float(mark.index_price) / float(before.index_price) - 1) * max(moneyness, 1)
    jump = abs(price - float(before.mark_price)) / coin
    return jump > moved + _FAR
