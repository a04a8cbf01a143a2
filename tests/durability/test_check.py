"""`check` proves a ledger, finds every kind of damage, and harms nothing; `rebuild` mends what can be mended."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from rollbook import (
    AsyncClient,
    ExecutionResult,
    ExecutionStatus,
    Mode,
    OrderState,
    RecordExecutionsRequest,
    RecordFillsRequest,
    Side,
)
from rollbook.models import Order
from rollbook_server.domain.clock import Clock
from rollbook_server.domain.errors import Refusal
from rollbook_server.storage.check import Report, check_ledger, last_check, rebuild_ledger
from rollbook_server.storage.journal import COLUMNS, GENESIS, row_hash
from rollbook_server.storage.schemas import PROJECTIONS, migrations
from rollbook_server.storage.sqlite import Connection, connect
from tests.durability.inside import opened, record, submission
from tests.support.load import Desk, send
from tests.support.server import RunningServer


async def _fill(path: Path, clock: Clock | None = None) -> tuple[int, str]:
    """Writes a ledger that has rows in every table; its head."""
    desk = Desk("main", 7)
    async with opened(path, clock) as ledger:
        stories = desk.commands()
        for _ in range(60):
            await record(ledger, next(stories))
        late = desk.fill("BTC-26SEP25-1-C", Side.SELL, order_id="nobody's")
        unknown = Order(order_id="nobody's", state=OrderState.CANCELLED)
        await record(
            ledger,
            RecordFillsRequest(
                request_id=desk.id(), account=desk.account, mode=Mode.LIVE, fills=(late,), orders=(unknown,)
            ),
        )
        await record(
            ledger, RecordExecutionsRequest(executions=tuple(desk.rolled()), atomic=True, request_id=desk.id())
        )
        with pytest.raises(Refusal):
            await ledger.record(submission(desk.rolled()[2]))
        status = ledger.status()
    return status.revision, status.head_hash


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in order."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    asyncio.run(_fill(path))
    return path


@pytest.fixture
def ledger(whole: Path, tmp_path: Path) -> Path:
    """A copy of it that may be harmed."""
    path = tmp_path / "ledger.db"
    shutil.copy(whole, path)
    return path


def harm(path: Path, *statements: str) -> None:
    """Changes a file behind the server's back."""
    db = connect(path)
    try:
        for statement in statements:
            assert db.execute(statement).rowcount != 0, statement
    finally:
        db.close()


