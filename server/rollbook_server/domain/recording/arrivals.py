"""What every report of fills goes through: contracts, currencies, expiry, known trades, fees, flags."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rollbook_server.domain.decimals import ZERO, exact
from rollbook_server.domain.entries import DecidedFill, Delivery, Entry, SettlementEntry
from rollbook_server.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, Reason
from rollbook_server.domain.executions import FeeSource, Fill, FillSource, Flag, Mode, PositionEffect, Side
from rollbook_server.domain.fees import estimate_fee
from rollbook_server.domain.fold import usd_factor
from rollbook_server.domain.history import History
from rollbook_server.domain.instruments import DERIBIT, Instrument
from rollbook_server.domain.recording.book import Book, KnownTrade, Place, Record, Scope, advance


def known_contract(book: Book, scope: Scope, symbol: str) -> Instrument | None:
    """A contract of another venue as the book knows it: one symbol is one contract. Deribit's names say it all."""
    return None if scope.venue == DERIBIT else book.instrument(scope, symbol)


def check_fill(scope: Scope, fill: Fill, instrument: Instrument, field: str) -> None:
    """Refuses a fill that contradicts itself, its contract or its mode, or that comes after the expiry."""
    if fill.source is FillSource.VENUE_TRADE and not fill.trade_id:
        raise InvalidArgument(Reason.MISSING_FIELD, "a venue's trade has a trade_id", f"{field}.trade_id")
    if fill.source is not FillSource.VENUE_TRADE and fill.trade_id:
        raise InvalidArgument(Reason.CONTRADICTION, f"{fill.source} has no trade_id", f"{field}.trade_id")
    if fill.source is FillSource.ORDER_AGGREGATE and not fill.order_id:
        raise InvalidArgument(Reason.MISSING_FIELD, "an order's aggregate names its order", f"{field}.order_id")
    if fill.source is FillSource.SIMULATED and scope.mode is Mode.LIVE:
        raise InvalidArgument(Reason.CONTRADICTION, "a simulated fill in LIVE mode", f"{field}.source")
    if fill.fee_currency and fill.fee_currency != instrument.settlement_currency:
        raise InvalidArgument(
            Reason.FEE_CURRENCY_MISMATCH,
            f"{fill.symbol} is paid in {instrument.settlement_currency}, the fee in {fill.fee_currency}",
            f"{field}.fee_currency",
        )
    if fill.executed_time >= instrument.expiry_time:
        raise FailedPrecondition(
            Reason.CONTRACT_EXPIRED, f"{fill.symbol} had expired at the fill's time", f"{field}.executed_time"
        )


def check_against_order(history: History, order_id: str, symbol: str, side: Side | None, field: str) -> None:
    """Refuses a fill or report of an order in another contract or direction than the chain knows it in."""
    known = history.orders[order_id]
    named = [(known.order.symbol, known.order.side)] if known.order is not None else []
    named += [(each.fill.symbol, each.fill.side) for each in history.fills if each.fill.order_id == order_id]
    for known_symbol, known_side in named:
        if symbol and known_symbol and known_symbol != symbol:
            raise InvalidArgument(Reason.INSTRUMENT_MISMATCH, f"its order is in {known_symbol}", f"{field}.symbol")
        if side is not None and known_side is not None and known_side is not side:
            raise FailedPrecondition(Reason.WRONG_SIDE, f"its order is a {known_side}", f"{field}.side")


_TRADE_FIELDS = ("symbol", "side", "quantity", "price", "fee", "index_price", "executed_time")


def _conflicts(known: Fill, fill: Fill) -> list[str]:
    """The fields in which two reports of one trade differ; an order_id left out contradicts nothing."""
    different = [name for name in _TRADE_FIELDS if getattr(known, name) != getattr(fill, name)]
    if known.order_id and fill.order_id and known.order_id != fill.order_id:
        different.append("order_id")
    return different


