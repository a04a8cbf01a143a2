"""A command sent twice has one effect and one answer, for ever; other content under its id is refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

import rollbook
from rollbook import (
    Action,
    AlreadyExists,
    AsyncClient,
    ContractStyle,
    ErrorReason,
    ExecutionResult,
    ExecutionStatus,
    Flag,
    Instrument,
    LedgerError,
    Mode,
    OptionType,
    OrderState,
    RawPayload,
    RecordFillsRequest,
    RecordSettlementRequest,
    ReportedDelivery,
    Side,
    StrategyKind,
    new_request_id,
)
from rollbook.v1 import ledger_service_pb2 as pb
from rollbook.v1 import ledger_service_pb2_grpc
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    EXPIRY,
    HIGHER_CALL,
    JuneServers,
    Trader,
    bought,
    execution,
    june,
    new_account,
    new_id,
    order,
    sold,
    state_of,
    trading,
)

Command = ExecutionResult | RecordFillsRequest | RecordSettlementRequest


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("idempotency")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


def send(client: AsyncClient, command: Command) -> Awaitable[Any]:
    match command:
        case ExecutionResult():
            return client.record_execution(command, deadline=60)
        case RecordFillsRequest():
            return client.record_fills(command, deadline=60)
        case RecordSettlementRequest():
            return client.record_settlement(command, deadline=60)


def some_commands() -> list[Command]:
    """An execution, late fills, an order nobody knows, and a settlement, each on what came before."""
    fill = sold("1", "0.02", order_id="known")
    return [
        execution(
            Action.OPEN, position_id="chain", orders=(order("known", quantity="2"),), status=ExecutionStatus.RESTING
        ),
        RecordFillsRequest(request_id=new_request_id(), mode=Mode.LIVE, fills=(fill,)),
        RecordFillsRequest(
            request_id=new_request_id(), mode=Mode.LIVE, fills=(fill, sold("1", "0.01", order_id="unknown"))
        ),
        execution(Action.ADD, sold("0.5", "0.03", fee=None), position_id="chain", reason="more"),
        RecordSettlementRequest(
            request_id=new_request_id(),
            mode=Mode.LIVE,
            symbol=CALL,
            delivery_price=Decimal(110_000),
            reported=(ReportedDelivery(symbol=CALL, cash=Decimal("-0.13636364"), fee=Decimal("0.0002")),),
        ),
    ]


async def test_one_request_a_thousand_times_from_16_tasks(server: RunningServer, trader: Trader) -> None:
    """One request 1,000 times from 16 tasks has one effect and one identical answer."""
    command = replace(execution(Action.OPEN, sold("1", "0.02", fee=None, index=None)), account=trader.account)
    request = pb.RecordExecutionRequest(execution=command.to_proto())
    left = iter(range(1_000))
    answers: list[bytes] = []

    async def sender() -> None:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)
            for _ in left:
                answer = await stub.RecordExecution(request)
                answers.append(answer.SerializeToString())

    await asyncio.gather(*(sender() for _ in range(16)))

    assert len(answers) == 1_000
    assert len(set(answers)) == 1
    said = pb.RecordExecutionResponse.FromString(answers[0])
    [chain] = await trader.chains()
    assert (chain.position_id, chain.revision) == (said.position_id, said.revision)
    assert chain.open_quantity == 1
    [entry] = (await trader.client.list_entries()).entries
    assert entry.revision == said.revision
    assert said.flags


async def test_every_command_twice_at_once(trader: Trader) -> None:
    """Executions, late fills and settlements have one effect and one answer each, twice at once and again later."""
    commands = some_commands()
    first = []
    for command in commands:
        both = await asyncio.gather(send(trader.client, command), send(trader.client, command))
        assert both[0] == both[1]
        first.append(both[0])
    book = await trader.book()
    entries = (await trader.client.list_entries()).entries
    assert [await send(trader.client, command) for command in reversed(commands)] == first[::-1]
    assert await trader.book() == book
    assert (await trader.client.list_entries()).entries == entries
    assert len({answer.revision for answer in first}) == len(commands)
    [chain] = book[0]
    assert chain.state == "CLOSED"
    assert chain.net_cash == Decimal("0.02") + Decimal("0.015") - Decimal("0.13636364") - Decimal("0.0002")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_answers_outlive_the_server(end: str, tmp_path: Path) -> None:
    """After a restart, and after kill -9, every command and every batch is answered as it was, and nothing counts
    twice: what was acknowledged is on disk."""
    account = new_account()
    commands = some_commands()
    batch = [execution(Action.OPEN, sold("1", "0.02", HIGHER_CALL)) for _ in range(5)]
    batch_id = new_request_id()
    server = RunningServer(tmp_path / "ledger.db")
    with server:
        async with trading(server.target, account) as trader:
            answers = [await send(trader.client, command) for command in commands]
            answers.append(await trader.client.record_executions(batch, atomic=True, request_id=batch_id))
            book = await trader.book()
            status = await trader.client.get_server_status()
        assert server.stop() == 0 if end == "stop" else server.kill() is None  # type: ignore[func-returns-value]
        server.start()
        async with trading(server.target, account) as trader:
            after = await trader.client.get_server_status()
            assert (after.ledger_id, after.revision, after.head_hash) == (
                status.ledger_id,
                status.revision,
                status.head_hash,
            )
            assert await trader.book() == book
            again = [await send(trader.client, command) for command in commands]
            again.append(await trader.client.record_executions(batch, atomic=True, request_id=batch_id))
            assert again == answers
            assert await trader.book() == book
            assert (await trader.client.get_server_status()).revision == status.revision
            with pytest.raises(AlreadyExists) as raised:
                await send(trader.client, replace(commands[0], mode=Mode.DRY_RUN))
            assert raised.value.field == "mode"


async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    """Of a bot's stream that kill -9 cuts, what was acknowledged is there, and when all of it is sent again each
    command counts once."""
    account = new_account()
    commands = [execution(Action.OPEN, sold("1", "0.02"), account=account) for _ in range(400)]
    acknowledged: dict[str, rollbook.RecordExecutionResponse] = {}
    server = RunningServer(tmp_path / "ledger.db")
    with server:
        left = iter(commands)
        enough = asyncio.Event()

        async def sender(client: AsyncClient) -> None:
            for command in left:
                try:
                    acknowledged[command.request_id] = await client.record_execution(command, deadline=0.5)
                except LedgerError:
                    if enough.is_set():
                        return
                    continue
                if len(acknowledged) >= 100:
                    enough.set()

        async with AsyncClient(server.target) as client:
            senders = [asyncio.create_task(sender(client)) for _ in range(8)]
            await enough.wait()
            server.kill()
            await asyncio.gather(*senders)
        assert 100 <= len(acknowledged) < 400
        server.start()
        async with trading(server.target, account) as trader:
            there = {chain.position_id for chain in await trader.chains()}
            assert {answer.position_id for answer in acknowledged.values()} <= there
            for command in commands:
                answer = await trader.record(command)
                assert acknowledged.get(command.request_id, answer) == answer
            assert len(await trader.chains()) == 400
            assert len([entry async for entry in trader.client.iterate_entries(page_size=500)]) == 400


CONTRACT = Instrument(
    symbol=CALL,
    underlying="BTC",
    settlement_currency="BTC",
    style=ContractStyle.INVERSE,
    option_type=OptionType.CALL,
    strike=Decimal(100_000),
    expiry_time=EXPIRY,
)
FILL = sold("1", "0.02", order_id="o-1", instrument=CONTRACT)
EXECUTION = execution(
    Action.OPEN,
    FILL,
    orders=(order("o-1", state=OrderState.FILLED),),
    labels={"a": "1"},
    raw_payloads=(RawPayload(source="s", body=b"1"),),
)
FILLS = RecordFillsRequest(request_id=new_request_id(), mode=Mode.LIVE, fills=(FILL,), orders=(order("o-1"),))
SETTLEMENT = RecordSettlementRequest(
    request_id=new_request_id(),
    mode=Mode.LIVE,
    index_name="btc_usd",
    expiry_time=EXPIRY,
    delivery_price=Decimal(90_000),
)


def change_fill(**changes: Any) -> Callable[[Any], Any]:
    return lambda command: replace(command, fills=(replace(command.fills[0], **changes),))


def change_order(**changes: Any) -> Callable[[Any], Any]:
    return lambda command: replace(command, orders=(replace(command.orders[0], **changes),))


def change(**changes: Any) -> Callable[[Any], Any]:
    return lambda command: replace(command, **changes)


@pytest.mark.parametrize(
    ("command", "other", "field"),
    [
        (EXECUTION, change(mode=Mode.DRY_RUN), "mode"),
        (EXECUTION, change(strategy=StrategyKind.OTHER), "strategy"),
        (EXECUTION, change(strategy_name="mine"), "strategy_name"),
        (EXECUTION, change(reason="another"), "reason"),
        (EXECUTION, change(status=ExecutionStatus.PARTIAL), "status"),
        (EXECUTION, change(position_id="mine"), "position_id"),
        (EXECUTION, change(executed_time=june(2, 10)), "executed_time"),
        (EXECUTION, change(labels={"a": "2"}), "labels.a"),
        (EXECUTION, change(collateral=Decimal(1)), "collateral"),
        (EXECUTION, change(raw_payloads=(RawPayload(source="s", body=b"2"),)), "raw_payloads[0]"),
        (EXECUTION, change(fills=()), "fills"),
        (EXECUTION, change_fill(price=Decimal("0.03")), "fills[0].price"),
        (EXECUTION, change_fill(quantity=Decimal("1.000000000000000001")), "fills[0].quantity"),
        (EXECUTION, change_fill(side=Side.BUY), "fills[0].side"),
        (EXECUTION, change_fill(fee=None), "fills[0].fee"),
        (EXECUTION, change_fill(executed_time=june(2) + timedelta(microseconds=1)), "fills[0].executed_time"),
        (
            EXECUTION,
            change_fill(instrument=replace(CONTRACT, expiry_time=june(26, 8))),
            "fills[0].instrument.expiry_time",
        ),
        (EXECUTION, change_order(state=OrderState.OPEN), "orders[0].state"),
        (EXECUTION, change_order(filled_quantity=Decimal(1)), "orders[0].filled_quantity"),
        (FILLS, change(mode=Mode.DRY_RUN), "mode"),
        (FILLS, change_fill(price=Decimal("0.03")), "fills[0].price"),
        (FILLS, change_order(state=OrderState.CANCELLED), "orders[0].state"),
        (SETTLEMENT, change(delivery_price=Decimal("90000.1")), "delivery_price"),
        (SETTLEMENT, change(expiry_time=june(26, 8)), "expiry_time"),
        (SETTLEMENT, change(index_name="btc_usdc"), "index_name"),
        (SETTLEMENT, change(reported=(ReportedDelivery(symbol=CALL),)), "reported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_other_content_under_an_id_names_the_field(
    command: Command, other: Callable[[Command], Command], field: str, trader: Trader
) -> None:
    """Other content under a recorded request_id is refused, naming the field as the API calls it."""
    answer = await send(trader.client, command)
    before = await trader.book()
    with pytest.raises(AlreadyExists) as raised:
        await send(trader.client, other(command))
    assert raised.value.reason == ErrorReason.REQUEST_ID_REUSED
    assert raised.value.field == field
    assert raised.value.metadata["fields"].split(",")[0] == field
    assert await trader.book() == before
    assert await send(trader.client, command) == answer


async def test_one_id_for_two_kinds_of_commands(trader: Trader) -> None:
    """A request_id of an execution cannot be a settlement's."""
    await trader.record(EXECUTION)
    with pytest.raises(AlreadyExists) as raised:
        await send(trader.client, replace(SETTLEMENT, request_id=EXECUTION.request_id))
    assert raised.value.reason == ErrorReason.REQUEST_ID_REUSED
    assert raised.value.field == "request_id"