def command_line(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`rollbook-server …`."""
    return subprocess.run(
        [sys.executable, "-m", "rollbook_server", *map(str, words)], capture_output=True, text=True, check=False
    )


def _content(path: Path) -> list[Any]:
    db = connect(path, read_only=True)
    try:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [(name, db.execute(f"SELECT * FROM {name}").fetchall()) for name in names]
    finally:
        db.close()


def test_ledger_in_order_passes_and_is_not_changed(whole: Path) -> None:
    """A check passes on every table filled, says how far it reached, and changes nothing in the file."""
    before = _content(whole)
    assert all(rows for name, rows in before if name in PROJECTIONS)
    report = check_ledger(whole)
    assert report.ok, report.problems
    assert report.entries > 60
    assert report.chains > 20
    assert report.problems == []
    assert _content(whole) == before
    assert check_ledger(whole).head_hash == report.head_hash


def _columns() -> Iterator[tuple[str, str]]:
    """Every column of every projection."""
    db = Database(memory=True)
    migrations.apply(db)
    for table in PROJECTIONS:
        for column in db[table].columns:
            yield table, column.name
    db.close()


def _other(value: object) -> str:
    """An SQL expression for a value of the same kind that is not this one."""
    if value is None:
        return "1"
    if isinstance(value, int):
        return str(value + 1 if value != 1 else 0)
    if isinstance(value, bytes):
        return f"x'{bytes([value[0] ^ 1]).hex()}{value[1:].hex()}'"
    return "'" + str(value).replace("'", "''") + "x'"


@pytest.mark.parametrize(("table", "column"), list(_columns()), ids=lambda value: value)
def test_changed_value_in_a_projection_is_found(table: str, column: str, ledger: Path) -> None:
    """One changed value in any column of any projection is found and its table named; a rebuild mends it."""
    db = connect(ledger)
    row = db.execute(f"SELECT {column} FROM {table} ORDER BY 1 DESC LIMIT 1").fetchone()
    info = db.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [each[1] for each in info if each[5]]
    one = f"SELECT {', '.join(keys)} FROM {table} WHERE {column} IS {_same(row[0])} LIMIT 1"
    where = f"({', '.join(keys)}) = ({one})"
    db.close()
    harm(ledger, f"UPDATE {table} SET {column} = {_other(row[0])} WHERE {where}")
    report = check_ledger(ledger)
    assert not report.ok
    assert {problem.partition(":")[0] for problem in report.problems} == {table}
    rebuild_ledger(ledger)
    assert check_ledger(ledger).ok


def _same(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


@pytest.mark.parametrize("table", PROJECTIONS)
def test_missing_row_of_a_projection_is_found(table: str, ledger: Path) -> None:
    """One row less in any projection is one problem that names its table, not its neighbours; a rebuild brings it
    back."""
    keys = [each[1] for each in _info(ledger, table) if each[5]]
    names = ", ".join(keys)
    harm(ledger, f"DELETE FROM {table} WHERE ({names}) = (SELECT {names} FROM {table} LIMIT 1)")
    report = check_ledger(ledger)
    assert [problem.partition(":")[0] for problem in report.problems] == [table]
    rebuild_ledger(ledger)
    assert check_ledger(ledger).ok


def _info(path: Path, table: str) -> list[Any]:
    db = connect(path, read_only=True)
    try:
        rows: list[Any] = db.execute(f"PRAGMA table_info({table})").fetchall()
        return rows
    finally:
        db.close()


def test_rebuild_makes_all_projections_from_nothing(ledger: Path) -> None:
    """With every projection emptied, a rebuild makes the same rows as before, and the server goes on from there."""
    before = _content(ledger)
    harm(ledger, *(f"DELETE FROM {table}" for table in PROJECTIONS))
    assert not check_ledger(ledger).ok
    done = command_line("rebuild", "--db", ledger, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    assert _content(ledger) == before
    assert check_ledger(ledger).ok


# -- the journal --------------------------------------------------------------------------------------------------

_MIDDLE = "(SELECT id FROM entries WHERE said IS NOT NULL ORDER BY id LIMIT 1 OFFSET 20)"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE entries SET said = replace(said, '0.5', '0.6') WHERE id = {_MIDDLE}",
        f"UPDATE entries SET said = NULL WHERE id = {_MIDDLE}",
        f"UPDATE entries SET said = said || ' ' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET decided = replace(decided, '0.00015', '0.00016') WHERE id = {_MIDDLE}",
        f"UPDATE entries SET decided = decided || ' ' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET recorded_time = recorded_time + 1 WHERE id = {_MIDDLE}",
        f"UPDATE entries SET event_time = event_time + 1 WHERE id = {_MIDDLE}",
        f"UPDATE entries SET account = 'other' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET position_id = 'other' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET kind = 'fills' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET hash = zeroblob(32) WHERE id = {_MIDDLE}",
        f"DELETE FROM entries WHERE id = {_MIDDLE}",
        "DELETE FROM entries WHERE id = (SELECT min(id) FROM entries)",
        "DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)",
        "DELETE FROM entries",
        "INSERT INTO entries SELECT (last + 1) << 20 | 1, last + 1, 1, recorded_time, event_time, account, position_id,"
        " kind, json_set(said, '$.request_id', 'another'), decided, hash"
        " FROM entries, (SELECT max(revision) AS last FROM entries) WHERE said IS NOT NULL ORDER BY id DESC LIMIT 1",
    ],
)
def test_changed_journal_is_found(statement: str, ledger: Path) -> None:
    """A changed, missing or added entry of the journal is found, wherever it stands."""
    harm(ledger, statement)
    report = check_ledger(ledger)
    assert not report.ok
    assert report.problems


def test_reordered_entries_are_found(ledger: Path) -> None:
    """Two entries that have changed places are found."""
    db = connect(ledger)
    first, second = (row[0] for row in db.execute("SELECT id FROM entries WHERE sequence = 1 ORDER BY id LIMIT 2"))
    db.close()

    def move(here: int, there: int) -> str:
        return f"UPDATE entries SET id = {there}, revision = {there >> 20} WHERE id = {here}"

    spare = 1 << 60 | 1
    harm(ledger, move(first, spare), move(second, first), move(spare, second))
    assert not check_ledger(ledger).ok


def test_every_flipped_byte_of_an_entry_is_found(whole: Path, tmp_path: Path) -> None:
    """One byte flipped in the file, at any place where an entry's words or a projection of them are stored, is found
    or makes the file unusable; it never passes."""
    content = whole.read_bytes()
    db = connect(whole, read_only=True)
    said, decided = db.execute(f"SELECT said, decided FROM entries WHERE id = {_MIDDLE}").fetchone()
    db.close()
    places = []
    for text in (said.encode(), decided.encode()):
        start = content.find(text)
        if start >= 0:  # a row longer than a page is stored in parts
            places += [start + offset for offset in range(0, len(text), 41)]
    assert len(places) > 10
    for place in places:
        harmed = tmp_path / f"{place}.db"
        harmed.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        report = check_ledger(harmed)
        assert not report.ok, content[place - 20 : place + 20]
        harmed.unlink()


def test_changed_payload_is_found(ledger: Path) -> None:
    """A venue's message whose bytes have changed is found; one that was erased is not missed."""
    harm(ledger, "DELETE FROM payloads WHERE digest = (SELECT min(digest) FROM payloads)")
    assert check_ledger(ledger).ok
    harm(ledger, "UPDATE payloads SET body = x'00' WHERE digest = (SELECT min(digest) FROM payloads)")
    report = check_ledger(ledger)
    assert [problem.split()[0] for problem in report.problems] == ["payload"]


def test_damaged_index_is_found(ledger: Path) -> None:
    """What SQLite's own check finds does not pass either: here an index that lacks a row of its table."""
    db = sqlite3.connect(ledger)
    root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries_of_chain'").fetchone()[0]
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    content = bytearray(ledger.read_bytes())
    start = (root - 1) * size
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    content[start + 3 : start + 5] = (cells - 1).to_bytes(2, "big")
    ledger.write_bytes(content)
    assert command_line("check", "--db", ledger).returncode in (1, 2)


# -- what only a noted head can show ------------------------------------------------------------------------------


def _head(path: Path) -> str:
    report = check_ledger(path)
    assert report.ok, report.problems
    return f"{report.revision}:{report.head_hash}"


def _forge(path: Path, change: Callable[[Connection], None]) -> None:
    """Changes the journal, and then all hashes and projections so that they agree with it."""
    db = connect(path)
    change(db)
    before = GENESIS
    for row in db.execute(f"SELECT {COLUMNS} FROM entries ORDER BY id").fetchall():
        before = row_hash(before, row)
        db.execute("UPDATE entries SET hash = ? WHERE id = ?", (before, row[0]))
    db.close()
    rebuild_ledger(path)


def test_forged_history_is_found_by_a_noted_head(ledger: Path) -> None:
    """Somebody who rewrites an entry, all hashes and all projections deceives a check, but not one that is told an
    earlier head."""
    noted = _head(ledger)
    _forge(
        ledger,
        lambda db: db.execute(f"UPDATE entries SET said = replace(said, 'delta', 'gamma') WHERE id = {_MIDDLE}"),
    )
    assert check_ledger(ledger).ok
    report = check_ledger(ledger, noted)
    assert len(report.problems) == 1
    assert noted.partition(":")[2] in report.problems[0]


def test_cut_off_history_is_found_by_a_noted_head(ledger: Path) -> None:
    """A journal whose newest entries are gone, with fitting projections, deceives a check, but not one that is told an
    earlier head: an old backup looks like this."""
    noted = _head(ledger)
    _forge(ledger, lambda db: db.execute("DELETE FROM entries WHERE revision > 20"))
    older = _head(ledger)
    assert older.startswith("20:")
    assert not check_ledger(ledger, noted).ok
    assert check_ledger(ledger, older).ok


async def test_every_head_that_was_shown_is_expected_later(tmp_path: Path) -> None:
    """Each (revision, hash) that a server ever showed, the empty ledger's included, is confirmed by later checks."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 3)
    heads = []
    async with opened(path) as ledger:
        stories = desk.commands()
        for _ in range(30):
            status = ledger.status()
            heads.append(f"{status.revision}:{status.head_hash}")
            await record(ledger, next(stories))
    for head in heads:
        report = check_ledger(path, head)
        assert report.ok, report.problems
        revision, _, digest = head.partition(":")
        assert not check_ledger(path, f"{revision}:{'f' * 64}").ok
        assert check_ledger(path, f"{revision}:{digest.upper()}").ok


# -- the command --------------------------------------------------------------------------------------------------


def test_command_says_what_it_found(ledger: Path) -> None:
    """Exit code 0 and "proven" for a ledger in order, 1 with each problem for one that is not; --json is one object
    with the same."""
    done = command_line("check", "--db", ledger)
    assert done.returncode == 0
    assert "proven" in done.stdout
    proven = json.loads(command_line("check", "--db", ledger, "--json").stdout)
    assert proven["ok"] is True
    assert proven["problems"] == []
    assert f"{proven['revision']}:{proven['head_hash']}" in done.stdout
    assert {"path", "sqlite_version", "ledger_id", "revision", "head_hash", "entries", "chains", "seconds"} <= {*proven}
    harm(ledger, "UPDATE totals SET sums = '{}' WHERE currency = 'BTC'")
    done = command_line("check", "--db", ledger)
    assert done.returncode == 1
    assert "NOT IN ORDER" in done.stdout
    assert "totals" in done.stdout
    done = command_line("check", "--db", ledger, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert [problem.partition(":")[0] for problem in found["problems"]] == ["totals"]


def test_command_says_why_it_cannot(ledger: Path, tmp_path: Path) -> None:
    """Exit code 2 and a sentence on stderr where there is nothing to check: no file, no database, another program's
    database, one of a newer Rollbook."""
    assert command_line("check", "--db", tmp_path / "nothing.db").returncode == 2
    text = tmp_path / "text.db"
    text.write_text("not a database, but long enough to look at it " * 100)
    foreign = tmp_path / "foreign.db"
    other = sqlite3.connect(foreign)
    other.execute("CREATE TABLE entries (id)")
    other.close()
    newer = tmp_path / "newer.db"
    shutil.copy(ledger, newer)
    harm(
        newer,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('ledger', 'm9999_later', '2030')",
    )
    for path in (text, foreign, newer):
        before = path.read_bytes()
        for verb in ("check", "rebuild"):
            done = command_line(verb, "--db", path)
            assert done.returncode == 2, done
            assert "rollbook-server:" in done.stderr
            assert "Traceback" not in done.stderr
        assert path.read_bytes() == before


@pytest.mark.parametrize("expect", ["12", "x:y", "-1:" + "0" * 64, "5:abc", ":" + "0" * 64])
def test_expectation_that_is_none_is_a_problem(expect: str, whole: Path) -> None:
    """An --expect that is not REVISION:HASH never passes, and is told as one problem."""
    report = check_ledger(whole, expect)
    assert len(report.problems) == 1
    assert "REVISION:HASH" in report.problems[0]


def test_rebuild_does_not_build_on_a_broken_journal(ledger: Path) -> None:
    """A rebuild over a journal that is not in order says so, exits with 1 and changes nothing."""
    for statement in (
        f"UPDATE entries SET said = said || ' ' WHERE id = {_MIDDLE}",
        f"UPDATE entries SET decided = '!' || decided WHERE id = {_MIDDLE}",
    ):
        harm(ledger, statement)
        before = _content(ledger)
        done = command_line("rebuild", "--db", ledger, "--json")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert json.loads(done.stdout)["problems"]
        assert _content(ledger) == before


# -- beside a server ----------------------------------------------------------------------------------------------


async def test_check_beside_a_server_that_writes(tmp_path: Path) -> None:
    """A check of a ledger that is being written passes on the state it began with, disturbs no command, and the server
    tells when it was and how far it reached; a rebuild is refused meanwhile."""
    db = tmp_path / "ledger.db"
    desks = [Desk(f"desk-{number}", 1) for number in range(6)]
    with RunningServer(db) as server:
        async with AsyncClient(server.target) as client:
            status = await client.get_server_status()
            assert (status.last_check_time, status.last_check_revision) == (None, 0)
            done = asyncio.Event()

            async def trade(desk: Desk) -> None:
                for command in desk.commands():
                    if done.is_set():
                        return
                    await send(client, command)

            traders = [asyncio.ensure_future(trade(desk)) for desk in desks]
            reached = 0
            for _ in range(2):
                before = await client.get_server_status()
                found = await asyncio.to_thread(command_line, "check", "--db", db, "--json")
                after = await client.get_server_status()
                assert found.returncode == 0, found.stdout
                report = json.loads(found.stdout)
                assert reached <= before.revision <= report["revision"] <= after.revision
                reached = report["revision"]
                assert after.last_check_revision == reached
                assert after.last_check_time is not None
                assert before.last_check_time is None or before.last_check_time < after.last_check_time
            refused = await asyncio.to_thread(command_line, "rebuild", "--db", db)
            assert refused.returncode == 2
            assert "in use" in refused.stderr
            done.set()
            await asyncio.gather(*traders)
            last = await client.get_server_status()
            assert last.revision > reached
    report = check_ledger(db, f"{last.revision}:{last.head_hash}").to_json()
    assert json.loads(report)["ok"] is True


async def test_failed_check_is_not_remembered(ledger: Path) -> None:
    """Only a check that passed is told by the server, and only for the ledger that it was made of."""
    assert check_ledger(ledger).ok
    report: Report = check_ledger(ledger)
    first = last_check(ledger, report.ledger_id)
    assert first is not None
    assert first.revision == report.revision
    assert last_check(ledger, "another ledger") is None
    harm(ledger, "UPDATE totals SET sums = '{}' WHERE currency = 'BTC'")
    assert not check_ledger(ledger).ok
    assert last_check(ledger, report.ledger_id) == first


async def test_skipped_execution_without_a_chain_is_proven(tmp_path: Path) -> None:
    """Entries that belong to no chain are checked and rebuilt like others."""
    path = tmp_path / "ledger.db"
    desk = Desk("main", 1)
    async with opened(path) as ledger:
        execution: ExecutionResult = desk.execution(
            desk.rolled()[0].action, "never", [], status=ExecutionStatus.SKIPPED
        )
        await record(ledger, execution)
    assert check_ledger(path).ok
    rebuild_ledger(path)
    report = check_ledger(path)
    assert report.ok, report.problems
    assert (report.entries, report.chains) == (1, 0)
