"""Messages as commands: every field judged for its form, with its path in the refusal.

What contradicts the ledger is judged later, by the domain. Unknown fields and enum values are refused: an old server
must not ignore half an order.
"""

import functools
import hashlib
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from rollbook.v1 import execution_pb2 as pb
from rollbook.v1 import instrument_pb2, ledger_service_pb2, mark_pb2
from rollbook_server.domain.clock import EARLIEST, LATEST, SECOND, Micros
from rollbook_server.domain.decimals import ONE, parse_plain
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import (
    Execution,
    Fill,
    LateFills,
    Mark,
    Order,
    Payload,
    ReportedDelivery,
    Settlement,
)
from rollbook_server.domain.instruments import DERIBIT, Instrument, parse_deribit
from rollbook_server.ledger import Submission
from rollbook_server.rpc.enums import enum_map
from rollbook_server.storage.observations import RefusedCommand, Trade

MAX_BATCH = 500
MAX_MARKS = 5_000
_MAX_FILLS, _MAX_ORDERS, _MAX_SYMBOLS, _MAX_ERRORS, _MAX_LABELS, _MAX_PAYLOADS = 1_000, 100, 16, 32, 32, 8
_SHORT, _LONG, _MAX_BODY = 128, 1_024, 65_536

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NAME = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_POSITION = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]{1,16}", re.ASCII)
_INDEX = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
_VENUE_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)

_MODE = enum_map("Mode")
_STRATEGY = enum_map("StrategyKind")
_ACTION = enum_map("Action")
_STATUS = enum_map("ExecutionStatus")
_SIDE = enum_map("Side")
_EFFECT = enum_map("PositionEffect")
_ORDER_STATE = enum_map("OrderState")
_SOURCE = enum_map("FillSource")
_LIQUIDITY = enum_map("Liquidity")
_TYPE = enum_map("OptionType")
_STYLE = enum_map("ContractStyle")
_PERIOD = enum_map("SettlementPeriod")


# -- scalars ------------------------------------------------------------------------------------------------------


def _missing(field: str) -> InvalidArgument:
    return InvalidArgument(Reason.MISSING_FIELD, f"{field} is required", field)


def one(enum: Any, number: int, field: str) -> Any:
    """The member of a required enum field."""
    member = enum.members.get(number)
    if member is not None:
        return member
    if number:
        raise InvalidArgument(Reason.UNKNOWN_VALUE, f"{field}: this server does not know value {number}", field)
    raise InvalidArgument(Reason.UNSPECIFIED_VALUE, f"{field} is not specified", field)


def maybe(enum: Any, number: int, field: str) -> Any:
    """The member of an optional enum field; None if unspecified."""
    return one(enum, number, field) if number else None


def matching(text: str, pattern: re.Pattern[str], field: str) -> str:
    """Text of a form."""
    if pattern.fullmatch(text) is None:
        if not text:
            raise _missing(field)
        raise InvalidArgument(Reason.MALFORMED_TEXT, f"{field}: {text[:80]!r} is not {pattern.pattern}", field)
    return text


def within(text: str, limit: int, field: str) -> str:
    """Free text up to a length."""
    if len(text) > limit:
        raise InvalidArgument(Reason.TOO_LARGE, f"{field} has {len(text)} characters, {limit} are allowed", field)
    if "\x00" in text:
        raise InvalidArgument(Reason.MALFORMED_TEXT, f"{field} contains a NUL character", field)
    return text


def at_most(items: Any, limit: int, field: str) -> Any:
    """A repeated field up to a length."""
    if len(items) > limit:
        raise InvalidArgument(Reason.TOO_LARGE, f"{len(items)} {field}, at most {limit} are allowed", field)
    return items


def decimal(text: str, field: str) -> Decimal:
    """A required decimal in plain notation."""
    value = parse_plain(text)
    if value is None:
        if not text:
            raise _missing(field)
        raise InvalidArgument(
            Reason.MALFORMED_DECIMAL,
            f"{field}: {text[:80]!r} is not a plain decimal with at most 18 digits on each side of the point",
            field,
        )
    return value