async def test_the_same_content_in_another_spelling(server: RunningServer, trader: Trader) -> None:
    """The content is normalised: 0.50 is 0.5, unset venue is deribit, an id's case and what is finer than a microsecond
    do not count."""
    command = replace(EXECUTION, account=trader.account, request_id=new_request_id()).to_proto()
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        answer = await stub.RecordExecution(pb.RecordExecutionRequest(execution=command))
        command.venue = "deribit"
        command.request_id = command.request_id.upper()
        command.executed_time.nanos += 999
        command.fills[0].price = "0.0200"
        command.fills[0].quantity = "01.000"
        command.fills[0].fee = "-0.0"
        command.fills[0].instrument.multiplier = "1.0"
        command.labels.clear()
        command.labels["a"] = "1"
        assert await stub.RecordExecution(pb.RecordExecutionRequest(execution=command)) == answer


async def test_an_id_belongs_to_its_account(trader: Trader) -> None:
    """The same request_id in two accounts is two commands."""
    other = f"{trader.account}-b"
    await trader.record(EXECUTION)
    await trader.record(replace(EXECUTION, account=other, reason="of the other account"))
    assert len((await trader.client.list_chains(account=other)).chains) == 1
    assert len(await trader.chains()) == 1


async def test_a_refusal_does_not_bind_its_id(trader: Trader) -> None:
    """A refused command sent again is judged again: what was wrong then may be right now."""
    close = execution(Action.CLOSE, bought("1", "0.01"), position_id="later")
    for attempt in (1, 2, 3):
        with pytest.raises(rollbook.NotFound):
            await trader.record(close)
        [listed] = (await trader.client.list_refused_executions()).refusals
        assert listed.attempts == attempt
    await trader.open(sold("1", "0.02"), position_id="later")
    recorded = await trader.record(close)
    assert (await trader.chain("later")).state == "CLOSED"
    assert await trader.record(close) == recorded


