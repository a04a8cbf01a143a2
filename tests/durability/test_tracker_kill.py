"""kill -9 of a bot with a tracker, and of its server: what was told counts once and in its chain, at any moment."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rollbook import Client
from rollbook_bot import Spool
from tests.durability.tracking import TellingBot
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.told import History, differences
from tests.support.told.history import Result
from tests.support.trading import prove

ACCOUNT = "bot"
SOON = 2.0
"""Seconds that a moment may take to come."""


def _names(spool: Path) -> set[str]:
    return {found.name for found in os.scandir(spool)} if spool.is_dir() else set()


def _written(spool: Path) -> tuple[int, int]:
    """What changes when the holdings are replaced."""
    try:
        found = (spool / f"holdings-{ACCOUNT}.json").stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _draft(names: set[str], of_holdings: bool) -> bool:
    return any(name.startswith(".") and name.startswith(".holdings") == of_holdings for name in names)


def _moment(name: str, spool: Path) -> Callable[[], bool]:
    """Whether a moment has come that can be seen from outside, by the files of the spool."""
    before, written = _names(spool), _written(spool)
    return {
        "the holdings are being written": lambda: _draft(_names(spool), True),
        "the holdings are written": lambda: _written(spool) != written,
        "the command is being written": lambda: _draft(_names(spool), False),
        "the command is written": lambda: any(found[0].isdigit() for found in _names(spool) - before),
        "any": lambda: False,
    }[name]


MOMENTS = (
    *("the holdings are being written", "the holdings are written", "the holdings are written"),
    *("the command is being written", "the command is written", "any"),
)


class Field:
    """A ledger and a bot, of which each round may kill some. What was not told before a kill is told after it, and the
    last that was told is told again: a bot does not know whether it was."""

    def __init__(self, folder: Path, seed: int, *, trades: bool) -> None:
        self.chance = random.Random(seed)
        self.history = History(self.chance, remade=True, trades=trades)
        self.spool = folder / "spool"
        self.target = f"127.0.0.1:{free_port()}"
        self.server = RunningServer(folder / "ledger.db", listen=self.target)
        self.serving = False
        self.bot: TellingBot | None = None
        self.to_tell: list[Result] = []
        """What this bot was given."""
        self.killed_between: Counter[str] = Counter()

    def start(self, *, server: bool) -> TellingBot:
        """Starts what is down, in any order; the server may stay away."""
        starts = [self.start_bot, self.start_server] if server else [self.start_bot]
        self.chance.shuffle(starts)
        for start in starts:
            start()
        assert self.bot is not None
        return self.bot

    def start_server(self) -> None:
        """Does nothing if it runs."""
        if not self.serving:
            self.server.start()
            self.serving = True

    def start_bot(self) -> None:
        """A bot that begins with what the last one may not have told; nothing if one runs."""
        if self.bot is None:
            self.bot = TellingBot(self.spool, self.target, ACCOUNT)
            for result in self.to_tell:
                self.bot.give(result)

    def give(self) -> None:
        """One more dict."""
        assert self.bot is not None
        result = self.history.next()
        self.to_tell.append(result)
        self.bot.give(result)

    def kill_at(self, moment: str, victims: tuple[str, ...]) -> None:
        """Gives the bot one more dict, and kills at a moment of its telling, or at any."""
        assert self.bot is not None
        come = _moment(moment, self.spool)
        self.give()
        end = time.monotonic() + (self.chance.uniform(0, 0.03) if moment == "any" else SOON)
        while not come() and time.monotonic() < end and (moment == "any" or self.bot.told < len(self.to_tell)):
            pass  # as fast as can be: the moments are short
        for number, victim in enumerate(victims):
            if number:
                threading.Event().wait(self.chance.uniform(0, 0.03))
            if victim == "server" and self.serving:
                self.server.kill()
                self.serving = False
            if victim == "bot":
                self.kill_bot()

    def kill_bot(self) -> None:
        """Kills it; what it has told is behind it, but for the last."""
        assert self.bot is not None
        self.bot.kill()
        told = self.bot.told
        assert not [line for line in self.bot.said if "Traceback" in line], self.bot.said
        if not self.serving and told < len(self.to_tell):
            self.killed_between[self._where(self.to_tell[told])] += 1
        self.to_tell = self.to_tell[max(told - 1, 0) :]
        self.bot = None

    def _where(self, result: Result) -> str:
        """How far the telling of a dict had come."""
        file = self.spool / f"holdings-{ACCOUNT}.json"
        outbox = json.loads(file.read_text())["outbox"] if file.exists() else []
        said = json.dumps(result.get("orders"))
        for letter in map(json.loads, outbox):
            parts = letter["command"].get("orders", []) + letter["command"].get("fills", [])
            ids = [f'"{part["order_id"]}"' for part in parts if part.get("order_id")]
            if letter["request_id"] == result.get("request_id") or any(order_id in said for order_id in ids):
                spooled = any(letter["request_id"] in name for name in _names(self.spool))
                return "recorded" if spooled else "written, not recorded"
        return "not written"


VICTIMS = (("bot",), ("server",), ("bot", "server"), ("server", "bot"))


WINDOWS = {"not written", "written, not recorded", "recorded"}
"""Before, between and after the two writes of a telling."""


def _survive(folder: Path, rounds: int, seed: int, *, trades: bool, most: int = 0) -> Counter[str]:
    """Where the kills were. Which moment a kill hits is up to the machine: with `most` there are more rounds, up to
    that many, until each of the windows was hit."""
    print(f"seed {seed}")  # shown when it fails
    field = Field(folder, seed, trades=trades)
    try:
        for number in range(max(rounds, most)):
            if number >= rounds and set(field.killed_between) >= WINDOWS:
                break
            bot = field.start(server=field.chance.random() < 0.5)
            for _ in range(field.chance.randrange(1, 12)):
                field.give()
            bot.until_told(len(field.to_tell) - field.chance.randrange(2))
            field.kill_at(field.chance.choice(MOMENTS), field.chance.choice(VICTIMS))
        bot = field.start(server=True)
        for result in field.history.ends():
            field.to_tell.append(result)
            bot.give(result)
        bot.until_told(len(field.to_tell))
        assert bot.ask("flush")[-1] == "True"
        field.kill_bot()
        letters = [f"{each.cause}\n{each.letter}" for each in Spool(field.spool).dead_letters()]
        assert letters == []
        assert not (field.spool / "unread").exists()
        with Client(field.target) as ledger:
            assert list(differences(ledger, ACCOUNT, field.history.book)) == []
    finally:
        if field.bot is not None:
            field.bot.kill()
        if field.serving:
            field.server.stop()
    prove(folder / "ledger.db")
    return field.killed_between


@pytest.mark.parametrize("trades", [False, True])
def test_what_was_told_counts_once_after_five_kills(tmp_path: Path, trades: bool) -> None:
    """Five times bot, server or both are killed while a dict is told, and come back in any order; the bot tells its
    last dicts again. Each counts once, in sum or by its trades, whichever came first: an ADD is an ADD and a roll
    completes its chain, also while the ledger is away."""
    _survive(tmp_path, rounds=5, seed=1, trades=trades)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("trades", [False, True])
def test_what_was_told_counts_once_after_a_hundred_kills(tmp_path: Path, trades: bool) -> None:
    """A hundred kills keep the promise of five, and come before, between and after the two writes of a telling."""
    killed = _survive(tmp_path, rounds=100, seed=2, trades=trades, most=400)
    print(killed)
    assert set(killed) >= WINDOWS
