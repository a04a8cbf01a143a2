"""Callers that leave, deadlines that pass, queues that are full: a request_id has one answer, and nothing is lost."""

import asyncio
from pathlib import Path

import grpc
import pytest

from rollbook import Action, AsyncClient, ErrorReason, ExecutionResult, Side
from rollbook.errors import DeadlineExceeded, from_rpc_error
from rollbook.v1 import ledger_service_pb2 as pb
from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceStub
from rollbook_server.domain.entries import ExecutionEntry
from rollbook_server.domain.errors import Reason, ResourceExhausted
from rollbook_server.ledger import Ledger
from rollbook_server.storage.check import check_ledger
from tests.durability.inside import all_entries, on_writer, one_group, opened, request_ids, submission
from tests.support.load import Desk, Recorded, send
from tests.support.server import RunningServer

SYMBOL = "BTC-26SEP25-100000-C"


async def test_cancelled_call_may_commit_and_is_answered_once(tmp_path: Path) -> None:
    """A call that is cancelled while its command waits commits all the same; the same request_id then gets the answer
    of that commit, and the journal has one entry."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    command, other = desk.open("one", SYMBOL), desk.open("two", SYMBOL)
    async with opened(path) as ledger:
        async with one_group(ledger):
            leaving = asyncio.ensure_future(ledger.record(submission(command)))
            staying = asyncio.ensure_future(ledger.record(submission(other)))
            await asyncio.sleep(0)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        assert (await staying).revision == 2
        answers = await asyncio.gather(*(ledger.record(submission(command)) for _ in range(20)))
        assert {answer.revision for answer in answers} == {1}
        assert request_ids(await all_entries(ledger)) == [command.request_id, other.request_id]
    assert check_ledger(path).ok


async def test_same_command_twice_in_one_group(tmp_path: Path) -> None:
    """Two calls with one request_id that are committed together are one command with one answer."""
    desk = Desk("main", 1)
    command = desk.open("one", SYMBOL)
    async with opened(tmp_path / "ledger.db") as ledger:
        async with one_group(ledger):
            calls = [asyncio.ensure_future(ledger.record(submission(command))) for _ in range(5)]
        answers = await asyncio.gather(*calls)
        assert answers == [answers[0]] * 5
        assert ledger.status().revision == 1


async def test_deadlines_shorter_than_a_commit(tmp_path: Path) -> None:
    """Under deadlines that no commit can meet, some commands are recorded and some are not; sent again, each has one
    answer and counts once."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(40)]
    with RunningServer(db) as server:
        async with AsyncClient(server.target) as client:
            await client.get_server_status()
            for step in range(3):
                commands = [desk.rolled()[0] for desk in desks]
                hasty = await asyncio.gather(
                    *(send(client, command, deadline=0.001 + step / 200) for command in commands),
                    return_exceptions=True,
                )
                first = await asyncio.gather(*(send(client, command) for command in commands))
                second = await asyncio.gather(*(send(client, command) for command in commands))
                assert first == second
                for in_haste, answer in zip(hasty, first, strict=True):
                    assert isinstance(in_haste, DeadlineExceeded) or in_haste == answer
            entries = [entry async for entry in client.iterate_entries(account="", page_size=500)]
    assert sorted(entry.revision for entry in entries) == list(range(1, 3 * len(desks) + 1))
    report = check_ledger(db)
    assert report.ok, report.problems


