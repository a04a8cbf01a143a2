"""Any other failure in a group: nothing of the group is recorded, whoever was in it, and later groups work."""

from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    Action,
    ExecutionResult,
    ExecutionStatus,
    Mode,
    Order,
    OrderState,
    RecordExecutionsRequest,
    RecordFillsRequest,
    RecordSettlementRequest,
    Side,
)
from rollbook_server.domain.errors import FailedPrecondition, Reason, Refusal, Unavailable
from rollbook_server.storage.check import check_ledger
from rollbook_server.storage.schemas import PROJECTIONS
from rollbook_server.storage.sqlite import Connection
from tests.durability.inside import Lines, all_entries, on_writer, opened, record, request_ids, submission, together
from tests.support.load import Command, Desk

WRITTEN = ("entries", *PROJECTIONS, "payloads", "refusals", "drawdowns")
"""Every table that a command writes."""

SYMBOL = "BTC-26SEP25-{}-C"


def _commands(desk: Desk) -> list[Command]:
    """Commands that write into every table between them."""
    order = Order(
        order_id="resting",
        symbol=SYMBOL.format(1),
        side=Side.SELL,
        quantity=desk.fill(SYMBOL.format(1), Side.SELL).quantity,
        state=OrderState.OPEN,
    )
    ended = Order(order_id="unknown-2", state=OrderState.CANCELLED)
    early = RecordFillsRequest(
        request_id=desk.id(),
        account=desk.account,
        mode=Mode.LIVE,
        fills=(desk.fill(SYMBOL.format(2), Side.SELL, order_id="unknown-1"),),
        orders=(ended,),
    )
    price = RecordSettlementRequest(
        request_id=desk.id(),
        account=desk.account,
        mode=Mode.LIVE,
        symbol=SYMBOL.format(3),
        delivery_price=desk.fill(SYMBOL.format(3), Side.SELL).index_price,
    )
    return [
        desk.open("one", SYMBOL.format(3)),
        desk.execution(Action.OPEN, "two", [], orders=(order,), status=ExecutionStatus.RESTING),
        early,
        RecordExecutionsRequest(executions=tuple(desk.rolled()), atomic=True, request_id=desk.id()),
        price,
    ]


def _closes_nothing(desk: Desk) -> ExecutionResult:
    return desk.execution(Action.CLOSE, "old", [desk.fill(SYMBOL.format(9), Side.BUY, "7")])


@pytest.mark.parametrize("action", ["ABORT", "FAIL", "ROLLBACK"])
@pytest.mark.parametrize("table", WRITTEN)
async def test_group_fails_as_a_whole(table: str, action: str, tmp_path: Path) -> None:
    """If one row of one command cannot be written, and even if SQLite has ended the transaction by itself, all
    commands of the group are UNAVAILABLE and the file is as before; sent again later, each is judged as if new."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    async with opened(path) as ledger:
        await record(ledger, desk.open("old", SYMBOL.format(9)))
        before = ledger.status()
        commands = _commands(desk)
        refused = _closes_nothing(desk)
        await on_writer(
            ledger,
            lambda db: db.execute(
                f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE({action}, 'disk I/O error'); END"
            ),
        )
        calls = [record(ledger, command) for command in commands]
        outcomes = await together(ledger, [*calls, ledger.record(submission(refused))])
        for outcome in outcomes:
            assert isinstance(outcome, Unavailable), outcome
            assert outcome.reason is Reason.STORAGE_FAILED
        assert (ledger.status().revision, ledger.status().head_hash) == (before.revision, before.head_hash)
        assert (await ledger.refusals("", None, True, None, 10))[1] == []

        await on_writer(ledger, lambda db: db.execute("DROP TRIGGER broken"))
        answers = await together(ledger, [record(ledger, command) for command in commands])
        assert [answer.revision for of_command in answers for answer in of_command] == [2, 3, 4, 5, 5, 5, 6]
        with pytest.raises(FailedPrecondition):
            await ledger.record(submission(refused))
        assert [each.attempts for each in (await ledger.refusals("", None, True, None, 10))[1]] == [1]
        known = request_ids(await all_entries(ledger))
        assert len(known) == len(set(known)) == 8
        again = await together(ledger, [record(ledger, command) for command in commands])
        assert again == answers
    report = check_ledger(path, f"{before.revision}:{before.head_hash}")
    assert report.ok, report.problems
    assert report.revision == 7  # the settlement's clock has ended what else expires then


def _disappears(db: Connection) -> None:
    raise LookupError("a bug of ours")


async def test_bug_in_one_command_harms_no_other(tmp_path: Path) -> None:
    """A command that meets a bug of ours is UNAVAILABLE and logged, each time it comes; the others of its group are
    recorded, in their order."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    log = Lines()
    async with opened(path, log=log) as ledger:
        first, second = desk.open("one", SYMBOL.format(1)), desk.open("two", SYMBOL.format(2))
        close = desk.execution(Action.CLOSE, "one", [desk.fill(SYMBOL.format(1), Side.BUY)])
        wrong = _closes_nothing(desk)
        outcomes: list[Any] = await together(
            ledger,
            [
                record(ledger, first),
                on_writer(ledger, _disappears),
                record(ledger, second),
                ledger.record(submission(wrong)),
                record(ledger, close),
            ],
        )
        assert isinstance(outcomes[1], Unavailable)
        assert isinstance(outcomes[3], Refusal)
        assert [outcomes[number][0].revision for number in (0, 2, 4)] == [1, 2, 3]
        assert any("a bug of ours" in line for line in log.errors)
        with pytest.raises(Unavailable):
            await on_writer(ledger, _disappears)
        assert ledger.status().revision == 3
        assert [each.attempts for each in (await ledger.refusals("", None, True, None, 10))[1]] == [1]
    report = check_ledger(path)
    assert report.ok, report.problems


async def test_refused_command_harms_no_other_of_its_group(tmp_path: Path) -> None:
    """Refused commands between accepted ones take no revision, leave nothing but their refusals, and do so in the same
    commit; an atomic batch that is refused at its last item leaves nothing of its first ones."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    async with opened(path) as ledger:
        life = desk.rolled()
        wrong = desk.execution(Action.CLOSE, life[0].position_id, [desk.fill(SYMBOL.format(5), Side.BUY)])
        batch = RecordExecutionsRequest(executions=(*life, wrong), atomic=True, request_id=desk.id())
        outcomes = await together(
            ledger,
            [
                record(ledger, desk.open("one", SYMBOL.format(1))),
                record(ledger, batch),
                ledger.record(submission(desk.open("one", SYMBOL.format(1)))),
                record(ledger, desk.open("two", SYMBOL.format(2))),
                *(record(ledger, execution) for execution in life),
            ],
        )
        assert [type(outcome) for outcome in outcomes[1:3]] == [FailedPrecondition, FailedPrecondition]
        assert outcomes[1].details["index"] == "3"
        accepted = [outcomes[0], *outcomes[3:]]
        assert [answer.revision for of_command in accepted for answer in of_command] == [1, 2, 3, 4, 5]
        kept = (await ledger.refusals("", None, True, None, 10))[1]
        assert sorted(each.reason for each in kept if not each.resolved_revision) == [
            "CLOSES_MORE_THAN_OPEN",
            "POSITION_EXISTS",
        ]
    report = check_ledger(path)
    assert report.ok, report.problems
    assert (report.revision, report.entries, report.chains) == (5, 5, 3)
