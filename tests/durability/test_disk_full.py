"""A full disk: the whole group fails, nothing of it is written, and service goes on when there is room."""

import asyncio
import resource
import sys
from pathlib import Path

import pytest

from rollbook import Action, AsyncClient, ErrorReason, Side
from rollbook.errors import DeadlineExceeded
from rollbook_server.domain.errors import NotFound, Reason, Unavailable
from rollbook_server.storage.check import check_ledger
from tests.durability.inside import all_entries, on_writer, opened, record, request_ids, submission, together
from tests.support.load import Desk, send
from tests.support.server import RunningServer


async def test_group_fails_as_a_whole_when_the_disk_is_full(tmp_path: Path) -> None:
    """When the file cannot grow in the middle of a group, every command of the group is UNAVAILABLE and none is
    recorded; with room again each one is accepted under the same request_id, as if it had come for the first time."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    async with opened(path) as ledger:
        for execution in desk.rolled():
            await record(ledger, execution)
        before = ledger.status()
        commands = [desk.open(f"full-{n}", f"BTC-31OCT25-{200_000 + n}-C") for n in range(200)]
        ran: list[str] = []

        def limit(pages: int) -> None:
            ran.append("first")
            ledger._database.db.execute(f"PRAGMA max_page_count = {pages}")

        used = await on_writer(ledger, lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        outcomes = await together(
            ledger,
            [
                on_writer(ledger, lambda db: limit(used + 20)),
                *(ledger.record(submission(command)) for command in commands),
                on_writer(ledger, lambda db: ran.append("last")),
            ],
        )

        assert ran == ["first"]  # it was in the middle
        for outcome in outcomes:
            assert isinstance(outcome, Unavailable)
            assert outcome.reason is Reason.STORAGE_FAILED
        after = ledger.status()
        assert (after.revision, after.head_hash) == (before.revision, before.head_hash)
        report = check_ledger(path, f"{before.revision}:{before.head_hash}")
        assert report.ok, report.problems
        assert (report.revision, report.chains) == (before.revision, 1)
        # What the group had in memory is gone too: its chains are unknown, and the old one is as it was.
        close = desk.execution(Action.CLOSE, "full-0", [desk.fill("BTC-26SEP25-200000-C", Side.BUY)])
        with pytest.raises(NotFound):
            await ledger.record(submission(close))

        await on_writer(ledger, lambda db: db.execute("PRAGMA max_page_count = 1000000"))
        answers = [answer for command in commands for answer in await record(ledger, command)]
        assert [answer.revision for answer in answers] == list(range(before.revision + 1, before.revision + 201))
        assert request_ids(await all_entries(ledger))[-200:] == [command.request_id for command in commands]
        head = ledger.status()
    report = check_ledger(path)
    assert report.ok, report.problems
    assert (report.revision, report.head_hash) == (head.revision, head.head_hash)


@pytest.mark.parametrize("room", range(0, 60, 3))
async def test_disk_full_at_any_page(room: int, tmp_path: Path) -> None:
    """Wherever in a group the pages run out, it is all or nothing."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", room)
    async with opened(path) as ledger:
        stories = desk.commands()
        for _ in range(10):
            await record(ledger, next(stories))
        before = ledger.status()
        commands = [desk.open(f"full-{n}", f"BTC-31OCT25-{200_000 + n}-C") for n in range(60)]

        def limit() -> None:
            used = ledger._database.db.execute("PRAGMA page_count").fetchone()[0]
            ledger._database.db.execute(f"PRAGMA max_page_count = {used + room}")

        outcomes = await together(
            ledger,
            [on_writer(ledger, lambda db: limit()), *(ledger.record(submission(command)) for command in commands)],
        )
        failed = [isinstance(outcome, Unavailable) for outcome in outcomes]
        assert all(failed) or not any(failed)
        after = ledger.status()
        assert after.revision == before.revision + (0 if failed[0] else len(commands))
        report = check_ledger(path, f"{before.revision}:{before.head_hash}")
        assert report.ok, report.problems
        assert report.head_hash == after.head_hash


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process's files, which is Linux's")
async def test_server_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    """A server whose files cannot grow answers UNAVAILABLE and still reads; with room again, calls that were retried
    meanwhile succeed by themselves, and each command counts once."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(8)]
    with RunningServer(db) as server:
        async with AsyncClient(server.target) as client:
            for desk in desks:
                for execution in desk.rolled():
                    await client.record_execution(execution)
            before = await client.get_server_status()
            wal = db.with_name(db.name + "-wal").stat().st_size
            _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (wal, most))

            commands = [execution for desk in desks for execution in desk.rolled()[:1]]
            outcomes = await asyncio.gather(
                *(send(client, command, deadline=0.5) for command in commands), return_exceptions=True
            )
            for outcome in outcomes:
                assert isinstance(outcome, DeadlineExceeded)
                assert outcome.reason is ErrorReason.STORAGE_FAILED
            portfolio = await client.get_portfolio(account="")
            assert portfolio.revision == before.revision

            waiting = [asyncio.ensure_future(send(client, command, deadline=30)) for command in commands]
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most, most))
            answers = await asyncio.gather(*waiting)
            revisions = sorted(revision for answer in answers for revision in answer.revisions.values())
            assert revisions == list(range(before.revision + 1, before.revision + 1 + len(commands)))
            assert [await send(client, command) for command in commands] == answers
        assert server.stop() == 0
    report = check_ledger(db, f"{before.revision}:{before.head_hash}")
    assert report.ok, report.problems
    assert report.revision == before.revision + len(commands)
