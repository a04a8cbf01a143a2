"""What deserves a look: a word or two beside a figure, and what they mean below the table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rollbook.models import (
    ChainState,
    ChainValuation,
    ContractStyle,
    Flag,
    OptionType,
    PositionChain,
    PositionLeg,
    Side,
)
from rollbook.payloads import open_legs

STALE = timedelta(minutes=10)
"""An older mark is pointed out: as the server has it, and also where it has not been heard of since."""

NO_MARK, OLD_MARK, WILD_MARK, NO_USD = "no mark", "old mark", "wild mark", "no USD"
FEE_MISSING, FEE_ESTIMATED = "fee missing", "fee est."
UNCOVERED, HALF_ROLL, EXPIRED, ORDER_RESTS = "uncovered", "half roll", "expired", "order rests"

MEANING = {
    NO_MARK: "what is open has no mark price, so no value: `rollbook marks` sends one",
    OLD_MARK: "a mark of it is more than ten minutes old, or of an expired contract",
    WILD_MARK: "a mark of it cannot be right, so its value is not either",
    NO_USD: "an index price is missing, so its USD figure is not known",
    FEE_MISSING: "a fill came without its fee: the PnL is too good by it",
    FEE_ESTIMATED: "a fee was estimated from the venue's fee table",
    UNCOVERED: "a short put settled in coin: its loss in coin has no bound",
    HALF_ROLL: "closed but not opened again yet: nothing is open",
    EXPIRED: "its delivery price is not known yet: `rollbook settle` tells it",
    ORDER_RESTS: "an order of it still works",
}

FLAG_MEANING = {
    Flag.FEE_ESTIMATED: "a fee was estimated from the venue's fee table",
    Flag.FEE_MISSING: "a fill came without its fee",
    Flag.INDEX_MISSING: "a fill in coin came without an index price: its USD figures stay unknown",
    Flag.FILLED_QUANTITY_DIFFERS: "an order's filled quantity is not the sum of its fills",
    Flag.SETTLEMENT_DIFFERS: "the venue's cash or fee at delivery differs from the formula",
    Flag.TRADES_DROPPED: "some trades were known already and did not count again",
    Flag.FILLS_ATTACHED: "earlier fills that waited for this order are counted now",
    Flag.FILLS_UNMATCHED: "fills wait for their order, which nobody has reported yet",
    Flag.SETTLED_ON_ARRIVAL: "the delivery price was known already: settled at once",
}


def of_chain(chain: PositionChain) -> list[str]:
    """What a chain's own figures leave out or guess."""
    flags = []
    if not chain.fees_complete:
        flags.append(FEE_MISSING)
    if chain.fees_estimated:
        flags.append(FEE_ESTIMATED)
    return flags


def _is_uncovered(leg: PositionLeg) -> bool:
    contract = leg.instrument
    return (
        leg.side is Side.SELL
        and contract is not None
        and (contract.style, contract.option_type) == (ContractStyle.INVERSE, OptionType.PUT)
    )


def of_position(chain: PositionChain, value: ChainValuation | None, now: datetime) -> list[str]:
    """What to know about an open chain before its figures are believed."""
    flags = [HALF_ROLL] if chain.state is ChainState.FLAT else []
    held = open_legs(chain)
    if any(leg.instrument and leg.instrument.expiry_time and leg.instrument.expiry_time <= now for leg in held):
        flags.append(EXPIRED)
    if held and (value is None or value.missing_marks):
        flags.append(NO_MARK)
    elif value and (value.stale_marks or (value.mark_time is not None and now - value.mark_time > STALE)):
        flags.append(OLD_MARK)
    if value and value.wild_marks:
        flags.append(WILD_MARK)
    if chain.net_pnl_usd is None or (value and value.unrealized_pnl is not None and value.unrealized_pnl_usd is None):
        flags.append(NO_USD)
    if any(_is_uncovered(leg) for leg in held):  # the chain's own flag stays when such a leg is rolled away
        flags.append(UNCOVERED)
    flags += of_chain(chain)
    if chain.working_orders:
        flags.append(ORDER_RESTS)
    return flags


def legend(flags: Iterable[str]) -> list[str]:
    """A line for each flag that was shown."""
    shown = set(flags)
    return [f"{flag}: {meaning}." for flag, meaning in MEANING.items() if flag in shown]


def flag_lines(flags: Iterable[Flag]) -> list[str]:
    """The server's flags of a command, in words."""
    return [f"{flag}: {FLAG_MEANING.get(flag, 'see the protos')}" for flag in flags]
