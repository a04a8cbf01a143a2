"""What is wrong is refused with the right code, a reason and the field; no chain changes; it can be corrected."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message

from rollbook import (
    Action,
    ContractStyle,
    ExecutionStatus,
    Instrument,
    LedgerError,
    Mode,
    OptionType,
    OrderState,
    PositionEffect,
    RecordFillsRequest,
    RecordSettlementRequest,
    Refusal,
    Side,
    StrategyKind,
    errors,
    new_request_id,
)
from rollbook.v1 import execution_pb2, ledger_service_pb2, ledger_service_pb2_grpc
from tests.support.golden import INSTRUMENT_NAMES
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    ETH_CALL,
    EXPIRY,
    FAR_CALL,
    HIGHER_CALL,
    PUT,
    USDC_CALL,
    Trader,
    aggregate,
    bought,
    execution,
    june,
    mark,
    new_id,
    order,
    prove,
    sold,
    trading,
)

Execution = execution_pb2.ExecutionResult
UNKNOWN_NUMBER = 98765
UNKNOWN_FIELD = b"\xc0\x3e\x01"  # field number 1000, a varint


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Whatever the tests do to it, its file is proven in the end: stored = rebuilt."""
    path = tmp_path_factory.mktemp("bad-input") / "ledger.db"
    with RunningServer(path, clock="wall") as running:
        yield running
    prove(path)


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


@pytest.fixture
async def channel(server: RunningServer) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.target) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> ledger_service_pb2_grpc.LedgerServiceAsyncStub:
    return ledger_service_pb2_grpc.LedgerServiceStub(channel)


async def refusal_of(call: Awaitable[object]) -> LedgerError:
    """The error that a call ends with."""
    try:
        answer = await call
    except grpc.RpcError as error:
        return errors.from_rpc_error(error)
    except LedgerError as error:
        return error
    raise AssertionError(f"it was accepted: {answer}")


def judged(error: LedgerError) -> tuple[str, str, str]:
    return error.code.name, str(error.reason), error.field


@dataclass(frozen=True)
class Case:
    """One mistake, and how it is answered."""

    name: str
    spoil: Callable[[Any], object]
    reason: str
    field: str
    code: str = "INVALID_ARGUMENT"

    @property
    def judgement(self) -> tuple[str, str, str]:
        return self.code, self.reason, self.field


def sets(name: str, value: object) -> Callable[[Any], object]:
    """Sets a field, however deep: "fills[0].price"."""

    def spoil(message: Any) -> None:
        *path, last = name.replace("[0]", ".0").split(".")
        for part in path:
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        setattr(message, last, value)

    return spoil


def clears(name: str) -> Callable[[Any], object]:
    """Unsets a field, however deep."""

    def spoil(message: Any) -> None:
        *path, last = name.replace("[0]", ".0").split(".")
        for part in path:
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        message.ClearField(last)

    return spoil


def unknown(path: str = "") -> Callable[[Any], object]:
    """Adds a field that no version of the API has had."""

    def spoil(message: Any) -> None:
        for part in filter(None, path.replace("[0]", ".0").split(".")):
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        message.MergeFromString(UNKNOWN_FIELD)

    return spoil


def both(*spoils: Callable[[Any], object]) -> Callable[[Any], object]:
    def spoil(message: Any) -> None:
        for each in spoils:
            each(message)

    return spoil


MALFORMED_DECIMALS = {
    "NaN": "NaN",
    "infinity": "Infinity",
    "1e5": "1e5",
    "40 digits": "1" * 40,
    "19 digits before the point": "1" * 19,
    "19 digits after the point": "0." + "0" * 18 + "1",
    "a word": "much",
    "a comma": "1,5",
    "a plus": "+1",
    "no digit after the point": "1.",
    "no digit before the point": ".5",
    "a space": " 1",
    "a line's end": "1\n",
    "hexadecimal": "0x10",
    "underscores": "1_000",
    "other digits": "\u0661",
    "two minuses": "--1",
}