async def test_client_that_vanishes(tmp_path: Path) -> None:
    """A client that closes its connection in the middle of its calls loses no command that it sends again, and none
    counts twice."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(40)]
    with RunningServer(db) as server:
        commands = [desk.rolled()[0] for desk in desks]
        async with AsyncClient(server.target) as vanishing:
            calls = [asyncio.ensure_future(send(vanishing, command)) for command in commands]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        answered = await asyncio.gather(*calls, return_exceptions=True)
        async with AsyncClient(server.target) as client:
            answers = await asyncio.gather(*(send(client, command) for command in commands))
            for before, answer in zip(answered, answers, strict=True):
                assert not isinstance(before, Recorded) or before == answer
            status = await client.get_server_status()
            assert status.revision == len(commands)
    assert check_ledger(db).ok


async def test_full_queue_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """What does not fit into the queue is RESOURCE_EXHAUSTED with QUEUE_FULL and not recorded; what waits in it is
    recorded, and the refused command is accepted later under its request_id."""
    desk = Desk("main", 1)
    first, second = desk.open("one", SYMBOL), desk.open("two", SYMBOL)
    async with opened(tmp_path / "ledger.db", queue_size=1) as ledger:
        async with one_group(ledger):
            waits = asyncio.ensure_future(ledger.record(submission(first)))
            await asyncio.sleep(0)
            with pytest.raises(ResourceExhausted) as refused:
                await ledger.record(submission(second))
            assert refused.value.reason is Reason.QUEUE_FULL
            assert ledger.status().queued_commands == 1
        assert (await waits).revision == 1
        assert (await ledger.record(submission(second))).revision == 2
        assert (await ledger.refusals("", None, True, None, 10))[1] == []


async def test_batch_that_meets_a_full_queue_has_no_holes(tmp_path: Path) -> None:
    """No item of a batch is judged without those before it, though the queue is full at one moment and not at the next:
    sent again until it is taken, a batch leaves no refusal behind and its items stand in their order."""
    desks = [Desk(f"desk-{number}", 1) for number in range(6)]
    sent: dict[str, list[str]] = {desk.account: [] for desk in desks}
    async with opened(tmp_path / "ledger.db", queue_size=20) as ledger:

        async def trade(desk: Desk) -> None:
            for _ in range(10):
                items = [item for _ in range(6) for item in desk.rolled()]
                sent[desk.account] += [item.request_id for item in items]
                await _until_taken(ledger, items)

        await asyncio.gather(*(trade(desk) for desk in desks))
        assert (await ledger.refusals("", None, True, None, 10))[1] == []
        recorded = (await all_entries(ledger)).entries
    for account, request_ids_sent in sent.items():
        said = [entry.body.said for entry in recorded if isinstance(entry.body, ExecutionEntry)]
        assert [command.request_id for command in said if command.account == account] == request_ids_sent


async def _until_taken(ledger: Ledger, items: list[ExecutionResult]) -> None:
    """Sends a batch, again while the queue is full."""
    while True:
        try:
            await ledger.record_each([submission(item) for item in items])
        except ResourceExhausted:
            continue
        return


async def test_server_with_a_tiny_queue(tmp_path: Path) -> None:
    """With room for one waiting command a burst is partly refused with QUEUE_FULL; clients that try again all get
    through, and each command counts once."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(100)]
    commands = [desk.rolled()[0] for desk in desks]
    requests = [pb.RecordExecutionRequest(execution=command.to_proto()) for command in commands]
    with RunningServer(db, "--queue", "1") as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stub = LedgerServiceStub(channel)
            outcomes = await asyncio.gather(
                *(stub.RecordExecution(request) for request in requests), return_exceptions=True
            )
        refused = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
        for error in refused:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert from_rpc_error(error).reason is ErrorReason.QUEUE_FULL
        async with AsyncClient(server.target) as client:
            assert (await client.get_server_status()).revision == len(commands) - len(refused)
            answers = await asyncio.gather(*(send(client, command, deadline=30) for command in commands))
            for outcome, answer in zip(outcomes, answers, strict=True):
                if not isinstance(outcome, BaseException):
                    assert list(answer.revisions.values()) == [outcome.revision]
            assert (await client.get_server_status()).revision == len(commands)
    report = check_ledger(db)
    assert report.ok, report.problems
    assert report.entries == len(commands)


async def test_stop_answers_what_waits(tmp_path: Path) -> None:
    """A server that is told to stop under load commits and answers what it has taken, or says UNAVAILABLE; nobody waits
    for ever, and what was answered is there."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(100)]
    with RunningServer(db) as server:
        async with AsyncClient(server.target) as client:
            calls = [asyncio.ensure_future(send(client, desk.rolled()[0], deadline=2)) for desk in desks]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            assert await asyncio.to_thread(server.stop) == 0
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        answered = [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
        assert answered
        server.start()
        async with AsyncClient(server.target) as client:
            entries = [entry async for entry in client.iterate_entries(account="", page_size=500)]
            known = {
                entry.execution.execution.request_id: entry.revision
                for entry in entries
                if entry.execution is not None and entry.execution.execution is not None
            }
    for recorded in answered:
        for request_id, revision in recorded.revisions.items():
            assert known[request_id] == revision
    report = check_ledger(db)
    assert report.ok, report.problems


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """Closing a ledger commits the commands that wait, and takes no new ones."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    async with opened(path) as ledger:
        calls = [
            asyncio.ensure_future(ledger.record(submission(desk.open(f"chain-{number}", SYMBOL))))
            for number in range(50)
        ]
        await asyncio.sleep(0)
    assert [(await call).revision for call in calls] == list(range(1, 51))
    async with opened(path) as ledger:
        close = desk.execution(Action.CLOSE, "chain-49", [desk.fill(SYMBOL, Side.BUY)])
        assert (await ledger.record(submission(close))).revision == 51
        await on_writer(ledger, lambda db: None)
    report = check_ledger(path)
    assert report.ok, report.problems