def positive(text: str, field: str) -> Decimal:
    """A decimal > 0."""
    value = decimal(text, field)
    if value <= 0:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{field} must be above 0, it is {text}", field)
    return value


def not_negative(text: str, field: str) -> Decimal:
    """A decimal >= 0."""
    value = decimal(text, field)
    if value < 0:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{field} must not be below 0, it is {text}", field)
    return value


def _optional(message: Any, name: str, where: str, read: Any) -> Decimal | None:
    return read(getattr(message, name), where + name) if message.HasField(name) else None


def finite(message: Any, name: str, where: str) -> float | None:
    """A number that is neither infinite nor none; None if unset."""
    if not message.HasField(name):
        return None
    value = float(getattr(message, name))
    if not math.isfinite(value):
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{where}{name} is {value}", where + name)
    return value


def instant(message: Any, name: str, where: str) -> Micros | None:
    """A time in microseconds (finer is cut off); None if unset."""
    if not message.HasField(name):
        return None
    stamp = getattr(message, name)
    value: Micros = stamp.seconds * SECOND + stamp.nanos // 1_000
    if not EARLIEST <= value <= LATEST or not 0 <= stamp.nanos < 1_000_000_000:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{where}{name} is not between 1970 and 2100", where + name)
    return value


def _required_instant(message: Any, name: str, where: str) -> Micros:
    value = instant(message, name, where)
    if value is None:
        raise _missing(where + name)
    return value


def no_unknown_field(message: Message, where: str = "") -> None:
    """Refuses fields of this message that this server does not know."""
    unknown = UnknownFieldSet(message)
    if len(unknown):
        number = unknown[0].field_number
        raise InvalidArgument(
            Reason.UNKNOWN_FIELD,
            f"field number {number} of {where or message.DESCRIPTOR.name} is not known; the server may be too old",
            f"{where}.{number}" if where else str(number),
        )


def known_fields(message: Message, where: str = "") -> None:
    """Refuses fields that this server does not know, however deep."""
    no_unknown_field(message, where)
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        path = f"{where}.{field.name}" if where else field.name
        if field.is_repeated:
            for number, each in enumerate(value):
                known_fields(each, f"{path}[{number}]")
        else:
            known_fields(value, path)


# -- nouns --------------------------------------------------------------------------------------------------------


def account_of(text: str, field: str = "account") -> str:
    """A required account."""
    return matching(text, _NAME, field)


def account_filter(text: str) -> str:
    """An account in a filter; empty is all."""
    return account_of(text) if text else ""


def venue_of(text: str) -> str:
    """A venue; unset is Deribit."""
    return matching(text, _NAME, "venue") if text else DERIBIT


def currency_of(text: str, field: str) -> str:
    """A required coin or currency."""
    return matching(text, _CURRENCY, field)


def position_of(text: str, field: str = "position_id") -> str:
    """A chain's name; empty if unset."""
    return matching(text, _POSITION, field) if text else ""


def mode_filter(number: int) -> Any:
    """A mode in a filter; None is any."""
    return maybe(_MODE, number, "mode")


def _instrument(message: instrument_pb2.Instrument, where: str) -> Instrument:
    return Instrument(
        symbol=matching(message.symbol, _SYMBOL, where + "symbol"),
        underlying=matching(message.underlying, _CURRENCY, where + "underlying"),
        settlement_currency=matching(message.settlement_currency, _CURRENCY, where + "settlement_currency"),
        style=one(_STYLE, message.style, where + "style"),
        option_type=one(_TYPE, message.option_type, where + "option_type"),
        strike=positive(message.strike, where + "strike"),
        expiry_time=_required_instant(message, "expiry_time", where),
        multiplier=_optional(message, "multiplier", where, positive) or ONE,
        index_name=matching(message.index_name, _INDEX, where + "index_name") if message.index_name else "",
        settlement_period=maybe(_PERIOD, message.settlement_period, where + "settlement_period"),
    )


