"""What a power cut can leave behind: the last writes torn, and nothing that was acknowledged missing."""

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from rollbook_server.domain.errors import Unavailable
from rollbook_server.storage.check import check_ledger
from rollbook_server.storage.journal import GENESIS
from rollbook_server.storage.sqlite import Connection
from tests.durability.inside import on_writer, opened, record
from tests.support.load import Desk
from tests.support.server import RunningServer, StartFailed


async def _copies(folder: Path) -> tuple[Path, list[tuple[int, str]]]:
    """A ledger's file and its log as they lie on the disk at the last acknowledgement, and every head up to it."""
    path = folder / "ledger.db"
    desk = Desk("main", 11)
    async with opened(path) as ledger:
        stories = desk.commands()
        for _ in range(40):
            await record(ledger, next(stories))
        heads = {0: GENESIS.hex()}
        heads |= {entry[0]: entry[1].hex() for entry in await ledger.read(_hashes)}
        copy = folder / "copy" / "ledger.db"
        copy.parent.mkdir()
        for name in ("ledger.db", "ledger.db-wal"):
            shutil.copy(folder / name, copy.parent / name)
    return copy, list(heads.items())


def _hashes(db: Connection) -> list[tuple[int, bytes]]:
    return [(row[0], row[1]) for row in db.execute("SELECT revision, hash FROM entries ORDER BY id")]


async def test_acknowledged_means_on_disk(tmp_path: Path) -> None:
    """The bytes in the files at the moment of an answer are enough to have it, and SQLite is told to wait for the
    disk at each commit."""
    copy, heads = await _copies(tmp_path)
    report = check_ledger(copy)
    assert report.ok, report.problems
    assert (report.revision, report.head_hash) == heads[-1]
    async with opened(copy) as ledger:
        pragmas = [
            ledger._database.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        ]
    assert pragmas == [2, "wal"]


async def test_torn_log_leaves_a_whole_ledger(tmp_path: Path) -> None:
    """Wherever the write-ahead log is torn, or filled with rubbish from there on, what is left is the ledger at one of
    the heads that were shown: the later the tear, the later the head."""
    copy, heads = await _copies(tmp_path)
    log = copy.with_name("ledger.db-wal").read_bytes()
    chance = random.Random(5)
    reached = -1
    for cut in sorted(chance.sample(range(len(log) // 4, len(log)), 25)):
        for rubbish in (b"", chance.randbytes(len(log) - cut)):
            torn = tmp_path / f"torn-{cut}-{bool(rubbish)}" / "ledger.db"
            torn.parent.mkdir()
            shutil.copy(copy, torn)
            torn.with_name("ledger.db-wal").write_bytes(log[:cut] + rubbish)
            async with opened(torn) as ledger:
                status = ledger.status()
                head = (status.revision, status.head_hash)
            assert head in heads
            assert heads.index(head) >= reached
            reached = heads.index(head)
            report = check_ledger(torn)
            assert report.ok, report.problems
            shutil.rmtree(torn.parent)
    assert reached > len(heads) // 2


async def test_writer_that_cannot_go_on_answers(tmp_path: Path) -> None:
    """When not even a rollback succeeds, callers are told UNAVAILABLE all the same, the present ones and those to
    come: nobody waits for a thread that is gone."""
    desk = Desk("main", 1)
    async with opened(tmp_path / "ledger.db") as ledger:
        await record(ledger, desk.rolled()[0])
        for call in (on_writer(ledger, lambda db: db.close()), record(ledger, desk.rolled()[0])):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(call, 5)


def test_one_server_at_a_time(tmp_path: Path) -> None:
    """A second server on the same file ends with a sentence and leaves the first in peace; after kill -9 the file is
    free."""
    db = tmp_path / "ledger.db"
    with RunningServer(db) as first:
        with pytest.raises(StartFailed, match="in use"):
            RunningServer(db).start()
        first.kill()
        with RunningServer(db) as second:
            assert second.stop() == 0