async def test_one_trade_through_two_requests_counts_once(trader: Trader) -> None:
    """One trade_id through two requests counts once, in whichever two; the second says that it was dropped."""
    fill = sold("1", "0.02", order_id=new_id("order-"))
    opened = await trader.open(fill)
    book = await trader.chains()
    again = await trader.open(fill)
    assert (again.position_id, again.dropped_trade_ids) == (opened.position_id, (fill.trade_id,))
    assert Flag.TRADES_DROPPED in again.flags
    late = await trader.late(fill)
    assert late.dropped_trade_ids == (fill.trade_id,)
    assert Flag.TRADES_DROPPED in late.flags
    added = await trader.add(opened.position_id, fill, sold("0.5", "0.03"))
    assert added.dropped_trade_ids == (fill.trade_id,)
    chain = await trader.chain(opened.position_id)
    assert chain.open_quantity == Decimal("1.5")
    assert [each.position_id for each in await trader.chains()] == [each.position_id for each in book]
    lines = (await trader.view(opened.position_id)).lines
    assert [line.trade_id for line in lines].count(fill.trade_id) == 1


async def test_one_trade_twice_in_one_request_counts_once(trader: Trader) -> None:
    """A trade that is there twice in one command counts once."""
    fill = sold("1", "0.02")
    opened = await trader.open(fill, fill)
    assert opened.dropped_trade_ids == (fill.trade_id,)
    assert (await trader.chain(opened.position_id)).open_quantity == 1