def known_trade(
    book: Book, scope: Scope, instrument: Instrument, fill: Fill, field: str, earlier: dict[tuple[str, str], Fill]
) -> KnownTrade | None:
    """The trade as recorded before, or earlier in the same command; refuses other content under its id."""
    if fill.source is not FillSource.VENUE_TRADE:
        return None
    key = (instrument.settlement_currency, fill.trade_id)
    twin = earlier.setdefault(key, fill)
    known = book.trade(scope, *key) if twin is fill else KnownTrade(twin, "", repeated=True)
    if known is None:
        return None
    different = _conflicts(known.fill, fill)
    if different:
        raise AlreadyExists(
            Reason.TRADE_CONFLICT,
            f"trade {fill.trade_id} is recorded with another {', '.join(different)}",
            f"{field}.{different[0]}",
            {"fields": ",".join(different), "trade_id": fill.trade_id},
        )
    return known


def decide_fill(
    scope: Scope, fill: Fill, instrument: Instrument, effect: PositionEffect, roll_number: int, place: int, carry: bool
) -> DecidedFill:
    """What a fill does, with its fee: as reported; else, in DRY_RUN, as the fee table says; else missing."""
    fee, source = fill.fee, FeeSource.REPORTED
    if fee is None and scope.mode is Mode.DRY_RUN:
        fee, source = estimate_fee(scope.venue, instrument, fill), FeeSource.ESTIMATED
    if fee is None:
        source = FeeSource.MISSING
    return DecidedFill(
        place=place,
        fill=fill if carry else None,
        instrument=instrument,
        effect=effect,
        fee=fee,
        fee_source=source,
        roll_number=roll_number,
    )


def fill_flags(fills: Iterable[tuple[Fill, DecidedFill]]) -> list[Flag]:
    """What deserves a look about fees and indices."""
    flags: list[Flag] = []
    for fill, decided in fills:
        if decided.fee_source is FeeSource.ESTIMATED:
            flags.append(Flag.FEE_ESTIMATED)
        if decided.fee_source is FeeSource.MISSING:
            flags.append(Flag.FEE_MISSING)
        contract = decided.instrument
        known = usd_factor(contract.settlement_currency, contract.underlying, fill.index_price) is not None
        if not known and (fill.price or decided.fee):
            flags.append(Flag.INDEX_MISSING)
    return flags


@exact
def quantity_differs(history: History, order_id: str, reported: Decimal | None) -> bool:
    """Whether the venue's filled_quantity of an order is not the sum of its fills."""
    if reported is None:
        return False
    trades = aggregate = ZERO
    newest = None
    for chain_fill in history.fills:
        fill = chain_fill.fill
        if fill.order_id != order_id:
            continue
        if fill.source is not FillSource.ORDER_AGGREGATE:
            trades += fill.quantity
        elif newest is None or fill.executed_time >= newest:
            newest, aggregate = fill.executed_time, fill.quantity
    return max(trades, aggregate) != reported


def unique(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Each flag once, in the order of their definition."""
    there = set(flags)
    return tuple(flag for flag in Flag if flag in there)


def settle_on_arrival(book: Book, scope: Scope, record: Record, place: Place) -> tuple[list[Entry], Record]:
    """Settles what the chain holds of contracts whose delivery price is known already."""
    entries: list[Entry] = []
    for leg in record.chain.open_legs:
        instrument = leg.instrument
        if instrument.expiry_time > place.now:
            continue  # a price is only recorded after the expiry
        price = book.delivery_price(scope, instrument)
        if price is None:
            continue
        entry = Entry(
            revision=place.revision,
            sequence=place.sequence + len(entries),
            recorded_time=place.now,
            event_time=instrument.expiry_time,
            account=scope.account,
            position_id=record.chain.position_id,
            body=SettlementEntry(
                request_id="",
                venue=scope.venue,
                mode=scope.mode,
                delivery_price=price,
                expiry_time=instrument.expiry_time,
                symbol=instrument.symbol,
                index_name=instrument.index_name,
                deliveries=(Delivery(symbol=instrument.symbol),),
                flags=(Flag.SETTLED_ON_ARRIVAL,),
            ),
        )
        record = advance(record, entry)
        entries.append(entry)
    return entries, record


def one_of(values: Sequence[tuple[str, str]], what: str) -> str:
    """The one value that all have; `values` are (value, field)."""
    first = values[0][0]
    for value, field in values[1:]:
        if value != first:
            raise InvalidArgument(
                Reason.MIXED_CURRENCIES, f"a chain has one {what}, but these are {first} and {value}", field
            )
    return first
