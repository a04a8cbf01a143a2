"""The recorder of rollbook-bot beside a real ledger that is away, comes back, and refuses."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    Action,
    AlreadyExists,
    Client,
    ExecutionResult,
    FailedPrecondition,
    InvalidArgument,
    Mode,
    NotFound,
    RecordExecutionResponse,
    RecordFillsRequest,
    RecordSettlementRequest,
    new_request_id,
)
from rollbook_bot import Answer, Command, Recorder, Spool, Unsendable
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.trading import CALL, bought, execution, new_account, order, prove, sold
from tests.unit.test_bot_spool import newer

PATIENCE = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Whatever the recorders do to it, its file is proven in the end."""
    path = tmp_path_factory.mktemp("recorder") / "ledger.db"
    with RunningServer(path) as running:
        yield running
    prove(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


class Told:
    """What the callbacks were told, in order."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Command, Answer]] = []
        self.dead: list[tuple[Command | None, Exception]] = []

    def recorder(self, folder: Path, target: str, account: str = "", **more: Any) -> Recorder:
        """A recorder that tells us."""
        return Recorder(
            folder,
            target,
            account or new_account(),
            on_recorded=lambda command, answer: self.recorded.append((command, answer)),
            on_dead=lambda command, error: self.dead.append((command, error)),
            **more,
        )

    @property
    def recorded_ids(self) -> list[str]:
        return [command.request_id for command, _ in self.recorded]

    @property
    def revisions(self) -> list[int]:
        return [answer.revision for _, answer in self.recorded]


@pytest.fixture
def told() -> Told:
    return Told()


def until(met: Callable[[], object]) -> None:
    """Waits for something that happens in another thread or process."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if met():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not happen")


def opening(position_id: str = "", **more: Any) -> ExecutionResult:
    """A covered call is sold."""
    return execution(Action.OPEN, sold("0.5", "0.0125"), position_id=position_id, **more)


def closing(position_id: str, **more: Any) -> ExecutionResult:
    """It is bought back."""
    return execution(Action.CLOSE, bought("0.5", "0.004"), position_id=position_id, **more)


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """What our logger said at a level."""
    return [
        record.getMessage() for record in caplog.records if record.name == "rollbook_bot" and record.levelno == level
    ]