def _maybe_instrument(message: Any, where: str) -> Instrument | None:
    return _instrument(message.instrument, where + "instrument.") if message.HasField("instrument") else None


def _fill(message: pb.Fill, where: str) -> Fill:
    if message.fee_source:
        raise InvalidArgument(Reason.CONTRADICTION, "fee_source is the server's to say", where + "fee_source")
    return Fill(
        source=one(_SOURCE, message.source, where + "source"),
        symbol=matching(message.symbol, _SYMBOL, where + "symbol"),
        side=one(_SIDE, message.side, where + "side"),
        quantity=positive(message.quantity, where + "quantity"),
        price=not_negative(message.price, where + "price"),
        executed_time=_required_instant(message, "executed_time", where),
        trade_id=matching(message.trade_id, _VENUE_ID, where + "trade_id") if message.trade_id else "",
        order_id=matching(message.order_id, _VENUE_ID, where + "order_id") if message.order_id else "",
        instrument=_maybe_instrument(message, where),
        fee=_optional(message, "fee", where, decimal),
        fee_currency=matching(message.fee_currency, _CURRENCY, where + "fee_currency") if message.fee_currency else "",
        index_price=_optional(message, "index_price", where, positive),
        position_effect=maybe(_EFFECT, message.position_effect, where + "position_effect"),
        liquidity=maybe(_LIQUIDITY, message.liquidity, where + "liquidity"),
        mark_price=_optional(message, "mark_price", where, not_negative),
        underlying_price=_optional(message, "underlying_price", where, positive),
        implied_volatility=finite(message, "implied_volatility", where),
        combo_id=within(message.combo_id, _SHORT, where + "combo_id"),
    )


def _order(message: pb.Order, where: str, late: bool) -> Order:
    """An order; a late report needs only its id and state."""
    named = bool(message.symbol) or not late
    sided = bool(message.side) or not late
    sized = bool(message.quantity) or not late
    return Order(
        order_id=matching(message.order_id, _VENUE_ID, where + "order_id"),
        state=one(_ORDER_STATE, message.state, where + "state"),
        symbol=matching(message.symbol, _SYMBOL, where + "symbol") if named else "",
        instrument=_maybe_instrument(message, where),
        side=one(_SIDE, message.side, where + "side") if sided else None,
        quantity=positive(message.quantity, where + "quantity") if sized else None,
        limit_price=_optional(message, "limit_price", where, not_negative),
        filled_quantity=_optional(message, "filled_quantity", where, not_negative),
        position_effect=maybe(_EFFECT, message.position_effect, where + "position_effect"),
        label=within(message.label, _SHORT, where + "label"),
        update_time=instant(message, "update_time", where),
        reason=within(message.reason, _LONG, where + "reason"),
    )


def _payloads(messages: Iterable[pb.RawPayload], prefix: str) -> list[Payload]:
    payloads: list[Payload] = []
    for number, message in enumerate(messages):
        where = f"{prefix}raw_payloads[{number}]."
        if len(message.body) > _MAX_BODY:
            raise InvalidArgument(
                Reason.TOO_LARGE, f"{where}body has {len(message.body)} bytes, {_MAX_BODY} are allowed", where + "body"
            )
        payloads.append(
            Payload(
                digest=hashlib.sha256(message.body).hexdigest(),
                source=within(message.source, 64, where + "source"),
                content_type=within(message.content_type, 64, where + "content_type"),
                body=message.body,
            )
        )
    return payloads


def _labels(labels: Any, field: str) -> dict[str, str]:
    at_most(labels, _MAX_LABELS, field)
    for key, value in labels.items():
        if not 1 <= len(key) <= 64:
            raise InvalidArgument(Reason.TOO_LARGE, f"{field}: key {key[:80]!r} has not 1 to 64 characters", field)
        within(value, 256, f"{field}.{key}")
    return dict(sorted(labels.items()))