async def test_one_trade_first_late_then_by_its_execution(trader: Trader) -> None:
    """A trade that came before its order counts once, when the execution brings it again."""
    fill = sold("1", "0.02", order_id="o-2")
    late = await trader.late(fill)
    assert late.unmatched_order_ids == ("o-2",)
    opened = await trader.open(fill, orders=(order("o-2", state=OrderState.FILLED),))
    chain = await trader.chain(opened.position_id)
    assert chain.open_quantity == 1
    assert (await trader.client.get_portfolio()).unmatched_fills == 0
    assert (await trader.late(fill)).dropped_trade_ids == (fill.trade_id,)


async def test_a_whole_execution_told_again_under_another_id(trader: Trader) -> None:
    """An execution with its order and trades, told again by a bot that lost its request_id, makes no second chain and
    is no missing money: all its trades are recorded."""
    fill = sold("1", "0.02", order_id="o-3")
    command = execution(Action.OPEN, fill, orders=(order("o-3", state=OrderState.FILLED),))
    opened = await trader.record(command)
    before = await trader.chain(opened.position_id)
    again = await trader.record(replace(command, request_id=new_request_id()))
    assert again.position_id == opened.position_id
    assert again.dropped_trade_ids == (fill.trade_id,)
    [chain] = await trader.chains()
    assert chain == replace(before, revision=chain.revision)
    assert (await trader.client.get_portfolio()).unresolved_refusals == 0


async def test_trade_ids_are_unique_per_account_mode_venue_and_currency(trader: Trader) -> None:
    """The same trade_id in another mode, venue, currency or account is another trade."""
    fill = sold("1", "0.02")
    await trader.open(fill)
    await trader.open(fill, mode=Mode.DRY_RUN)
    await trader.open(replace(fill, instrument=CONTRACT), venue="elsewhere")
    await trader.open(replace(fill, symbol="ETH-27JUN25-3000-C"))
    await trader.open(fill, account=f"{trader.account}-b")
    assert len(await trader.chains()) == 4
    assert len((await trader.client.list_chains(account=f"{trader.account}-b")).chains) == 1