# The field of fee is the same however many there are; each row spoils the one fill or order of a good OPEN.
EXECUTION_CASES: list[Case] = [
    *(Case(f"quantity: {name}", sets("fills[0].quantity", text), "MALFORMED_DECIMAL", "fills[0].quantity")
      for name, text in MALFORMED_DECIMALS.items()),
    *(Case(f"{field}: {text}", sets(field, text), "MALFORMED_DECIMAL", field)
      for field in ("fills[0].price", "fills[0].fee", "fills[0].index_price", "fills[0].mark_price",
                    "fills[0].underlying_price", "orders[0].quantity", "orders[0].limit_price",
                    "orders[0].filled_quantity", "collateral")
      for text in ("NaN", "1e5", "1" * 40)),
    *(Case(f"{field}: {text}", sets(field, text), "OUT_OF_BOUNDS", field)
      for field in ("fills[0].quantity", "fills[0].index_price", "fills[0].underlying_price", "orders[0].quantity",
                    "collateral")
      for text in ("0", "-0", "0.000", "-1")),
    *(Case(f"{field}: negative", sets(field, "-0.000000000000000001"), "OUT_OF_BOUNDS", field)
      for field in ("fills[0].price", "fills[0].mark_price", "orders[0].limit_price", "orders[0].filled_quantity")),
    *(Case(f"{field}: missing", clears(field), "MISSING_FIELD", field)
      for field in ("request_id", "account", "executed_time", "fills[0].quantity", "fills[0].price", "fills[0].symbol",
                    "fills[0].executed_time", "fills[0].trade_id", "orders[0].order_id", "orders[0].quantity",
                    "orders[0].symbol")),
    *(Case(f"{field}: empty decimal", sets(field, ""), "MISSING_FIELD", field)
      for field in ("fills[0].fee", "fills[0].index_price", "collateral")),
    *(Case(f"{field}: unspecified", clears(field), "UNSPECIFIED_VALUE", field)
      for field in ("mode", "strategy", "action", "status", "fills[0].source", "fills[0].side", "orders[0].side",
                    "orders[0].state")),
    *(Case(f"{field}: unknown value", sets(field, UNKNOWN_NUMBER), "UNKNOWN_VALUE", field)
      for field in ("mode", "strategy", "action", "status", "fills[0].source", "fills[0].side", "orders[0].side",
                    "orders[0].state", "fills[0].position_effect", "fills[0].liquidity", "orders[0].position_effect")),
    Case("unknown field", unknown(), "UNKNOWN_FIELD", "1000"),
    Case("unknown field of a fill", unknown("fills[0]"), "UNKNOWN_FIELD", "fills[0].1000"),
    Case("unknown field of an order", unknown("orders[0]"), "UNKNOWN_FIELD", "orders[0].1000"),
    Case("unknown field of a time", unknown("fills[0].executed_time"), "UNKNOWN_FIELD", "fills[0].executed_time.1000"),
    Case("unknown field of a contract", unknown("fills[0].instrument"), "UNKNOWN_FIELD", "fills[0].instrument.1000"),
    Case("a known field in another wire type", lambda m: m.MergeFromString(b"\x20\x01\x25\x01\x00\x00\x00"),
         "UNKNOWN_FIELD", "4"),
    Case("request_id: no UUID", sets("request_id", "42"), "MALFORMED_TEXT", "request_id"),
    Case("request_id: a line's end", lambda m: sets("request_id", m.request_id + "\n")(m), "MALFORMED_TEXT",
         "request_id"),
    Case("account: upper case", sets("account", "Main"), "MALFORMED_TEXT", "account"),
    Case("account: 65 characters", sets("account", "a" * 65), "MALFORMED_TEXT", "account"),
    Case("account: a line's end", sets("account", "main\n"), "MALFORMED_TEXT", "account"),
    Case("venue: a space", sets("venue", "my venue"), "MALFORMED_TEXT", "venue"),
    Case("position_id: a slash", sets("position_id", "a/b"), "MALFORMED_TEXT", "position_id"),
    Case("position_id: 129 characters", sets("position_id", "a" * 129), "MALFORMED_TEXT", "position_id"),
    Case("underlying: lower case", sets("underlying", "btc"), "MALFORMED_TEXT", "underlying"),
    Case("trade_id: a space", sets("fills[0].trade_id", "a b"), "MALFORMED_TEXT", "fills[0].trade_id"),
    Case("order_id: 129 characters", sets("orders[0].order_id", "o" * 129), "MALFORMED_TEXT", "orders[0].order_id"),
    Case("reason: NUL", sets("reason", "a\x00b"), "MALFORMED_TEXT", "reason"),
    Case("reason: 1,025 characters", sets("reason", "x" * 1025), "TOO_LARGE", "reason"),
    Case("trigger: 129 characters", sets("trigger", "x" * 129), "TOO_LARGE", "trigger"),
    Case("strategy_name: 129 characters", sets("strategy_name", "x" * 129), "TOO_LARGE", "strategy_name"),
    Case("33 labels", lambda m: m.labels.update({str(n): "" for n in range(33)}), "TOO_LARGE", "labels"),
    Case("an empty label", lambda m: m.labels.update({"": "x"}), "TOO_LARGE", "labels"),
    Case("a long label", lambda m: m.labels.update({"k": "x" * 257}), "TOO_LARGE", "labels.k"),
    Case("33 errors", lambda m: m.errors.extend("e" * 33), "TOO_LARGE", "errors"),
    Case("a long error", lambda m: m.errors.append("x" * 1025), "TOO_LARGE", "errors[0]"),
    Case("9 payloads", lambda m: [m.raw_payloads.add(body=b"{}") for _ in range(9)], "TOO_LARGE", "raw_payloads"),
    Case("a payload of 65,537 bytes", lambda m: m.raw_payloads.add(body=b"x" * 65_537), "TOO_LARGE",
         "raw_payloads[0].body"),
    Case("10,000 orders", lambda m: m.orders.extend([m.orders[0]] * 9_999), "TOO_LARGE", "orders"),
    Case("101 orders", lambda m: m.orders.extend([m.orders[0]] * 100), "TOO_LARGE", "orders"),
    Case("1,001 fills", lambda m: m.fills.extend([m.fills[0]] * 1_000), "TOO_LARGE", "fills"),
    Case("17 symbols", lambda m: m.from_symbols.extend([CALL] * 17), "TOO_LARGE", "from_symbols"),
    Case("a time before 1970", lambda m: m.executed_time.FromSeconds(-1), "OUT_OF_BOUNDS", "executed_time"),
    Case("milliseconds as seconds", lambda m: m.fills[0].executed_time.FromSeconds(1_748_854_800_000 // 10),
         "OUT_OF_BOUNDS", "fills[0].executed_time"),
    Case("a second of two", sets("fills[0].executed_time.nanos", 2_000_000_000), "OUT_OF_BOUNDS",
         "fills[0].executed_time"),
    Case("a volatility without value", sets("fills[0].implied_volatility", float("nan")), "OUT_OF_BOUNDS",
         "fills[0].implied_volatility"),
    Case("a word for a contract", both(sets("fills[0].symbol", "BTC"), clears("fills[0].instrument")),
         "MALFORMED_SYMBOL", "fills[0].symbol"),
    Case("a future for an option", both(sets("orders[0].symbol", "BTC-27JUN25")), "MALFORMED_SYMBOL",
         "orders[0].symbol"),
    Case("a contract that is not its name's", sets("fills[0].instrument.strike", "90000"), "INSTRUMENT_MISMATCH",
         "fills[0].instrument"),
    Case("a contract of another name", sets("fills[0].instrument.symbol", HIGHER_CALL), "INSTRUMENT_MISMATCH",
         "fills[0].instrument"),
    Case("a strike of 0", sets("fills[0].instrument.strike", "0"), "OUT_OF_BOUNDS", "fills[0].instrument.strike"),
    Case("a multiplier of 0", sets("fills[0].instrument.multiplier", "0"), "OUT_OF_BOUNDS",
         "fills[0].instrument.multiplier"),
    Case("a style unspecified", clears("fills[0].instrument.style"), "UNSPECIFIED_VALUE",
         "fills[0].instrument.style"),
    Case("an unknown type of option", sets("fills[0].instrument.option_type", UNKNOWN_NUMBER), "UNKNOWN_VALUE",
         "fills[0].instrument.option_type"),
    Case("an expired contract", lambda m: m.fills[0].executed_time.FromDatetime(EXPIRY), "CONTRACT_EXPIRED",
         "fills[0].executed_time", "FAILED_PRECONDITION"),
    Case("a wrong fee currency", sets("fills[0].fee_currency", "USDC"), "FEE_CURRENCY_MISMATCH",
         "fills[0].fee_currency"),
    Case("two currencies", both(sets("orders[0].symbol", USDC_CALL), sets("orders[0].order_id", "another")),
         "MIXED_CURRENCIES", "orders[0].symbol"),
    Case("two coins", both(sets("orders[0].symbol", ETH_CALL), sets("orders[0].order_id", "another")),
         "MIXED_CURRENCIES", "orders[0].symbol"),
    Case("another coin than the contract's", sets("underlying", "ETH"), "CONTRADICTION", "underlying"),
    Case("a fee source of the client", sets("fills[0].fee_source", 1), "CONTRADICTION", "fills[0].fee_source"),
    Case("a simulated fill for money", both(sets("fills[0].source", 3), clears("fills[0].trade_id")), "CONTRADICTION",
         "fills[0].source"),
    Case("a simulated execution for money", sets("status", 2), "CONTRADICTION", "status"),
    Case("an aggregate with a trade_id", sets("fills[0].source", 2), "CONTRADICTION", "fills[0].trade_id"),
    Case("an aggregate without an order",
         both(sets("fills[0].source", 2), clears("fills[0].trade_id"), clears("fills[0].order_id")),
         "MISSING_FIELD", "fills[0].order_id"),
    Case("an open that closes", sets("fills[0].position_effect", 2), "CONTRADICTION", "fills[0].position_effect"),
    Case("an order twice", lambda m: m.orders.add().CopyFrom(m.orders[0]), "CONTRADICTION", "orders[1].order_id"),
    Case("an open with contracts of a roll", lambda m: m.to_symbols.append(HIGHER_CALL), "CONTRADICTION",
         "to_symbols"),
    Case("a roll to itself",
         both(sets("action", 3), lambda m: m.from_symbols.append(CALL), lambda m: m.to_symbols.append(CALL)),
         "CONTRADICTION", "to_symbols"),
    Case("a resting execution without an order", both(sets("status", 4), clears("orders")), "MISSING_FIELD", "orders"),
    Case("an execution without a fill", both(clears("fills"), clears("orders")), "MISSING_FIELD", "fills"),
    Case("a close of an unknown chain", both(sets("action", 4), sets("position_id", "nobody")), "POSITION_NOT_FOUND",
         "position_id", "NOT_FOUND"),
    Case("a close of a contract that nobody holds",
         both(sets("action", 4), sets("fills[0].symbol", PUT), sets("orders[0].symbol", PUT),
              clears("fills[0].instrument")),
         "NO_CHAIN_HOLDS_CONTRACT", "position_id", "NOT_FOUND"),
]  # fmt: skip


def good_execution() -> Execution:
    """An OPEN with everything that a mistake can be made in."""
    contract = Instrument(
        symbol=CALL,
        underlying="BTC",
        settlement_currency="BTC",
        style=ContractStyle.INVERSE,
        option_type=OptionType.CALL,
        strike=Decimal(100_000),
        expiry_time=EXPIRY,
    )
    order_id = new_id("order-")
    fill = sold("1", "0.02", order_id=order_id, instrument=contract)
    return execution(Action.OPEN, fill, orders=(order(order_id, state=OrderState.FILLED),)).to_proto()


@pytest.mark.parametrize("case", EXECUTION_CASES, ids=lambda case: case.name)
async def test_a_mistaken_execution(
    case: Case, trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """A mistaken execution answers code, reason and field and changes no chain; it is listed with its reason, and
    under the same request_id the corrected one is recorded."""
    await trader.open(sold("1", "0.01", HIGHER_CALL))
    before = await trader.book()
    good = good_execution()
    good.account = trader.account
    bad = Execution()
    bad.CopyFrom(good)
    case.spoil(bad)

    error = await refusal_of(stub.RecordExecution(ledger_service_pb2.RecordExecutionRequest(execution=bad)))

    assert judged(error) == case.judgement
    assert error.message
    assert await trader.book() == before
    asked = ledger_service_pb2.ListRefusedExecutionsRequest(account=trader.account, include_resolved=True)
    listed = (await stub.ListRefusedExecutions(asked)).refusals
    readable = (bad.account, bad.request_id) == (good.account, good.request_id)
    assert [(each.request_id, each.attempts) for each in listed] == ([(good.request_id, 1)] if readable else [])
    for each in listed:
        said = each.refusal
        assert (said.code, said.reason, said.field) == (error.code.value[0], str(error.reason), error.field)
        assert said.message == error.message
        assert not each.HasField("execution") or each.execution == bad

    recorded = await stub.RecordExecution(ledger_service_pb2.RecordExecutionRequest(execution=good))

    assert len(await trader.chains()) == 2
    resolved = (await stub.ListRefusedExecutions(asked)).refusals
    assert [each.resolved_revision for each in resolved] == ([recorded.revision] if readable else [])


@pytest.mark.parametrize("text", ["NaN", "much", "1" * 40])
async def test_a_bot_can_read_what_was_refused(
    text: str, trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """A refused execution is listed with its reason for the client, too, whatever was wrong with it: one bad number of
    another bot does not close the list to all."""
    bad = good_execution()
    bad.account = trader.account
    bad.fills[0].quantity = text
    await refusal_of(stub.RecordExecution(ledger_service_pb2.RecordExecutionRequest(execution=bad)))
    [listed] = (await trader.client.list_refused_executions()).refusals
    assert listed.refusal is not None
    assert (listed.refusal.reason, listed.refusal.field) == ("MALFORMED_DECIMAL", "fills[0].quantity")


@pytest.mark.parametrize("symbol", [each["symbol"] for each in INSTRUMENT_NAMES if each.get("invalid")])
async def test_a_name_that_is_no_option(symbol: str, trader: Trader) -> None:
    """What is not the name of an option is refused as a contract, wherever it stands."""
    error = await refusal_of(trader.open(sold("1", "0.02", symbol)))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason in ("MALFORMED_SYMBOL", "MALFORMED_TEXT", "MISSING_FIELD")
    assert error.field == "fills[0].symbol"
    if symbol:
        error = await refusal_of(trader.settle("100000", symbol))
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert error.field == "symbol"
    assert await trader.chains() == ()


@pytest.mark.parametrize("symbol", [each["symbol"] for each in INSTRUMENT_NAMES if not each.get("invalid")])
async def test_a_name_of_an_option(symbol: str, trader: Trader) -> None:
    """A chain's leg shows what its contract's name says."""
    expected = next(each for each in INSTRUMENT_NAMES if each["symbol"] == symbol)
    recorded = await trader.open(sold("1", "0.02", symbol))
    contract = (await trader.chain(recorded.position_id)).legs[0].instrument
    assert contract is not None
    assert contract.expiry_time is not None
    assert contract.option_type == expected["option_type"]
    assert contract.style == expected["style"]
    assert contract.strike == Decimal(expected["strike"])
    assert contract.underlying == expected["underlying"]
    assert contract.settlement_currency == expected["settlement_currency"]
    assert contract.expiry_time.isoformat().replace("+00:00", "Z") == expected["expiry"]


async def test_two_currencies_in_one_chain(trader: Trader) -> None:
    """A chain has one settlement currency and one coin: neither a command nor an ADD, ROLL or CLOSE mixes them."""
    opened = await trader.open(sold("1", "0.02"))
    before = await trader.book()
    for symbol in (USDC_CALL, ETH_CALL):
        together = await refusal_of(trader.open(sold("1", "0.02"), sold("1", "0.02", symbol)))
        assert judged(together) == ("INVALID_ARGUMENT", "MIXED_CURRENCIES", "fills[1].symbol")
        added = await refusal_of(trader.add(opened.position_id, sold("1", "0.02", symbol)))
        assert judged(added) == ("INVALID_ARGUMENT", "MIXED_CURRENCIES", "fills[0].symbol")
        rolled = await refusal_of(trader.roll(opened.position_id, bought("1", "0.01"), sold("1", "0.02", symbol)))
        assert judged(rolled) == ("INVALID_ARGUMENT", "MIXED_CURRENCIES", "fills[1].symbol")
        closed = await refusal_of(trader.close(opened.position_id, bought("1", "0.01", symbol)))
        assert closed.code is grpc.StatusCode.INVALID_ARGUMENT
        assert closed.reason == "MIXED_CURRENCIES"
    assert await trader.book() == before


async def test_a_conflicting_trade_names_its_fields(trader: Trader) -> None:
    """A trade_id that is recorded with other content is refused, naming what differs; nothing of the command counts."""
    first = sold("1", "0.02")
    await trader.open(first)
    before = await trader.book()
    spoiled = replace(first, price=Decimal("0.03"), quantity=Decimal(2))
    error = await refusal_of(trader.open(sold("1", "0.02", HIGHER_CALL), spoiled))
    assert judged(error) == ("ALREADY_EXISTS", "TRADE_CONFLICT", "fills[1].quantity")
    assert error.metadata["fields"] == "quantity,price"
    assert await trader.book() == before


async def test_a_conflicting_trade_within_one_command(trader: Trader) -> None:
    """One trade_id with two contents in one command is a conflict, too."""
    first = sold("1", "0.02")
    error = await refusal_of(trader.open(first, replace(first, side=Side.BUY)))
    assert judged(error) == ("ALREADY_EXISTS", "TRADE_CONFLICT", "fills[1].side")
    assert await trader.chains() == ()


@pytest.mark.parametrize(
    ("spoil", "reason", "field"),
    [
        ({"symbol": HIGHER_CALL}, "INSTRUMENT_MISMATCH", "fills[0].instrument"),
        ({"instrument": None}, "MISSING_FIELD", "fills[0].instrument"),
    ],
    ids=["another symbol than its contract's", "no contract"],
)
async def test_a_contract_of_another_venue_is_its_symbols(
    spoil: dict[str, Any], reason: str, field: str, trader: Trader
) -> None:
    """On a venue whose names say nothing the contract must be given, and its symbol must agree with the fill's."""
    contract = Instrument.from_proto(good_execution().fills[0].instrument)
    good = sold("1", "0.02", instrument=contract)
    command = execution(Action.OPEN, replace(good, **spoil), venue="elsewhere")
    error = await refusal_of(trader.client.record_execution(command, deadline=2))
    assert judged(error) == ("INVALID_ARGUMENT", reason, field)
    await trader.record(replace(command, fills=(good,)))


@pytest.mark.parametrize("effect", [PositionEffect.OPENING, PositionEffect.UNSPECIFIED])
async def test_an_aggregate_is_in_its_orders_contract(effect: PositionEffect, trader: Trader) -> None:
    """An order is in one contract and one direction: its cumulative reports in two cannot both be true."""
    for other in (
        aggregate(Side.SELL, "o", "1", "0.01", HIGHER_CALL, position_effect=effect),
        aggregate(Side.BUY, "o", "1", "0.01", position_effect=effect),
    ):
        first = aggregate(Side.SELL, "o", "1", "0.02", position_effect=effect)
        error = await refusal_of(trader.open(first, other))
        assert isinstance(error, errors.InvalidArgument | errors.FailedPrecondition)
        assert await trader.chains() == ()


async def test_a_fill_is_in_its_orders_contract(trader: Trader) -> None:
    """A fill of an order in another contract is refused, whether the order comes with it or was there before."""
    fill = sold("1", "0.02", HIGHER_CALL, order_id="o1")
    error = await refusal_of(trader.open(fill, orders=(order("o1"),)))
    assert isinstance(error, errors.InvalidArgument | errors.FailedPrecondition)
    await trader.open(orders=(order("o1"),), status=ExecutionStatus.RESTING)
    error = await refusal_of(trader.late(fill))
    assert judged(error) == ("INVALID_ARGUMENT", "INSTRUMENT_MISMATCH", "fills[0].symbol")
    [chain] = await trader.chains()
    assert chain.state == "PENDING"


# Requests other than an execution: (the request's message, the stub's method)

Call = tuple[str, Callable[[Trader], Message]]


def _fills(trader: Trader) -> Message:
    fill = sold("1", "0.02", order_id="o-1")
    return RecordFillsRequest(
        request_id=new_request_id(), account=trader.account, mode=Mode.LIVE, fills=(fill,), orders=(order("o-1"),)
    ).to_proto()


def _settlement(trader: Trader) -> Message:
    return RecordSettlementRequest(
        request_id=new_request_id(),
        account=trader.account,
        mode=Mode.LIVE,
        symbol=CALL,
        delivery_price=Decimal(101_000),
    ).to_proto()


def _marks(trader: Trader) -> Message:
    request = ledger_service_pb2.UpdateMarksRequest(account=trader.account, mode=execution_pb2.MODE_LIVE)
    request.marks.append(mark(CALL, "0.01").to_proto())
    return request


def _batch(trader: Trader) -> Message:
    good = good_execution()
    good.account = trader.account
    return ledger_service_pb2.RecordExecutionsRequest(executions=[good])


def _one(trader: Trader) -> Message:
    good = good_execution()
    good.account = trader.account
    return ledger_service_pb2.RecordExecutionRequest(execution=good)


def _query(kind: type[Message]) -> Callable[[Trader], Message]:
    return lambda trader: kind(account=trader.account)


ONE: Call = ("RecordExecution", _one)
BATCH: Call = ("RecordExecutions", _batch)
FILLS: Call = ("RecordFills", _fills)
SETTLEMENT: Call = ("RecordSettlement", _settlement)
MARKS: Call = ("UpdateMarks", _marks)
CHAIN: Call = ("GetChain", _query(ledger_service_pb2.GetChainRequest))
CHAINS: Call = ("ListChains", _query(ledger_service_pb2.ListChainsRequest))
PORTFOLIO: Call = ("GetPortfolio", _query(ledger_service_pb2.GetPortfolioRequest))
ENTRIES: Call = ("ListEntries", _query(ledger_service_pb2.ListEntriesRequest))
REFUSED: Call = ("ListRefusedExecutions", _query(ledger_service_pb2.ListRefusedExecutionsRequest))


def _token(**values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


BAD_TOKENS = {
    "a word": "stale",
    "not ASCII": "\u00e9",
    "no JSON": base64.urlsafe_b64encode(b"{").decode(),
    "another JSON": base64.urlsafe_b64encode(b"[]").decode(),
    "infinity": base64.urlsafe_b64encode(b'{"a":Infinity,"u":1,"b":"x"}').decode(),
    "1e999": base64.urlsafe_b64encode(b'{"a":1e999,"u":1,"b":"x"}').decode(),
    "very deep": base64.urlsafe_b64encode(b"[" * 50_000).decode(),
    "a forged one": _token(a=1, u=1, b="0123456789abcdef"),
    "no text": _token(a=None, u=None, b=None),
}

OTHER_CASES: list[tuple[Call, Case]] = [
    (ONE, Case("nothing", clears("execution"), "MISSING_FIELD", "execution")),
    (ONE, Case("unknown field", unknown(), "UNKNOWN_FIELD", "1000")),
    (BATCH, Case("nothing", clears("executions"), "MISSING_FIELD", "executions")),
    (BATCH, Case("unknown field", unknown(), "UNKNOWN_FIELD", "1000")),
    (BATCH, Case("501", lambda m: m.executions.extend([m.executions[0]] * 500), "TOO_LARGE", "executions")),
    (BATCH, Case("request_id without atomic", sets("request_id", new_request_id()), "CONTRADICTION", "request_id")),
    (BATCH, Case("atomic without request_id", sets("atomic", True), "MISSING_FIELD", "request_id")),
    (BATCH, Case("atomic with a bad request_id", both(sets("atomic", True), sets("request_id", "1")), "MALFORMED_TEXT",
                 "request_id")),
    *((FILLS, Case(f"{field}: missing", clears(field), "MISSING_FIELD", field))
      for field in ("request_id", "account", "fills[0].order_id", "fills[0].quantity", "fills[0].trade_id",
                    "orders[0].order_id")),
    *((FILLS, Case(f"{field}: unspecified", clears(field), "UNSPECIFIED_VALUE", field))
      for field in ("mode", "fills[0].side", "orders[0].state")),
    *((FILLS, Case(f"{field}: unknown value", sets(field, UNKNOWN_NUMBER), "UNKNOWN_VALUE", field))
      for field in ("mode", "fills[0].side", "orders[0].state")),
    (FILLS, Case("unknown field", unknown(), "UNKNOWN_FIELD", "1000")),
    (FILLS, Case("unknown field of a fill", unknown("fills[0]"), "UNKNOWN_FIELD", "fills[0].1000")),
    (FILLS, Case("nothing", both(clears("fills"), clears("orders")), "MISSING_FIELD", "fills")),
    (FILLS, Case("10,000 orders", lambda m: m.orders.extend([m.orders[0]] * 9_999), "TOO_LARGE", "orders")),
    (FILLS, Case("1,001 fills", lambda m: m.fills.extend([m.fills[0]] * 1_000), "TOO_LARGE", "fills")),
    (FILLS, Case("fee currency", sets("fills[0].fee_currency", "ETH"), "FEE_CURRENCY_MISMATCH",
                 "fills[0].fee_currency")),
    (FILLS, Case("expired", lambda m: m.fills[0].executed_time.FromDatetime(EXPIRY), "CONTRACT_EXPIRED",
                 "fills[0].executed_time", "FAILED_PRECONDITION")),
    *((SETTLEMENT, Case(f"delivery_price: {text}", sets("delivery_price", text), "MALFORMED_DECIMAL",
                        "delivery_price"))
      for text in ("NaN", "1e5", "1" * 40)),
    *((SETTLEMENT, Case(f"delivery_price: {text}", sets("delivery_price", text), "OUT_OF_BOUNDS", "delivery_price"))
      for text in ("0", "-1")),
    *((SETTLEMENT, Case(f"{field}: missing", clears(field), "MISSING_FIELD", field))
      for field in ("request_id", "account", "delivery_price", "symbol")),
    (SETTLEMENT, Case("mode: unspecified", clears("mode"), "UNSPECIFIED_VALUE", "mode")),
    (SETTLEMENT, Case("unknown field", unknown(), "UNKNOWN_FIELD", "1000")),
    (SETTLEMENT, Case("index without expiry", both(clears("symbol"), sets("index_name", "btc_usd")), "MISSING_FIELD",
                      "expiry_time")),
    (SETTLEMENT, Case("another index", sets("index_name", "eth_usd"), "CONTRADICTION", "index_name")),
    (SETTLEMENT, Case("another expiry", lambda m: m.expiry_time.FromDatetime(june(26, 8)), "CONTRADICTION",
                      "expiry_time")),
    (SETTLEMENT, Case("before the expiry", sets("symbol", FAR_CALL), "NOT_EXPIRED", "expiry_time",
                      "FAILED_PRECONDITION")),
    (SETTLEMENT, Case("a delivery of what nobody holds", lambda m: m.reported.add(symbol=PUT, cash="1"),
                      "CONTRADICTION", "reported[0].symbol")),
    (SETTLEMENT, Case("reported cash", lambda m: m.reported.add(symbol=CALL, cash="1e5"), "MALFORMED_DECIMAL",
                      "reported[0].cash")),
    (MARKS, Case("nothing", clears("marks"), "MISSING_FIELD", "marks")),
    (MARKS, Case("mode: unspecified", clears("mode"), "UNSPECIFIED_VALUE", "mode")),
    (MARKS, Case("mode: unknown", sets("mode", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "mode")),
    (MARKS, Case("account", sets("account", "Main"), "MALFORMED_TEXT", "account")),
    *((MARKS, Case(f"{field}: missing", clears(field), "MISSING_FIELD", field))
      for field in ("marks[0].symbol", "marks[0].mark_time", "marks[0].mark_price")),
    (MARKS, Case("negative mark", sets("marks[0].mark_price", "-1"), "OUT_OF_BOUNDS", "marks[0].mark_price")),
    (MARKS, Case("index of 0", sets("marks[0].index_price", "0"), "OUT_OF_BOUNDS", "marks[0].index_price")),
    (MARKS, Case("NaN", sets("marks[0].mark_price", "NaN"), "MALFORMED_DECIMAL", "marks[0].mark_price")),
    (MARKS, Case("delta", sets("marks[0].greeks.delta", float("inf")), "OUT_OF_BOUNDS", "marks[0].greeks.delta")),
    (MARKS, Case("unknown field", unknown("marks[0].greeks"), "UNKNOWN_FIELD", "marks[0].greeks.1000")),
    (MARKS, Case("5,001 marks", lambda m: m.marks.extend([m.marks[0]] * 5_000), "TOO_LARGE", "marks")),
    (CHAIN, Case("no chain named", clears("position_id"), "MISSING_FIELD", "position_id")),
    (CHAIN, Case("no account", clears("account"), "MISSING_FIELD", "account")),
    (CHAIN, Case("an unknown chain", sets("position_id", "nobody"), "POSITION_NOT_FOUND", "position_id", "NOT_FOUND")),
    (CHAINS, Case("account", sets("account", "Main"), "MALFORMED_TEXT", "account")),
    (CHAINS, Case("mode", sets("mode", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "mode")),
    (CHAINS, Case("state", lambda m: m.states.append(UNKNOWN_NUMBER), "UNKNOWN_VALUE", "states[0]")),
    (CHAINS, Case("no state", lambda m: m.states.append(0), "UNSPECIFIED_VALUE", "states[0]")),
    (CHAINS, Case("strategy", sets("strategy", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "strategy")),
    (CHAINS, Case("order", sets("order", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "order")),
    (CHAINS, Case("page_size", sets("page_size", -1), "OUT_OF_BOUNDS", "page_size")),
    (CHAINS, Case("time", lambda m: m.opened_from_time.FromSeconds(10**11), "OUT_OF_BOUNDS", "opened_from_time")),
    (PORTFOLIO, Case("mode", sets("mode", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "mode")),
    (PORTFOLIO, Case("time", lambda m: m.period_from_time.FromSeconds(-5), "OUT_OF_BOUNDS", "period_from_time")),
    (ENTRIES, Case("after_revision", sets("after_revision", -1), "OUT_OF_BOUNDS", "after_revision")),
    (ENTRIES, Case("a chain without account", both(clears("account"), sets("position_id", "a")), "MISSING_FIELD",
                   "account")),
    (ENTRIES, Case("page_size", sets("page_size", -1), "OUT_OF_BOUNDS", "page_size")),
    (REFUSED, Case("page_size", sets("page_size", -1), "OUT_OF_BOUNDS", "page_size")),
    (REFUSED, Case("mode", sets("mode", UNKNOWN_NUMBER), "UNKNOWN_VALUE", "mode")),
    *((call, Case(f"page token: {name}", sets("page_token", token), "INVALID_PAGE_TOKEN", "page_token"))
      for call in (CHAINS, ENTRIES, REFUSED)
      for name, token in BAD_TOKENS.items()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "case"), [pytest.param(call, case, id=f"{call[0]}: {case.name}") for call, case in OTHER_CASES]
)
async def test_a_mistaken_request(
    call: Call, case: Case, trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """Whatever is asked wrongly answers code, reason and field, and changes no chain."""
    await trader.open(sold("1", "0.02", FAR_CALL))
    before = await trader.book()
    name, make = call
    request = make(trader)
    case.spoil(request)
    error = await refusal_of(getattr(stub, name)(request))
    assert judged(error) == case.judgement
    assert await trader.book() == before


@pytest.mark.parametrize("call", [FILLS, SETTLEMENT], ids=lambda call: call[0])
async def test_other_refused_commands_are_listed_and_corrected(
    call: Call, trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """Refused fills and settlements are listed as they came, and corrected under the same request_id."""
    name, make = call
    good: Any = make(trader)
    bad = type(good)()
    bad.CopyFrom(good)
    bad.mode = 0
    for _ in range(2):
        await refusal_of(getattr(stub, name)(bad))
    [listed] = (await trader.client.list_refused_executions()).refusals
    kept = listed.fills if call is FILLS else listed.settlement
    assert kept is not None
    assert kept.to_proto() == bad
    assert listed.attempts == 2
    assert listed.first_time is not None
    assert listed.last_time is not None
    assert listed.first_time <= listed.last_time
    answer = await getattr(stub, name)(good)
    [resolved] = (await trader.client.list_refused_executions(include_resolved=True)).refusals
    assert resolved.resolved_revision == answer.revision


STALE = [CHAINS, ENTRIES, REFUSED]


async def _fill_pages(trader: Trader) -> None:
    for _ in range(3):
        await trader.open(sold("1", "0.02"))
        await refusal_of(trader.open(sold("1", "0.02"), status=ExecutionStatus.SIMULATED))


@pytest.mark.parametrize("call", STALE, ids=lambda call: call[0])
async def test_a_page_token_is_for_its_own_list(
    call: Call, trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """A token of another call, of other filters or with a key changed by hand is refused, or at least no accident."""
    await _fill_pages(trader)
    name, make = call
    request: Any = make(trader)
    request.page_size = 1
    token = (await getattr(stub, name)(request)).next_page_token
    assert token
    request.page_token = token
    assert (await getattr(stub, name)(request)).next_page_token

    for other_name, other_make in STALE:
        other: Any = other_make(trader)
        other.page_token = token
        if other_name != name:
            error = await refusal_of(getattr(stub, other_name)(other))
            assert judged(error) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token")
    request.account = "somebody-else"
    error = await refusal_of(getattr(stub, name)(request))
    assert judged(error) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token")

    request.account = trader.account
    said = json.loads(base64.urlsafe_b64decode(token))
    for key in [key for key, value in said.items() if isinstance(value, int)]:
        request.page_token = _token(**{**said, key: 2**80})
        try:
            await getattr(stub, name)(request)
        except grpc.RpcError as failed:
            error = errors.from_rpc_error(failed)
            assert judged(error) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token")


async def test_a_page_token_of_another_ledger(trader: Trader, tmp_path: Any) -> None:
    """A token of another ledger is refused: its keys mean other rows there."""
    await _fill_pages(trader)
    with RunningServer(tmp_path / "other.db") as other:
        async with trading(other.target, trader.account) as there:
            await _fill_pages(there)
            token = (await there.client.list_chains(page_size=1)).next_page_token
    error = await refusal_of(trader.client.list_chains(page_size=1, page_token=token))
    assert judged(error) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token")


@pytest.mark.parametrize("revision", [2**43, 2**62, 2**63 - 1])
async def test_entries_of_the_far_future(revision: int, trader: Trader) -> None:
    """A client's mistake is never INTERNAL or UNKNOWN: there is nothing after a revision that is not there yet."""
    await trader.open(sold("1", "0.02"))
    try:
        page = await trader.client.list_entries(after_revision=revision, deadline=2)
    except LedgerError as error:
        assert isinstance(error, errors.InvalidArgument | errors.OutOfRange)  # noqa: PT017
    else:
        assert page.entries == ()


@pytest.mark.parametrize(
    "body",
    [b"\xff\xff\xff", b"\x0a\x04\x0a\x02\xff\xfe", b"\x0a\x7f"],
    ids=["no message", "text that is not UTF-8", "cut off"],
)
@pytest.mark.parametrize("method", ["RecordExecution", "RecordFills", "ListChains"])
async def test_bytes_that_are_no_message(method: str, body: bytes, channel: grpc.aio.Channel) -> None:
    """A client's mistake is never INTERNAL or UNKNOWN."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/rollbook.v1.LedgerService/{method}")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(body)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_batch_answers_each_item_at_its_place(trader: Trader) -> None:
    """Each execution of a batch is judged by itself and answered at its place, an error included; the good ones are
    recorded, the refused ones listed, and the corrected batch can be sent again as a whole."""
    good = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(30)]
    bad = list(good)
    bad[3] = replace(good[3], mode=Mode.UNSPECIFIED)
    bad[7] = replace(good[7], fills=(replace(good[7].fills[0], price=Decimal(-1)),))
    bad[29] = replace(good[29], action=Action.CLOSE, position_id="nobody")
    answer = await trader.client.record_executions(bad)
    refused = {n: result.refused for n, result in enumerate(answer.results) if result.refused}
    assert {n: (each.code, each.reason, each.field) for n, each in refused.items()} == {
        3: (3, "UNSPECIFIED_VALUE", "mode"),
        7: (3, "OUT_OF_BOUNDS", "fills[0].price"),
        29: (5, "POSITION_NOT_FOUND", "position_id"),
    }
    assert len(await trader.chains()) == 27
    revisions = [result.recorded.revision for result in answer.results if result.recorded]
    assert revisions == sorted(set(revisions))
    assert answer.revision == revisions[-1]
    listed = {each.request_id for each in (await trader.client.list_refused_executions()).refusals}
    assert listed == {good[n].request_id for n in refused}
    again = await trader.client.record_executions(good)
    assert not any(result.refused for result in again.results)
    assert [r.recorded for n, r in enumerate(again.results) if n not in refused] == [
        r.recorded for n, r in enumerate(answer.results) if n not in refused
    ]
    assert len(await trader.chains()) == 30
    assert (await trader.client.list_refused_executions()).refusals == ()


@pytest.mark.parametrize(
    ("spoil", "code", "reason", "field"),
    [
        ({"mode": Mode.UNSPECIFIED}, "INVALID_ARGUMENT", "UNSPECIFIED_VALUE", "mode"),
        ({"action": Action.CLOSE, "position_id": "nobody"}, "NOT_FOUND", "POSITION_NOT_FOUND", "position_id"),
        ({"strategy": StrategyKind.UNSPECIFIED}, "INVALID_ARGUMENT", "UNSPECIFIED_VALUE", "strategy"),
    ],
    ids=["form", "ledger", "enum"],
)
async def test_an_atomic_batch_is_recorded_whole_or_not_at_all(
    spoil: dict[str, Any], code: str, reason: str, field: str, trader: Trader
) -> None:
    """Of an atomic batch with one mistake nothing is recorded; the error says which item and its field."""
    await trader.open(sold("1", "0.02"))
    before = await trader.book()
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(4)]
    wrong = [*batch[:2], replace(batch[2], **spoil), batch[3]]
    error = await refusal_of(trader.client.record_executions(wrong, atomic=True))
    assert judged(error) == (code, reason, f"executions[2].{field}")
    assert error.metadata["index"] == "2"
    assert await trader.book() == before
    answer = await trader.client.record_executions(batch, atomic=True)
    assert {result.recorded.revision for result in answer.results if result.recorded} == {answer.revision}
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0


async def test_a_refused_atomic_batch_lists_all_its_items(trader: Trader) -> None:
    """What was executed and is missing from the totals is listed: the items that were not at fault, too
    (BATCH_REFUSED, with the index of the one that was)."""
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(3)]
    wrong = [batch[0], replace(batch[1], action=Action.CLOSE, position_id="nobody"), batch[2]]
    await refusal_of(trader.client.record_executions(wrong, atomic=True))
    listed = (await trader.client.list_refused_executions()).refusals
    reasons: dict[str, Refusal] = {each.request_id: each.refusal for each in listed if each.refusal}
    assert {request_id: each.reason for request_id, each in reasons.items()} == {
        batch[0].request_id: "BATCH_REFUSED",
        batch[1].request_id: "POSITION_NOT_FOUND",
        batch[2].request_id: "BATCH_REFUSED",
    }
    assert reasons[batch[0].request_id].metadata["index"] == "1"
    assert (await trader.client.get_portfolio()).unresolved_refusals == 3
    await trader.client.record_executions(batch, atomic=True)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0


async def test_an_atomic_batch_is_of_one_account(trader: Trader) -> None:
    """An atomic batch of two accounts is refused, and neither account has anything of it."""
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(2)]
    other = replace(batch[1], account=f"{trader.account}-b")
    error = await refusal_of(trader.client.record_executions([batch[0], other], atomic=True))
    assert judged(error) == ("INVALID_ARGUMENT", "CONTRADICTION", "executions[1].account")
    assert await trader.chains() == ()


async def test_the_largest_numbers_are_exact(trader: Trader) -> None:
    """18 digits before and 18 after the point come back digit by digit, and what follows from them is exact."""
    most, least = "9" * 18 + "." + "9" * 18, "0." + "0" * 17 + "1"
    opened = await trader.open(
        sold(most, most, fee=f"-{most}", index=most), sold(most, least, HIGHER_CALL, fee=least, index=least)
    )
    chain = await trader.chain(opened.position_id)
    big, small = Decimal(most), Decimal(least)
    with_digits = Context(prec=400)
    sum_of = with_digits.add
    premium = sum_of(with_digits.multiply(big, big), with_digits.multiply(big, small))
    assert chain.open_credit == premium
    assert chain.net_cash == sum_of(premium, sum_of(big, -small))
    await trader.settle(most, CALL)
    await trader.settle(most, HIGHER_CALL)
    closed = await trader.chain(opened.position_id)
    assert closed.state == "CLOSED"
    assert closed.net_cash == closed.net_pnl


async def test_refused_trades_can_come_in_another_command(trader: Trader) -> None:
    """The ids inside a refused execution are not used up; when all its trades are recorded by others it is resolved."""
    first, second = sold("1", "0.02"), sold("1", "0.02", HIGHER_CALL)
    refused = execution(Action.ADD, first, second, position_id="nobody")
    await refusal_of(trader.record(refused))
    assert (await trader.client.get_portfolio()).unresolved_refusals == 1
    await trader.open(first)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 1
    await trader.open(second)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0
    assert (await trader.client.list_refused_executions()).refusals == ()


async def test_a_refusal_is_resolved_in_whatever_order_its_trades_come(trader: Trader) -> None:
    """A refusal is resolved when all its trade_ids are accepted, though it was sent again between them."""
    first, second = sold("1", "0.02"), sold("1", "0.02", HIGHER_CALL)
    refused = execution(Action.ADD, first, second, position_id="nobody")
    await refusal_of(trader.record(refused))
    await trader.open(first)
    await refusal_of(trader.record(refused))
    await trader.open(second)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0


async def test_a_refusal_whose_trades_are_all_recorded_is_no_missing_money(trader: Trader) -> None:
    """unresolved_refusals counts money that is missing from the totals: a refused report of trades that are all
    recorded misses nothing."""
    command = execution(Action.OPEN, sold("1", "0.02"))
    await trader.record(command)
    error = await refusal_of(trader.record(replace(command, reason="told again in other words")))
    assert judged(error) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED", "reason")
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0


async def test_a_dry_run_does_not_resolve_a_live_refusal(trader: Trader) -> None:
    """LIVE and DRY_RUN never mix: a simulated trade of the same id does not bring the missing money."""
    fill = sold("1", "0.02")
    await refusal_of(trader.add("nobody", fill))
    await trader.open(fill, mode=Mode.DRY_RUN)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 1
    assert len((await trader.client.list_refused_executions(mode=Mode.LIVE)).refusals) == 1


async def test_a_refused_dry_run_is_no_missing_money(trader: Trader) -> None:
    """A refused DRY_RUN execution is listed, but no money is missing."""
    await refusal_of(trader.add("nobody", sold("1", "0.02"), mode=Mode.DRY_RUN))
    portfolio = await trader.client.get_portfolio()
    assert portfolio.unresolved_refusals == 0
    assert len((await trader.client.list_refused_executions(mode=Mode.DRY_RUN)).refusals) == 1
    assert (await trader.client.list_refused_executions(mode=Mode.LIVE)).refusals == ()


async def test_a_poor_command_does_not_take_others_with_it(
    trader: Trader, stub: ledger_service_pb2_grpc.LedgerServiceAsyncStub
) -> None:
    """Good commands that wait beside a bad one are recorded: one bot's mistake is not another bot's failure."""
    contract = Instrument.from_proto(good_execution().fills[0].instrument)
    bad = execution(Action.OPEN, sold("1", "0.02", HIGHER_CALL, instrument=contract), venue="elsewhere")
    good = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(40)]
    answer = await trader.client.record_executions([*good[:20], bad, *good[20:]], deadline=3)
    assert [n for n, result in enumerate(answer.results) if result.refused] == [20]
    assert len(await trader.chains()) == 40