def rollbook_bot(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command, as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "rollbook_bot.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "ROLLBOOK_SPOOL": str(folder)},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


# -- the way of a command -------------------------------------------------------------------------------------------


def test_a_command_of_each_kind_is_recorded_and_forgotten(folder: Path, server: RunningServer, told: Told) -> None:
    """An execution, its late fill and its settlement reach the ledger in order, each is answered to the callback, and
    nothing is left in the spool."""
    account = new_account()
    resting = order("order-1", quantity="0.5")
    commands: list[Command] = [
        execution(Action.OPEN, orders=(resting,), position_id="calls-1", request_id=""),
        RecordFillsRequest(mode=Mode.LIVE, fills=(sold("0.5", "0.0125", order_id="order-1"),)),
        RecordSettlementRequest(mode=Mode.LIVE, symbol=CALL, delivery_price=Decimal(98_000)),
    ]
    with told.recorder(folder, server.target, account) as recorder:
        receipts = [recorder.record(command) for command in commands[:2]]
        assert all(receipt.on_disk for receipt in receipts)
        assert recorder.flush(PATIENCE)
        assert (recorder.waiting, recorder.dead, recorder.unsaved) == (0, 0, 0)
        with Client(server.target, account=account) as client:
            chain = client.get_chain("calls-1").chain
        assert chain is not None
        assert chain.open_credit == Decimal("0.00625")
        recorder.record(commands[2])
        assert recorder.flush(PATIENCE)
    assert told.dead == []
    assert told.recorded_ids[:2] == receipts
    assert [type(command) for command, _ in told.recorded] == [type(command) for command in commands]
    assert {command.account for command, _ in told.recorded} == {account}
    assert Spool(folder).names() == []


def test_a_ledger_that_comes_later_gets_everything_in_order(
    folder: Path, tmp_path: Path, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Recorded while nobody listens, kept over a restart of the bot, sent in order when the ledger is there; the log
    says once that it is away and once that it is back."""
    caplog.set_level(logging.INFO, "rollbook_bot")
    target = f"127.0.0.1:{free_port()}"
    receipts = []
    with told.recorder(folder, target, deadline=0.3) as recorder:
        for number in range(20):
            receipts += [recorder.record(opening(f"calls-{number}")), recorder.record(closing(f"calls-{number}"))]
        assert not recorder.flush(0.1)
        until(lambda: said(caplog, logging.WARNING))
        recorder.close(0)
    assert told.recorded == []
    assert len(Spool(folder).names()) == 40
    with told.recorder(folder, target, deadline=0.3) as recorder:
        until(lambda: len(said(caplog, logging.WARNING)) == 2)
        receipts.append(recorder.record(opening("calls-last")))
        with RunningServer(tmp_path / "ledger.db", listen=target):
            assert recorder.flush(PATIENCE)
    assert told.recorded_ids == receipts
    assert told.revisions == sorted(told.revisions)
    assert len(set(told.revisions)) == 41
    away, again, back = said(caplog, logging.WARNING)
    assert "the ledger takes nothing: DEADLINE_EXCEEDED" in away
    assert "wait in" in again
    assert "the ledger is back" in back


def test_a_long_absence_is_caught_up_with_in_batches(folder: Path, server: RunningServer, told: Told) -> None:
    """Executions that wait by the hundred go together, in their order, and each is answered by itself: what is refused
    among them is a dead letter, and the rest goes on."""
    account = new_account()
    spool = Spool(folder)
    sent: list[str] = []
    refused: list[str] = []
    for number in range(600):
        command = opening(f"calls-{number}")
        if number % 200 == 100:
            command = closing(f"nothing-{number}")
            refused.append(command.request_id)
        else:
            sent.append(command.request_id)
        spool.add(command, account)
    with told.recorder(folder, server.target) as recorder:
        assert recorder.flush(PATIENCE)
        assert recorder.dead == 3
    assert told.recorded_ids == sent
    assert told.revisions == sorted(told.revisions)
    assert [error.request_id for _, error in told.dead if isinstance(error, NotFound)] == refused
    assert [each.cause.reason for each in Spool(folder).dead_letters()] == ["POSITION_NOT_FOUND"] * 3


def test_recorded_twice_counts_once(folder: Path, server: RunningServer, told: Told) -> None:
    """The same command again gets the same answer; other content under its id is a dead letter, and so is a trade that
    is known with other figures."""
    first = opening("calls-1")
    other = replace(first, reason="something else")
    with told.recorder(folder, server.target) as recorder:
        for command in (first, first, other, first):
            assert recorder.record(command) == first.request_id
        assert recorder.flush(PATIENCE)
    assert len(set(told.revisions)) == 1
    assert len(told.recorded) == 3
    ((_, error),) = told.dead
    assert isinstance(error, AlreadyExists)
    assert error.reason == "REQUEST_ID_REUSED"


def test_threads_and_tasks_record_at_the_same_time(folder: Path, server: RunningServer, told: Told) -> None:
    """`record` may be called from anywhere; what one thread records stays in its order."""
    threads, each = 8, 15

    def trade(thread: int) -> list[str]:
        return [recorder.record(opening(f"thread-{thread}-{number}")) for number in range(each)]

    async def trade_in_tasks() -> list[str]:
        async def one(number: int) -> str:
            return recorder.record(opening(f"task-{number}"))

        return list(await asyncio.gather(*(one(number) for number in range(each))))

    with told.recorder(folder, server.target) as recorder:
        with ThreadPoolExecutor(threads) as pool:
            groups = list(pool.map(trade, range(threads)))
        groups.append(asyncio.run(trade_in_tasks()))
        assert recorder.flush(PATIENCE)
    places = {request_id: place for place, request_id in enumerate(told.recorded_ids)}
    assert len(places) == len(told.recorded) == (threads + 1) * each
    for group in groups:
        assert [places[request_id] for request_id in group] == sorted(places[request_id] for request_id in group)


# -- what is refused ------------------------------------------------------------------------------------------------


def test_a_refusal_in_the_middle_stops_nothing(
    folder: Path, server: RunningServer, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """What the ledger refuses is said as an ERROR and kept with its reason; what comes after it is recorded."""
    with told.recorder(folder, server.target) as recorder:
        recorder.record(opening("calls-1"))
        refused = recorder.record(execution(Action.CLOSE, bought("5", "0.004"), position_id="calls-1"))
        wrong = recorder.record(opening("calls-2", strategy_name="x" * 200))
        recorder.record(closing("calls-1"))
        assert recorder.flush(PATIENCE)
        assert recorder.dead == 2
    assert [command.position_id for command, _ in told.recorded if isinstance(command, ExecutionResult)] == [
        "calls-1",
        "calls-1",
    ]
    assert [type(error) for _, error in told.dead] == [FailedPrecondition, InvalidArgument]
    first, second = Spool(folder).dead_letters()
    assert (first.letter and first.letter.request_id, second.letter and second.letter.request_id) == (refused, wrong)
    assert (first.cause.code, first.cause.reason, first.cause.field, first.cause.attempts) == (
        "FAILED_PRECONDITION",
        "CLOSES_MORE_THAN_OPEN",
        "fills[0].quantity",
        1,
    )
    errors = said(caplog, logging.ERROR)
    assert len(errors) == 2
    assert first.name in errors[0]
    assert "NOT in the ledger: FAILED_PRECONDITION CLOSES_MORE_THAN_OPEN" in errors[0]


def test_a_dead_letter_is_recorded_when_the_ledger_was_corrected(
    folder: Path, server: RunningServer, told: Told
) -> None:
    """A closing that came before its opening is retried beside the running bot, refused twice while nothing has
    changed, and recorded under its request_id when the opening is there."""
    with told.recorder(folder, server.target) as recorder:
        closed = recorder.record(closing("calls-1"))
        until(lambda: recorder.dead == 1)
        assert "1 to be sent again" in rollbook_bot(folder, "spool", "retry", closed).stdout
        until(lambda: len(told.dead) == 2)
        assert recorder.flush(PATIENCE)
        (dead,) = recorder.spool.dead_letters()
        assert dead.cause.attempts == 2
        recorder.record(opening("calls-1"))
        assert recorder.flush(PATIENCE)
        rollbook_bot(folder, "spool", "retry", "--all")
        until(lambda: len(told.recorded) == 2)
        assert recorder.flush(PATIENCE)
        assert recorder.dead == 0
    assert told.recorded_ids[1] == closed
    assert list((folder / "dead").iterdir()) == []


def test_what_is_too_large_is_never_sent(folder: Path, server: RunningServer, told: Told) -> None:
    """A command beyond the size of a call is a dead letter with TOO_LARGE, alone or among others."""
    with told.recorder(folder, server.target) as recorder:
        recorder.record(opening("calls-1"))
        recorder.record(opening("calls-2", reason="x" * 5_000_000))
        recorder.record(opening("calls-3"))
        assert recorder.flush(PATIENCE)
    ((_, error),) = told.dead
    assert isinstance(error, InvalidArgument)
    assert error.reason == "TOO_LARGE"
    assert "nothing was sent" in error.message
    assert len(told.recorded) == 2


@pytest.mark.parametrize(
    "command", [None, "a command", opening(collateral=0.5), opening(request_id=7), opening(account=b"\xff")]
)
def test_what_is_no_command_never_reaches_the_bot(
    command: Any, folder: Path, server: RunningServer, told: Told
) -> None:
    """`record` raises nothing whatever it is given: that is on the disk as text, named among the dead letters, and the
    next command is recorded."""
    with told.recorder(folder, server.target) as recorder:
        assert recorder.record(command).on_disk
        recorder.record(opening("calls-1"))
        assert recorder.flush(PATIENCE)
    ((nothing, error),) = told.dead
    assert nothing is None
    assert isinstance(error, Unsendable)
    assert len(told.recorded) == 1
    (dead,) = Spool(folder).dead_letters()
    assert dead.cause.reason == "UNWRITABLE"
    assert dead.letter is not None
    assert dead.letter.text.startswith(str(type(command).__name__) if isinstance(command, ExecutionResult) else "")


def test_a_damaged_file_is_named_and_the_rest_goes_on(
    folder: Path, server: RunningServer, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """A truncated file, one that was written over, an unreadable one and one of a newer version are dead letters by
    name, as they lie there, and each is said; what was recorded before and after them reaches the ledger."""
    spool = Spool(folder)
    account = new_account()
    names = [spool.add(opening(f"calls-{number}"), account) for number in range(6)]
    data = spool.read(names[1])
    (folder / names[1]).write_bytes(data[: len(data) // 2])
    (folder / names[2]).write_bytes(data.replace(b"0.0125", b"0.0126"))
    (folder / names[3]).unlink()
    (folder / names[3]).mkdir()
    ahead = newer(spool_letter(spool, names[4]))
    (folder / names[4]).write_bytes(ahead)
    with told.recorder(folder, server.target) as recorder:
        assert recorder.flush(PATIENCE)
    assert [command.position_id for command, _ in told.recorded if isinstance(command, ExecutionResult)] == [
        "calls-0",
        "calls-5",
    ]
    dead = Spool(folder).dead_letters()
    assert [each.name for each in dead] == names[1:5]
    assert [each.cause.reason for each in dead] == ["DAMAGED", "DAMAGED", "DAMAGED", "NEWER_FORMAT"]
    assert (folder / "dead" / names[1]).read_bytes() == data[: len(data) // 2]
    assert (folder / "dead" / names[4]).read_bytes() == ahead
    assert [any(name in line for line in said(caplog, logging.ERROR)) for name in names[1:5]] == [True] * 4


def spool_letter(spool: Spool, name: str) -> Any:
    """What waits under a name."""
    from rollbook_bot import Letter

    return Letter.decode(spool.read(name))


# -- who sends, and what must not stop it ---------------------------------------------------------------------------


def test_two_bots_share_a_spool_and_one_sends(folder: Path, server: RunningServer) -> None:
    """What both record is sent by the first, in one order; when it ends the other one goes on."""
    first, second = Told(), Told()
    with second_after(first, second, folder, server.target) as (one, two):
        receipts = [each.record(opening(f"calls-{number}")) for number in range(10) for each in (one, two)]
        assert two.flush(PATIENCE)
        assert first.recorded_ids == receipts
        assert second.recorded == []
        one.close()
        later = two.record(opening("calls-later"))
        assert two.flush(PATIENCE)
        assert second.recorded_ids == [later]


class second_after:  # noqa: N801 -- used as a word
    """Two recorders, of which the first one sends."""

    def __init__(self, first: Told, second: Told, folder: Path, target: str) -> None:
        self._one = first.recorder(folder, target)
        until(lambda: self._one.spool.sender.held)
        self._two = second.recorder(folder, target)

    def __enter__(self) -> tuple[Recorder, Recorder]:
        return self._one, self._two

    def __exit__(self, *_: object) -> None:
        self._one.close()
        self._two.close()


def test_a_callback_that_fails_stops_nothing(
    folder: Path, server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a callback raises is logged; the commands are recorded and dead as if it had not."""

    def fails(*_: object) -> None:
        sys.exit("no")

    with Recorder(folder, server.target, new_account(), on_recorded=fails, on_dead=fails) as recorder:
        for command in (opening("calls-1"), closing("calls-2"), opening("calls-3")):
            recorder.record(command)
        assert recorder.flush(PATIENCE)
        assert recorder.dead == 1
    assert sum("fails" in line for line in said(caplog, logging.ERROR)) == 3


def test_a_callback_may_record(folder: Path, server: RunningServer) -> None:
    """What the sending thread itself records is sent like the rest."""
    account = new_account()
    done: list[str] = []

    def follow(command: Command, answer: Answer) -> None:
        assert isinstance(answer, RecordExecutionResponse)
        done.append(answer.position_id)
        if len(done) == 1:
            recorder.record(closing(answer.position_id))

    with Recorder(folder, server.target, account, on_recorded=follow) as recorder:
        recorder.record(opening("calls-1"))
        until(lambda: len(done) == 2)
        assert recorder.flush(PATIENCE)
    assert done == ["calls-1", "calls-1"]


def test_what_does_not_pass_by_itself_is_tried_until_it_does(
    folder: Path, tmp_path: Path, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that does not know the call at all (UNIMPLEMENTED) is no judgement: nothing is dead, it is said as an
    ERROR, and the ledger that takes the service's place gets everything."""
    target = f"127.0.0.1:{free_port()}"
    with STRANGER(target), told.recorder(folder, target) as recorder:
        receipts = [recorder.record(opening(f"calls-{number}")) for number in range(3)]
        until(lambda: said(caplog, logging.ERROR))
        assert "UNIMPLEMENTED" in said(caplog, logging.ERROR)[0]
        assert (recorder.waiting, recorder.dead) == (3, 0)
        recorder.close(0)
    with RunningServer(tmp_path / "ledger.db", listen=target), told.recorder(folder, target) as recorder:
        assert recorder.flush(PATIENCE)
    assert told.recorded_ids == receipts
    assert told.dead == []


class STRANGER:
    """A gRPC server of another service."""

    def __init__(self, target: str) -> None:
        import grpc

        self._server = grpc.server(ThreadPoolExecutor(1))
        self._server.add_insecure_port(target)

    def __enter__(self) -> None:
        self._server.start()

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()


UNCLOSED = """
import sys
from rollbook_bot import Recorder
from tests.integration.test_bot_recorder import opening
recorder = Recorder(sys.argv[1], sys.argv[2], "main")
recorder.record(opening("calls-1"))
print("recorded", flush=True)
"""


@pytest.mark.parametrize("away", [True, False])
def test_a_bot_that_ends_without_closing_does_not_hang(away: bool, folder: Path, server: RunningServer) -> None:
    """The interpreter exits at once and quietly, with or without a ledger; what was not sent waits for the next
    start."""
    target = f"127.0.0.1:{free_port()}" if away else server.target
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNCLOSED, str(folder), target],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "recorded\n"
    assert "Traceback" not in done.stderr
    if away:
        assert len(Spool(folder).names()) == 1


def test_closing_twice_and_recording_after_it_are_harmless(folder: Path, server: RunningServer) -> None:
    """A command that comes after the end is on the disk, for the next start."""
    recorder = Recorder(folder, server.target, new_account())
    recorder.close()
    recorder.close()
    assert recorder.record(opening("calls-1")).on_disk
    assert recorder.waiting == 1
    assert not recorder.flush(PATIENCE)


# -- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dead(folder: Path, server: RunningServer, told: Told) -> list[str]:
    """The names of three dead letters, of which the second is damaged, with one command that waits behind them."""
    spool = Spool(folder)
    account = new_account()
    names = [spool.add(closing(f"calls-{number}"), account) for number in range(3)]
    (folder / names[1]).write_bytes(b'{"rollbook_spool": 1, "\x1b[31m')
    with told.recorder(folder, server.target) as recorder:
        assert recorder.flush(PATIENCE)
    spool.add(opening("calls-9"), account)
    return names


def test_the_command_lists_a_spool(folder: Path, dead: list[str]) -> None:
    """Each dead letter by name with its reason, for people without anything that a terminal would obey, and as JSON
    with the command, to be corrected."""
    text = rollbook_bot(folder, "spool", "list").stdout
    assert "1 to be sent" in text
    for name in dead:
        assert name.removesuffix(".json") in text
    assert "NOT_FOUND POSITION_NOT_FOUND (position_id): " in text
    assert "\x1b" not in text
    found = json.loads(rollbook_bot(folder, "spool", "list", "--json").stdout)
    assert [each["command"]["position_id"] for each in found["waiting"]] == ["calls-9"]
    assert [each["name"] for each in found["dead"]] == dead
    assert [each["reason"] for each in found["dead"]] == ["POSITION_NOT_FOUND", "DAMAGED", "POSITION_NOT_FOUND"]
    first, damaged, _ = found["dead"]
    assert (first["code"], first["field"], first["attempts"]) == ("NOT_FOUND", "position_id", 1)
    assert first["command"]["action"] == "ACTION_CLOSE"
    assert first["dead_time"] > first["spooled_time"]
    assert damaged["command"] is None


def test_the_command_retries_and_drops(folder: Path, dead: list[str]) -> None:
    """One by its name or request_id, or all; what cannot be sent stays, and the exit code says so."""
    request_id = dead[2].partition("-")[2].removesuffix(".json")
    assert rollbook_bot(folder, "spool", "retry", request_id).stdout.startswith("1 to be sent again")
    assert Spool(folder).dead_names() == dead[:2]
    done = rollbook_bot(folder, "spool", "retry", "--all", code=1)
    assert done.stderr == f"rollbook-bot: {dead[1]} cannot be sent as it is: `list` says why\n"
    assert Spool(folder).dead_names() == [dead[1]]
    assert len(Spool(folder).names()) == 3
    assert rollbook_bot(folder, "spool", "drop", dead[1].removesuffix(".json")).stdout == "1 dropped.\n"
    assert Spool(folder).dead_names() == []
    assert rollbook_bot(folder, "spool", "drop", "--all").stdout == "0 dropped.\n"


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_wrong_usage_changes_nothing(act: str, folder: Path, dead: list[str]) -> None:
    """A name that is none, one that still waits, none at all, and a directory without a spool end with exit code 2 and
    a sentence; all stays as it was."""
    before = sorted(path for path in folder.rglob("*"))
    (waiting,) = Spool(folder).names()
    for words, sentence in (
        ((), "name dead letters, or say --all"),
        ((dead[0], "--all"), "not both"),
        ((dead[0], "nonsense"), "nonsense is no dead letter"),
        ((dead[0], waiting), "still waits"),
        (("--all", "--spool", str(folder / "elsewhere")), "there is no spool at"),
    ):
        done = rollbook_bot(folder, "spool", act, *words, code=2)
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert sorted(path for path in folder.rglob("*")) == before


def test_a_request_id_that_nobody_made_is_made_once(folder: Path, server: RunningServer, told: Told) -> None:
    """The receipt is the request_id that the ledger has, and a bot may choose its own."""
    own = new_request_id()
    with told.recorder(folder, server.target) as recorder:
        made = recorder.record(opening("calls-1", request_id=""))
        assert recorder.record(opening("calls-2", request_id=own)) == own
        assert recorder.flush(PATIENCE)
    assert told.recorded_ids == [made, own]
