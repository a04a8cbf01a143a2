"""Judging late fills and order states: each goes to the chain of its order, or waits until the order is reported."""

from dataclasses import dataclass, field, replace

from rollbook_server.domain.entries import Answer, DecidedFill, DecidedOrder, Entry, FillsEntry
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import Fill, Flag, LateFills, Order
from rollbook_server.domain.history import ChainOrder
from rollbook_server.domain.instruments import Instrument, resolve
from rollbook_server.domain.recording.arrivals import (
    check_against_order,
    check_fill,
    decide_fill,
    fill_flags,
    known_contract,
    known_trade,
    quantity_differs,
    settle_on_arrival,
    unique,
)
from rollbook_server.domain.recording.book import Book, Judgement, Place, Record, Scope, advance


@dataclass(slots=True)
class _Share:
    """What a command holds for one chain; for no chain, what waits."""

    fills: list[tuple[int, Fill, Instrument]] = field(default_factory=list)
    orders: list[tuple[int, Order]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def judge_late_fills(book: Book, said: LateFills, place: Place) -> Judgement:
    """The entries of late fills, one per chain, and one for what waits; or the reason for a refusal.

    Raises InvalidArgument, FailedPrecondition (closes more than open), AlreadyExists (another trade of that id).
    """
    scope = Scope(said.account, said.mode, said.venue)
    if not said.fills and not said.orders:
        raise InvalidArgument(Reason.MISSING_FIELD, "neither a fill nor an order", "fills")
    shares = _shares(book, scope, said)
    entries: list[Entry] = []
    records: dict[str, Record] = {}
    flags: list[Flag] = []
    unmatched: list[str] = []
    for position_id, share in shares.items():
        here = place.following(len(entries))
        if not position_id:
            waiting_ids = [fill.order_id for _, fill, _ in share.fills] + [order.order_id for _, order in share.orders]
            unmatched += dict.fromkeys(waiting_ids)
            entry = _waiting_entry(said, share, here)
            entries.append(entry)
        else:
            record = book.record(said.account, position_id)
            if record is None:
                raise LookupError(f"order table names chain {position_id}, which is not there")
            entry, after = _chain_entry(scope, said, share, record, here)
            settled, after = settle_on_arrival(book, scope, after, here.following(1))
            entries += [entry, *settled]
            records[position_id] = after
            if settled:
                flags.append(Flag.SETTLED_ON_ARRIVAL)
        body = entry.body
        if isinstance(body, FillsEntry):
            flags += body.flags
    answer = Answer(
        revision=place.revision,
        position_ids=tuple(position_id for position_id in shares if position_id),
        dropped_trade_ids=tuple(trade for share in shares.values() for trade in share.dropped),
        unmatched_order_ids=tuple(unmatched),
        flags=unique(flags),
    )
    first = entries[0]
    if isinstance(first.body, FillsEntry):
        entries[0] = replace(first, body=replace(first.body, said=said), answer=answer)
    return Judgement(tuple(entries), records)


def _shares(book: Book, scope: Scope, said: LateFills) -> dict[str, _Share]:
    """What goes to which chain, in the order of the command."""
    shares: dict[str, _Share] = {}
    earlier: dict[tuple[str, str], Fill] = {}
    for number, fill in enumerate(said.fills):
        where = f"fills[{number}]"
        if not fill.order_id:
            raise InvalidArgument(Reason.MISSING_FIELD, "a late fill names its order", f"{where}.order_id")
        known_as = known_contract(book, scope, fill.symbol)
        instrument = resolve(scope.venue, fill.symbol, fill.instrument, where, known_as)
        if known_as is not None and known_as != instrument:
            raise InvalidArgument(
                Reason.INSTRUMENT_MISMATCH, f"{fill.symbol} is known as another contract", f"{where}.instrument"
            )
        check_fill(scope, fill, instrument, where)
        known = known_trade(book, scope, instrument, fill, where, earlier)
        owner = book.order_owner(scope, fill.order_id) or ""
        if known is not None:
            shares.setdefault(known.position_id or owner, _Share()).dropped.append(fill.trade_id)
        else:
            shares.setdefault(owner, _Share()).fills.append((number, fill, instrument))
    for number, order in enumerate(said.orders):
        owner = book.order_owner(scope, order.order_id) or ""
        shares.setdefault(owner, _Share()).orders.append((number, order))
    return shares


def _event_time(said: LateFills, share: _Share, now: int) -> int:
    times = [fill.executed_time for _, fill, _ in share.fills]
    times = times or [order.update_time for _, order in share.orders if order.update_time is not None]
    return max(times or [fill.executed_time for fill in said.fills] or [now])


def _entry(said: LateFills, share: _Share, place: Place, position_id: str, body: FillsEntry) -> Entry:
    return Entry(
        revision=place.revision,
        sequence=place.sequence,
        recorded_time=place.now,
        event_time=_event_time(said, share, place.now),
        account=said.account,
        position_id=position_id,
        body=body,
    )


def _waiting_entry(said: LateFills, share: _Share, place: Place) -> Entry:
    waits = bool(share.fills or share.orders)
    flags = ([Flag.FILLS_UNMATCHED] if waits else []) + ([Flag.TRADES_DROPPED] if share.dropped else [])
    body = FillsEntry(
        request_id=said.request_id,
        venue=said.venue,
        mode=said.mode,
        waiting_fills=tuple(fill for _, fill, _ in share.fills),
        waiting_orders=tuple(order for _, order in share.orders),
        dropped_trade_ids=tuple(share.dropped),
        flags=unique(flags),
    )
    return _entry(said, share, place, "", body)


def _chain_entry(scope: Scope, said: LateFills, share: _Share, record: Record, place: Place) -> tuple[Entry, Record]:
    fills: list[tuple[Fill, DecidedFill]] = []
    for number, fill, instrument in share.fills:
        order = record.history.orders[fill.order_id]
        contract = _check_against_chain(fill, instrument, order, record, f"fills[{number}]")
        decided = decide_fill(scope, fill, contract, order.effect, order.roll_number, number, carry=True)
        fills.append((fill, decided))
    orders: list[DecidedOrder] = []
    for number, order_report in share.orders:
        known = record.history.orders[order_report.order_id]
        _check_order_report(order_report, known, record, f"orders[{number}]")
        orders.append(
            DecidedOrder(place=number, order=order_report, effect=known.effect, roll_number=known.roll_number)
        )
    body = FillsEntry(
        request_id=said.request_id,
        venue=said.venue,
        mode=said.mode,
        fills=tuple(decided for _, decided in fills),
        orders=tuple(orders),
        dropped_trade_ids=tuple(share.dropped),
    )
    entry = _entry(said, share, place, record.history.position_id, body)
    after = advance(record, entry)
    flags = fill_flags(fills)
    if share.dropped:
        flags.append(Flag.TRADES_DROPPED)
    if any(quantity_differs(after.history, order.order_id, order.filled_quantity) for _, order in share.orders):
        flags.append(Flag.FILLED_QUANTITY_DIFFERS)
    return replace(entry, body=replace(body, flags=unique(flags))), after


def _check_against_chain(
    fill: Fill, instrument: Instrument, order: ChainOrder, record: Record, where: str
) -> Instrument:
    """The fill's contract as the chain holds it; refuses one that is not its order's, or not the chain's."""
    history = record.history
    if fill.position_effect is not None and fill.position_effect is not order.effect:
        raise InvalidArgument(Reason.CONTRADICTION, f"its order is {order.effect}", f"{where}.position_effect")
    check_against_order(history, fill.order_id, fill.symbol, fill.side, where)
    if instrument.settlement_currency != history.settlement_currency or instrument.underlying != history.underlying:
        raise InvalidArgument(
            Reason.MIXED_CURRENCIES,
            f"{history.position_id} is in {history.settlement_currency} on {history.underlying}",
            f"{where}.symbol",
        )
    for known in history.fills:
        if known.fill.symbol == fill.symbol and known.instrument != instrument:
            if fill.instrument is not None:
                raise InvalidArgument(
                    Reason.INSTRUMENT_MISMATCH, f"the chain holds another {fill.symbol}", f"{where}.instrument"
                )
            return known.instrument
    return instrument


def _check_order_report(report: Order, known: ChainOrder, record: Record, where: str) -> None:
    """A state report does not change what the order is."""
    check_against_order(record.history, report.order_id, report.symbol, report.side, where)
    if report.position_effect is not None and report.position_effect is not known.effect:
        raise InvalidArgument(Reason.CONTRADICTION, f"the order is {known.effect}", f"{where}.position_effect")
