"""A spool's disk that takes nothing: the bot goes on from memory, says so, and loses nothing while it lives."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from rollbook import Client
from rollbook_bot import Letter, Spool
from tests.durability.recording import Bot, commands
from tests.support.proxy import free_port
from tests.support.server import RunningServer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process's files")

ACCOUNT = "bot"


def expected(count: int) -> tuple[list[str], list[str]]:
    """The request_ids of the first commands: what the ledger takes, and what it refuses."""
    first = list(itertools.islice(commands(ACCOUNT), count))
    return [command.request_id for command, no in first if not no], [command.request_id for command, no in first if no]


def recorded(target: str) -> list[str]:
    """The executions in the ledger, in order, each as often as it is there."""
    with Client(target, account=ACCOUNT) as client:
        revisions: dict[int, str] = {}
        for entry in client.iterate_entries(page_size=500):
            body = (entry.execution and entry.execution.execution) or entry.fills or entry.settlement
            if body is not None:
                revisions[entry.revision] = body.request_id
    return list(revisions.values())


def test_a_full_disk_stops_nobody_while_the_ledger_is_there(tmp_path: Path) -> None:
    """What cannot be written is sent from memory, each said as CRITICAL with its request_id; what the ledger refuses is
    a dead letter as soon as there is room."""
    spool = tmp_path / "spool"
    with RunningServer(tmp_path / "ledger.db") as server, Bot(spool, server.target, ACCOUNT) as bot:
        bot.tell(5)
        bot.wait_for(5)
        bot.may_write(0)
        bot.tell(40)
        bot.wait_for(45)
        assert bot.ask("flush") == ["flushed", "True"]
        assert [on_disk for *_, on_disk in bot.recorded] == [True] * 5 + [False] * 40
        taken, refused = expected(45)
        assert recorded(server.target) == taken
        assert refused != []
        bot.may_write(None)
        bot.until_counted(0, 0)
    assert sum("is in memory only" in line for line in bot.said) == 40
    for _, request_id, on_disk in bot.recorded:
        assert on_disk == (not any(request_id in line and "memory" in line for line in bot.said))
    dead = [each.letter.request_id for each in Spool(spool).dead_letters() if each.letter]
    assert dead == refused


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room(tmp_path: Path) -> None:
    """Recorded into memory while the disk is full and the ledger away, it is on the disk in its order when there is
    room again: kill -9 does not lose it any more."""
    spool = tmp_path / "spool"
    target = f"127.0.0.1:{free_port()}"
    with Bot(spool, target, ACCOUNT) as bot:
        for most, count in ((None, 10), (100, 20), (None, 30)):
            bot.may_write(most)
            bot.tell(10)
            bot.wait_for(count)
        bot.until_counted(30, 0)
        bot.kill()
        assert [on_disk for *_, on_disk in bot.recorded][:20] == [True] * 10 + [False] * 10
        names = Spool(spool).names()
        waiting = [Letter.decode((spool / name).read_bytes()).request_id for name in names]
        assert waiting == [request_id for _, request_id, _ in bot.recorded]
    with RunningServer(tmp_path / "ledger.db", listen=target), Bot(spool, target, "other") as bot:
        assert bot.ask("flush") == ["flushed", "True"]
        assert recorded(target) == expected(30)[0]