async def test_an_atomic_batch_sent_again(trader: Trader) -> None:
    """An atomic batch sent again has one effect and one answer; with other content it is refused."""
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(6)]
    request_id = new_request_id()
    sends = [trader.client.record_executions(batch, atomic=True, request_id=request_id) for _ in range(8)]
    answers = await asyncio.gather(*sends)
    assert all(answer == answers[0] for answer in answers)
    before = await trader.book()
    assert len(before[0]) == 6
    for other in (batch[:-1], [*batch, execution(Action.OPEN, sold("1", "0.02"))], batch[::-1]):
        with pytest.raises(AlreadyExists) as raised:
            await trader.client.record_executions(other, atomic=True, request_id=request_id)
        assert raised.value.reason == ErrorReason.REQUEST_ID_REUSED
        assert raised.value.field.startswith("executions")
    assert await trader.book() == before
    singly = [await trader.record(command) for command in batch]
    assert singly == [result.recorded for result in answers[0].results]


async def test_an_atomic_batch_of_what_is_recorded_already(trader: Trader) -> None:
    """Items that were recorded before keep their answers within an atomic batch."""
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(3)]
    first = await trader.record(batch[0])
    request_id = new_request_id()
    answer = await trader.client.record_executions(batch, atomic=True, request_id=request_id)
    assert answer.results[0].recorded == first
    assert len(await trader.chains()) == 3
    whole = await trader.client.record_executions(batch, atomic=True, request_id=new_request_id())
    assert [result.recorded for result in whole.results] == [result.recorded for result in answer.results]


async def test_an_item_twice_in_a_batch(trader: Trader) -> None:
    """One execution twice in a batch counts once and is answered alike; with other content the second is refused."""
    command = execution(Action.OPEN, sold("1", "0.02"))
    answer = await trader.client.record_executions([command, command, replace(command, reason="other")])
    assert answer.results[0].recorded == answer.results[1].recorded
    refused = answer.results[2].refused
    assert refused is not None
    assert (refused.reason, refused.field) == ("REQUEST_ID_REUSED", "reason")
    atomic = execution(Action.OPEN, sold("1", "0.02"))
    twice = await trader.client.record_executions([atomic, atomic], atomic=True)
    assert twice.results[0] == twice.results[1]
    assert len(await trader.chains()) == 2


async def test_a_full_queue_refuses_no_execution_of_a_batch(tmp_path: Path) -> None:
    """A full queue is the call's RESOURCE_EXHAUSTED: what is answered as refused was judged and is listed. However
    often it is sent, each execution of the batch counts once."""
    account = new_account()
    batch = [execution(Action.OPEN, sold("1", "0.02"), account=account) for _ in range(60)]
    request = pb.RecordExecutionsRequest(executions=[command.to_proto() for command in batch])
    with RunningServer(tmp_path / "ledger.db", "--queue", "1") as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)
            for _ in range(20):
                try:
                    answer = await stub.RecordExecutions(request)
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017
                else:
                    assert [result.refused.reason for result in answer.results if result.HasField("refused")] == []
                    break
        async with trading(server.target, account) as trader:
            assert (await trader.client.list_refused_executions()).refusals == ()
            for command in batch:  # one by one the client tries again until there is room
                await trader.record(command)
            assert len(await trader.chains()) == 60


async def test_marks_can_be_sent_twice(trader: Trader) -> None:
    """Marks are naturally idempotent: the second time changes nothing, and says so."""
    opened = await trader.open(sold("1", "0.02"))
    marks = [rollbook.Mark(symbol=CALL, mark_price=Decimal("0.01"), mark_time=june(5))]
    first = await trader.client.update_marks(marks, mode=Mode.LIVE)
    value = (await trader.view(opened.position_id)).valuation
    second = await trader.client.update_marks(marks, mode=Mode.LIVE)
    assert (first.accepted, second.accepted, second.ignored_symbols) == (1, 0, (CALL,))
    assert (await trader.view(opened.position_id)).valuation == value


async def test_order_states_can_come_twice(trader: Trader) -> None:
    """The same states of orders under another id change nothing."""
    opened = await trader.open(orders=(order("o-4"),), status=ExecutionStatus.RESTING)
    cancelled = state_of("o-4", OrderState.CANCELLED, update_time=june(3))
    await trader.late(orders=(cancelled,))
    before = await trader.chain(opened.position_id)
    await trader.late(orders=(cancelled,))
    chain = await trader.chain(opened.position_id)
    assert chain == replace(before, revision=chain.revision)
    assert chain.state == "CLOSED"
