"""Judging a final delivery price: every chain of its scope settles what it holds of the contracts, in one revision."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from rollbook_server.domain.chains import Leg
from rollbook_server.domain.clock import Micros, moment
from rollbook_server.domain.decimals import ZERO, exact, plain, quotient
from rollbook_server.domain.entries import Answer, Delivery, Entry, SettlementEntry
from rollbook_server.domain.errors import FailedPrecondition, InvalidArgument, NotFound, Reason
from rollbook_server.domain.executions import Flag, ReportedDelivery, Settlement, Side
from rollbook_server.domain.fees import delivery_fee
from rollbook_server.domain.instruments import DERIBIT, Instrument, parse_deribit
from rollbook_server.domain.recording.arrivals import unique
from rollbook_server.domain.recording.book import Book, Judgement, Place, Record, Scope, advance
from rollbook_server.domain.settlement import payoff

_TOLERANCE = Decimal("0.00000002")
"""The venue's own rows differ from its formula by up to this much."""


def judge_settlement(book: Book, said: Settlement, place: Place) -> Judgement:
    """The entries of a delivery price, one per chain that held something (or one without a chain, so that fills that
    come later still find the price); or the reason for a refusal.

    Raises InvalidArgument, NotFound (a contract of another venue that nobody holds), FailedPrecondition (before the
    expiry; settled at another price).
    """
    scope = Scope(said.account, said.mode, said.venue)
    symbol, index_name, expiry = _scope_of(book, scope, said)
    if expiry > place.now:
        raise FailedPrecondition(
            Reason.NOT_EXPIRED, f"the expiry {moment(expiry):%Y-%m-%d %H:%M} UTC is still to come", "expiry_time"
        )
    others = book.other_prices(scope, symbol, index_name, expiry, said.delivery_price)
    if others:
        raise FailedPrecondition(
            Reason.SETTLED_AT_OTHER_PRICE,
            f"it is settled at {plain(others[0])}; a correction is the way",
            "delivery_price",
        )
    records = {}
    for position_id in book.unsettled(scope, symbol, index_name, expiry):
        record = book.record(said.account, position_id)
        if record is not None:
            records[position_id] = record
    legs = {
        position_id: [
            leg
            for leg in record.chain.open_legs
            if leg.instrument.expiry_time == expiry
            and (leg.instrument.symbol == symbol if symbol else leg.instrument.index_name == index_name)
        ]
        for position_id, record in records.items()
    }
    deliveries, differing = _deliveries(said, legs)
    differing |= {each.symbol for each in said.reported if book.instrument(scope, each.symbol) is None}
    entries: list[Entry] = []
    after: dict[str, Record] = {}
    for position_id, record in records.items():
        flags = [Flag.SETTLEMENT_DIFFERS] if differing & {each.symbol for each in deliveries[position_id]} else []
        entry = _entry(said, symbol, index_name, expiry, place.following(len(entries)), position_id)
        body = replace(_body(entry), deliveries=tuple(deliveries[position_id]), flags=unique(flags))
        entry = replace(entry, body=body)
        after[position_id] = advance(record, entry)
        entries.append(entry)
    if not entries:
        entries.append(_entry(said, symbol, index_name, expiry, place, ""))
    answer = Answer(
        revision=place.revision,
        position_ids=tuple(records),
        flags=unique([Flag.SETTLEMENT_DIFFERS] if differing else []),
    )
    if said.request_id:  # else nobody asked: the server has come to know the price
        entries[0] = replace(entries[0], body=replace(_body(entries[0]), said=said), answer=answer)
    return Judgement(tuple(entries), after)


def expiry_of(book: Book, said: Settlement) -> Micros:
    """The expiry that a settlement speaks of; 0 where it does not say."""
    if said.expiry_time is not None:
        return said.expiry_time
    contract = _contract(book, Scope(said.account, said.mode, said.venue), said.symbol)
    return contract.expiry_time if contract is not None else 0


def _body(entry: Entry) -> SettlementEntry:
    if not isinstance(entry.body, SettlementEntry):
        raise TypeError("not a settlement")
    return entry.body


def _entry(said: Settlement, symbol: str, index_name: str, expiry: Micros, place: Place, position_id: str) -> Entry:
    return Entry(
        revision=place.revision,
        sequence=place.sequence,
        recorded_time=place.now,
        event_time=expiry,
        account=said.account,
        position_id=position_id,
        body=SettlementEntry(
            request_id=said.request_id,
            venue=said.venue,
            mode=said.mode,
            delivery_price=said.delivery_price,
            expiry_time=expiry,
            symbol=symbol,
            index_name=index_name,
        ),
    )


