"""A full disk under a bot with a tracker: what it tells counts once, and in its chain."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path

import pytest

from rollbook import Client
from rollbook_bot import Spool
from tests.durability.tracking import TellingBot
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.told import History, differences
from tests.support.told.history import Result

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process's files")

ACCOUNT = "bot"
SPOOLED, HELD = "the spool has room again", "what is held is written again"


def _tell(bot: TellingBot, history: History, count: int) -> list[Result]:
    """Tells so many dicts, and says which."""
    before = bot.told
    told = [history.next() for _ in range(count)]
    for result in told:
        bot.give(result)
    bot.until_told(before + count)
    return told


def _until_room(bot: TellingBot, *said: str) -> None:
    """Waits until it has said that the disk takes everything again."""
    for _ in range(1000):
        if all(any(words in line for line in bot.said) for words in said):
            return
        threading.Event().wait(0.02)
    raise AssertionError(bot.said[-5:])


def _judge(bot: TellingBot, spool: Path, target: str, history: History) -> None:
    assert bot.ask("flush") == ["flushed", "True"]
    letters = [f"{each.cause}\n{each.letter}" for each in Spool(spool).dead_letters()]
    assert letters == []
    with Client(target) as ledger:
        assert list(differences(ledger, ACCOUNT, history.book)) == []


def test_a_full_disk_stops_nobody_while_the_ledger_is_there(tmp_path: Path) -> None:
    """What is told while the disk takes nothing is in the ledger, in its chains; and what is held is on the disk as
    soon as there is room: a bot that is killed then goes on as if nothing had been."""
    history, spool = History(random.Random(1), remade=True), tmp_path / "spool"
    with RunningServer(tmp_path / "ledger.db") as server:
        with TellingBot(spool, server.target, ACCOUNT) as bot:
            _tell(bot, history, 5)
            bot.may_write(0)
            last = _tell(bot, history, 40)
            _judge(bot, spool, server.target, history)
            bot.may_write(None)
            _until_room(bot, HELD)
        with TellingBot(spool, server.target, ACCOUNT) as bot:
            for result in last[-3:]:
                bot.give(result)
            bot.until_told(3)
            _tell(bot, history, 40)
            _judge(bot, spool, server.target, history)


def test_a_disk_that_was_full_while_the_ledger_was_away(tmp_path: Path) -> None:
    """What was told into memory is on the disk when there is room again, and so is what is held: after kill -9 an ADD
    is an ADD, and a dict that is told again counts once, with the ledger still away."""
    history, spool, target = History(random.Random(2), remade=True), tmp_path / "spool", f"127.0.0.1:{free_port()}"
    with TellingBot(spool, target, ACCOUNT) as bot:
        _tell(bot, history, 5)
        bot.may_write(0)
        last = _tell(bot, history, 20)
        bot.may_write(None)
        _until_room(bot, SPOOLED, HELD)
    with TellingBot(spool, target, ACCOUNT) as bot:
        for result in last[-3:]:
            bot.give(result)
        bot.until_told(3)
        _tell(bot, history, 20)
        with RunningServer(tmp_path / "ledger.db", listen=target):
            _judge(bot, spool, target, history)


def test_a_bot_is_killed_while_its_disk_is_full(tmp_path: Path) -> None:
    """What is on the disk of what is held is then older than what the ledger has: after the start the ledger is asked
    first, and an ADD is an ADD."""
    history, spool = History(random.Random(3), remade=True), tmp_path / "spool"
    with RunningServer(tmp_path / "ledger.db") as server:
        with TellingBot(spool, server.target, ACCOUNT) as bot:
            _tell(bot, history, 20)
            bot.may_write(0)
            _tell(bot, history, 20)
            assert bot.ask("flush") == ["flushed", "True"]
        with TellingBot(spool, server.target, ACCOUNT) as bot:
            _tell(bot, history, 40)
            _judge(bot, spool, server.target, history)
