"""The fallback for an SQLite that may not have two connections on one file: slower, with the same answers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rollbook import Action, Mark, Mode, Side, UpdateMarksRequest
from rollbook_server.domain.clock import micros
from rollbook_server.domain.errors import NotFound, Refusal
from rollbook_server.ledger import Ledger
from rollbook_server.rpc import decode
from rollbook_server.storage import reads
from rollbook_server.storage.check import check_ledger
from rollbook_server.storage.sqlite import Connection
from tests.durability.inside import all_entries, on_writer, one_group, opened, record, submission, together
from tests.support.load import MORNING, Desk

BOTH = pytest.mark.parametrize("single", [False, True], ids=["several", "single"])
SYMBOL = "BTC-26SEP25-100000-C"
NOW = micros(MORNING)


async def _play(ledger: Ledger) -> list[Any]:
    """A mixed load with reads in between; everything that was answered."""
    answers: list[Any] = []
    for desk in (Desk("main", 5), Desk("other", 5)):
        stories = desk.commands()
        for number in range(40):
            command = next(stories)
            answers.append(await record(ledger, command))
            answers.append(await record(ledger, command))  # sent twice
            if number % 10 == 0:
                answers.append(await _refused(ledger, desk))
                answers.append(await _marked(ledger, desk))
                answers.append(await ledger.read(lambda db: reads.portfolio(db, "", None, 0, None, NOW)))
                answers.append(await ledger.read(lambda db: _chains(db)))
                answers.append((await ledger.refusals("", None, True, None, 100))[1])
    answers.append((await all_entries(ledger)).entries)
    return answers


def _chains(db: Connection) -> reads.ChainPage:
    return reads.list_chains(db, reads.ChainFilter(), None, None, 100, NOW)


async def _refused(ledger: Ledger, desk: Desk) -> str:
    wrong = desk.execution(Action.CLOSE, "nothing", [desk.fill(SYMBOL, Side.BUY)])
    with pytest.raises(Refusal) as refused:
        await ledger.record(submission(wrong))
    return refused.value.message


async def _marked(ledger: Ledger, desk: Desk) -> Any:
    fill = desk.fill(SYMBOL, Side.SELL)
    mark = Mark(symbol=SYMBOL, mark_price=fill.price, index_price=fill.index_price, mark_time=MORNING)
    request = UpdateMarksRequest(account=desk.account, mode=Mode.LIVE, marks=(mark,))
    return await ledger.update_marks(decode.marks(request.to_proto()))


async def test_same_load_same_answers(tmp_path: Path) -> None:
    """The same commands, repetitions, refusals, marks and reads are answered alike by both, and make the same journal
    to its last byte."""
    answers, heads = [], []
    for single in (False, True):
        path = tmp_path / f"{single}.db"
        async with opened(path, single_connection=single) as ledger:
            answers.append(await _play(ledger))
            heads.append((ledger.status().revision, ledger.status().head_hash))
        report = check_ledger(path)
        assert report.ok, report.problems
    assert answers[0] == answers[1]
    assert heads[0] == heads[1]


@BOTH
async def test_read_beside_writes_is_of_one_revision(single: bool, tmp_path: Path) -> None:
    """A read that comes while commands are being committed shows one revision in all its parts: the totals are those
    of the chains."""
    desk = Desk("main", 1)
    async with opened(tmp_path / "ledger.db", single_connection=single) as ledger:
        await record(ledger, desk.open("zero", SYMBOL))

        def look(db: Connection) -> tuple[int, int, int, int]:
            view = reads.portfolio(db, "", None, None, None, NOW)
            page = reads.list_entries(db, "", "", 0, True, None, None, 1)
            chains = reads.list_chains(db, reads.ChainFilter(), None, None, 500, NOW).chains
            return view.revision, page.entries[0].revision, len(chains), sum(t.open_chains for _, t in view.rows)

        async with one_group(ledger):
            calls: list[asyncio.Future[Any]] = []
            for number in range(50):
                calls.append(asyncio.ensure_future(record(ledger, desk.open(f"chain-{number}", SYMBOL))))
                calls.append(asyncio.ensure_future(ledger.read(look)))
        seen = [answer for answer in await asyncio.gather(*calls) if isinstance(answer, tuple)]
        assert len(seen) == 50
        for revision, newest, chains, open_chains in seen:
            assert revision == newest == chains == open_chains


@BOTH
async def test_read_never_shows_what_is_not_committed(single: bool, tmp_path: Path) -> None:
    """A read in the midst of a group that fails afterwards has shown nothing of it."""
    desk = Desk("main", 1)

    def fails(db: Connection) -> None:
        db.execute("SELECT * FROM what_is_not_there")

    async with opened(tmp_path / "ledger.db", single_connection=single) as ledger:
        outcomes = await together(
            ledger,
            [record(ledger, desk.open("one", SYMBOL)), ledger.chain("main", "one"), on_writer(ledger, fails)],
        )
        assert all(isinstance(outcome, Refusal) for outcome in outcomes)
        with pytest.raises(NotFound):
            await ledger.chain("main", "one")


@BOTH
async def test_failing_read_harms_no_command(single: bool, tmp_path: Path) -> None:
    """A query that fails is its caller's misfortune alone: commands beside it are recorded."""
    desk = Desk("main", 1)

    def fails(db: Connection) -> None:
        raise LookupError("a bug of ours")

    async with opened(tmp_path / "ledger.db", single_connection=single) as ledger:
        outcomes = await together(
            ledger,
            [record(ledger, desk.open("one", SYMBOL)), ledger.read(fails), record(ledger, desk.open("two", SYMBOL))],
        )
        assert isinstance(outcomes[1], LookupError)
        assert [answer.revision for answers in (outcomes[0], outcomes[2]) for answer in answers] == [1, 2]


@BOTH
async def test_reads_and_writes_at_once(single: bool, tmp_path: Path) -> None:
    """Many commands and reads in flight at the same time: all are answered, none twice, and the ledger is proven."""
    path = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(10)]
    async with opened(path, single_connection=single) as ledger:

        async def trade(desk: Desk) -> None:
            stories = desk.commands()
            for _ in range(20):
                await record(ledger, next(stories))

        async def look() -> None:
            before = 0
            for _ in range(20):
                view = await ledger.read(lambda db: reads.portfolio(db, "", None, None, None, NOW))
                assert view.revision >= before
                before = view.revision

        await asyncio.gather(*(trade(desk) for desk in desks), *(look() for _ in range(5)))
        head = ledger.status()
    report = check_ledger(path, f"{head.revision}:{head.head_hash}")
    assert report.ok, report.problems
    assert report.revision == head.revision
