"""Every figure of the server's answers beside the model's."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, TypeVar

from google.protobuf.message import Message

from rollbook.v1 import chain_pb2, ledger_service_pb2, mark_pb2
from tests.support.model import Chain, Leg, Line, Roll, Row, RowValuation, Valuation
from tests.support.model.totals import UNDECIDED

_PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?|-?(0|[1-9][0-9]*)\.[0-9]+")

CHAIN_FIGURES = (
    *("account", "position_id", "settlement_currency", "open_time", "close_time", "open_quantity", "num_legs"),
    *("num_rolls", "net_cash", "open_credit", "gross_pnl", "fees", "fees_complete", "fees_estimated", "net_pnl"),
    *("net_cash_usd", "net_pnl_usd", "usd_missing_lines", "realized_pnl_pct", "premium_kept_pct", "leg_one_premium"),
    *("total_premium", "collateral", "collateral_insufficient", "collateral_days", "holding_days", "days_at_risk"),
    *("return_on_collateral_pct", "return_on_collateral_annualised_pct"),
)
LEG_FIGURES = (
    *("leg_number", "open_quantity", "opened_quantity", "entry_price", "exit_price", "open_credit", "open_credit_usd"),
    *("gross_pnl", "fees", "net_pnl", "delivery_price", "payoff", "delivery_fee", "settled_quantity", "open_time"),
    *("close_time", "collateral"),
)
LINE_FIGURES = ("symbol", "quantity", "price", "fee", "cash", "realized_pnl", "time", "trade_id", "order_id")
ROLL_FIGURES = ("roll_number", "completed", "gross_credit", "net_credit", "time")
VALUATION_FIGURES = (
    *("mark_time", "unrealized_pnl", "unrealized_pnl_usd", "premium_captured_pct", "chain_pnl_pct", "missing_marks"),
)
LEG_VALUATION_FIGURES = ("symbol", "mark_price", "mark_time", "unrealized_pnl", "unrealized_pnl_usd")
ROW_FIGURES = tuple(Row.__dataclass_fields__)
ROW_VALUATION_FIGURES = tuple(RowValuation.__dataclass_fields__)
# What time does to a leg that waits for its delivery price is told by the server's clock, which the model has not.
WHILE_AWAITING = ("close_time", "collateral", "collateral_days", "holding_days", "days_at_risk")

Differences = Iterator[str]
T = TypeVar("T", chain_pb2.CashLine, Line)


def value_of(message: Message, name: str) -> Any:
    """A field as the model would say it: decimals as fractions, instants, nothing where it is unset."""
    descriptor = message.DESCRIPTOR.fields_by_name[name]
    if descriptor.has_presence and not message.HasField(name):
        return None
    value = getattr(message, name)
    if isinstance(value, Message):
        return value.ToDatetime(tzinfo=UTC)  # type: ignore[attr-defined]
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values_by_number[value].name
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Fraction(value)
    return value


def _enum(message: Message, name: str, prefix: str) -> str:
    return str(value_of(message, name)).removeprefix(f"{prefix}_")


def _show(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{value} = {float(value)!r}"
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def _same(where: str, found: object, expected: object) -> Differences:
    if isinstance(expected, str) and isinstance(found, Fraction):
        expected = Fraction(expected)  # an id that looks like a number
    if found != expected:
        yield f"{where}: the server says {_show(found)}, the model {_show(expected)}"


def _figures(
    where: str, message: Message, model: object, names: tuple[str, ...], leave: tuple[str, ...]
) -> Differences:
    for name in names:
        if name not in leave and getattr(model, name) is not UNDECIDED:
            yield from _same(f"{where}.{name}", value_of(message, name), getattr(model, name))


def chain_differences(
    answer: ledger_service_pb2.GetChainResponse, chain: Chain, worth: Valuation | None
) -> Differences:
    """How GetChain's answer differs from the model's chain."""
    found = answer.chain
    where = chain.position_id
    awaiting = any(leg.state == chain_pb2.LEG_STATE_AWAITING_DELIVERY for leg in found.legs)
    leave = WHILE_AWAITING if awaiting else ()
    yield from _figures(where, found, chain, CHAIN_FIGURES, leave)
    yield from _same(f"{where}.mode", _enum(found, "mode", "MODE"), chain.mode)
    yield from _same(f"{where}.state", _enum(found, "state", "CHAIN_STATE"), chain.state)
    yield from _same(f"{where}.close_reason", _enum(found, "close_reason", "CLOSE_REASON"), chain.close_reason)
    yield from _same(f"{where}.flat_reason is said", bool(found.flat_reason), chain.state == "FLAT")
    yield from _same(f"{where}: legs", len(found.legs), len(chain.legs))
    for leg, expected in zip(found.legs, chain.legs, strict=False):
        yield from _leg_differences(f"{where}.leg {expected.leg_number}", leg, expected)
    yield from _same(f"{where}: rolls", len(found.rolls), len(chain.rolls))
    for roll, model_roll in zip(found.rolls, chain.rolls, strict=False):
        yield from _roll_differences(f"{where}.roll {model_roll.roll_number}", roll, model_roll)
    yield from _same(f"{where}: lines", len(answer.lines), len(chain.lines))
    numbers = {roll.revision: roll.roll_number for roll in chain.rolls}
    settled = chain_pb2.LINE_KIND_SETTLEMENT
    ours = _settlements_by_symbol(chain.lines, lambda line: line.kind == "SETTLEMENT")
    theirs = _settlements_by_symbol(answer.lines, lambda line: line.kind == settled)
    for place, (line, model_line) in enumerate(zip(theirs, ours, strict=False)):
        yield from _line_differences(f"{where}.line {place}", line, model_line, numbers)
    yield from _order_differences(where, found, chain)
    if not awaiting:
        yield from _valuation_differences(where, answer, worth)
    yield from _invariants(where, answer)


def _settlements_by_symbol(lines: Iterable[T], is_settlement: Callable[[T], bool]) -> list[T]:
    """The lines, settlements in a row sorted by contract: which of those that expire together comes first is open."""
    result: list[T] = []
    for settlement, group in itertools.groupby(lines, is_settlement):
        result += sorted(group, key=lambda line: str(line.symbol) if settlement else "")
    return result


def _leg_differences(where: str, found: chain_pb2.PositionLeg, leg: Leg) -> Differences:
    awaiting = found.state == chain_pb2.LEG_STATE_AWAITING_DELIVERY
    leave = WHILE_AWAITING if awaiting else () if leg.collateral is not None else ("collateral",)
    yield from _figures(where, found, leg, LEG_FIGURES, leave)
    yield from _same(f"{where}.symbol", found.instrument.symbol, leg.contract.symbol)
    yield from _same(f"{where}.side", _enum(found, "side", "SIDE"), leg.side)
    if awaiting:
        yield from _same(f"{where}.state (awaiting delivery)", "OPEN", leg.state)
    else:
        yield from _same(f"{where}.state", _enum(found, "state", "LEG_STATE"), leg.state)
    if len({fact.decision_id for fact in leg.opening}) == 1:
        yield from _same(f"{where}.decision_id", found.decision_id, leg.decision_id)


def _roll_differences(where: str, found: chain_pb2.Roll, roll: Roll) -> Differences:
    yield from _figures(where, found, roll, ROLL_FIGURES, ())
    if not roll.completed:
        return
    closed, opened = ({fact.contract.symbol for fact in facts} for facts in (roll.closing, roll.opening))
    yield from _same(f"{where}.from_symbols", closed <= set(found.from_symbols), True)
    yield from _same(f"{where}.to_symbols", opened - closed <= set(found.to_symbols), True)
    if len(closed) == len(opened) == len(found.from_symbols) == len(found.to_symbols) == 1:
        yield from _same(f"{where}.strike_move", _enum(found, "strike_move", "ROLL_MOVE"), roll.strike_move)
        yield from _same(f"{where}.expiry_move", _enum(found, "expiry_move", "ROLL_MOVE"), roll.expiry_move)


def _line_differences(where: str, found: chain_pb2.CashLine, line: Line, rolls: dict[int, int]) -> Differences:
    yield from _figures(where, found, line, LINE_FIGURES, ())
    yield from _same(f"{where}.kind", _enum(found, "kind", "LINE_KIND"), line.kind)
    yield from _same(f"{where}.side", _enum(found, "side", "SIDE"), line.side)
    yield from _same(f"{where}.leg_number", found.leg_number, line.leg.leg_number)
    yield from _same(f"{where}.roll_number", found.roll_number, 0 if line.roll is None else rolls[line.roll])
    yield from _same(f"{where}.fee_source", _enum(found, "fee_source", "FEE_SOURCE"), line.fee_source)
    for name in ("cash_usd", "realized_pnl_usd"):
        expected = getattr(line, name)
        if value_of(found, name) is None and expected == 0:
            continue  # nothing times an index that nobody told: zero or unknown, both are right
        yield from _same(f"{where}.{name}", value_of(found, name), expected)


def _order_differences(where: str, found: chain_pb2.PositionChain, chain: Chain) -> Differences:
    listed = {order.order_id for order in found.working_orders}
    for order_id, order in chain.orders.items():
        filled = sum((f.fill.quantity for f in chain.fills if f.fill.order_id == order_id), Fraction(0))
        if order.state != "OPEN" or filled < order.quantity:  # one that is filled but not said so may be listed or not
            yield from _same(f"{where}: order {order_id} works", order_id in listed, order.state == "OPEN")
    yield from _same(f"{where}: working orders of nobody", listed - set(chain.orders), set())


def _valuation_differences(
    where: str, answer: ledger_service_pb2.GetChainResponse, worth: Valuation | None
) -> Differences:
    found: mark_pb2.ChainValuation = answer.valuation
    if worth is None:
        yield from _same(f"{where} is valued with legs", len(found.legs) + found.missing_marks, 0)
        return
    yield from _same(f"{where} has a valuation", answer.HasField("valuation"), True)
    yield from _figures(f"{where}.valuation", found, worth, VALUATION_FIGURES, ())
    yield from _same(f"{where}.valuation: legs", len(found.legs), len(worth.legs))
    for leg, expected in zip(sorted(found.legs, key=lambda leg: leg.leg_number), worth.legs, strict=False):
        name = f"{where}.valuation.leg {expected.leg_number}"
        yield from _same(f"{name}.leg_number", leg.leg_number, expected.leg_number)
        yield from _figures(name, leg, expected, LEG_VALUATION_FIGURES, ())


def _invariants(where: str, answer: ledger_service_pb2.GetChainResponse) -> Differences:
    """What must hold in the server's own answer, whatever the model says."""
    found = answer.chain
    money = {
        name: Fraction(getattr(found, name)) for name in ("net_cash", "open_credit", "gross_pnl", "fees", "net_pnl")
    }
    yield from _same(
        f"{where}: net_cash = net_pnl + open_credit", money["net_cash"], money["net_pnl"] + money["open_credit"]
    )
    yield from _same(f"{where}: gross_pnl - fees = net_pnl", money["gross_pnl"] - money["fees"], money["net_pnl"])
    yield from _same(
        f"{where}: net_cash is the lines", sum(Fraction(li.cash) for li in answer.lines), money["net_cash"]
    )
    realized = sum(Fraction(line.realized_pnl) for line in answer.lines)
    yield from _same(f"{where}: net_pnl is what the lines realized", realized, money["net_pnl"])
    for name in ("open_credit", "gross_pnl", "fees", "net_pnl"):
        legs = sum(Fraction(getattr(leg, name)) for leg in found.legs)
        yield from _same(f"{where}: {name} is the legs'", legs, money[name])
    if found.HasField("net_cash_usd"):
        known = sum(Fraction(line.cash_usd or 0) for line in answer.lines)
        yield from _same(f"{where}: net_cash_usd is the lines", known, Fraction(found.net_cash_usd))