def _symbols(symbols: Any, field: str) -> tuple[str, ...]:
    at_most(symbols, _MAX_SYMBOLS, field)
    return tuple(matching(symbol, _SYMBOL, f"{field}[{number}]") for number, symbol in enumerate(symbols))


def request_id_of(text: str, field: str = "request_id") -> str:
    """A required UUID, in lower case."""
    if _UUID.fullmatch(text) is None:
        if not text:
            raise _missing(field)
        raise InvalidArgument(Reason.MALFORMED_TEXT, f"{field}: {text[:80]!r} is not a UUID", field)
    return text.lower()


# -- commands -----------------------------------------------------------------------------------------------------


def _execution(message: pb.ExecutionResult, payloads: list[Payload]) -> Execution:
    known_fields(message)
    at_most(message.orders, _MAX_ORDERS, "orders")
    at_most(message.fills, _MAX_FILLS, "fills")
    at_most(message.errors, _MAX_ERRORS, "errors")
    at_most(message.raw_payloads, _MAX_PAYLOADS, "raw_payloads")
    payloads.extend(_payloads(message.raw_payloads, ""))
    return Execution(
        request_id=request_id_of(message.request_id),
        account=account_of(message.account),
        venue=venue_of(message.venue),
        mode=one(_MODE, message.mode, "mode"),
        strategy=one(_STRATEGY, message.strategy, "strategy"),
        action=one(_ACTION, message.action, "action"),
        status=one(_STATUS, message.status, "status"),
        executed_time=_required_instant(message, "executed_time", ""),
        strategy_name=within(message.strategy_name, _SHORT, "strategy_name"),
        underlying=matching(message.underlying, _CURRENCY, "underlying") if message.underlying else "",
        position_id=position_of(message.position_id),
        previous_position_id=position_of(message.previous_position_id, "previous_position_id"),
        from_symbols=_symbols(message.from_symbols, "from_symbols"),
        to_symbols=_symbols(message.to_symbols, "to_symbols"),
        orders=tuple(_order(order, f"orders[{n}].", late=False) for n, order in enumerate(message.orders)),
        fills=tuple(_fill(fill, f"fills[{n}].") for n, fill in enumerate(message.fills)),
        exit_style=within(message.exit_style, _SHORT, "exit_style"),
        reason=within(message.reason, _LONG, "reason"),
        trigger=within(message.trigger, _SHORT, "trigger"),
        decision_id=within(message.decision_id, _SHORT, "decision_id"),
        labels=_labels(message.labels, "labels"),
        errors=tuple(within(error, _LONG, f"errors[{n}]") for n, error in enumerate(message.errors)),
        collateral=_optional(message, "collateral", "", positive),
        raw_payloads=tuple(payload.digest for payload in payloads),
    )


def _late_fills(message: ledger_service_pb2.RecordFillsRequest, payloads: list[Payload]) -> LateFills:
    known_fields(message)
    at_most(message.fills, _MAX_FILLS, "fills")
    at_most(message.orders, _MAX_ORDERS, "orders")
    at_most(message.raw_payloads, _MAX_PAYLOADS, "raw_payloads")
    payloads.extend(_payloads(message.raw_payloads, ""))
    return LateFills(
        request_id=request_id_of(message.request_id),
        account=account_of(message.account),
        venue=venue_of(message.venue),
        mode=one(_MODE, message.mode, "mode"),
        fills=tuple(_fill(fill, f"fills[{n}].") for n, fill in enumerate(message.fills)),
        orders=tuple(_order(order, f"orders[{n}].", late=True) for n, order in enumerate(message.orders)),
        raw_payloads=tuple(payload.digest for payload in payloads),
    )