def _scope_of(book: Book, scope: Scope, said: Settlement) -> tuple[str, str, Micros]:
    """The contract with its index, or the index alone, and the expiry."""
    if not said.symbol:
        if not said.index_name:
            raise InvalidArgument(Reason.MISSING_FIELD, "name the contract, or the index and its expiry", "symbol")
        if said.expiry_time is None:
            raise InvalidArgument(Reason.MISSING_FIELD, "an index settles at an expiry", "expiry_time")
        return "", said.index_name, said.expiry_time
    instrument = _contract(book, scope, said.symbol)
    if instrument is None:
        if scope.venue == DERIBIT:
            raise InvalidArgument(Reason.MALFORMED_SYMBOL, f"{said.symbol!r} is not the name of an option", "symbol")
        raise NotFound(Reason.NO_CHAIN_HOLDS_CONTRACT, f"nobody holds {said.symbol} of {scope.venue}", "symbol")
    if said.index_name and said.index_name != instrument.index_name:
        raise InvalidArgument(Reason.CONTRADICTION, f"{said.symbol} settles on {instrument.index_name}", "index_name")
    if said.expiry_time is not None and said.expiry_time != instrument.expiry_time:
        raise InvalidArgument(Reason.CONTRADICTION, f"{said.symbol} expires at another time", "expiry_time")
    return said.symbol, instrument.index_name, instrument.expiry_time


def _contract(book: Book, scope: Scope, symbol: str) -> Instrument | None:
    """As a chain holds it, with the index it was given; else what its name says."""
    held = book.instrument(scope, symbol)
    return parse_deribit(symbol) if held is None and scope.venue == DERIBIT else held


@exact
def _deliveries(said: Settlement, legs: Mapping[str, list[Leg]]) -> tuple[dict[str, list[Delivery]], set[str]]:
    """What each chain is settled at, and the contracts whose reported figures differ from the formula.

    The venue books one sum for the account's whole position; where several chains hold the contract, each gets its
    own by the formula, and the difference in proportion to its quantity, the last one the rest.
    """
    reported: dict[str, ReportedDelivery] = {}
    held: dict[str, list[tuple[str, Leg]]] = {}
    for position_id, members in legs.items():
        for leg in members:
            held.setdefault(leg.instrument.symbol, []).append((position_id, leg))
    for number, delivery in enumerate(said.reported):
        if said.symbol and delivery.symbol != said.symbol:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"this settles {said.symbol} alone", f"reported[{number}].symbol"
            )
        if delivery.symbol in reported:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"{delivery.symbol} is reported twice", f"reported[{number}].symbol"
            )
        reported[delivery.symbol] = delivery  # one that no chain holds (any more) changes nothing
    settled: dict[str, list[Delivery]] = {position_id: [] for position_id in legs}
    differing: set[str] = set()
    for symbol, holders in held.items():
        report = reported.get(symbol, ReportedDelivery(symbol=symbol))
        cash = [_formula_cash(leg, said.delivery_price) for _, leg in holders]
        fees = [delivery_fee(said.venue, leg.instrument, leg.open_quantity, said.delivery_price) for _, leg in holders]
        quantities = [leg.open_quantity for _, leg in holders]
        shared_cash = _shared(report.cash, cash, quantities)
        known_fees = [fee if fee is not None else ZERO for fee in fees]
        shared_fees = _shared(report.fee, known_fees, quantities)
        if _far(report.cash, cash) or (None not in fees and _far(report.fee, known_fees)):
            differing.add(symbol)
        for number, (position_id, _) in enumerate(holders):
            settled[position_id].append(
                Delivery(
                    symbol=symbol,
                    cash=shared_cash[number] if shared_cash else None,
                    fee=shared_fees[number] if shared_fees else None,
                )
            )
    return settled, differing


def _formula_cash(leg: Leg, delivery_price: Decimal) -> Decimal:
    paid = payoff(leg.instrument, leg.open_quantity, delivery_price)
    return -paid if leg.side is Side.SELL else paid


def _far(reported: Decimal | None, computed: list[Decimal]) -> bool:
    return reported is not None and abs(reported - sum(computed, ZERO)) > _TOLERANCE


def _shared(reported: Decimal | None, computed: list[Decimal], quantities: list[Decimal]) -> list[Decimal] | None:
    """The reported sum, split over the holders."""
    if reported is None:
        return None
    difference = reported - sum(computed, ZERO)
    whole = sum(quantities, ZERO)
    shares: list[Decimal] = []
    for number, (own, quantity) in enumerate(zip(computed, quantities, strict=True)):
        if number == len(computed) - 1:
            shares.append(reported - sum(shares, ZERO))
        else:
            shares.append(own + quotient(difference * quantity, whole, 18))
    return shares