def portfolio_differences(
    answer: ledger_service_pb2.GetPortfolioResponse, rows: list[Row], values: list[RowValuation] | None
) -> Differences:
    """How GetPortfolio's answer differs from sums over the model's chains. A row of nothing may be left out."""
    expected = {(row.mode, row.settlement_currency): row for row in rows if not row.empty}
    nothing = {(row.mode, row.settlement_currency) for row in rows if row.empty}
    yield from _keyed("totals", answer.rows, expected, ROW_FIGURES, nothing)
    if values is not None:
        worths = {(worth.mode, worth.settlement_currency): worth for worth in values}
        yield from _keyed("values", answer.valuations, worths, ROW_VALUATION_FIGURES, set())


def _keyed(
    what: str,
    found: Iterable[Message],
    expected: Mapping[tuple[str, str], object],
    names: tuple[str, ...],
    optional: set[tuple[str, str]],
) -> Differences:
    by_key = {(_enum(row, "mode", "MODE"), str(value_of(row, "settlement_currency"))): row for row in found}
    yield from _same(f"{what}: rows", sorted({*by_key} - optional), sorted(expected))
    for key in sorted({*by_key} & {*expected}):
        yield from _figures(f"{what} of {'/'.join(key)}", by_key[key], expected[key], names, ("mode",))
