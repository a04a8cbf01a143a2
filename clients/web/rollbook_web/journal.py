"""A chain as the story that its journal tells: each entry with its reason and with the cash that it brought. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rollbook.models import CashLine, ExecutionResult, Flag, LedgerEntry, LineKind, PositionChain, Side
from rollbook_web import numbers
from rollbook_web.numbers import EXACT, Figure, words

FLAGS = {
    Flag.FEE_ESTIMATED: "fee estimated from the venue's table",
    Flag.FEE_MISSING: "a fill without its fee",
    Flag.INDEX_MISSING: "a fill without an index price: no USD",
    Flag.FILLED_QUANTITY_DIFFERS: "an order's filled quantity differs from its fills",
    Flag.SETTLEMENT_DIFFERS: "settlement differs from the formula",
    Flag.TRADES_DROPPED: "some trades were known already",
    Flag.FILLS_ATTACHED: "fills that had waited were attached",
    Flag.FILLS_UNMATCHED: "fills wait for their order",
    Flag.SETTLED_ON_ARRIVAL: "settled at once: the delivery price was known",
}


@dataclass(frozen=True)
class Movement:
    """A line of cash: "sold 0.5 BTC-25DEC26-110000-C at 0.0125, roll 1"."""

    text: str
    cash: Figure
    usd: Figure
    fee: Figure


@dataclass(frozen=True)
class Step:
    """One entry of the journal.

    Attributes:
        number: revision.sequence
        time: When it happened.
        recorded: When the ledger took it; None where the entry itself is not at hand.
        what: In a few words: "roll, executed".
        why: The bot's reason, its trigger and decision.
        doubts: Errors and flags.
        movements: Its cash.
    """

    number: str
    time: datetime | None
    recorded: datetime | None
    what: str
    why: tuple[str, ...]
    doubts: tuple[str, ...]
    movements: tuple[Movement, ...]


def steps(chain: PositionChain, entries: Iterable[LedgerEntry], lines: Sequence[CashLine]) -> list[Step]:
    """In the order of the journal. Cash of an entry that is not at hand makes a step of its own."""
    by_entry: dict[tuple[int, int], list[CashLine]] = {}
    for line in lines:
        by_entry.setdefault((line.revision, line.sequence), []).append(line)
    entry_of = {(entry.revision, entry.sequence): entry for entry in entries}
    return [
        _step(chain, key, entry_of.get(key), by_entry.get(key, [])) for key in sorted(entry_of.keys() | by_entry.keys())
    ]


def _step(chain: PositionChain, key: tuple[int, int], entry: LedgerEntry | None, lines: Sequence[CashLine]) -> Step:
    movements = tuple(_movement(chain.settlement_currency, line) for line in lines)
    number = f"{key[0]:,}.{key[1]}"
    if entry is None:
        return Step(number, lines[0].time if lines else None, None, "earlier entry", (), (), movements)
    what, why, doubts = _told(entry)
    return Step(number, entry.event_time, entry.recorded_time, what, why, doubts, movements)


def _told(entry: LedgerEntry) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if entry.execution is not None and entry.execution.execution is not None:
        told = entry.execution.execution
        return f"{words(told.action)}, {words(told.status)}", _why(told), (*told.errors, *_flags(entry.execution.flags))
    if entry.fills is not None:
        orders = tuple(
            f"order {order.order_id} {words(order.state)}{': ' + order.reason if order.reason else ''}"
            for order in entry.fills.orders
        )
        return "late fills" if entry.fills.fills else "order report", orders, _flags(entry.fills.flags)
    if entry.expiry is not None:
        return "expiry", (f"{', '.join(entry.expiry.symbols)} expired; the delivery price is waited for",), ()
    if entry.settlement is not None:
        told_price = entry.settlement.delivery_price
        price = "" if told_price is None else f" at {numbers.price(told_price, 'USD').text}"
        return f"settlement{price}", (), _flags(entry.settlement.flags)
    if entry.correction is not None:
        return "correction", (entry.correction.reason,), ()
    return "entry of a newer server", (), ()


def _why(told: ExecutionResult) -> tuple[str, ...]:
    parts = [told.reason]
    if told.trigger:
        parts.append(f"trigger {told.trigger}")
    if told.decision_id:
        parts.append(f"decision {told.decision_id}")
    return tuple(part for part in parts if part)


def _flags(flags: Iterable[Flag]) -> tuple[str, ...]:
    return tuple(FLAGS.get(flag, words(flag)) for flag in flags)


def _movement(currency: str, line: CashLine) -> Movement:
    did = {Side.SELL: "sold", Side.BUY: "bought"}.get(line.side, "")
    if line.kind is LineKind.SETTLEMENT:
        text = f"delivered {numbers.quantity(line.quantity).text} {line.symbol}"
    else:
        price = numbers.price(line.price, currency).text
        text = f"{did} {numbers.quantity(line.quantity).text} {line.symbol} at {price}"
    if line.roll_number:
        text += f" · roll {line.roll_number}"
    fee = numbers.money(line.fee, currency, "nobody said the fee", signed=False, unit=False)
    if line.fee_source.value == "ESTIMATED":
        fee = numbers.estimate(fee, "from the venue's fee table")
    return Movement(
        text,
        numbers.money(line.cash, currency, unit=False),
        numbers.usd(line.cash_usd, "the fill has no index price"),
        fee,
    )


def fees_usd(chain: PositionChain, lines: Sequence[CashLine]) -> Decimal | None:
    """The fees in USD, each at the index of its own line: what the line's USD are, divided by its coins. None if one is
    unknown, or if not all lines are at hand.
    """
    whole = Decimal(0)
    seen = Decimal(0)
    for line in lines:
        if not line.fee:
            continue
        if line.cash_usd is None or not line.cash:
            return None
        seen = EXACT.add(seen, line.fee)
        whole = EXACT.add(whole, EXACT.multiply(line.fee, EXACT.divide(line.cash_usd, line.cash)))
    return whole if seen == (chain.fees or Decimal(0)) else None


def gross_usd(chain: PositionChain, lines: Sequence[CashLine]) -> Decimal | None:
    """Realized before fees, in USD; None if it is not known."""
    fees = fees_usd(chain, lines)
    return None if fees is None or chain.net_pnl_usd is None else EXACT.add(chain.net_pnl_usd, fees)