def _settlement(message: ledger_service_pb2.RecordSettlementRequest) -> Settlement:
    known_fields(message)
    at_most(message.reported, _MAX_FILLS, "reported")
    return Settlement(
        request_id=request_id_of(message.request_id),
        account=account_of(message.account),
        venue=venue_of(message.venue),
        mode=one(_MODE, message.mode, "mode"),
        delivery_price=positive(message.delivery_price, "delivery_price"),
        symbol=matching(message.symbol, _SYMBOL, "symbol") if message.symbol else "",
        index_name=matching(message.index_name, _INDEX, "index_name") if message.index_name else "",
        expiry_time=instant(message, "expiry_time", ""),
        reported=tuple(_reported(each, f"reported[{n}].") for n, each in enumerate(message.reported)),
    )


def _reported(message: ledger_service_pb2.ReportedDelivery, where: str) -> ReportedDelivery:
    return ReportedDelivery(
        symbol=matching(message.symbol, _SYMBOL, where + "symbol"),
        cash=_optional(message, "cash", where, decimal),
        fee=_optional(message, "fee", where, decimal),
    )


def _trade_keys(fills: Any) -> tuple[Trade, ...]:
    """The keys of a refused command's trades; none unless every fill is one, for then trades alone resolve nothing."""
    keys = set()
    for fill in fills:
        if not fill.trade_id:
            return ()
        contract = parse_deribit(fill.symbol)
        currency = fill.instrument.settlement_currency or (contract.settlement_currency if contract else "")
        keys.add((currency, fill.trade_id))
    return tuple(sorted(keys))


def refused_command(kind: str, message: Any) -> RefusedCommand | None:
    """How a command is listed if it is refused, as far as it can be read; None without an account and a request_id."""
    if _NAME.fullmatch(message.account) is None or _UUID.fullmatch(message.request_id) is None:
        return None
    fills = getattr(message, "fills", ())
    mode = _MODE.members.get(message.mode)
    return RefusedCommand(
        account=message.account,
        request_id=message.request_id.lower(),
        command=kind,
        mode=mode.value if mode else "",
        venue=message.venue or DERIBIT,
        has_fills=len(fills) > 0,
        trades=_trade_keys(fills[:_MAX_FILLS]),
        content=message.SerializeToString(),
    )


def submission(kind: str, message: Any) -> Submission:
    """An execution, late fills or a settlement, ready to be recorded. Raises InvalidArgument."""
    payloads: list[Payload] = []
    command: Execution | LateFills | Settlement
    match kind:
        case "execution":
            command = _execution(message, payloads)
        case "fills":
            command = _late_fills(message, payloads)
        case _:
            command = _settlement(message)
    return Submission(command, payloads, functools.partial(refused_command, kind, message))


def marks(message: ledger_service_pb2.UpdateMarksRequest) -> list[Mark]:
    """The marks of a request. Raises InvalidArgument."""
    known_fields(message)
    account = account_filter(message.account)
    venue = venue_of(message.venue)
    mode = one(_MODE, message.mode, "mode")
    if not message.marks:
        raise _missing("marks")
    at_most(message.marks, MAX_MARKS, "marks")
    return [_mark(mark, f"marks[{n}].", account, venue, mode) for n, mark in enumerate(message.marks)]


def _mark(message: mark_pb2.Mark, where: str, account: str, venue: str, mode: Any) -> Mark:
    greeks = message.greeks
    return Mark(
        account=account,
        venue=venue,
        mode=mode,
        symbol=matching(message.symbol, _SYMBOL, where + "symbol"),
        mark_time=_required_instant(message, "mark_time", where),
        mark_price=not_negative(message.mark_price, where + "mark_price"),
        index_price=_optional(message, "index_price", where, positive),
        best_bid_price=_optional(message, "best_bid_price", where, not_negative),
        best_ask_price=_optional(message, "best_ask_price", where, not_negative),
        underlying_price=_optional(message, "underlying_price", where, positive),
        mark_volatility=finite(message, "mark_volatility", where),
        delta=finite(greeks, "delta", where + "greeks."),
        gamma=finite(greeks, "gamma", where + "greeks."),
        vega=finite(greeks, "vega", where + "greeks."),
        theta=finite(greeks, "theta", where + "greeks."),
        rho=finite(greeks, "rho", where + "greeks."),
    )
